//! The bytes of RFC 9110 and 9112: class tables, scans, lists and numbers.
//! It knows no field and no message.

mod scan;

pub(crate) use scan::name_run_end;
pub use scan::{control_at, position};

/// A byte of a token (RFC 9110 §5.6.2).
pub(crate) const TOKEN: u8 = 1;
/// A byte of a host name; the reserved and the encoded forms are not taken, they have no canonical form.
pub(crate) const HOST: u8 = 2;
/// `_` and `.`, which some servers read as `-` in field names (K06).
pub(crate) const DASH_ALIAS: u8 = 4;

/// The classes of each byte.
pub(crate) const CLASS: [u8; 256] = classes();

/// Whether `byte` has any of the classes in `mask`.
#[inline]
pub(crate) fn is(byte: u8, mask: u8) -> bool {
    CLASS[byte as usize] & mask != 0
}

/// Where the run of bytes of class `mask` that begins at `from` ends, and all classes met on the way.
#[inline]
pub(crate) fn run_end(bytes: &[u8], from: usize, mask: u8) -> (usize, u8) {
    let mut met = 0;
    let rest = bytes.get(from..).unwrap_or_default();
    for (index, byte) in rest.iter().enumerate() {
        let class = CLASS[*byte as usize];
        if class & mask == 0 {
            return (from + index, met);
        }
        met |= class;
    }
    (from + rest.len(), met)
}

/// Whether `text` is a token (RFC 9110 §5.6.2).
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is(*byte, TOKEN))
}

/// Whether `byte` is optional white space.
#[inline]
pub(crate) const fn is_space(byte: u8) -> bool {
    // The first comparison alone is enough for almost every byte.
    byte <= b' ' && (byte == b' ' || byte == b'\t')
}

/// `text` without optional white space around it.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_space(*byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_space(*byte)).map_or(start, |last| last + 1);
    &text[start..end]
}

/// The elements of a comma list, trimmed. Empty elements are given too.
pub(crate) fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(trim)
}

/// Why a text is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberFault {
    Malformed,
    TooLarge,
}

/// Reads 1*DIGIT. Signs, white space, bases, lists and overflow are refused (K29).
pub(crate) fn decimal(text: &[u8]) -> Result<u64, NumberFault> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return Err(NumberFault::Malformed);
    }
    if text.len() > DECIMAL_DIGITS_MAX {
        return Err(NumberFault::TooLarge);
    }
    let mut number: u64 = 0;
    for digit in text {
        number = number * 10 + u64::from(digit - b'0');
    }
    Ok(number)
}

/// The value of a hexadecimal digit.
pub(crate) const fn hex_value(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte: usize = 0x21;
    while byte < 0x7f {
        let character = byte as u8;
        let mut class = 0;
        if character.is_ascii_alphanumeric() {
            class |= TOKEN | HOST;
        }
        if matches!(
            character,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        ) {
            class |= TOKEN;
        }
        if matches!(character, b'-' | b'.' | b'_') {
            class |= HOST;
        }
        if matches!(character, b'_' | b'.') {
            class |= DASH_ALIAS;
        }
        table[byte] = class;
        byte += 1;
    }
    table
}

/// 18 digits cannot overflow 63 bits; no body is longer than that.
const DECIMAL_DIGITS_MAX: usize = 18;

#[cfg(test)]
mod tests;
