//! Version 1 of the PROXY protocol: one line of text.
//! Nothing is repaired: one space between words, addresses and ports in their canonical form, CR LF at the end.

use super::{Progress, ProxyHeader, canonical};
use crate::PreambleFault;
use std::net::{IpAddr, SocketAddr};

/// Reads a line of which the start has been found to agree with [`START`].
pub(super) fn parse(bytes: &[u8]) -> Result<Progress, PreambleFault> {
    let window = bytes.get(..LINE_BYTES_MAX).unwrap_or(bytes);
    let end = window.iter().position(|byte| *byte == b'\r');
    let line = window.get(..end.unwrap_or(window.len())).unwrap_or_default();
    // Another control byte, a lone LF above all, is the end of the line to some readers.
    if !line.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(PreambleFault::ProxyMalformed);
    }
    let line = str::from_utf8(line).map_err(|_| PreambleFault::ProxyMalformed)?;
    let header = match end {
        Some(_) => Some(complete(line).ok_or(PreambleFault::ProxyMalformed)?),
        None if can_become_line(line) => None,
        None => return Err(PreambleFault::ProxyMalformed),
    };
    let length = line.len() + LINE_END.len();
    if length > LINE_BYTES_MAX {
        return Err(PreambleFault::ProxyTooLong);
    }
    match (header, window.get(line.len()..).unwrap_or_default()) {
        (Some(header), [b'\r', b'\n', ..]) => Ok(Progress::Complete { length, header }),
        (None, _) | (Some(_), [] | [_]) => Ok(Progress::NeedMore),
        (Some(_), _) => Err(PreambleFault::ProxyMalformed),
    }
}

/// The header of a line without its end.
fn complete(line: &str) -> Option<ProxyHeader> {
    let rest = line.strip_prefix("PROXY ")?;
    if is_unknown(rest) {
        return Some(ProxyHeader::default());
    }
    let mut words = rest.split(' ');
    let family = Family::read(words.next()?)?;
    let source = family.address(words.next()?)?;
    let destination = family.address(words.next()?)?;
    let source = canonical(SocketAddr::new(source, port(words.next()?)?));
    let destination = canonical(SocketAddr::new(destination, port(words.next()?)?));
    let header = ProxyHeader { source: Some(source), destination: Some(destination), ..ProxyHeader::default() };
    words.next().is_none().then_some(header)
}

/// Whether the beginning of a line can become one: its words are right, and the last can become right.
fn can_become_line(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("PROXY ") else { return true };
    if is_unknown(rest) {
        return true;
    }
    let Some((before, last)) = rest.rsplit_once(' ') else {
        return ["TCP4", "TCP6", "UNKNOWN"].iter().any(|word| word.starts_with(rest));
    };
    let mut words = before.split(' ');
    let Some(family) = words.next().and_then(Family::read) else { return false };
    let mut place = 0;
    for word in words {
        let is_right = match place {
            0 | 1 => family.address(word).is_some(),
            2 => port(word).is_some(),
            _ => false,
        };
        if !is_right {
            return false;
        }
        place += 1;
    }
    match place {
        0 | 1 => family.can_become_address(last),
        _ => last.is_empty() || port(last).is_some(),
    }
}

/// What stands behind the word is for nobody (it may be addresses of a kind that the sender does not know).
fn is_unknown(rest: &str) -> bool {
    rest == "UNKNOWN" || rest.starts_with("UNKNOWN ")
}

#[derive(Clone, Copy)]
enum Family {
    V4,
    V6,
}

impl Family {
    fn read(word: &str) -> Option<Self> {
        match word {
            "TCP4" => Some(Self::V4),
            "TCP6" => Some(Self::V6),
            _ => None,
        }
    }

    fn address(self, word: &str) -> Option<IpAddr> {
        match self {
            _ if word.len() > ADDRESS_BYTES_MAX => None,
            Self::V4 => word.parse().ok().map(IpAddr::V4),
            Self::V6 => word.parse().ok().map(IpAddr::V6),
        }
    }

    /// The beginning of an address becomes one by one of a few endings or not at all.
    fn can_become_address(self, word: &str) -> bool {
        ADDRESS_ENDINGS.iter().any(|ending| self.address(&[word, *ending].concat()).is_some())
    }
}

/// Decimal without sign and leading zeros.
fn port(word: &str) -> Option<u16> {
    let is_canonical = word.bytes().all(|byte| byte.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
    if is_canonical { word.parse().ok() } else { None }
}

/// How a line begins.
pub(super) const START: &[u8] = b"PROXY ";
const LINE_END: &[u8] = b"\r\n";
/// The longest line, which is the longest `UNKNOWN` one; given by the protocol.
const LINE_BYTES_MAX: usize = 107;
/// Eight groups of four digits and seven colons.
const ADDRESS_BYTES_MAX: usize = 39;
/// Of either family: whatever is missing is zero. `1::2.` ends in `0.0.0`, `1:2` in `::`, `1:` in `:`.
const ADDRESS_ENDINGS: [&str; 10] = ["", ":", "::", "0", ".0", "0.0", ".0.0", "0.0.0", ".0.0.0", "0.0.0.0"];
