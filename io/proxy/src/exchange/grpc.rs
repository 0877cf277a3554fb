//! What an exchange that is a gRPC call does otherwise: it tells the server how much of the client's time is left, and the
//! balancer what the status of the call says. What a call is and what its words mean stands in `evener_http`.

use super::trip::Trip;
use crate::state::Session;
use evener_balance::Failure;
use evener_http::{GrpcCall, http_status_of_call, http_status_of_trailers, lower_grpc_timeout};

/// Tells the server in a written head how long the client still waits. The time of the route is ours to keep: a server that
/// ended the call for it would be faster than the blame for being slow.
pub(crate) fn tell_time_left(trip: &Trip, head: &mut Vec<u8>) {
    if let Some(left) = trip.time_left() {
        lower_grpc_timeout(head, left);
    }
}

/// The status that an answer tells for the health of its server. A failed call that has no message says so in the head
/// of a 200.
pub(crate) fn told_status(session: &Session, trip: &Trip) -> u16 {
    let head = session.response.head();
    let told = trip.call.filter(|_| head.status == 200).and_then(|call| {
        let status = http_status_of_call(session.answer.filled(), &head.fields)?;
        blamed(status, call)
    });
    told.unwrap_or(head.status)
}

/// What the trailers behind the messages of an answer tell of its server: the same as when there are none.
pub(crate) fn failure_in_trailers(lines: &[u8], call: GrpcCall, status: u16) -> Option<Failure> {
    let told = http_status_of_trailers(lines).filter(|_| status == 200)?;
    blamed(told, call).and_then(Failure::of_status)
}

/// A call that has taken longer than the client would wait is the client's doing.
fn blamed(status: u16, call: GrpcCall) -> Option<u16> {
    (status != 504 || call.timeout.is_none()).then_some(status)
}
