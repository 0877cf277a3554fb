//! Methods, field names and field values. Which of them a request has is not decided here.

use super::{Fault, quote};

/// Fields that frame messages or belong to one connection. Setting one would break the message (RFC 9112 §6) or
/// speak for a connection that is not the client's (RFC 9110 §7.6.1).
const FIXED_FIELDS: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "proxy-authenticate",
    "proxy-authorization",
];

const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// A method; case matters.
pub(crate) fn method(text: &str) -> Result<String, Fault> {
    let upper = text.to_ascii_uppercase();
    if text != upper && METHODS.contains(&upper.as_str()) {
        return Err(Fault::new(
            "bad-method",
            format!("methods are case-sensitive, and {} is not {upper}", quote(text)),
        )
        .help(format!("write \"{upper}\"")));
    }
    if !is_token(text) {
        return Err(Fault::new("bad-method", format!("{} is not a method", quote(text))).help("for example: \"GET\""));
    }
    Ok(text.to_owned())
}

/// The name of a field, in lower case.
pub(crate) fn field_name(text: &str) -> Result<String, Fault> {
    if !is_token(text) {
        return Err(Fault::new("bad-header", format!("{} is not the name of a header field", quote(text)))
            .help("a name has letters, digits and hyphens, such as x-from"));
    }
    Ok(text.to_ascii_lowercase())
}

/// The name of a field that a config may set.
pub(crate) fn settable_name(text: &str) -> Result<String, Fault> {
    let name = field_name(text)?;
    if name == "host" {
        return Err(Fault::new("fixed-header", "`host` is not set as a header field")
            .help("write host = \"…\" beside set_headers"));
    }
    if FIXED_FIELDS.contains(&name.as_str()) {
        return Err(Fault::new("fixed-header", format!("`{name}` belongs to the connection and cannot be set")));
    }
    Ok(name)
}

/// The value of a field, without space around it.
pub(crate) fn field_value(text: &str) -> Result<String, Fault> {
    let value = text.trim_matches([' ', '\t']);
    if let Some(bad) = value.chars().find(|character| character.is_ascii_control() && *character != '\t') {
        return Err(Fault::new("bad-header", format!("a header value cannot hold {}", quote(&bad.to_string())))
            .help("a value is one line of text"));
    }
    Ok(value.to_owned())
}

/// The value of `Content-Type`.
pub(crate) fn content_type(text: &str) -> Result<String, Fault> {
    let value = field_value(text)?;
    let media = value.split(';').next().unwrap_or("").trim_end();
    match media.split_once('/') {
        Some((kind, form)) if is_token(kind) && is_token(form) => Ok(value),
        _ => Err(Fault::new("bad-header", format!("{} is not a media type", quote(text)))
            .help("for example: \"text/html; charset=utf-8\"")),
    }
}

/// RFC 9110 §5.6.2.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
