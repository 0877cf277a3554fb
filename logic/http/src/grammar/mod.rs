//! The bytes of RFC 9110 and 9112: class tables, scans, lists and numbers.
//! It knows no field and no message.

/// A byte of a token (RFC 9110 §5.6.2).
pub(crate) const TOKEN: u8 = 1;
/// A byte that may stand in a request-target: visible ASCII without `#` (no fragment is ever sent, RFC 9112 §3.2.1).
pub(crate) const TARGET: u8 = 2;
/// A byte of a host name; the reserved and the encoded forms are not taken, they have no canonical form.
pub(crate) const HOST: u8 = 4;
/// `_` and `.`, which some servers read as `-` in field names (K06).
pub(crate) const DASH_ALIAS: u8 = 8;
/// `.` and `%`: the path has to be looked at for dot segments and escapes.
pub(crate) const PATH_MARK: u8 = 16;
/// `?`: a query follows.
pub(crate) const QUERY_MARK: u8 = 32;

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

/// Whether `text` is a token.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| is(*byte, TOKEN))
}

/// Index of the first control byte other than HTAB at or after `from`, or the length of `bytes`.
/// What is left are the bytes of a field value: HTAB, SP, visible ASCII and obs-text (RFC 9110 §5.5).
#[inline]
pub(crate) fn control_at(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(word) = rest.first_chunk::<8>() else {
            let tail = rest.iter().position(|byte| is_control(*byte));
            return tail.map_or(bytes.len(), |index| at + index);
        };
        let hits = control_bits(u64::from_le_bytes(*word));
        if hits == 0 {
            at += 8;
            continue;
        }
        // Only the lowest hit is exact: a borrow may mark bytes above it.
        at += (hits.trailing_zeros() / 8) as usize;
        if bytes[at] != b'\t' {
            return at;
        }
        at += 1;
    }
}

/// The top bit of every byte below 0x20 or equal to 0x7f; exact up to the lowest.
#[inline]
const fn control_bits(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let below_space = word.wrapping_sub(ONES * 0x20) & !word;
    let delete = word ^ (ONES * 0x7f);
    let is_delete = delete.wrapping_sub(ONES) & !delete;
    (below_space | is_delete) & (ONES * 0x80)
}

#[inline]
const fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f
}

/// Whether `byte` is optional white space.
#[inline]
pub(crate) const fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
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
        if character != b'#' {
            class |= TARGET;
        }
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
        if matches!(character, b'.' | b'%') {
            class |= PATH_MARK;
        }
        if character == b'?' {
            class |= QUERY_MARK;
        }
        table[byte] = class;
        byte += 1;
    }
    table
}

/// 18 digits cannot overflow 63 bits; no body is longer than that.
const DECIMAL_DIGITS_MAX: usize = 18;
