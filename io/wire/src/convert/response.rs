//! Responses.

use super::write_field;
use crate::intake::Marking;
use aws_lc_rs::digest;
use evener_http::Method;
use http::{header, response::Parts};

/// Writes a server's response as text; says how its body is marked, and its length if that is known. `is_ended`: no frame
/// follows the head.
pub(crate) fn response_text(
    parts: &Parts,
    method: Method,
    is_ended: bool,
    switch_key: Option<&[u8]>,
    out: &mut Vec<u8>,
) -> (Marking, Option<u64>) {
    let status = parts.status.as_u16();
    let is_switch = switch_key.is_some() && parts.status.is_success();
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(if is_switch { b"101" } else { parts.status.as_str().as_bytes() });
    out.extend_from_slice(b" \r\n");
    let has_no_body = method == Method::Head || matches!(status, 100..=199 | 204 | 304);
    for (name, value) in &parts.headers {
        // The key of the text is none that the server has seen.
        if is_switch && (name == header::CONTENT_LENGTH || name == header::SEC_WEBSOCKET_ACCEPT) {
            continue;
        }
        write_field(name.as_str(), value.as_bytes(), out);
    }
    let length = parts.headers.get(header::CONTENT_LENGTH);
    let marked = match length {
        _ if is_switch => (Marking::Tunnel, None),
        _ if has_no_body => (Marking::Length, Some(0)),
        Some(length) => (Marking::Length, length.to_str().ok().and_then(|digits| digits.parse().ok())),
        None if is_ended => {
            // So that the end of the stream stays in the same frame: a gRPC answer of trailers alone.
            write_field("content-length", b"0", out);
            (Marking::Length, Some(0))
        }
        None => {
            write_field("transfer-encoding", b"chunked", out);
            (Marking::Chunks, None)
        }
    };
    if is_switch {
        write_field("upgrade", super::request::WEBSOCKET.as_bytes(), out);
        write_field("connection", b"upgrade", out);
        write_field("sec-websocket-accept", &accept_of(switch_key.unwrap_or_default()), out);
    }
    out.extend_from_slice(b"\r\n");
    marked
}

/// What a server of HTTP/1.1 would have answered to the key (RFC 6455 §4.2.2).
fn accept_of(key: &[u8]) -> Vec<u8> {
    let mut text = key.to_vec();
    text.extend_from_slice(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &text);
    base64(hash.as_ref()).into_bytes()
}

/// Base64 with padding (RFC 4648 §4).
pub(crate) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place) & 63) as usize];
            text.push(if place > group.len() { '=' } else { char::from(letter) });
        }
    }
    text
}
