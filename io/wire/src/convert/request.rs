//! Requests.

use super::add_fields;
use evener_http::{FieldKind, RequestHead};
use h2::ext::Protocol;
use http::{HeaderValue, Method, Request, Uri, header};

/// How a request is said over HTTP/2 that asks for another protocol.
pub(crate) const WEBSOCKET: &str = "websocket";

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
