//! Offers of another protocol (RFC 9110 §7.8): which are valid, which go on, which answer fits.
//! What flows after a 101 is not looked at.

use crate::grammar::{elements, is_token};

/// Whether every protocol that a 101 names was offered. `h2c` counts as never offered (RFC 9113 §3.1).
pub fn is_offered(offered: &[u8], accepted: &[u8]) -> bool {
    let mut names = elements(accepted).peekable();
    names.peek().is_some() && names.all(|name| protocols(offered).any(|protocol| protocol.eq_ignore_ascii_case(name)))
}

/// Whether an Upgrade value is a list of protocols of which one may be passed on.
pub(crate) fn is_valid_offer(value: &[u8]) -> bool {
    elements(value).all(is_protocol) && protocols(value).next().is_some()
}

/// The protocols of an offer that may be passed on.
pub(crate) fn protocols(offered: &[u8]) -> impl Iterator<Item = &[u8]> {
    elements(offered).filter(|name| is_protocol(name) && !is_http2(name))
}

/// `name` or `name/version`.
fn is_protocol(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'/').count() <= 2 && text.split(|byte| *byte == b'/').all(is_token)
}

/// HTTP/2 behind an upgrade would be a tunnel past every rule (K07).
fn is_http2(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"h2c") || name.eq_ignore_ascii_case(b"h2") || is_http(name)
}

fn is_http(name: &[u8]) -> bool {
    name.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"http/"))
}
