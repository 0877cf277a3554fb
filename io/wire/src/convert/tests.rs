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
    let connect = |protocol, name, value| {
        let mut connect = request().method("CONNECT").header(name, value).body(()).unwrap();
        connect.extensions_mut().insert(h2::ext::Protocol::from_static(protocol));
        text(connect, true)
    };
    assert_eq!(connect("connect-udp", "x", "y").err(), Some(Malformed::Protocol));
    assert_eq!(connect("websocket", "content-length", "3").err(), Some(Malformed::Length));
    let own_key = connect("websocket", "sec-websocket-key", "b3RoZXI=").unwrap();
    assert_eq!(own_key.matches("sec-websocket-key").count(), 1, "{own_key}");
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

/// What the strict parser says of a head, and what is told of one that evener has written itself.
#[track_caller]
fn check_own(text: &str, method: evener_http::Method, fields: &[(&str, &str)]) {
    use evener_http::{RequestContext, ResponseParser};
    let mut parser = ResponseParser::new();
    let limits = HeadLimits { bytes_max: 64 * 1024, fields_max: 100 };
    assert!(matches!(parser.parse(text.as_bytes(), &limits, RequestContext { method }), Ok(Progress::Complete)));
    let head = parser.head();
    // Twice: the second time every field is known.
    for _ in 0..2 {
        let own = own_head(format!("{text}body").as_bytes(), method, HeaderMap::new()).unwrap();
        assert_eq!((own.status, own.framing, own.head_bytes), (head.status, head.framing, head.head_bytes), "{text}");
        let is = own.response.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        assert_eq!(is.collect::<Vec<_>>(), fields, "{text}");
    }
}

#[test]
fn own_heads_are_read_as_the_strict_parser_reads_them() {
    use evener_http::Method::{Get, Head};
    let plain = "HTTP/1.1 200 OK\r\nServer: a\r\nContent-Length: 5\r\n\r\n";
    check_own(plain, Get, &[("server", "a"), ("content-length", "5")]);
    check_own(plain, Head, &[("server", "a"), ("content-length", "5")]);
    // Other values and other fields at the places of those that are known.
    check_own(
        "HTTP/1.1 200 OK\r\nServer: b\r\nContent-Length: 6\r\n\r\n",
        Get,
        &[("server", "b"), ("content-length", "6")],
    );
    check_own(
        "HTTP/1.1 404 \r\nx: 1\r\nX: 2\r\nContent-Length: 0\r\n\r\n",
        Get,
        &[("x", "1"), ("x", "2"), ("content-length", "0")],
    );
    check_own(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nA:  b \r\n\r\n",
        Get,
        &[("a", "b")],
    );
    check_own("HTTP/1.1 204 No Content\r\n\r\n", Get, &[]);
    check_own(
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: \"x\"\r\n\r\n",
        Get,
        &[("content-length", "9"), ("etag", "\"x\"")],
    );
    check_own("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", Get, &[("link", "</a>")]);
    // Lines that are too long to be remembered, and those behind them.
    let long = "v".repeat(1000);
    let text = format!("HTTP/1.1 200 OK\r\nA: 1\r\nB: {long}\r\nC: 3\r\nContent-Length: 0\r\n\r\n");
    check_own(&text, Get, &[("a", "1"), ("b", &long), ("c", "3"), ("content-length", "0")]);
    // More fields than are remembered.
    let many: String = (0..60).map(|number| format!("x-{number}: {number}\r\n")).collect();
    let own = own_head(format!("HTTP/1.1 200 OK\r\n{many}\r\n").as_bytes(), Get, HeaderMap::new()).unwrap();
    assert_eq!((own.response.headers().len(), own.response.headers()["x-59"].to_str().unwrap()), (60, "59"));
}

#[test]
fn own_heads_become_what_http_2_says() {
    use evener_http::Method::Get;
    let of = |text: &str| own_head(text.as_bytes(), Get, HeaderMap::new()).map(|own| own.response);
    let switch =
        "HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\na: b\r\n\r\n";
    let switch = of(switch).unwrap();
    assert_eq!((switch.status().as_u16(), switch.headers().len()), (200, 1));
    let call = of("HTTP/1.1 200 OK\r\ngrpc-status: 5\r\ncontent-length: 0\r\n\r\n").unwrap();
    assert_eq!((call.headers().len(), &call.headers()["grpc-status"]), (1, &HeaderValue::from_static("5")));
    for cut in ["", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\na: b\r\n", "HTTP/1.1 2x0 OK\r\n\r\n"]
    {
        assert!(of(cut).is_none(), "{cut}");
    }
}
