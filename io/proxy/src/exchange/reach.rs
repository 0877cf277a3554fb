//! Finding a server that answers: pick, lease, attempt, and the decision whether a failed attempt goes to another one.

use super::attempt::{Attempt, Failed};
use super::fault::{Fault, UpstreamFault};
use super::trip::{Trip, is_trusted};
use super::upload::Upload;
use crate::state::{Client, Session, Snapshot};
use evener_balance::{ServerState, Tried};
use evener_http::{ForwardRequest, write_request_head};
use evener_plan::{HostMode, UpstreamId};
use evener_route::{Match, strip_prefix};
use evener_runtime::Millis;
use evener_upstream::{ConnectFault, Lease, open};
use std::borrow::Cow;
use std::sync::Arc;

/// Servers that a request is sent to again after one has failed with the request in its hands.
const RETRIES_MAX: u32 = 1;

/// A server that has answered.
pub(crate) struct Reached {
    pub(crate) lease: Lease,
    pub(crate) in_flight: InFlight,
}

/// One request in the server's shared count, for as long as the value lives.
pub(crate) struct InFlight(Arc<ServerState>);

impl InFlight {
    fn new(state: &Arc<ServerState>) -> Self {
        state.start();
        Self(Arc::clone(state))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.finish();
    }
}

/// Whether a pooled connection may be taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Freshness {
    Pooled,
    Fresh,
}

/// Sends the request to servers until one has answered, or the first failure that must not be repeated.
pub(crate) async fn reach(
    client: &Client,
    session: &mut Session,
    snapshot: &Snapshot,
    trip: &mut Trip,
    found: Match,
    upstream: UpstreamId,
    mut upload: Option<&mut Upload>,
) -> Result<Reached, Fault> {
    let balanced = snapshot.balanced(upstream);
    trip.upstream = Some(upstream);
    let mut tried = Tried::new();
    let mut last_fault = Fault::Upstream(UpstreamFault::NoServer);
    loop {
        let picked = {
            let mut rng = client.worker.rng.borrow_mut();
            balanced.balancer.pick(&balanced.turns, &balanced.states, &tried, &mut *rng)
        };
        let Some(server) = picked else { return Err(last_fault) };
        trip.server = Some(server);
        let in_flight = InFlight::new(&balanced.states[server]);
        let mut freshness = Freshness::Pooled;
        loop {
            let lease = match lease(client, session, snapshot, trip, upstream, server, freshness).await {
                Ok(lease) => lease,
                Err(fault) if can_go_on(&fault) => {
                    last_fault = fault;
                    break;
                }
                Err(fault) => return Err(fault),
            };
            write_head(client, session, snapshot, found, upstream, server)?;
            trip.mark_sent();
            let settings = snapshot.upstream(upstream);
            let attempt = Attempt::new(client, lease.socket(), settings, upload.as_deref_mut());
            let failed = match attempt.run(session, trip).await {
                Ok(()) => return Ok(Reached { lease, in_flight }),
                Err(failed) => failed,
            };
            let next = next_step(session, trip, upload.as_deref(), &failed, lease.is_reused());
            last_fault = failed.fault;
            match next {
                Next::GiveUp => return Err(last_fault),
                Next::SameServer => freshness = Freshness::Fresh,
                Next::OtherServer => {
                    if let Fault::Upstream(fault) = &last_fault {
                        client.worker.counters.upstream_failures.increment();
                        tell_operator(client, snapshot, trip, fault);
                    }
                    trip.retries += 1;
                    client.worker.counters.retries.increment();
                }
            }
            if let Some(upload) = upload.as_deref_mut() {
                upload.rewind();
            }
            if next == Next::OtherServer {
                break;
            }
        }
        tried.insert(server);
    }
}

/// What follows a failed attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    GiveUp,
    /// The pooled connection had died in the meantime, which says nothing about the server.
    SameServer,
    OtherServer,
}

/// Decides whether the request may be sent again. Never when the server may have executed a request that does more the
/// second time (RFC 9110 §9.2.2), and never when something of the request or of an answer is gone.
fn next_step(session: &Session, trip: &Trip, upload: Option<&Upload>, failed: &Failed, was_reused: bool) -> Next {
    let is_connection_lost = matches!(failed.fault, Fault::Upstream(UpstreamFault::Closed));
    let is_repeatable = upload.is_none_or(Upload::is_repeatable);
    let is_harmless = failed.is_untouched || session.parser.head().method.is_idempotent();
    if !is_connection_lost || failed.is_answered || !is_repeatable || !is_harmless {
        Next::GiveUp
    } else if was_reused {
        Next::SameServer
    } else if trip.retries < RETRIES_MAX {
        Next::OtherServer
    } else {
        Next::GiveUp
    }
}

/// After a failure to connect the next server is always tried: nothing was sent.
fn can_go_on(fault: &Fault) -> bool {
    matches!(fault, Fault::Upstream(UpstreamFault::Connect(ConnectFault::Refused(_) | ConnectFault::TimedOut)))
}

