//! Writing heads and chunks anew: what goes on to the other side, and what does not (K02, K05, K06).
//! Framing is always written from the decision of the parser, never passed on unread.

pub(crate) mod chunk;
pub(crate) mod client;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod upgrade;

mod run;

use crate::field::{Field, FieldKind};
use crate::message::Framing;

/// Fields that concern one connection only, and names that only look like known ones.
const HOP_BY_HOP: u32 = FieldKind::Connection.bit()
    | FieldKind::KeepAlive.bit()
    | FieldKind::ProxyConnection.bit()
    | FieldKind::ProxyAuthorization.bit()
    | FieldKind::Te.bit()
    | FieldKind::Trailer.bit()
    | FieldKind::Upgrade.bit()
    | FieldKind::TransferEncoding.bit()
    | FieldKind::ContentLength.bit()
    | FieldKind::Http2Settings.bit();

/// Whether a framing line already says exactly what would be written for `framing`, so that it may be copied.
fn says_exactly(message: &[u8], field: &Field, framing: Framing) -> bool {
    let value = field.value.of(message);
    match (field.kind, framing) {
        (FieldKind::TransferEncoding, Framing::Chunked) => value == b"chunked" && is_tight(message, field),
        // The parser took the framing from the only such line; it may still have leading zeros.
        (FieldKind::ContentLength, Framing::Length(_)) => {
            (!value.starts_with(b"0") || value.len() == 1) && is_tight(message, field)
        }
        _ => false,
    }
}

/// Whether no white space but one space stands around the value. Odd white space beside a framing value is where
/// readers disagree, so such a line is not passed on (K01).
fn is_tight(message: &[u8], field: &Field) -> bool {
    let (line, name, value) = (field.line, field.name, field.value);
    let colon = message.get(name.end as usize..value.start as usize);
    matches!(colon, Some(b":" | b": ")) && line.end - value.end == LINE_END_BYTES
}

/// Writes the framing field of a body.
fn write_framing(framing: Framing, out: &mut Vec<u8>) {
    match framing {
        Framing::Length(length) => {
            out.extend_from_slice(b"Content-Length: ");
            out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::None | Framing::UntilClose => {}
    }
}

/// Writes one field line.
fn write_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

const LINE_END_BYTES: u32 = 2;
