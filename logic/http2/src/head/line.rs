//! Lines of text, checked where they stand: each scan must stop at the very byte that ends what was written, so that nothing
//! in a name or a value can be read as the end of a line.

use super::HeadFault;
use evener_http::{control_at, is_token, position};

/// Appends `name: value CRLF`. A name or a value that RFC 9113 §8.2.1 does not admit is malformed; then nothing is appended.
#[inline]
pub(super) fn write_field(name: &[u8], value: &[u8], text: &mut Vec<u8>) -> Result<(), HeadFault> {
    if is_padded(value) {
        return Err(HeadFault::Malformed);
    }
    let start = text.len();
    let name_end = start + name.len();
    text.reserve(name.len() + value.len() + ADDED_BYTES);
    text.extend_from_slice(name);
    text.extend_from_slice(b": ");
    text.extend_from_slice(value);
    text.extend_from_slice(b"\r\n");
    // The scans look at blocks, for which there is more room in the text than in a short name.
    if is_name_at(text, start, name_end) && is_value_at(text, name_end + 2, text.len() - 2) {
        return Ok(());
    }
    text.truncate(start);
    Err(HeadFault::Malformed)
}

/// What stands in a line beside name and value.
pub(super) const ADDED_BYTES: usize = b": \r\n".len();

/// Whether `start..end` is a name in lower case. `:` follows it.
#[inline]
fn is_name_at(text: &[u8], start: usize, end: usize) -> bool {
    let stop = position(text, start, |byte| {
        let is_letter = byte.wrapping_sub(b'a') < 26;
        let is_digit = byte.wrapping_sub(b'0') < 10;
        !(is_letter | is_digit | (byte == b'-'))
    });
    end > start && (stop == end || is_uncommon_name(text.get(start..end).unwrap_or_default()))
}

/// A name with other bytes than letters, digits and dashes.
#[cold]
fn is_uncommon_name(name: &[u8]) -> bool {
    is_token(name) && !name.iter().any(u8::is_ascii_uppercase)
}

/// Whether `start..end` holds no control byte but HTAB. CR follows it.
#[inline]
pub(super) fn is_value_at(text: &[u8], start: usize, end: usize) -> bool {
    control_at(text, start) == end
}

/// Whether `start..end` is visible ASCII without a fragment (RFC 9112 §3.2.1). A space follows it.
pub(super) fn is_target_at(text: &[u8], start: usize, end: usize) -> bool {
    position(text, start, |byte| (byte <= b' ') | (byte >= 0x7f) | (byte == b'#')) == end
}

/// Whether `start..end` is visible ASCII without user information (RFC 9113 §8.3.1). CR follows it.
pub(super) fn is_authority_at(text: &[u8], start: usize, end: usize) -> bool {
    position(text, start, |byte| (byte <= b' ') | (byte >= 0x7f) | (byte == b'@')) == end
}

/// Whether a value has white space at an end, which the text would lose (RFC 9113 §8.2.1).
#[inline]
fn is_padded(value: &[u8]) -> bool {
    let is_space = |byte: Option<&u8>| byte.is_some_and(|byte| matches!(byte, b' ' | b'\t'));
    is_space(value.first()) || is_space(value.last())
}
