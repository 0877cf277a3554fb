//! Paths of files and folders. Nothing is opened: whether a path leads somewhere is asked by those who read it.

use super::{Fault, quote};

/// The path of a file. It is kept as written, and relative to the working directory.
pub(crate) fn file(text: &str) -> Result<String, Fault> {
    if text.contains("-----BEGIN") {
        return Err(Fault::new("bad-path", "this is the text of a file, not its path")
            .help("write it to a file, and the path of that file here"));
    }
    if text.is_empty() || text.contains('\0') || text.ends_with('/') {
        return Err(Fault::new("bad-path", format!("{} is not the path of a file", quote(text)))
            .help("for example: \"/etc/evener/site.pem\""));
    }
    Ok(text.to_owned())
}

/// The path of a folder, without a slash at its end.
pub(crate) fn folder(text: &str) -> Result<String, Fault> {
    if text.is_empty() || text.contains('\0') {
        return Err(Fault::new("bad-path", format!("{} is not the path of a folder", quote(text)))
            .help("for example: \"/var/lib/evener\""));
    }
    let bare = text.trim_end_matches('/');
    Ok(if bare.is_empty() { "/" } else { bare }.to_owned())
}