async fn lease(
    client: &Client,
    session: &Session,
    snapshot: &Snapshot,
    trip: &Trip,
    upstream: UpstreamId,
    server: usize,
    freshness: Freshness,
) -> Result<Lease, Fault> {
    let pool = snapshot.pool(upstream, server);
    let counters = &client.worker.counters;
    if freshness == Freshness::Pooled {
        // A request that cannot be repeated is worth a look at whether the connection still stands.
        let is_repeatable = session.parser.head().method.is_idempotent();
        let pooled = if is_repeatable { pool.take() } else { pool.take_checked() };
        if let Some(lease) = pooled {
            counters.upstream_reuses.increment();
            return Ok(lease);
        }
    }
    let connect_timeout = snapshot.upstream(upstream).connect_timeout;
    client.alarm.set(trip.earlier(Millis::now().after(connect_timeout)));
    let mut opened = open(pool.address(), pool.preferred(), &client.alarm).await;
    for _ in 0..ROOM_LOOKS {
        if !matches!(opened, Err(ConnectFault::Exhausted(_))) {
            break;
        }
        client.worker.shed(SHED_COUNT);
        // Idle connections close when it is their turn to run, also those that another request has shed.
        tokio::task::yield_now().await;
        opened = open(pool.address(), pool.preferred(), &client.alarm).await;
    }
    match opened {
        Ok(socket) => {
            counters.upstream_connects.increment();
            Ok(pool.adopt(socket))
        }
        Err(ConnectFault::TimedOut) if Millis::now() >= trip.deadline() => Err(UpstreamFault::RouteTimeout.into()),
        Err(fault) => {
            let fault = UpstreamFault::Connect(fault);
            counters.upstream_failures.increment();
            tell_operator(client, snapshot, trip, &fault);
            Err(fault.into())
        }
    }
}

/// Idle connections closed at once when there is no descriptor for a server.
const SHED_COUNT: usize = 16;
/// How often room is made for one connection before the request is refused: others may take the room first.
const ROOM_LOOKS: u32 = 4;

/// Says on standard error what is wrong with the server of the trip.
pub(crate) fn tell_operator(client: &Client, snapshot: &Snapshot, trip: &Trip, fault: &UpstreamFault) {
    let Some((upstream, server)) = trip.upstream.zip(trip.server) else { return };
    let upstream = snapshot.upstream(upstream);
    let label = &upstream.servers[server].label;
    let message = format_args!("server {label} of upstream {} {fault}", upstream.name);
    client.worker.diagnostics.error(fault.reason(), message);
}

/// Writes the head for the server into `session.out`.
fn write_head(
    client: &Client,
    session: &mut Session,
    snapshot: &Snapshot,
    found: Match,
    upstream: UpstreamId,
    server: usize,
) -> Result<(), Fault> {
    let Session { inbound, parser, out, .. } = session;
    let (message, head) = (inbound.filled(), parser.head());
    let route = snapshot.route(found);
    let target = head.target.of(message);
    let target = match &route.strip_prefix {
        Some(prefix) => strip_prefix(target, prefix).map_err(|_| Fault::Client(super::ClientFault::PathClimbs))?,
        None => Cow::Borrowed(target),
    };
    let client_host = head.authority.of(message);
    let host = match &route.host {
        HostMode::Client => client_host,
        HostMode::Upstream => snapshot.upstream(upstream).servers[server].host().as_bytes(),
        HostMode::Fixed(text) => text.as_bytes(),
    };
    let mut address = [0; ADDRESS_BYTES_MAX];
    let forward = ForwardRequest {
        target: &target,
        host,
        client_ip: address_text(client.peer, &mut address),
        client_host,
        scheme: b"http",
        trusts_peer: is_trusted(&snapshot.plan().sites[found.site], client.peer),
        set_headers: snapshot.set_headers(found),
        expects_continue: head.expects_continue,
    };
    out.clear();
    write_request_head(message, head, &forward, out);
    Ok(())
}

/// The longest text of an address: an IPv6 address in full.
const ADDRESS_BYTES_MAX: usize = 46;

/// An address as text. IPv4, the usual case, is written by hand to spare each request the general formatter.
fn address_text(address: std::net::IpAddr, buffer: &mut [u8; ADDRESS_BYTES_MAX]) -> &[u8] {
    use std::io::Write as _;
    let mut rest = &mut buffer[..];
    let written = match address {
        std::net::IpAddr::V4(address) => address.octets().iter().enumerate().try_for_each(|(index, octet)| {
            let mut number = itoa::Buffer::new();
            if index > 0 {
                rest.write_all(b".")?;
            }
            rest.write_all(number.format(*octet).as_bytes())
        }),
        std::net::IpAddr::V6(address) => write!(rest, "{address}"),
    };
    written.expect("every address fits");
    let left = rest.len();
    &buffer[..ADDRESS_BYTES_MAX - left]
}
