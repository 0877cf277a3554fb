//! One connection to a service of layer 4: a server is picked, told who the client is if it wants to know, and then bytes
//! go both ways.
//!
//! What the bytes mean is not looked at, so nothing is sent twice: another server is tried only until one has taken the
//! connection. A connection is to its server what a request is over HTTP, and for all of its life: it counts whole, not
//! as a stream, against `max_requests` too; one that finds no place waits in the queue and is then refused. Of
//! refused, cut and broken connections closing is a reset, so that nobody takes what they got for whole.

use super::place::{find_place, key};
use crate::exchange::{UpstreamFault, count_failure, tell_change};
use crate::state::{Client, Ends, Entrant, PassFault, Snapshot, Work};
use crate::tunnel::{self, End};
use evener_balance::{Failure, Request, Tried};
use evener_plan::{ProxyVersion, TcpService};
use evener_preamble::proxy::{write_v1, write_v2};
use evener_runtime::{Buffer, Millis};
use evener_tls::Link;
use evener_upstream::{ConnectFault, connect};
use evener_wire::Wire;
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Instant;

/// Servers that one connection is tried at.
const TRIES_MAX: usize = 8;
/// Idle connections closed at once when there is no descriptor for a server, and how often one looks for room.
const SHED_COUNT: usize = 16;
const ROOM_LOOKS: u32 = 4;

/// Serves a connection to its end. `service` is of this snapshot.
pub(crate) async fn serve(entrant: Entrant, snapshot: Rc<Snapshot>, link: Link, service: usize, ends: Ends) {
    let client = entrant.into_client(link.into(), None);
    let way = Way { client: &client, snapshot: &snapshot, plan: &snapshot.plan().tcp[service] };
    // Until both ends have come, whatever closes the connections cuts them, the end of the worker too.
    client.wire.reset_on_close();
    // Its state is large and soon over; the connection lives on.
    match Box::pin(way.reach(ends)).await {
        Ok((server, work)) => way.join(&server, work).await,
        Err(reason) => {
            count_failure(&client.worker.counters, reason);
        }
    }
}

/// What a connection goes by.
#[derive(Clone, Copy)]
struct Way<'s> {
    client: &'s Client,
    snapshot: &'s Snapshot,
    plan: &'s TcpService,
}

impl<'s> Way<'s> {
    /// A connection to a server that takes it and knows of the client; or the reason code.
    async fn reach(self, ends: Ends) -> Result<(Wire, Work<'s>), &'static str> {
        let Self { client, snapshot, plan } = self;
        let balanced = snapshot.balanced(plan.upstream);
        let mut tried = Tried::new();
        let mut reason = None;
        for _ in 0..TRIES_MAX {
            let request = Request { key: key(client.peer), ..Request::new(&tried) };
            let mut work = match find_place(client, balanced, &request).await {
                Ok(work) => work,
                Err(PassFault::NoServer) if reason.is_some() => break,
                Err(fault) => {
                    let message = format_args!("service on {} refused a connection: {fault}", client.listen);
                    client.worker.diagnostics.error(fault.reason(), message);
                    return Err(fault.reason());
                }
            };
            let server = work.server();
            let begun = Instant::now();
            match self.open(server, ends).await {
                Ok(wire) => {
                    let change = work.answered(None, begun.elapsed());
                    tell_change(&client.worker, snapshot, plan.upstream, server, change);
                    return Ok((wire, work));
                }
                Err(fault) => {
                    reason = Some(fault.reason());
                    self.tell(server, fault.reason(), format_args!("{fault}"));
                    if let Some(failure) = fault.failure() {
                        let change = work.fail(failure);
                        tell_change(&client.worker, snapshot, plan.upstream, server, change);
                    }
                    tried.insert(server);
                }
            }
        }
        Err(reason.unwrap_or(PassFault::NoServer.reason()))
    }

    /// A connection to this server, told who the client is.
    async fn open(self, server: usize, ends: Ends) -> Result<Wire, UpstreamFault> {
        let pool = self.snapshot.pool(self.plan.upstream, server);
        let patience = self.snapshot.upstream(self.plan.upstream).connect_timeout;
        let alarm = &self.client.alarm;
        alarm.set(Millis::now().after(patience));
        let mut opened = connect(pool, alarm).await;
        for _ in 0..ROOM_LOOKS {
            if !matches!(opened, Err(ConnectFault::Exhausted(_))) {
                break;
            }
            self.client.worker.shed(SHED_COUNT);
            tokio::task::yield_now().await;
            opened = connect(pool, alarm).await;
        }
        let wire = Wire::from(opened.map_err(UpstreamFault::Connect)?);
        self.client.worker.counters.upstream_connects.increment();
        wire.reset_on_close();
        match self.plan.send_proxy {
            Some(version) if !introduce(&wire, version, ends).await => Err(UpstreamFault::Closed),
            Some(_) | None => Ok(wire),
        }
    }

    /// Moves bytes until the end, and learns from it.
    async fn join(self, server: &Wire, work: Work<'s>) {
        let Self { client, snapshot, plan } = self;
        let (mut up, mut down) = (Buffer::default(), Buffer::default());
        let moved = tunnel::run(client, server, &mut up, &mut down, plan.idle_timeout).await;
        let fault = match moved.end {
            End::Whole => None,
            End::Idle { .. } => Some(PassFault::Idle),
            End::ClientBroke => Some(PassFault::ClientReset),
            End::ServerBroke => Some(PassFault::ServerReset),
        };
        if matches!(moved.end, End::Whole | End::Idle { is_cut: false }) {
            for wire in [&client.wire, server] {
                wire.end_on_close();
                wire.part();
            }
        }
        let Some(fault) = fault else { return };
        count_failure(&client.worker.counters, fault.reason());
        if fault == PassFault::ServerReset {
            let index = work.server();
            self.tell(index, fault.reason(), format_args!("{fault}"));
            // Later it may have had its reasons, which only the two sides know.
            if moved.from_server == 0 {
                let change = work.fail(Failure::Reset);
                tell_change(&client.worker, snapshot, plan.upstream, index, change);
            }
        }
    }

    /// Says on standard error what a server did.
    fn tell(self, server: usize, reason: &'static str, what: std::fmt::Arguments<'_>) {
        let upstream = self.snapshot.upstream(self.plan.upstream);
        let worker = &self.client.worker;
        worker.counters.upstream_failures.increment();
        let label = &upstream.servers[server].label;
        worker.diagnostics.error(reason, format_args!("server {label} of upstream {} {what}", upstream.name));
    }
}

/// Tells the server who the client is; whether it could be told. A new connection has room for so few bytes.
async fn introduce(server: &Wire, version: ProxyVersion, ends: Ends) -> bool {
    let mut header = Vec::with_capacity(128);
    match version {
        ProxyVersion::V1 => write_v1(ends.source, ends.destination, &mut header),
        ProxyVersion::V2 => write_v2(ends.source, ends.destination, &mut header),
    }
    let mut rest = &header[..];
    while !rest.is_empty() {
        match poll_fn(|cx| server.poll_write(cx, rest)).await {
            Ok(sent) => rest = &rest[sent..],
            Err(_) => return false,
        }
    }
    true
}
