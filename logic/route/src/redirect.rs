//! The `Location` of a redirect from its template.
//!
//! It does not judge the template: what the operator wrote stands as it is. What came from the client is made harmless.

use evener_plan::TextPart;

/// Appends the value of `Location`. `host` has its port if it was given one; `query` is what follows the `?`, if there
/// is one.
///
/// Bytes that may not stand in a URI are percent-encoded. A path at the very start has one slash there and no more:
/// `//other.example` would lead a browser away from the host.
pub fn render(parts: &[TextPart], host: &[u8], path: &[u8], query: Option<&[u8]>, out: &mut Vec<u8>) {
    let start = out.len();
    for part in parts {
        match part {
            TextPart::Text(text) => out.extend_from_slice(text.as_bytes()),
            TextPart::Host => push_encoded(host, out),
            TextPart::HostName => push_encoded(without_port(host), out),
            TextPart::Path => push_path(path, out),
            TextPart::Query => push_encoded(query.unwrap_or_default(), out),
            TextPart::Uri => {
                push_path(path, out);
                if let Some(query) = query {
                    out.push(b'?');
                    push_encoded(query, out);
                }
            }
        }
    }
    if !is_other_host_intended(parts) {
        let slashes = out[start..].iter().take_while(|byte| **byte == b'/').count();
        if slashes > 1 {
            out.drain(start..start + slashes - 1);
        }
    }
}

/// Whether the template itself begins with `//`.
fn is_other_host_intended(parts: &[TextPart]) -> bool {
    matches!(parts.first(), Some(TextPart::Text(text)) if text.starts_with("//"))
}

/// The host without its port. The brackets of a literal IPv6 address stay: its colons are not those before a port.
fn without_port(host: &[u8]) -> &[u8] {
    let end = match host.first() {
        Some(b'[') => host.iter().position(|byte| *byte == b']').map(|bracket| bracket + 1),
        _ => host.iter().position(|byte| *byte == b':'),
    };
    end.map_or(host, |end| &host[..end])
}

/// `OPTIONS *` has no path; the path of a URI begins with a slash.
fn push_path(path: &[u8], out: &mut Vec<u8>) {
    if path == b"*" {
        out.push(b'/');
    } else {
        push_encoded(path, out);
    }
}

fn push_encoded(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text {
        // RFC 3986 §2: everything else is a delimiter, unreserved or part of an escape. A backslash must go, too:
        // browsers read `/\other.example` as `//other.example`.
        let is_unfit = !byte.is_ascii_graphic() || b"\"<>\\^`{|}".contains(byte);
        if is_unfit {
            out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        } else {
            out.push(*byte);
        }
    }
}
