//! Failures as gRPC tells them: the status of the call in a head without a body, or in the trailers of an answer that has
//! begun. The access log and the counters keep the status of HTTP that stands in the table beside this file.

use super::{Answer, BodyWanted, Then, phrase, status_of, write_answer};
use crate::exchange::fault::{Fault, UpstreamFault};
use evener_upstream::ConnectFault;

/// Writes the answer to a fault for the client of a call: trailers only.
pub(crate) fn write_call_fault(fault: &Fault, shows_reason: bool, then: Then, out: &mut Vec<u8>) {
    let mut fields = b"Content-Type: application/grpc\r\n".to_vec();
    write_call_status(fault, shows_reason, &mut fields);
    let answer = Answer { status: 200, content_type: "", body: &[], fields: &fields, then };
    write_answer(&answer, BodyWanted::Yes, out);
}

/// Writes the fields that tell the fault: of trailers, or of a head that stands for them.
pub(crate) fn write_call_status(fault: &Fault, shows_reason: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(b"grpc-status: ");
    out.extend_from_slice(call_status(fault).as_bytes());
    // The phrases and the reason codes have no byte that would have to be percent-encoded.
    out.extend_from_slice(b"\r\ngrpc-message: ");
    out.extend_from_slice(phrase(status_of(fault)).as_bytes());
    if shows_reason {
        out.extend_from_slice(b"\r\nx-evener-reason: ");
        out.extend_from_slice(fault.reason().as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// The status of the call. UNAVAILABLE invites the client to try again, DEADLINE_EXCEEDED does not: nothing reached a
/// server that could not be connected to in time.
fn call_status(fault: &Fault) -> &'static str {
    if let Fault::Upstream(UpstreamFault::Connect(ConnectFault::TimedOut)) = fault {
        return UNAVAILABLE;
    }
    match status_of(fault) {
        400 => INTERNAL,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 => UNIMPLEMENTED,
        408 | 504 => DEADLINE_EXCEEDED,
        413 => RESOURCE_EXHAUSTED,
        429 | 502 | 503 => UNAVAILABLE,
        _ => UNKNOWN,
    }
}

const UNKNOWN: &str = "2";
const DEADLINE_EXCEEDED: &str = "4";
const PERMISSION_DENIED: &str = "7";
const RESOURCE_EXHAUSTED: &str = "8";
const UNIMPLEMENTED: &str = "12";
const INTERNAL: &str = "13";
const UNAVAILABLE: &str = "14";
const UNAUTHENTICATED: &str = "16";
