//! gRPC as a proxy sees it: which requests are calls, how long they may take, what the status of a call tells.
//! Messages are not looked into, and the services are unknown here.

mod timeout;

pub use timeout::lower_grpc_timeout;

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
            .then(|| Self { timeout: field_value(message, &head.fields, b"grpc-timeout").and_then(timeout::read) })
    }
}

/// The status of HTTP that means the same as the status of a call in these fields, which are a head without a body or
/// trailers. `None`: there is none, or one that tells nothing bad of the server.
pub fn http_status_of_call(message: &[u8], fields: &[Field]) -> Option<u16> {
    http_status(field_value(message, fields, b"grpc-status")?)
}

/// The same of the trailers behind the messages of an answer, in the lines that [`crate::BodyDecoder::trailers`] gives.
pub fn http_status_of_trailers(lines: &[u8]) -> Option<u16> {
    let pairs = lines.split(|byte| *byte == b'\n').filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        Some((&line[..colon], line[colon + 1..].trim_ascii()))
    });
    let mut named = pairs.filter(|(name, _)| name.eq_ignore_ascii_case(b"grpc-status"));
    http_status(named.next()?.1)
}

/// `application/grpc`, and the same with a format or a variant (`+proto`, `-web`) or with parameters.
fn is_grpc(content_type: &[u8]) -> bool {
    let Some((name, rest)) = content_type.split_at_checked(MEDIA_TYPE.len()) else { return false };
    name.eq_ignore_ascii_case(MEDIA_TYPE) && matches!(rest.first(), None | Some(b'+' | b'-' | b';' | b' ' | b'\t'))
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

#[cfg(test)]
mod tests;
