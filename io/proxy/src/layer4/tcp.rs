//! One connection to a service of layer 4: a server is picked, told who the client is if it wants to know, and then bytes
//! go both ways.
//!
//! What the bytes mean is not looked at, so nothing is sent twice: another server is tried only until one has taken the
//! connection. A connection is to its server what a request is over HTTP, and for all of its life: it counts whole, not
//! as a stream, against `max_requests` too; one that finds no place waits in the queue and is then refused. Of
//! refused, cut and broken connections closing is a reset, so that nobody takes what they got for whole.
//!
//! LIFECYCLE: a connection holds the snapshot that it came in by until it has a server; from then on only what it needs to
//! its end, so that reloads do not pile up plans behind connections that live for days.

use super::place::{find_place, key};
use crate::exchange::{UpstreamFault, count_failure, tell_change, tell_change_of};
use crate::state::{Balanced, Client, Ends, Entrant, PassFault, Snapshot, Work};
use crate::tunnel::{self, End};
use evener_balance::{Failure, Request, Tried};
use evener_plan::{ProxyVersion, TcpService};
use evener_preamble::proxy::{write_v1, write_v2};
use evener_runtime::{Buffer, Millis};
use evener_tls::Link;
use evener_upstream::{ConnectFault, connect};
use evener_wire::Wire;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Servers that one connection is tried at.
const TRIES_MAX: usize = 8;
/// Idle connections closed at once when there is no descriptor for a server, and how often one looks for room.
const SHED_COUNT: usize = 16;
const ROOM_LOOKS: u32 = 4;

/// Serves a connection to its end. `service` is of this snapshot.
pub(crate) async fn serve(entrant: Entrant, snapshot: Rc<Snapshot>, link: Link, service: usize, ends: Ends) {
    let client = entrant.into_client(link.into(), None);
    // Until both ends have come, whatever closes the connections cuts them, the end of the worker too.
    client.wire.reset_on_close();
    let plan = &snapshot.plan().tcp[service];
    let balanced = Arc::clone(snapshot.balanced(plan.upstream));
    let way = Way { client: &client, snapshot: &snapshot, plan, balanced: &balanced };
    // Its state is large and soon over; the connection lives on.
    let reached = client.worker.unless_stopped(Box::pin(way.reach(ends)).as_mut()).await;
    match reached.unwrap_or(Err(PassFault::Stopped.reason())) {
        Ok(reached) => {
            drop(snapshot);
            join(&client, &balanced, reached).await;
        }
        Err(reason) => {
            count_failure(&client.worker.counters, reason);
        }
    }
}

/// What a connection finds its server by.
#[derive(Clone, Copy)]
struct Way<'s, 'b> {
    client: &'s Client,
    snapshot: &'s Snapshot,
    plan: &'s TcpService,
    balanced: &'b Balanced,
}

/// A server that has taken the connection, and all that is to be known of it from then on.
struct Reached<'b> {
    wire: Wire,
    work: Work<'b>,
    idle_timeout: Duration,
    label: String,
    upstream: String,
}

impl<'b> Way<'_, 'b> {
    /// A server that takes the connection and knows of the client; or the reason code.
    async fn reach(self, ends: Ends) -> Result<Reached<'b>, &'static str> {
        let Self { client, snapshot, plan, balanced } = self;
        let first = introduction(plan.send_proxy, ends);
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
            if reason.is_some() {
                client.worker.counters.retries.increment();
            }
            match self.open(server, &first).await {
                Ok(wire) => {
                    let change = work.answered(None, begun.elapsed());
                    tell_change(&client.worker, snapshot, plan.upstream, server, change);
                    let upstream = snapshot.upstream(plan.upstream);
                    let (label, upstream) = (upstream.servers[server].label.clone(), upstream.name.clone());
                    return Ok(Reached { wire, work, idle_timeout: plan.idle_timeout, label, upstream });
                }
                Err(fault) => {
                    reason = Some(fault.reason());
                    let upstream = snapshot.upstream(plan.upstream);
                    let names = (upstream.servers[server].label.as_str(), upstream.name.as_str());
                    tell(client, names, fault.reason(), format_args!("{fault}"));
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

    /// A connection to this server, which hears these bytes first.
    async fn open(self, server: usize, first: &[u8]) -> Result<Wire, UpstreamFault> {
        let pool = self.snapshot.pool(self.plan.upstream, server);
        let patience = self.snapshot.upstream(self.plan.upstream).connect_timeout;
        let alarm = &self.client.alarm;
        alarm.set(Millis::now().after(patience));
        let mut opened = connect(pool, alarm, first).await;
        for _ in 0..ROOM_LOOKS {
            if !matches!(opened, Err(ConnectFault::Exhausted(_))) {
                break;
            }
            self.client.worker.shed(SHED_COUNT);
            tokio::task::yield_now().await;
            opened = connect(pool, alarm, first).await;
        }
        let wire = Wire::from(opened.map_err(UpstreamFault::Connect)?);
        self.client.worker.counters.upstream_connects.increment();
        wire.reset_on_close();
        Ok(wire)
    }
}

/// Moves bytes until the end, and learns from it.
async fn join(client: &Client, balanced: &Balanced, reached: Reached<'_>) {
    let Reached { wire: server, work, idle_timeout, label, upstream } = reached;
    let (mut up, mut down) = (Buffer::default(), Buffer::default());
    let moved = tunnel::run(client, &server, &mut up, &mut down, idle_timeout).await;
    let fault = match moved.end {
        End::Whole => None,
        End::Idle { .. } => Some(PassFault::Idle),
        End::Stopped { .. } => Some(PassFault::Stopped),
        End::ClientBroke => Some(PassFault::ClientReset),
        End::ServerBroke => Some(PassFault::ServerReset),
    };
    if matches!(moved.end, End::Whole | End::Idle { is_cut: false }) {
        for wire in [&client.wire, &server] {
            wire.end_on_close();
            wire.part();
        }
    }
    let Some(fault) = fault else { return };
    count_failure(&client.worker.counters, fault.reason());
    if fault == PassFault::ServerReset {
        let (index, names) = (work.server(), (label.as_str(), upstream.as_str()));
        tell(client, names, fault.reason(), format_args!("{fault}"));
        // Once something was said it may have had its reasons, which only the two sides know: whoever sends rubbish must
        // not be able to eject a server that is well.
        if moved.from_server == 0 && moved.from_client == 0 {
            let change = work.fail(Failure::Reset);
            tell_change_of(&client.worker, balanced, index, names, change);
        }
    }
}

/// Says on standard error what a server did; it has a name, and so has its upstream.
fn tell(client: &Client, (label, upstream): (&str, &str), reason: &'static str, what: std::fmt::Arguments<'_>) {
    client.worker.counters.upstream_failures.increment();
    client.worker.diagnostics.error(reason, format_args!("server {label} of upstream {upstream} {what}"));
}

/// What tells the server who the client is, before anything else; empty if it does not want to know.
fn introduction(version: Option<ProxyVersion>, ends: Ends) -> Vec<u8> {
    let mut header = Vec::new();
    match version {
        None => {}
        Some(ProxyVersion::V1) => write_v1(ends.source, ends.destination, &mut header),
        Some(ProxyVersion::V2) => write_v2(ends.source, ends.destination, &mut header),
    }
    header
}
