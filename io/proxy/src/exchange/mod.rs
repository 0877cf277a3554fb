//! One exchange: a request and its answer. This file tells the whole trip in its order; the steps are in the files
//! beside it.
//!
//! head -> route -> answer at once, or: pick a server -> lease a connection -> attempt -> deliver (or switch to a tunnel)
//! -> finish. A failed attempt may go to another server as long as nothing was executed twice and the client has seen
//! nothing.

mod attempt;
mod deliver;
mod fault;
mod grpc;
mod respond;
mod stage;
mod trip;
mod upload;
mod watch;

mod find;
mod local;
mod reach;

pub(crate) use fault::{ClientFault, Fault, UpstreamFault};
pub(crate) use local::{reject, write_refusal};
pub(crate) use reach::{tell_change, tell_change_of};

use crate::state::{Client, Session, Snapshot};
use crate::tunnel::{self, End};
use attempt::send_all;
use deliver::Delivery;
use evener_http::{ForwardResponse, Framing, Version, is_offered, write_response_head, write_switch_head};
use evener_observe::WorkerCounters;
use evener_plan::{Action, Protocol, Upstream, UpstreamId};
use evener_route::Match;
use fault::OwnFault;
use reach::{Reached, finish_work, reach};
use stage::Recode;
use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;
use trip::{BodyPlace, Trip};
use upload::Upload;

/// What becomes of the connection after an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The next request may come.
    KeepAlive,
    /// It closes now.
    Close,
    /// It closes, but the client may still be sending: closing at once would destroy the answer on its way.
    Linger,
}

/// Answers the request whose head is in the session, and makes the session ready for the next one.
pub(crate) async fn run(client: &Client, session: &mut Session) -> Ended {
    let snapshot = client.worker.snapshot();
    let mut trip = Trip::new(session);
    let ended = match answer(client, session, &snapshot, &mut trip).await {
        Ok(ended) => ended,
        Err(fault) => local::fail(client, session, &snapshot, &mut trip, &told(fault, client)).await,
    };
    trip.finish(client, session, &snapshot);
    if ended == Ended::KeepAlive {
        to_next_request(client, session, &trip);
    }
    ended
}

/// A client has not gone by itself if its connection was cut because it takes nothing, or its stream for what it sent.
fn told(fault: Fault, client: &Client) -> Fault {
    match fault {
        Fault::Client(ClientFault::Gone) if client.wire.is_given_up() => ClientFault::ReadsTooSlowly.into(),
        Fault::Client(ClientFault::Gone) if client.wire.is_malformed() => ClientFault::NoForm.into(),
        fault => fault,
    }
}

async fn answer(client: &Client, session: &mut Session, snapshot: &Snapshot, trip: &mut Trip) -> Result<Ended, Fault> {
    if let Some(answer) = find::challenge_answer(session, snapshot) {
        return local::challenge(client, session, trip, &answer).await;
    }
    let found = find::route(client.listen, session, snapshot, trip)?;
    find::check_policy(client, session, snapshot)?;
    let route = snapshot.route(found);
    trip.limit(route.timeout);
    match &route.action {
        Action::Proxy(upstream) => forward(client, session, snapshot, trip, found, *upstream).await,
        Action::Redirect { status, location } => local::redirect(client, session, trip, *status, location).await,
        Action::Respond(respond) => local::respond(client, session, trip, respond).await,
    }
}

/// Sends the request to a server of the upstream and its answer to the client.
async fn forward(
    client: &Client,
    session: &mut Session,
    snapshot: &Snapshot,
    trip: &mut Trip,
    found: Match,
    upstream: UpstreamId,
) -> Result<Ended, Fault> {
    let mut upload = begin_body(client, session, snapshot, trip, upstream)?;
    let reached = {
        let reaching = pin!(reach(client, session, snapshot, trip, found, upstream, upload.as_mut()));
        client.worker.unless_stopped(reaching).await.unwrap_or_else(stopped)
    };
    let result = match reached {
        Ok(reached) if session.response.head().status == 101 => {
            return switch(client, session, snapshot, trip, reached).await;
        }
        Ok(reached) => deliver(client, session, snapshot, trip, upload.as_mut(), reached).await,
        Err(fault) => Err(fault),
    };
    trip.body_bytes_in = match &upload {
        Some(upload) => upload.received(),
        None => trip.whole_body(session).len() as u64,
    };
    result
}

