//! What is told to a certificate authority: the URL of its directory, an address for mail, the key of an account.

use super::{Fault, closest, host_field, quote};
use evener_plan::{LETS_ENCRYPT, LETS_ENCRYPT_STAGING};

/// Directories that have a name.
const NAMED: [(&str, &str); 2] = [("letsencrypt", LETS_ENCRYPT), ("letsencrypt-staging", LETS_ENCRYPT_STAGING)];

/// The URL of a directory, or its name.
pub(crate) fn directory(text: &str) -> Result<String, Fault> {
    if let Some((_, url)) = NAMED.iter().find(|(name, _)| *name == text) {
        return Ok((*url).to_owned());
    }
    let fault = |message: String| Fault::new("bad-directory", message);
    let Some((scheme, rest)) = text.split_once("://") else {
        let fault = fault(format!("{} is neither a URL nor the name of a directory", quote(text)));
        return Err(match closest(text, NAMED.map(|(name, _)| name)) {
            Some(near) => fault.help(format!("did you mean \"{near}\"?")),
            None => fault.help("write \"letsencrypt\", \"letsencrypt-staging\", or a URL that begins with https://"),
        });
    };
    // Whoever could read or change what the directory says would get certificates in the operator's name.
    if scheme != "https" {
        return Err(fault(String::from("a directory is reached over https only"))
            .part(0..scheme.len())
            .help(format!("write \"https://{}\"", rest.escape_default())));
    }
    if let Some(bad) = text.find(|character: char| !character.is_ascii_graphic() || character == '#') {
        let end = bad + text[bad..].chars().next().map_or(0, char::len_utf8);
        return Err(
            fault(format!("{} does not occur in the URL of a directory", quote(&text[bad..end]))).part(bad..end)
        );
    }
    let host = rest.split(['/', '?']).next().unwrap_or("");
    match host_field(host) {
        Ok(_) => Ok(text.to_owned()),
        Err(fault) => {
            let start = scheme.len() + "://".len();
            Err(Fault::new("bad-directory", fault.message).part(start..start + host.len()))
        }
    }
}

/// An address for mail.
pub(crate) fn email(text: &str) -> Result<String, Fault> {
    let fault = Fault::new("bad-email", format!("{} is no address for mail", quote(text)));
    if let Some(bare) = text.strip_prefix("mailto:") {
        return Err(fault.help(format!("write \"{}\"", bare.escape_default())));
    }
    let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
    match text.split_once('@') {
        Some((name, host)) if is_plain(name) && is_plain(host) && !host.contains('@') => Ok(text.to_owned()),
        _ => Err(fault.help("for example: \"admin@example.com\"")),
    }
}

/// The identifier of a key, as the authority names it.
pub(crate) fn key_id(text: &str) -> Result<String, Fault> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(Fault::new("bad-binding", format!("{} is no identifier of a key", quote(text)))
            .help("write it as the authority gave it to you"));
    }
    Ok(text.to_owned())
}

/// A key in base64url, RFC 4648 §5; padding is taken off. The text is a secret, so no message shows it.
pub(crate) fn binding_key(text: &str) -> Result<String, Fault> {
    let bare = text.trim_end_matches('=');
    if bare.contains(['+', '/']) {
        return Err(Fault::new("bad-binding", "this key is in base64, not in base64url")
            .help("write - in place of + and _ in place of /"));
    }
    let is_fit = bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    // Four letters stand for three bytes; one letter over is less than a byte.
    if bare.is_empty() || !is_fit || bare.len() % 4 == 1 {
        return Err(
            Fault::new("bad-binding", "this is no key in base64url").help("write it as the authority gave it to you")
        );
    }
    Ok(bare.to_owned())
}
