//! Requests.

use super::{add_fields, write_field};
use evener_http::{FieldKind, RequestHead};
use h2::ext::Protocol;
use http::{HeaderValue, Method, Request, Uri, header, request::Parts};

/// Why a request cannot be said in HTTP/1.1; RFC 9113 §8.1.1 calls it malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// `:authority` and `host` name two hosts.
    TwoHosts,
    /// A value has white space at its ends, which the text would lose (RFC 9113 §8.2.1).
    Padding,
    /// The scheme is not that of the connection.
    Scheme,
    /// A path that HTTP/1.1 has no form for.
    Target,
    /// A protocol other than `websocket` in an extended CONNECT (RFC 8441).
    Protocol,
    /// An extended CONNECT with a length: what follows is no body, and would be taken for one.
    Length,
}

/// How a request is said over HTTP/2 that asks for another protocol.
pub(crate) const WEBSOCKET: &str = "websocket";

/// Writes a client's request as text. `has_body`: frames follow the head. `key` is a nonce for an extended CONNECT, which
/// has none of its own (RFC 8441 §5.1).
pub(crate) fn request_text(
    parts: &Parts,
    has_body: bool,
    is_tls: bool,
    key: &str,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let protocol = parts.extensions.get::<Protocol>();
    if protocol.is_some_and(|protocol| !protocol.as_str().eq_ignore_ascii_case(WEBSOCKET)) {
        return Err(Malformed::Protocol);
    }
    let is_switch = protocol.is_some();
    if let Some(scheme) = parts.uri.scheme_str()
        && scheme != (if is_tls { "https" } else { "http" })
    {
        return Err(Malformed::Scheme);
    }
    write_line(parts, is_switch, out)?;
    let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    if let Some(authority) = authority {
        write_field("host", authority, out);
    }
    let (mut hosts, mut has_cookies, mut has_length) = (0, false, false);
    for (name, value) in &parts.headers {
        let value = value.as_bytes();
        match *name {
            header::HOST => {
                hosts += 1;
                // RFC 9113 §8.3.1: they must say the same.
                if hosts > 1 || authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(value)) {
                    return Err(Malformed::TwoHosts);
                }
                if authority.is_some() {
                    continue;
                }
            }
            header::COOKIE => {
                has_cookies = true;
                continue;
            }
            header::CONTENT_LENGTH if is_switch => return Err(Malformed::Length),
            header::CONTENT_LENGTH => has_length = true,
            // RFC 8441 §5.1: it means nothing here, and ours would be the second.
            header::SEC_WEBSOCKET_KEY if is_switch => continue,
            _ => {}
        }
        if value.trim_ascii().len() != value.len() {
            return Err(Malformed::Padding);
        }
        write_field(name.as_str(), value, out);
    }
    if has_cookies {
        write_cookies(parts, out);
    }
    if is_switch {
        write_field("upgrade", WEBSOCKET.as_bytes(), out);
        write_field("connection", b"upgrade", out);
        write_field("sec-websocket-key", key.as_bytes(), out);
    } else if has_body && !has_length {
        write_field("transfer-encoding", b"chunked", out);
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

fn write_line(parts: &Parts, is_switch: bool, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let method = if is_switch { "GET" } else { parts.method.as_str() };
    let is_connect = parts.method == Method::CONNECT && !is_switch;
    let target = match (parts.uri.path_and_query(), parts.uri.authority()) {
        (_, Some(authority)) if is_connect => authority.as_str(),
        (Some(target), _) if !is_connect => target.as_str(),
        _ => return Err(Malformed::Target),
    };
    if target.is_empty() {
        return Err(Malformed::Target);
    }
    out.extend_from_slice(method.as_bytes());
    out.push(b' ');
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    Ok(())
}

/// RFC 9113 §8.2.3: the crumbs of a cookie are one field in HTTP/1.1.
fn write_cookies(parts: &Parts, out: &mut Vec<u8>) {
    out.extend_from_slice(b"cookie: ");
    for (number, crumb) in parts.headers.get_all(header::COOKIE).iter().enumerate() {
        out.extend_from_slice(if number > 0 { b"; " } else { b"" });
        out.extend_from_slice(crumb.as_bytes().trim_ascii());
    }
    out.extend_from_slice(b"\r\n");
}

/// What a server is asked over HTTP/2.
pub(crate) struct Asked {
    pub(crate) request: Request<()>,
    /// `Sec-WebSocket-Key`, if the request asks for a WebSocket by extended CONNECT.
    pub(crate) switch_key: Option<Vec<u8>>,
}

/// The request of a parsed head; `None` if it has no form in HTTP/2.
pub(crate) fn request_of(message: &[u8], head: &RequestHead, is_tls: bool) -> Option<Asked> {
    let upgrade = head.upgrade.map(|upgrade| upgrade.of(message));
    let is_switch = upgrade.is_some_and(|protocol| protocol.eq_ignore_ascii_case(WEBSOCKET.as_bytes()));
    let mut host = None;
    let mut request = Request::new(());
    let map = request.headers_mut();
    add_fields(message, &head.fields, |kind| matches!(kind, FieldKind::Host | FieldKind::Expect), map);
    for field in &head.fields {
        match field.kind {
            FieldKind::Host => host = Some(field.value.of(message)),
            FieldKind::Expect if head.expects_continue => {
                map.insert(header::EXPECT, HeaderValue::from_static("100-continue"));
            }
            _ => {}
        }
    }
    let is_grpc = map.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    if head.te_trailers || is_grpc {
        map.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    let switch_key = if is_switch { map.remove("sec-websocket-key") } else { None };
    *request.method_mut() = match is_switch {
        true => Method::CONNECT,
        false => Method::from_bytes(head.method_text.of(message)).ok()?,
    };
    if is_switch {
        request.extensions_mut().insert(Protocol::from_static(WEBSOCKET));
    }
    let scheme = if is_tls { "https" } else { "http" };
    let uri = Uri::builder().scheme(scheme).authority(host.unwrap_or_default());
    let uri = uri.path_and_query(head.target.of(message));
    *request.uri_mut() = uri.build().ok()?;
    Some(Asked { request, switch_key: switch_key.map(|key| key.as_bytes().to_vec()) })
}