/// Checks the announced length and makes ready what is still to come of the body.
fn begin_body(
    client: &Client,
    session: &mut Session,
    snapshot: &Snapshot,
    trip: &Trip,
    upstream: UpstreamId,
) -> Result<Option<Upload>, Fault> {
    let limits = &snapshot.plan().limits;
    let (framing, head_bytes) = (session.parser.head().framing, session.parser.head().head_bytes);
    if let (Framing::Length(length), Some(bytes_max)) = (framing, limits.body_bytes_max)
        && length > bytes_max
    {
        return Err(ClientFault::BodyTooLarge.into());
    }
    if trip.body != BodyPlace::Coming {
        return Ok(None);
    }
    // The head stays where it is, for another attempt and for the log; the body moves through a buffer of its own.
    let Session { inbound, body, .. } = session;
    *body = client.worker.buffers.take_large();
    body.grow(inbound.len() - head_bytes);
    body.append(&inbound.filled()[head_bytes..]);
    inbound.truncate(head_bytes);
    let upload = Upload::new(framing, limits, snapshot.upstream(upstream).response_timeout);
    let head = session.parser.head();
    let Upstream { protocol, retry, .. } = snapshot.upstream(upstream);
    // RFC 9113 §8.7: over HTTP/2 a server can say of any request that it did nothing with it.
    let may_repeat = *protocol != Protocol::Http1 || (head.method.is_idempotent() && retry.attempts > 0);
    let upload = if may_repeat { upload.with_memory() } else { upload };
    let upload =
        if is_call(trip, snapshot, upstream) { upload.with_pauses(limits.tunnel_idle_timeout) } else { upload };
    Ok(Some(if head.expects_continue { upload.with_permission() } else { upload }))
}

/// Whether messages go both ways as in a tunnel, with pauses that are nobody's fault: a gRPC call to servers that can
/// take one. Any other request keeps the least rate, whatever it says that it is.
fn is_call(trip: &Trip, snapshot: &Snapshot, upstream: UpstreamId) -> bool {
    trip.call.is_some() && snapshot.upstream(upstream).protocol != Protocol::Http1
}

/// How long a server may stop in the middle of an answer. A call may be a stream that says nothing for long.
fn stall_timeout(trip: &Trip, snapshot: &Snapshot, upstream: UpstreamId) -> Duration {
    let response_timeout = snapshot.upstream(upstream).response_timeout;
    match is_call(trip, snapshot, upstream) {
        true => response_timeout.max(snapshot.plan().limits.tunnel_idle_timeout),
        false => response_timeout,
    }
}

/// The end of a step that was under way when the worker was told to stop.
#[cold]
fn stopped<T>() -> Result<T, Fault> {
    Err(OwnFault::Stopped.into())
}

/// Delivers the response whose head is complete, and returns both connections if they may be used again.
async fn deliver(
    client: &Client,
    session: &mut Session,
    snapshot: &Snapshot,
    trip: &mut Trip,
    mut upload: Option<&mut Upload>,
    reached: Reached<'_>,
) -> Result<Ended, Fault> {
    let Reached { lease, mut work, upstream, set_cookie } = reached;
    let (request, response) = (session.parser.head(), session.response.head());
    let framing = response.framing;
    let (recode, client_framing) = framing_for(request.version, framing);
    if let Some(upload) = upload.as_deref_mut() {
        upload.head_is_over(session.out.len());
    }
    // RFC 9112 §9.3: a connection on which a body was not read to its end cannot carry another request.
    let is_request_read = upload.as_ref().is_none_or(|upload| upload.is_done());
    let keep_alive = request.keep_alive
        && is_request_read
        && !client.worker.is_draining()
        && !matches!(client_framing, Framing::UntilClose);
    let forward = ForwardResponse {
        client_version: request.version,
        framing: client_framing,
        keep_alive,
        reason_code: None,
        set_cookie: set_cookie.as_deref(),
    };
    session.out.clear();
    write_response_head(session.answer.filled(), response, &forward, &mut session.out);
    let status = response.status;
    trip.answered(status);
    let is_server_reusable = response.keep_alive && !matches!(framing, Framing::UntilClose);
    let head_bytes = response.head_bytes;
    session.answer.consume(head_bytes);

    let limits = &snapshot.plan().limits;
    let stall_timeout = stall_timeout(trip, snapshot, upstream);
    let upload_of = upload.as_deref_mut();
    let mut delivery = Delivery::new(client, lease.wire(), limits, stall_timeout, upload_of, framing, &mut work);
    let ends_with_connection = matches!(client_framing, Framing::UntilClose);
    if ends_with_connection {
        // Whatever ends the connection before the body is whole, a stop of the program too, must not look like its end.
        client.wire.reset_on_close();
    }
    let delivered = {
        let running = pin!(delivery.run(session, trip, recode));
        client.worker.unless_stopped(running).await.unwrap_or_else(stopped)
    };
    let told = trip.call.and_then(|call| grpc::failure_in_trailers(delivery.trailers(), call, status));
    if ends_with_connection && (delivered.is_ok() || !trip.is_answering) {
        // Whole, or not begun: then another answer tells of the failure.
        client.wire.end_on_close();
    }
    let failed = delivered.as_ref().err().and_then(Fault::failure);
    finish_work(client, snapshot, upstream, work, failed.or(told));
    delivered?;

    let is_request_sent = upload.as_ref().is_none_or(|upload| upload.is_done());
    // What follows the response without being asked for must not become the answer to somebody's next request.
    if is_server_reusable && is_request_sent && session.answer.is_empty() {
        lease.give_back();
    }
    client.worker.buffers.give_back(std::mem::take(&mut session.answer));
    Ok(match (keep_alive, is_request_sent) {
        (true, _) => Ended::KeepAlive,
        (false, true) => after_last(client, session, trip),
        (false, false) => Ended::Linger,
    })
}

