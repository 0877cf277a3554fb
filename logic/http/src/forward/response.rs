//! Response heads as they are written for a client.
//! The caller decides the framing towards the client and whether the connection stays; status and fields are the server's.

use super::run::Run;
use super::{HOP_BY_HOP, says_exactly, write_field, write_framing};
use crate::field::Field;
use crate::message::{Framing, Version};
use crate::response::ResponseHead;

/// How a response head is written for the client.
#[derive(Clone, Copy, Debug)]
pub struct ForwardResponse<'a> {
    /// The version of the request. The status line says HTTP/1.1 in any case (RFC 9110 §2.5).
    pub client_version: Version,
    /// How the client finds the end of the body. With [`Framing::None`] the server's Content-Length goes on
    /// where it describes a body that is not sent (HEAD, 304).
    pub framing: Framing,
    /// Whether the connection to the client stays open.
    pub keep_alive: bool,
    /// The reason code for `x-evener-reason`.
    pub reason_code: Option<&'a str>,
    /// A cookie that is set beside those of the server.
    pub set_cookie: Option<&'a str>,
}

/// Appends the head of a final response for the client.
pub fn write_response_head(message: &[u8], head: &ResponseHead, forward: &ForwardResponse<'_>, out: &mut Vec<u8>) {
    out.reserve(head.head_bytes + ADDED_BYTES);
    let framing = match (forward.framing, head.content_length) {
        (Framing::None, Some(length)) if describes_body(head) => Framing::Length(length),
        (framing, _) => framing,
    };
    // A length may only be copied when it is the one that is to be written.
    let is_same = match framing {
        Framing::Length(length) => head.content_length == Some(length),
        Framing::Chunked => true,
        Framing::None | Framing::UntilClose => false,
    };
    let mut has_framing = false;
    write_line_and_fields(message, head, out, |field| {
        let is_kept = is_same && says_exactly(message, field, framing);
        has_framing |= is_kept;
        is_kept
    });
    if !has_framing {
        write_framing(framing, out);
    }
    match (forward.keep_alive, forward.client_version) {
        (false, _) => out.extend_from_slice(b"Connection: close\r\n"),
        (true, Version::Http10) => out.extend_from_slice(b"Connection: keep-alive\r\n"),
        (true, Version::Http11) => {}
    }
    if let Some(code) = forward.reason_code {
        write_field(b"x-evener-reason", code.as_bytes(), out);
    }
    if let Some(cookie) = forward.set_cookie {
        write_field(b"Set-Cookie", cookie.as_bytes(), out);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends the head of an interim response (1xx, not 101) for an HTTP/1.1 client.
pub fn write_interim_head(message: &[u8], head: &ResponseHead, out: &mut Vec<u8>) {
    out.reserve(head.head_bytes + ADDED_BYTES);
    write_line_and_fields(message, head, out, |_| false);
    out.extend_from_slice(b"\r\n");
}

/// Appends the head of a 101 with its Upgrade, and a cookie of our own beside those of the server. The caller has checked it with [`is_offered`](crate::is_offered).
pub fn write_switch_head(message: &[u8], head: &ResponseHead, set_cookie: Option<&str>, out: &mut Vec<u8>) {
    out.reserve(head.head_bytes + ADDED_BYTES);
    write_line_and_fields(message, head, out, |_| false);
    if let Some(protocol) = head.upgrade {
        write_field(b"Upgrade", protocol.of(message), out);
        out.extend_from_slice(b"Connection: Upgrade\r\n");
    }
    if let Some(cookie) = set_cookie {
        write_field(b"Set-Cookie", cookie.as_bytes(), out);
    }
    out.extend_from_slice(b"\r\n");
}

/// Status line and fields without those of the connection; `keeps_framing` speaks for framing fields.
fn write_line_and_fields(
    message: &[u8],
    head: &ResponseHead,
    out: &mut Vec<u8>,
    mut keeps_framing: impl FnMut(&Field) -> bool,
) {
    let mut run = write_status_line(message, head, out);
    for field in &head.fields {
        let is_dropped = field.dropped || HOP_BY_HOP & field.kind.bit() != 0;
        // RFC 9112 §5.1: white space before the colon must not go on.
        let is_well_written = message.get(field.name.end as usize) == Some(&b':');
        if (!is_dropped && is_well_written) || keeps_framing(field) {
            run.keep(field);
            continue;
        }
        run.skip(field, out);
        if !is_dropped {
            write_field(field.name.of(message), field.value.of(message), out);
        }
    }
    run.flush(out);
}

/// The status line says HTTP/1.1 and has both of its spaces; the rest is copied together with the first fields.
fn write_status_line<'a>(message: &'a [u8], head: &ResponseHead, out: &mut Vec<u8>) -> Run<'a> {
    let end = head.status_line_end;
    let start = VERSION.len();
    out.extend_from_slice(VERSION);
    // The shortest line, without reason, is `HTTP/1.1 200`: RFC 9112 §4 wants a space after it.
    if end == start + b" 200\r\n".len() {
        out.extend_from_slice(message.get(start..start + 4).unwrap_or_default());
        out.extend_from_slice(b" \r\n");
        return Run::new(message, end, end);
    }
    Run::new(message, start, end)
}

/// Whether Content-Length may describe a body that is not there: not with 1xx and 204 (RFC 9110 §8.6).
fn describes_body(head: &ResponseHead) -> bool {
    head.framing == Framing::None && head.status >= 200 && head.status != 204
}

const VERSION: &[u8] = b"HTTP/1.1";
/// Room for what is added to a typical head.
const ADDED_BYTES: usize = 96;
