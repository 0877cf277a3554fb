//! Answers without a server: fixed ones, redirects, and those that tell the client of a failure.

use super::attempt::send_all;
use super::fault::{ClientFault, Fault, OwnFault};
use super::find::{allowed_methods, path_of};
use super::reach::tell_operator;
use super::respond::{
    Answer, BodyWanted, Then, status_of, write_answer, write_call_fault, write_call_status, write_fault,
};
use super::trip::{BodyPlace, Trip, is_trusted};
use super::{Ended, after_last};
use crate::state::{Client, Session, Snapshot, TooMany, Worker};
use evener_balance::Rng;
use evener_http::{Method, Version, last_chunk};
use evener_plan::{Respond, TextPart};
use evener_route::render;

/// The answer of a route with `respond`.
pub(crate) async fn respond(
    client: &Client,
    session: &mut Session,
    trip: &mut Trip,
    respond: &Respond,
) -> Result<Ended, Fault> {
    let then = what_then(client, session, trip);
    let answer = Answer {
        status: respond.status,
        content_type: &respond.content_type,
        body: respond.body.as_bytes(),
        fields: &[],
        then,
    };
    session.out.clear();
    trip.body_bytes_out = write_answer(&answer, body_wanted(session), &mut session.out);
    send(client, session, trip, respond.status, then).await
}

/// The answer for an authority that looks whether a host is ours.
pub(crate) async fn challenge(
    client: &Client,
    session: &mut Session,
    trip: &mut Trip,
    answer: &str,
) -> Result<Ended, Fault> {
    let body = answer.to_owned();
    let content_type = String::from("application/octet-stream");
    respond(client, session, trip, &Respond { status: 200, body, content_type }).await
}

/// The answer of a route with `redirect`.
pub(crate) async fn redirect(
    client: &Client,
    session: &mut Session,
    trip: &mut Trip,
    status: u16,
    location: &[TextPart],
) -> Result<Ended, Fault> {
    let then = what_then(client, session, trip);
    let (message, head) = (session.inbound.filled(), session.parser.head());
    let path = path_of(message, head);
    let query = head.query.map(|query| query.of(message));
    let mut fields = b"Location: ".to_vec();
    render(location, head.authority.of(message), path, query, &mut fields);
    fields.extend_from_slice(b"\r\n");
    let answer = Answer { status, content_type: "", body: &[], fields: &fields, then };
    session.out.clear();
    trip.body_bytes_out = write_answer(&answer, body_wanted(session), &mut session.out);
    send(client, session, trip, status, then).await
}

/// Tells the client of a failure, unless an answer is on its way already: then the connection is cut, so that what has
/// arrived cannot be taken for the whole. The answer to a gRPC call can tell of it even then.
pub(crate) async fn fail(
    client: &Client,
    session: &mut Session,
    snapshot: &Snapshot,
    trip: &mut Trip,
    fault: &Fault,
) -> Ended {
    trip.failed(fault);
    match fault {
        Fault::Upstream(fault) => tell_operator(client, snapshot, trip, fault),
        Fault::Request(_) | Fault::Body(_) | Fault::Client(_) | Fault::Own(_) => {}
    }
    let shows_reason = trip.site.is_some_and(|site| is_trusted(&snapshot.plan().sites[site], client.peer));
    if trip.is_answering || status_of(fault) == 499 {
        client.wire.reset_on_close();
        if status_of(fault) != 499 {
            end_call(client, trip, fault, shows_reason).await;
        }
        return Ended::Close;
    }
    let then = match fault {
        // The client's framing is in doubt, or it is too slow to wait for.
        Fault::Request(_) | Fault::Body(_) => Then::Close,
        Fault::Client(ClientFault::BodyTooSlow) => Then::Close,
        Fault::Client(_) | Fault::Upstream(_) | Fault::Own(_) => what_then(client, session, trip),
    };
    let mut fields = Vec::new();
    if let Fault::Client(ClientFault::MethodNotAllowed) = fault {
        // RFC 9110 §15.5.6: it names the methods that would do.
        fields.extend_from_slice(b"Allow: ");
        allowed_methods(client.listen, session, snapshot, &mut fields);
        fields.extend_from_slice(b"\r\n");
    }
    session.out.clear();
    if trip.call.is_some() {
        write_call_fault(fault, shows_reason, then, &mut session.out);
    } else {
        let wanted = body_wanted(session);
        let spread = client.worker.rng.borrow_mut().next_u64();
        trip.body_bytes_out = write_fault(fault, &fields, shows_reason, wanted, then, spread, &mut session.out);
    }
    let status = status_of(fault);
    send(client, session, trip, status, then).await.unwrap_or(Ended::Close)
}

