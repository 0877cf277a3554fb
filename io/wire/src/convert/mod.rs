//! Heads towards servers: the text of HTTP/1.1 as HTTP/2 says it, and back (RFC 9113 §8.3). Text goes through the same strict
//! parsers as that of an HTTP/1 connection; here stands only what has no place in it.

#[cfg(any(test, feature = "checks"))]
pub(crate) mod check;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(crate) use request::{Asked, request_of};
pub(crate) use response::{base64, response_text};

use evener_http::{Field, FieldKind};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Adds the fields of a parsed head that HTTP/2 knows: those of the connection stay behind (RFC 9113 §8.2.2).
fn add_fields(message: &[u8], fields: &[Field], skips: impl Fn(FieldKind) -> bool, map: &mut HeaderMap) {
    map.reserve(fields.len());
    for field in fields {
        if is_of_connection(field.kind) || skips(field.kind) {
            continue;
        }
        let name = HeaderName::from_bytes(field.name.of(message));
        let value = HeaderValue::from_bytes(field.value.of(message));
        if let (Ok(name), Ok(value)) = (name, value) {
            map.append(name, value);
        }
    }
}

const fn is_of_connection(kind: FieldKind) -> bool {
    matches!(
        kind,
        FieldKind::Connection
            | FieldKind::KeepAlive
            | FieldKind::ProxyConnection
            | FieldKind::TransferEncoding
            | FieldKind::Upgrade
            | FieldKind::Te
            | FieldKind::Http2Settings
    )
}

/// Trailers as lines of text.
pub(crate) fn field_lines(map: &HeaderMap) -> Vec<u8> {
    let mut lines = Vec::with_capacity(64 * map.len());
    for (name, value) in map {
        write_field(name.as_str(), value.as_bytes(), &mut lines);
    }
    lines
}

/// Lines of text, which our own decoder has checked, as trailers.
pub(crate) fn field_map(lines: &[u8]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            map.append(name, value);
        }
    }
    map
}

fn write_field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
