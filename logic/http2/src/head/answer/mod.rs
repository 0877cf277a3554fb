//! Heads and trailers of answers as evener's own writer makes them, taken apart without the suspicion that a stranger's text
//! needs, and encoded.

use super::known::{Known, Leaves};
use crate::hpack::Encoder;
use evener_http::{Framing, Method};
use memchr::memchr;

/// What the head of an answer says of what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AnswerForm {
    /// As in the text: 101 is said as 200.
    pub(crate) status: u16,
    pub(crate) framing: Framing,
    pub(crate) head_bytes: usize,
}

/// Appends the head that `text` begins with, the answer to a request with this method, as a block. `None`: it is not whole or
/// not of our writing, and nothing was appended.
pub(crate) fn answer(
    text: &[u8],
    method: Method,
    known: &mut Known,
    encoder: &mut Encoder,
    out: &mut Vec<u8>,
) -> Option<AnswerForm> {
    let status = status_of(text)?;
    let known = &mut known.head;
    let reading = known.read(text, memchr(b'\n', text)? + 1);
    let is_whole = text.get(reading.end..).is_some_and(|rest| rest.starts_with(b"\r\n"));
    if !is_whole {
        return None;
    }
    let framing = match () {
        () if method == Method::Head || matches!(status, 100..=199 | 204 | 304) => Framing::None,
        () if reading.is_chunked => Framing::Chunked,
        () => reading.length.map_or(Framing::UntilClose, Framing::Length),
    };
    let leaves = match status {
        // What a success of CONNECT does not have (RFC 9110 §9.3.6, RFC 8441 §5.1).
        101 => Leaves::LengthAndAccept,
        // A head that stands for the trailers of a gRPC call: its fields are what the client takes for trailers.
        _ if reading.has_call_status => Leaves::Length,
        _ => Leaves::Nothing,
    };
    encoder.begin(out);
    // RFC 8441 §5: a switch is a success.
    encoder.status(if status == 101 { 200 } else { status }, out);
    known.say(text, &reading, leaves, encoder, out);
    Some(AnswerForm { status, framing, head_bytes: reading.end + 2 })
}

/// Appends trailers, lines `name: value CRLF` that were checked when they were read, as a block.
pub(crate) fn trailers(lines: &[u8], known: &mut Known, encoder: &mut Encoder, out: &mut Vec<u8>) {
    let known = &mut known.trailers;
    let reading = known.read(lines, 0);
    encoder.begin(out);
    known.say(lines, &reading, Leaves::Length, encoder, out);
}

/// The status of `HTTP/1.1 200 …`.
fn status_of(text: &[u8]) -> Option<u16> {
    match text.strip_prefix(b"HTTP/1.1 ")? {
        [hundreds @ b'1'..=b'9', tens @ b'0'..=b'9', ones @ b'0'..=b'9', b' ', ..] => {
            let digit = |byte: &u8| u16::from(byte & 15);
            Some(digit(hundreds) * 100 + digit(tens) * 10 + digit(ones))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