/// Tells the client of a call in the trailers of an answer on its way what went wrong. Only for streams: there the
/// status is the end that the client looks for, where one of HTTP/1 may stop at the last chunk.
async fn end_call(client: &Client, trip: &Trip, fault: &Fault, shows_reason: bool) {
    if trip.call.is_none() || !trip.is_between_chunks || !client.wire.is_stream() {
        return;
    }
    let (mut trailers, mut end) = (Vec::with_capacity(128), Vec::with_capacity(128));
    write_call_status(fault, shows_reason, &mut trailers);
    last_chunk(&trailers, &mut end);
    // If it cannot be sent, the stream is reset.
    let _sent_or_gone = send_all(client, &end, trip).await;
}

/// Answers a request whose head is broken or did not come in time. Nothing after it can be read as a request.
pub(crate) async fn reject(client: &Client, session: &mut Session, fault: Fault) -> Ended {
    let mut trip = Trip::rejected(session);
    trip.failed(&fault);
    session.out.clear();
    if trip.call.is_some() {
        write_call_fault(&fault, false, Then::Close, &mut session.out);
    } else {
        trip.body_bytes_out = write_fault(&fault, &[], false, BodyWanted::Yes, Then::Close, 0, &mut session.out);
    }
    let snapshot = client.worker.snapshot();
    let sent = send_all(client, &session.out, &trip).await;
    trip.finish(client, session, &snapshot);
    if sent.is_ok() { Ended::Linger } else { Ended::Close }
}

/// Writes the answer for a connection that finds no room. It counts as a request: the client has one to make.
pub(crate) fn write_refusal(worker: &Worker, why: TooMany, out: &mut Vec<u8>) {
    let fault = Fault::Own(OwnFault::TooMany(why));
    worker.counters.count_request(status_of(&fault));
    write_fault(&fault, &[], false, BodyWanted::Yes, Then::Close, 0, out);
}

async fn send(client: &Client, session: &Session, trip: &mut Trip, status: u16, then: Then) -> Result<Ended, Fault> {
    trip.answered(status);
    if let Err(fault) = send_all(client, &session.out, trip).await {
        // A part of it may have gone out, and another answer must not follow.
        trip.is_answering = matches!(fault, Fault::Own(OwnFault::Stopped));
        return Err(fault);
    }
    Ok(match (then, trip.body) {
        (Then::KeepAlive | Then::KeepAliveTold, _) => Ended::KeepAlive,
        (Then::Close, BodyPlace::Coming) => Ended::Linger,
        (Then::Close, _) => after_last(client, session, trip),
    })
}

/// A request whose body has not come to its end leaves the connection where nobody can tell what follows (K09).
fn what_then(client: &Client, session: &Session, trip: &Trip) -> Then {
    let is_read = trip.body != BodyPlace::Coming;
    let head = session.parser.head();
    let stays = is_read && head.keep_alive && !client.worker.is_draining();
    match (stays, head.version) {
        (true, Version::Http10) => Then::KeepAliveTold,
        (true, Version::Http11) => Then::KeepAlive,
        (false, _) => Then::Close,
    }
}

fn body_wanted(session: &Session) -> BodyWanted {
    if session.parser.head().method == Method::Head { BodyWanted::No } else { BodyWanted::Yes }
}
