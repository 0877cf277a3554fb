//! Host names as preambles carry them: checked, in lower case, without a trailing dot.
//! International names come encoded (`xn--`); nothing is encoded, decoded or resolved here.

/// The canonical form of a DNS name of at most 253 bytes and labels of at most 63; `None` when it is not one.
///
/// An IPv4 address has the form of a name and passes, see [`is_address`]. Underscores pass, because names of services
/// have them and certificates too.
pub(crate) fn canonical_name(bytes: &[u8]) -> Option<String> {
    let name = bytes.strip_suffix(b".").unwrap_or(bytes);
    if name.len() > NAME_BYTES_MAX || !name.split(|byte| *byte == b'.').all(is_label) {
        return None;
    }
    let text = str::from_utf8(name).ok()?;
    Some(text.to_ascii_lowercase())
}

/// Whether a name ends in a label of digits only. No top-level domain does (RFC 3696 §2), and readers of addresses
/// take even `1.2` and `0x7f.1` for one.
pub(crate) fn is_address(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_label(label: &[u8]) -> bool {
    let has_length = (1..=LABEL_BYTES_MAX).contains(&label.len());
    let has_characters = label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    has_length && has_characters && !label.starts_with(b"-") && !label.ends_with(b"-")
}

/// RFC 1035 §2.3.4: 255 on the wire, of which text shows two less.
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

#[cfg(test)]
mod tests;
