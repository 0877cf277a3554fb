//! Heads there and back.

use super::*;
use evener_http::{HeadLimits, Progress, RequestParser};
use http::{Method, Request};

fn text(request: Request<()>, has_body: bool) -> Result<String, Malformed> {
    let mut out = Vec::new();
    request_text(&request.into_parts().0, has_body, true, "a2V5", &mut out)?;
    Ok(String::from_utf8(out).expect("it is text"))
}

fn request() -> http::request::Builder {
    Request::builder().method("GET").uri("https://example.com/a?b=c")
}

#[test]
fn requests_become_text() {
    let plain = request().header("accept", "*/*").body(()).unwrap();
    assert_eq!(text(plain, false).unwrap(), "GET /a?b=c HTTP/1.1\r\nhost: example.com\r\naccept: */*\r\n\r\n");

    let crumbs = request().header("cookie", "a=1").header("host", "EXAMPLE.com").header("cookie", "b=2");
    let crumbs = text(crumbs.body(()).unwrap(), false).unwrap();
    assert_eq!(crumbs, "GET /a?b=c HTTP/1.1\r\nhost: example.com\r\ncookie: a=1; b=2\r\n\r\n");

    let unknown_length = text(request().method("POST").body(()).unwrap(), true).unwrap();
    assert!(unknown_length.ends_with("\r\ntransfer-encoding: chunked\r\n\r\n"));
    let known = text(request().method("POST").header("content-length", "3").body(()).unwrap(), true).unwrap();
    assert!(!known.contains("transfer-encoding"));
}

#[test]
fn an_extended_connect_becomes_an_upgrade() {
    let mut websocket = request().method("CONNECT").header("sec-websocket-version", "13").body(()).unwrap();
    websocket.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
    let text = text(websocket, true).unwrap();
    assert!(text.starts_with("GET /a?b=c HTTP/1.1\r\nhost: example.com\r\nsec-websocket-version: 13\r\n"), "{text}");
    assert!(text.ends_with("upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: a2V5\r\n\r\n"), "{text}");
    // And back, as a server is asked.
    let mut parser = RequestParser::new();
    let limits = HeadLimits { bytes_max: 4096, fields_max: 100 };
    assert!(matches!(parser.parse(text.as_bytes(), &limits), Ok(Progress::Complete)));
    let asked = request_of(text.as_bytes(), parser.head(), true).unwrap();
    assert_eq!(asked.switch_key.as_deref(), Some(&b"a2V5"[..]));
    assert_eq!(
        (asked.request.method(), asked.request.uri().to_string()),
        (&Method::CONNECT, "https://example.com/a?b=c".into())
    );
    assert!(asked.request.extensions().get::<h2::ext::Protocol>().is_some());
    let names: Vec<&str> = asked.request.headers().keys().map(HeaderName::as_str).collect();
    assert_eq!(names, ["sec-websocket-version"]);
}

#[test]
fn what_has_no_form_is_malformed() {
    let check = |request: http::request::Builder, expected| {
        assert_eq!(text(request.body(()).unwrap(), false).err(), Some(expected));
    };
    check(request().header("host", "other.com"), Malformed::TwoHosts);
    check(request().header("host", "example.com").header("host", "example.com"), Malformed::TwoHosts);
    check(request().header("x-a", " b"), Malformed::Padding);
    check(request().uri("http://example.com/"), Malformed::Scheme);
    check(request().method("CONNECT").uri("/x"), Malformed::Target);
    let mut other = request().method("CONNECT").body(()).unwrap();
    other.extensions_mut().insert(h2::ext::Protocol::from_static("connect-udp"));
    assert_eq!(text(other, false).err(), Some(Malformed::Protocol));
}

#[test]
fn responses_become_text_that_marks_the_end_of_its_body() {
    use crate::intake::Marking;
    use evener_http::Method::{Get, Head};
    let check = |status: u16, length: Option<&str>, method, is_ended, expected: &str, marking| {
        let response = http::Response::builder().status(status);
        let response = length.into_iter().fold(response, |response, length| response.header("content-length", length));
        let mut out = Vec::new();
        let marked = response_text(&response.body(()).unwrap().into_parts().0, method, is_ended, None, &mut out);
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
