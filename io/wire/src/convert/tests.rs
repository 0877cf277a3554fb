//! Heads there and back.

use super::*;
use evener_http::{HeadLimits, Progress, RequestParser};

/// What a server is asked.
fn asked(text: &str, is_tls: bool) -> Option<Asked> {
    let mut parser = RequestParser::new();
    let limits = HeadLimits { bytes_max: 4096, fields_max: 100 };
    assert!(matches!(parser.parse(text.as_bytes(), &limits), Ok(Progress::Complete)), "{text}");
    request_of(text.as_bytes(), parser.head(), is_tls)
}

#[track_caller]
fn check_asked(text: &str, method: &str, uri: &str, fields: &[(&str, &str)]) {
    let Asked { request, switch_key } = asked(text, uri.starts_with("https")).expect("it can be said");
    assert_eq!((request.method().as_str(), request.uri().to_string().as_str()), (method, uri));
    let said = request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    assert_eq!(said.collect::<Vec<_>>(), fields, "{text}");
    assert!(switch_key.is_none() && request.extensions().get::<h2::ext::Protocol>().is_none());
}

#[test]
fn texts_become_requests() {
    let get = "GET /a?b=c HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\ncookie: a=1; b=2\r\n\r\n";
    check_asked(get, "GET", "https://example.com/a?b=c", &[("accept", "*/*"), ("cookie", "a=1; b=2")]);
    let upload = "POST / HTTP/1.1\r\nHost: a:81\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n";
    check_asked(upload, "POST", "http://a:81/", &[("expect", "100-continue")]);
    let hops = "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, te\r\nKeep-Alive: 1\r\nTE: trailers\r\nX: 1\r\nx: 2\r\n\r\n";
    check_asked(hops, "GET", "http://a/", &[("x", "1"), ("x", "2"), ("te", "trailers")]);
    let call = "POST /s/m HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc+proto\r\nContent-Length: 0\r\n\r\n";
    let fields = [("content-type", "application/grpc+proto"), ("content-length", "0"), ("te", "trailers")];
    check_asked(call, "POST", "http://a/s/m", &fields);
    check_asked("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS", "http://a*", &[]);
    assert!(asked("GET / HTTP/1.0\r\n\r\n", false).is_none(), "a request to nobody");
}

#[test]
fn an_upgrade_becomes_an_extended_connect() {
    let text = "GET /a?b=c HTTP/1.1\r\nhost: example.com\r\nsec-websocket-version: 13\r\nupgrade: WebSocket\r\n\
                connection: upgrade\r\nsec-websocket-key: a2V5\r\n\r\n";
    let Asked { request, switch_key } = asked(text, true).expect("it can be said");
    assert_eq!(switch_key.as_deref(), Some(&b"a2V5"[..]));
    assert_eq!(
        (request.method().as_str(), request.uri().to_string().as_str()),
        ("CONNECT", "https://example.com/a?b=c")
    );
    assert_eq!(request.extensions().get::<h2::ext::Protocol>().map(h2::ext::Protocol::as_str), Some("websocket"));
    let names: Vec<&str> = request.headers().keys().map(HeaderName::as_str).collect();
    assert_eq!(names, ["sec-websocket-version"]);
}

#[test]
fn responses_become_text_that_marks_the_end_of_its_body() {
    use crate::intake::Marking;
    use evener_http::Method::{Get, Head};
    let check = |status: u16, length: Option<&str>, method, is_ended, expected: &str, marking| {
        let response = http::Response::builder().status(status);
        let response = length.into_iter().fold(response, |response, length| response.header("content-length", length));
        let mut out = Vec::new();
        let (marked, _) = response_text(&response.body(()).unwrap().into_parts().0, method, is_ended, None, &mut out);
        assert_eq!((String::from_utf8(out).unwrap().as_str(), marked), (expected, marking));
    };
    check(200, None, Get, false, "HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\n", Marking::Chunks);
    check(200, Some("5"), Get, false, "HTTP/1.1 200 \r\ncontent-length: 5\r\n\r\n", Marking::Length);
    check(200, None, Get, true, "HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n", Marking::Length);
    check(200, None, Head, true, "HTTP/1.1 200 \r\n\r\n", Marking::Length);
    check(204, None, Get, true, "HTTP/1.1 204 \r\n\r\n", Marking::Length);
    check(103, None, Get, false, "HTTP/1.1 103 \r\n\r\n", Marking::Length);
}

#[test]
fn a_switch_is_answered_as_http_1_would() {
    let mut out = Vec::new();
    let parts = http::Response::builder().status(200).body(()).unwrap().into_parts().0;
    let key = b"dGhlIHNhbXBsZSBub25jZQ==";
    response_text(&parts, evener_http::Method::Get, false, Some(key), &mut out);
    // The example of RFC 6455 §1.3.
    let expected = "HTTP/1.1 101 \r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn trailers_go_there_and_back() {
    let lines = b"grpc-status: 0\r\ngrpc-message: all well\r\n";
    assert_eq!(field_lines(&field_map(lines)), lines);
}
