//! gRPC as a proxy sees it: which requests are calls, how long they may take, what the status of a call tells.
//! Messages are not looked into, and the services are unknown here.

use crate::field::Field;
use crate::lookup::field_value;
use crate::message::Method;
use crate::request::RequestHead;
use std::time::Duration;

/// What a gRPC call says of itself in its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrpcCall {
    /// The time that the client gives it. A value out of form gives none: what to make of it is the server's business.
    pub timeout: Option<Duration>,
}

impl GrpcCall {
    /// The call that a request makes; `None` if it is none.
    pub fn read(message: &[u8], head: &RequestHead) -> Option<Self> {
        if head.method != Method::Post {
            return None;
        }
        let content_type = field_value(message, &head.fields, b"content-type")?;
        is_grpc(content_type)
            .then(|| Self { timeout: field_value(message, &head.fields, b"grpc-timeout").and_then(timeout) })
    }
}

/// The status of HTTP that means the same as the status of a call in these fields, which are a head without a body or
/// trailers. `None`: there is none, or one that tells nothing bad of the server.
pub fn http_status_of_call(message: &[u8], fields: &[Field]) -> Option<u16> {
    http_status(field_value(message, fields, b"grpc-status")?)
}

/// `application/grpc`, and the same with a format or a variant (`+proto`, `-web`) or with parameters.
fn is_grpc(content_type: &[u8]) -> bool {
    let Some((name, rest)) = content_type.split_at_checked(MEDIA_TYPE.len()) else { return false };
    name.eq_ignore_ascii_case(MEDIA_TYPE) && matches!(rest.first(), None | Some(b'+' | b'-' | b';' | b' ' | b'\t'))
}

/// `TimeoutValue TimeoutUnit`: a positive number of at most eight digits, and one letter.
fn timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    let is_number = (1..=DIGITS_MAX).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let number = digits.iter().fold(0_u64, |number, digit| number * 10 + u64::from(digit.wrapping_sub(b'0')));
    if !is_number || number == 0 {
        return None;
    }
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

/// UNKNOWN is what a server says whose code failed; UNIMPLEMENTED, unlike 501, may be any client's doing.
fn http_status(grpc_status: &[u8]) -> Option<u16> {
    Some(match grpc_status {
        b"2" | b"13" | b"15" => 500,
        b"4" => 504,
        b"8" => 429,
        b"14" => 503,
        _ => return None,
    })
}

const MEDIA_TYPE: &[u8] = b"application/grpc";
const DIGITS_MAX: usize = 8;

#[cfg(test)]
mod tests;
