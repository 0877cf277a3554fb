//! One connection to a service of layer 4: a server is picked, told who the client is if it wants to know, and then bytes
//! go both ways.
//!
//! What the bytes mean is not looked at, so nothing is sent twice: another server is tried only until one has taken the
//! connection.

use crate::exchange::{UpstreamFault, count_failure};
use crate::state::{Client, Ends, Entrant, Snapshot, Work};
use crate::tunnel;
use evener_balance::{Failure, Request, Tried, hash_key};
use evener_plan::{ProxyVersion, TcpService};
use evener_preamble::proxy::{write_v1, write_v2};
use evener_runtime::{Buffer, Millis};
use evener_tls::Link;
use evener_upstream::{Lease, lease};
use std::future::poll_fn;
use std::time::Instant;

/// Servers that one connection is tried at.
const TRIES_MAX: usize = 3;

/// Serves a connection to its end.
pub(crate) async fn serve(entrant: Entrant, link: Link, service: usize, ends: Ends) {
    let snapshot = entrant.worker.snapshot();
    let client = entrant.into_client(link.into(), None);
    let plan = &snapshot.plan().tcp[service];
    let Some((lease, mut work)) = reach(&client, &snapshot, plan).await else {
        client.wire.reset_on_close();
        return;
    };
    if let Some(version) = plan.send_proxy
        && introduce(&lease, version, ends).await.is_none()
    {
        work.fail(Failure::Reset);
        client.wire.reset_on_close();
        return;
    }
    work.streams();
    let (mut up, mut down) = (Buffer::default(), Buffer::default());
    tunnel::run(&client, lease.wire(), &mut up, &mut down, plan.idle_timeout).await;
    client.wire.part();
}

/// A connection to a server that takes it.
async fn reach<'s>(client: &Client, snapshot: &'s Snapshot, plan: &TcpService) -> Option<(Lease, Work<'s>)> {
    let upstream = snapshot.upstream(plan.upstream);
    let balanced = snapshot.balanced(plan.upstream);
    let mut tried = Tried::new();
    let key = hash_key(client.peer.to_string().as_bytes());
    for _ in 0..TRIES_MAX {
        let request = Request { key, ..Request::new(&tried) };
        let picked = balanced.pick(&request, &mut *client.worker.rng.borrow_mut());
        let Ok(mut work) = picked else {
            count_failure(&client.worker.counters, "no_server");
            return None;
        };
        let server = work.server();
        let begun = Instant::now();
        client.alarm.set(Millis::now().after(upstream.connect_timeout));
        match lease(snapshot.pool(plan.upstream, server), &client.alarm).await {
            Ok(lease) => {
                client.worker.counters.upstream_connects.increment();
                work.answered(None, begun.elapsed());
                return Some((lease, work));
            }
            Err(fault) => {
                let fault = UpstreamFault::Connect(fault);
                tell(client, snapshot, plan, server, &fault);
                if let Some(failure) = fault.failure() {
                    work.fail(failure);
                }
                tried.insert(server);
            }
        }
    }
    None
}

fn tell(client: &Client, snapshot: &Snapshot, plan: &TcpService, server: usize, fault: &UpstreamFault) {
    let upstream = snapshot.upstream(plan.upstream);
    client.worker.counters.upstream_failures.increment();
    count_failure(&client.worker.counters, fault.reason());
    let message = format_args!("server {} of upstream {} {fault}", upstream.servers[server].label, upstream.name);
    client.worker.diagnostics.error(fault.reason(), message);
}

/// Tells the server who the client is.
async fn introduce(lease: &Lease, version: ProxyVersion, ends: Ends) -> Option<()> {
    let mut header = Vec::with_capacity(128);
    match version {
        ProxyVersion::V1 => write_v1(ends.source, ends.destination, &mut header),
        ProxyVersion::V2 => write_v2(ends.source, ends.destination, &mut header),
    }
    let mut rest = &header[..];
    while !rest.is_empty() {
        let sent = poll_fn(|cx| lease.wire().poll_write(cx, rest)).await.ok()?;
        rest = &rest[sent..];
    }
    Some(())
}
