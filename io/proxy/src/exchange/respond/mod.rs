//! Answers that evener makes itself. The table from fault to status stands here and nowhere else.

mod grpc;

pub(crate) use grpc::{write_call_fault, write_call_status};

use crate::exchange::fault::{ClientFault, Fault, OwnFault, UpstreamFault};
use evener_upstream::ConnectFault;

/// The status for a fault. 499 is never sent: it marks in logs that the client was gone.
pub(crate) fn status_of(fault: &Fault) -> u16 {
    match fault {
        Fault::Request(fault) => fault.status(),
        Fault::Body(fault) => fault.status(),
        Fault::Client(fault) => match fault {
            ClientFault::HeadTimeout | ClientFault::BodyTooSlow => 408,
            ClientFault::BodyTooLarge => 413,
            ClientFault::NoSite | ClientFault::NoRoute => 404,
            ClientFault::MethodNotAllowed => 405,
            ClientFault::AmbiguousPath
            | ClientFault::PathClimbs
            | ClientFault::NoForm
            | ClientFault::NoFormAtServer => 400,
            ClientFault::Misdirected => 421,
            ClientFault::TakesBack | ClientFault::Floods => 429,
            ClientFault::Deadline => 504,
            ClientFault::ReadsTooSlowly | ClientFault::Gone => 499,
        },
        Fault::Upstream(fault) => match fault {
            UpstreamFault::Connect(ConnectFault::TimedOut)
            | UpstreamFault::ResponseTimeout
            | UpstreamFault::BodyTimeout
            | UpstreamFault::RouteTimeout => 504,
            UpstreamFault::Connect(ConnectFault::Exhausted(_)) | UpstreamFault::NoServer => 503,
            UpstreamFault::Connect(
                ConnectFault::Refused(_) | ConnectFault::Handshake(_) | ConnectFault::Protocol(_),
            )
            | UpstreamFault::Closed
            | UpstreamFault::Tls(_)
            | UpstreamFault::Stream(_)
            | UpstreamFault::NoWebSocket
            | UpstreamFault::Response(_)
            | UpstreamFault::Body(_)
            | UpstreamFault::BadSwitch
            | UpstreamFault::TooManyInterim => 502,
        },
        Fault::Own(OwnFault::TooMany(_) | OwnFault::QueueFull | OwnFault::QueueTimeout | OwnFault::Stopped) => 503,
    }
}

/// What happens to the client's connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// It waits for the next request.
    KeepAlive,
    /// The same, and the client is told so: one of HTTP/1.0 would wait for its end otherwise (RFC 9112 §9.3).
    KeepAliveTold,
    /// It is closed, and the client is told so.
    Close,
}

/// An answer of evener's own.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) content_type: &'a str,
    /// Sent unless the request was a HEAD; its length is told either way.
    pub(crate) body: &'a [u8],
    /// Further fields, each with its line end.
    pub(crate) fields: &'a [u8],
    pub(crate) then: Then,
}

/// Whether the body of an answer goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyWanted {
    Yes,
    /// The request was a HEAD.
    No,
}

/// Writes a whole answer; tells how many bytes of it are its body.
pub(crate) fn write_answer(answer: &Answer<'_>, wanted: BodyWanted, out: &mut Vec<u8>) -> u64 {
    out.extend_from_slice(b"HTTP/1.1 ");
    append_number(u64::from(answer.status), out);
    out.push(b' ');
    out.extend_from_slice(phrase(answer.status).as_bytes());
    out.extend_from_slice(b"\r\n");
    // RFC 9110 §8.6: no Content-Length in a 204. A 304 has no body, and its length would be that of another message.
    let has_body = !matches!(answer.status, 204 | 304);
    if has_body {
        if !answer.body.is_empty() {
            out.extend_from_slice(b"Content-Type: ");
            out.extend_from_slice(answer.content_type.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"Content-Length: ");
        append_number(answer.body.len() as u64, out);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(answer.fields);
    out.extend_from_slice(match answer.then {
        Then::KeepAlive => b"",
        Then::KeepAliveTold => b"Connection: keep-alive\r\n",
        Then::Close => b"Connection: close\r\n",
    });
    out.extend_from_slice(b"\r\n");
    if !has_body || wanted == BodyWanted::No {
        return 0;
    }
    out.extend_from_slice(answer.body);
    answer.body.len() as u64
}

/// Writes the answer to a fault: the status with its phrase as text, and the reason code for a peer that may know it.
/// `spread` is any number. It tells how many bytes are the body.
pub(crate) fn write_fault(
    fault: &Fault,
    fields: &[u8],
    show_reason: bool,
    wanted: BodyWanted,
    then: Then,
    spread: u64,
    out: &mut Vec<u8>,
) -> u64 {
    let status = status_of(fault);
    let mut all = fields.to_vec();
    if status == 503 {
        all.extend_from_slice(b"Retry-After: ");
        append_number(retry_after(fault, spread), &mut all);
        all.extend_from_slice(b"\r\n");
    }
    if show_reason {
        all.extend_from_slice(b"x-evener-reason: ");
        all.extend_from_slice(fault.reason().as_bytes());
        all.extend_from_slice(b"\r\n");
    }
    let mut body = Vec::with_capacity(40);
    append_number(u64::from(status), &mut body);
    body.push(b' ');
    body.extend_from_slice(phrase(status).as_bytes());
    body.push(b'\n');
    let answer = Answer { status, content_type: "text/plain; charset=utf-8", body: &body, fields: &all, then };
    write_answer(&answer, wanted, out)
}

/// Seconds after which a client should try again. Those that are turned away in an overload would all come back at the
/// same moment; `spread`, any number, sends each at another.
const fn retry_after(fault: &Fault, spread: u64) -> u64 {
    match fault {
        Fault::Own(OwnFault::QueueFull | OwnFault::QueueTimeout) => 1 + spread % 3,
        Fault::Own(OwnFault::TooMany(_) | OwnFault::Stopped)
        | Fault::Request(_)
        | Fault::Body(_)
        | Fault::Client(_)
        | Fault::Upstream(_) => 1,
    }
}

fn append_number(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The reason phrase that RFC 9110 §15 (or RFC 6585) gives a status.
fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        511 => "Network Authentication Required",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests;