/// How the client is told where a body ends that the server framed so.
const fn framing_for(client_version: Version, framing: Framing) -> (Recode, Framing) {
    match (framing, client_version) {
        (Framing::Chunked | Framing::UntilClose, Version::Http11) => (Recode::Chunked, Framing::Chunked),
        // RFC 9112 §6.1: no chunks for a client of HTTP/1.0; its message ends with the connection.
        (Framing::Chunked | Framing::UntilClose, Version::Http10) => (Recode::Plain, Framing::UntilClose),
        (Framing::None | Framing::Length(_), _) => (Recode::Plain, framing),
    }
}

/// The server switches protocols: if it is to one that the client offered, both connections become a tunnel.
async fn switch(
    client: &Client,
    session: &mut Session,
    snapshot: &Snapshot,
    trip: &mut Trip,
    reached: Reached<'_>,
) -> Result<Ended, Fault> {
    let Reached { lease, mut work, set_cookie, .. } = reached;
    let (message, answer) = (session.inbound.filled(), session.answer.filled());
    let (request, response) = (session.parser.head(), session.response.head());
    let is_wanted = match (request.upgrade, response.upgrade) {
        (Some(offered), Some(accepted)) => is_offered(offered.of(message), accepted.of(answer)),
        _ => false,
    };
    if !is_wanted {
        return Err(UpstreamFault::BadSwitch.into());
    }
    let mut head = Vec::with_capacity(512);
    write_switch_head(answer, response, set_cookie.as_deref(), &mut head);
    let (request_bytes, response_bytes) = (request.head_bytes, response.head_bytes);
    trip.answered(101);
    work.streams();
    send_all(client, &head, trip).await?;
    trip.is_answering = true;
    // What either side has said since belongs to the new protocol. The head stays for the log.
    session.body = client.worker.buffers.take_large();
    session.body.grow(session.inbound.len() - request_bytes);
    session.body.append(&session.inbound.filled()[request_bytes..]);
    session.inbound.truncate(request_bytes);
    session.answer.consume(response_bytes);
    let idle_timeout = snapshot.plan().limits.tunnel_idle_timeout;
    let moved = tunnel::run(client, lease.wire(), &mut session.body, &mut session.answer, idle_timeout).await;
    trip.body_bytes_in = moved.from_client;
    trip.body_bytes_out = moved.from_server;
    if let End::Stopped { .. } = moved.end {
        trip.failed(&OwnFault::Stopped.into());
    }
    Ok(Ended::Close)
}

/// Takes the request that is answered off the session; what has come after it is the beginning of the next.
fn to_next_request(client: &Client, session: &mut Session, trip: &Trip) {
    let head_bytes = session.parser.head().head_bytes;
    match trip.body {
        BodyPlace::None => session.inbound.consume(head_bytes),
        BodyPlace::Whole(length) => session.inbound.consume(head_bytes + length),
        BodyPlace::Coming => {
            std::mem::swap(&mut session.inbound, &mut session.body);
            client.worker.buffers.give_back(std::mem::take(&mut session.body));
        }
    }
}

/// How the connection ends after its last answer: at once, unless the client has sent something behind its request,
/// which nobody will read.
fn after_last(client: &Client, session: &Session, trip: &Trip) -> Ended {
    let behind = match trip.body {
        BodyPlace::None => session.inbound.len() - session.parser.head().head_bytes,
        BodyPlace::Whole(length) => session.inbound.len() - session.parser.head().head_bytes - length,
        BodyPlace::Coming => session.body.len(),
    };
    if behind > 0 || client.wire.is_readable() { Ended::Linger } else { Ended::Close }
}

/// Every reason code that an exchange can fail with, sorted: the names of the failure counters.
pub fn reasons() -> &'static [&'static str] {
    static REASONS: OnceLock<Vec<&'static str>> = OnceLock::new();
    REASONS.get_or_init(fault::reasons)
}

/// Every reason code of a message on standard error: those of failures, and those of news that fail nothing.
pub fn message_reasons() -> &'static [&'static str] {
    static REASONS: OnceLock<Vec<&'static str>> = OnceLock::new();
    REASONS.get_or_init(|| reasons().iter().copied().chain(NEWS).collect())
}

/// What is told of servers and workers.
const NEWS: [&str; 3] = ["ejected", "recovered", "worker_failed"];

pub(crate) fn count_failure(counters: &WorkerCounters, reason: &str) {
    if let Ok(index) = reasons().binary_search(&reason) {
        counters.count_failure(index);
    }
}
