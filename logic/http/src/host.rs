//! Authorities: `host[:port]` checked, and the one canonical host for routing (K04).
//! Names are not resolved and user information is never accepted.

use crate::grammar::{HOST, is};
use std::net::Ipv6Addr;

/// Appends nothing and replaces all: puts the host of a checked authority into `out` in lower case, without its port
/// and without a trailing dot. An IPv6 address keeps its brackets.
pub fn canonical_host(authority: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let (host, _) = split_port(authority);
    let host = host.strip_suffix(b".").unwrap_or(host);
    out.extend(host.iter().map(u8::to_ascii_lowercase));
}

/// How many bytes of `text` are the authority without an empty port (`a:` is `a`, RFC 9110 §4.2.3);
/// `None` when it is not `host[:port]`.
pub(crate) fn authority_len(text: &[u8]) -> Option<usize> {
    let (host, port) = split_port(text);
    let is_host = if host.first() == Some(&b'[') { is_address(host) } else { is_name(host) };
    match port {
        _ if !is_host => None,
        None => Some(text.len()),
        Some([]) => Some(host.len()),
        Some(digits) => is_port(digits).then_some(text.len()),
    }
}

/// Whether `text` is `host:port` with both, as CONNECT needs it (RFC 9112 §3.2.3).
pub(crate) fn has_port(text: &[u8]) -> bool {
    authority_len(text) == Some(text.len()) && split_port(text).1.is_some()
}

/// Host and port at the first colon outside brackets.
fn split_port(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let name_start =
        if text.first() == Some(&b'[') { text.iter().position(|byte| *byte == b']').unwrap_or(text.len()) } else { 0 };
    match text[name_start..].iter().position(|byte| *byte == b':') {
        Some(index) => (&text[..name_start + index], Some(&text[name_start + index + 1..])),
        None => (text, None),
    }
}

/// Labels of plain characters with dots between them and at most one after the last.
fn is_name(host: &[u8]) -> bool {
    let name = host.strip_suffix(b".").unwrap_or(host);
    let mut last = b'.';
    for byte in name {
        if !is(*byte, HOST) || (*byte == b'.' && last == b'.') {
            return false;
        }
        last = *byte;
    }
    last != b'.' && name.len() <= NAME_BYTES_MAX
}

fn is_address(host: &[u8]) -> bool {
    let inner = host.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    let text = inner.and_then(|inner| str::from_utf8(inner).ok());
    text.is_some_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

fn is_port(digits: &[u8]) -> bool {
    let text = if digits.iter().all(u8::is_ascii_digit) { str::from_utf8(digits).ok() } else { None };
    digits.len() <= PORT_DIGITS_MAX && text.is_some_and(|text| text.parse::<u16>().is_ok())
}

/// The longest name of the DNS in text form.
const NAME_BYTES_MAX: usize = 253;
const PORT_DIGITS_MAX: usize = 5;
