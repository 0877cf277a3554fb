//! Authorities: `host[:port]` checked, and the one canonical host for routing (K04).
//! Names are not resolved and user information is never accepted.

use crate::grammar::{HOST, is};
use std::net::Ipv6Addr;

/// Puts the host of a checked authority into `out`, in place of what it held: in lower case, without its
/// port and without a trailing dot. An IPv6 address keeps its brackets.
pub fn canonical_host(authority: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let (host, _) = split_port(authority);
    let host = host.strip_suffix(b".").unwrap_or(host);
    out.extend(host.iter().map(u8::to_ascii_lowercase));
}

/// How many bytes of `text` are the authority without an empty port (`a:` is `a`, RFC 9110 §4.2.3);
/// `None` when it is not `host[:port]`.
pub(crate) fn authority_len(text: &[u8]) -> Option<usize> {
    let host_len = if text.first() == Some(&b'[') { address_len(text)? } else { name_len(text)? };
    match &text[host_len..] {
        [] | [b':'] => Some(host_len),
        [b':', digits @ ..] if is_port(digits) => Some(text.len()),
        _ => None,
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

/// The length of a name up to a colon or the end: labels of plain characters with dots between them and at most one
/// after the last.
fn name_len(text: &[u8]) -> Option<usize> {
    let mut last = b'.';
    let mut len = 0;
    for byte in text {
        if !is(*byte, HOST) {
            break;
        }
        if *byte == b'.' && last == b'.' {
            return None;
        }
        last = *byte;
        len += 1;
    }
    (len > 1 || last != b'.').then_some(len).filter(|len| *len <= NAME_BYTES_MAX)
}

/// The length of an IPv6 address in brackets.
fn address_len(text: &[u8]) -> Option<usize> {
    let end = text.iter().position(|byte| *byte == b']')?;
    let inner = str::from_utf8(&text[1..end]).ok()?;
    inner.parse::<Ipv6Addr>().is_ok().then_some(end + 1)
}

fn is_port(digits: &[u8]) -> bool {
    if digits.len() > PORT_DIGITS_MAX {
        return false;
    }
    let mut port = 0;
    for byte in digits {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        if digit > 9 {
            return false;
        }
        port = port * 10 + digit;
    }
    port <= u32::from(u16::MAX)
}

/// The longest name of the DNS in text form, with the final dot.
const NAME_BYTES_MAX: usize = 254;
const PORT_DIGITS_MAX: usize = 5;
