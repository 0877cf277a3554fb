//! Which host names can have a certificate over ACME.

/// The name as it is ordered, in lower case and without a dot at its end; or why none can be ordered.
pub(crate) fn orderable(given: &str) -> Result<String, &'static str> {
    let name = given.strip_suffix('.').unwrap_or(given).to_ascii_lowercase();
    if name.starts_with("*.") {
        return Err("wildcard names need a challenge over DNS, which evener does not speak");
    }
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err("a name has between 1 and 253 bytes");
    }
    if !name.split('.').all(is_label) {
        return Err("it is not a DNS name");
    }
    let is_number = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if is_number {
        return Err("addresses are not ordered, only names");
    }
    Ok(name)
}

/// RFC 1123 §2.1. Nothing else may become part of a file's name.
fn is_label(label: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && label.bytes().all(is_fit)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;
