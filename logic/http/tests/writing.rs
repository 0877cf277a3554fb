//! Heads as they are written: trust, settings, copied and rewritten lines, the client's address.

use evener_http::*;
use std::net::IpAddr;

const LIMITS: HeadLimits = HeadLimits { bytes_max: 4096, fields_max: 32 };

/// The settings of most requests here.
const FORWARD: ForwardRequest<'static> = ForwardRequest {
    target: b"/x",
    host: b"a",
    client_ip: b"192.0.2.1",
    client_host: b"a",
    scheme: b"http",
    certificate: &[],
    trusts_peer: false,
    set_headers: &[],
    expects_continue: false,
};

/// Checks what a request with these field lines becomes, with `|` for CRLF.
#[track_caller]
fn check(fields: &str, forward: &ForwardRequest<'_>, expected: &str) {
    check_message(&format!("GET /x HTTP/1.1\r\n{fields}\r\n"), forward, expected);
}

#[track_caller]
fn check_message(message: &str, forward: &ForwardRequest<'_>, expected: &str) {
    let mut parser = RequestParser::new();
    assert_eq!(parser.parse(message.as_bytes(), &LIMITS), Ok(Progress::Complete));
    let mut out = Vec::new();
    write_request_head(message.as_bytes(), parser.head(), forward, &mut out);
    assert_eq!(String::from_utf8(out).expect("heads here are ASCII").replace("\r\n", "|"), expected);
}

fn set(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

#[test]
fn untrusted_peer_is_replaced() {
    check(
        "Host: a\r\nX-Forwarded-For: 1.1.1.1\r\nx-forwarded-proto: https\r\nX-Forwarded-Host: b\r\nForwarded: for=1.1.1.1\r\nX-Real-IP: 1.1.1.1\r\nX-Forwarded-Port: 1\r\nX-Forwarded: 1\r\nX_Real_Ip: 1\r\n",
        &FORWARD,
        "GET /x HTTP/1.1|Host: a|X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: http|X-Forwarded-Host: a||",
    );
}

#[test]
fn trusted_peer_is_appended_to() {
    let forward = ForwardRequest { trusts_peer: true, ..FORWARD };
    check(
        "Host: a\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\nX-Forwarded-For: 2.2.2.2, 3.3.3.3\r\nX-Forwarded-For:\r\nX-Real-IP: 1.1.1.1\r\nX_Forwarded_Host: c\r\n",
        &forward,
        "GET /x HTTP/1.1|Host: a|X-Forwarded-Proto: https|X-Forwarded-Host: b|X-Real-IP: 1.1.1.1|X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.1||",
    );
    check(
        "Host: a\r\n",
        &forward,
        "GET /x HTTP/1.1|Host: a|X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: http|X-Forwarded-Host: a||",
    );
}

#[test]
fn a_shown_certificate_is_told_and_a_claimed_one_is_not() {
    let certificate = [("x-client-cert-subject", String::from("CN=app")), ("x-client-cert", String::from("PEM"))];
    let shown = ForwardRequest { certificate: &certificate, ..FORWARD };
    let claimed = "Host: a\r\nX-Client-Cert: 1\r\nx-client-cert-subject: CN=root\r\nX_Client_Cert_Subject: 2\r\nX-Client-Cert.Names: 3\r\nX-CLIENT-CERT-Anything: 4\r\nX-Client-Certificate: 5\r\n";
    let added = "X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: http|X-Forwarded-Host: a|";
    let told = "x-client-cert-subject: CN=app|x-client-cert: PEM|";
    check(claimed, &FORWARD, &format!("GET /x HTTP/1.1|Host: a|X-Client-Certificate: 5|{added}|"));
    check(claimed, &shown, &format!("GET /x HTTP/1.1|Host: a|X-Client-Certificate: 5|{added}{told}|"));
    // A trusted peer's word stands alone, and so does its silence: its own certificate is not its client's.
    let trusted = ForwardRequest { trusts_peer: true, ..shown };
    let word = "Host: a\r\nx-client-cert-subject: CN=far\r\nX_Client_Cert: 1\r\n";
    check(word, &trusted, &format!("GET /x HTTP/1.1|Host: a|x-client-cert-subject: CN=far|{added}|"));
    check("Host: a\r\n", &trusted, &format!("GET /x HTTP/1.1|Host: a|{added}|"));
    // No Connection field takes it away, and a setting does.
    let nominated = "Host: a\r\nConnection: x-client-cert-subject\r\nx-client-cert-subject: CN=far\r\n";
    check(nominated, &trusted, &format!("GET /x HTTP/1.1|Host: a|x-client-cert-subject: CN=far|{added}|"));
    let pairs = set(&[("x-client-cert", ""), ("x-client-cert-subject", "mine")]);
    let set = ForwardRequest { set_headers: &pairs, ..shown };
    check(
        "Host: a\r\nx-client-cert: 1\r\n",
        &set,
        &format!("GET /x HTTP/1.1|Host: a|{added}x-client-cert-subject: mine||"),
    );
}

#[test]
fn target_and_host_are_rewritten_in_place() {
    let forward = ForwardRequest { target: b"/y?z", host: b"up:80", ..FORWARD };
    let added = "X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: http|X-Forwarded-Host: a||";
    check("A: b\r\nHost: a\r\nC: d\r\n", &forward, &format!("GET /y?z HTTP/1.1|A: b|Host: up:80|C: d|{added}"));
    check("Host:   a  \r\nC: d\r\n", &FORWARD, &format!("GET /x HTTP/1.1|Host:   a  |C: d|{added}"));
    let no_host = ForwardRequest { host: b"up", client_host: b"", ..FORWARD };
    let added = "X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: http||";
    check_message("GET /x HTTP/1.0\r\n\r\n", &no_host, &format!("GET /x HTTP/1.1|Host: up|{added}"));
    check_message("GET /x HTTP/1.0\r\nA: b\r\n\r\n", &no_host, &format!("GET /x HTTP/1.1|A: b|Host: up|{added}"));
    check_message("GET /x HTTP/1.3\r\nHost: up\r\n\r\n", &no_host, &format!("GET /x HTTP/1.1|Host: up|{added}"));
}

#[test]
fn absolute_form_is_never_forwarded() {
    let expected = "X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: http|X-Forwarded-Host: a||";
    for (target, written) in [("", "/"), ("?q", "/?q"), ("/p", "/p")] {
        let forward = ForwardRequest { target: target.as_bytes(), host: b"b", ..FORWARD };
        let message = format!("GET http://b{target} HTTP/1.1\r\nHost: evil\r\n\r\n");
        check_message(&message, &forward, &format!("GET {written} HTTP/1.1|Host: b|{expected}"));
    }
}

#[test]
fn set_headers_replace_remove_and_cannot_break_framing() {
    let pairs = set(&[
        ("x-a", "new"),
        ("cookie", ""),
        ("host", "set"),
        ("content-length", "7"),
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-for", ""),
        ("expect", "x"),
        ("date", "never"),
    ]);
    let forward = ForwardRequest { set_headers: &pairs, ..FORWARD };
    check(
        "Host: a\r\nX-A: old\r\nX-A: older\r\nX-AB: b\r\nCookie: c\r\nContent-Length: 0\r\nDate: now\r\n",
        &forward,
        "GET /x HTTP/1.1|Host: set|X-AB: b|Content-Length: 0|X-Forwarded-Host: a|x-a: new|x-forwarded-proto: https|date: never||",
    );
}

#[test]
fn expect_is_written_when_asked() {
    let forward = ForwardRequest { expects_continue: true, client_host: b"", ..FORWARD };
    check(
        "Host: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n",
        &forward,
        "GET /x HTTP/1.1|Host: a|Transfer-Encoding: chunked|Expect: 100-continue|X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: http||",
    );
}

#[test]
fn leading_empty_lines_are_not_forwarded() {
    check_message(
        "\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n",
        &FORWARD,
        "GET /x HTTP/1.1|Host: a|X-Forwarded-For: 192.0.2.1|X-Forwarded-Proto: http|X-Forwarded-Host: a||",
    );
}

/// Checks the client's address behind `peer` when 10.0.0.0/8 and fd00::/8 are trusted.
#[track_caller]
fn check_client(fields: &str, peer: &str, expected: &str) {
    let message = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    let mut parser = RequestParser::new();
    assert_eq!(parser.parse(message.as_bytes(), &LIMITS), Ok(Progress::Complete));
    let is_trusted = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.octets()[0] == 10,
        IpAddr::V6(v6) => v6.octets()[0] == 0xfd,
    };
    let peer = peer.parse().expect("the peer is an address");
    let found = client_address(message.as_bytes(), &parser.head().fields, peer, is_trusted);
    assert_eq!(found, expected.parse::<IpAddr>().expect("the client is an address"));
}

#[test]
fn client_is_the_right_most_untrusted_hop() {
    check_client("", "10.0.0.1", "10.0.0.1");
    check_client("X-Forwarded-For: 1.1.1.1\r\n", "9.9.9.9", "9.9.9.9");
    check_client("X-Forwarded-For: 1.1.1.1\r\n", "10.0.0.1", "1.1.1.1");
    check_client("X-Forwarded-For: 6.6.6.6, 1.1.1.1 ,10.0.0.2\r\n", "10.0.0.1", "1.1.1.1");
    check_client("X-Forwarded-For: 6.6.6.6, 1.1.1.1\r\nX-Forwarded-For: 10.0.0.3\r\n", "10.0.0.1", "1.1.1.1");
    check_client("X-Forwarded-For: 10.0.0.3, 10.0.0.2\r\n", "10.0.0.1", "10.0.0.3");
    check_client("X-Forwarded-For: 6.6.6.6, unknown, 10.0.0.2\r\n", "10.0.0.1", "10.0.0.2");
    check_client("X-Forwarded-For: 6.6.6.6,\r\n", "10.0.0.1", "10.0.0.1");
    check_client("X_Forwarded_For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n", "10.0.0.1", "10.0.0.1");
}

#[test]
fn hops_may_have_brackets_and_ports() {
    check_client("X-Forwarded-For: 1.1.1.1:80\r\n", "10.0.0.1", "1.1.1.1");
    check_client("X-Forwarded-For: [2001:db8::1]:80\r\n", "fd00::1", "2001:db8::1");
    check_client("X-Forwarded-For: [2001:db8::1]\r\n", "::ffff:10.0.0.1", "2001:db8::1");
    check_client("X-Forwarded-For: 2001:db8::1\r\n", "10.0.0.1", "2001:db8::1");
    check_client("X-Forwarded-For: 6.6.6.6, ::ffff:10.0.0.7\r\n", "10.0.0.1", "6.6.6.6");
    check_client("X-Forwarded-For: 1.1.1\r\n", "10.0.0.1", "10.0.0.1");
    check_client(&format!("X-Forwarded-For: {}\r\n", "1".repeat(1000)), "10.0.0.1", "10.0.0.1");
}

#[test]
fn spans_never_panic() {
    let span = Span { start: 3, end: 5 };
    assert_eq!((span.of(b"abcdef"), span.len(), span.is_empty()), (&b"de"[..], 2, false));
    assert_eq!(span.of(b"abc"), b"");
    let reversed = Span { start: 5, end: 3 };
    assert_eq!((reversed.of(b"abcdef"), reversed.len(), reversed.is_empty()), (&b""[..], 0, true));
}

#[test]
fn a_parser_starts_with_a_byte_that_is_not_an_empty_line() {
    let mut parser = RequestParser::new();
    for (message, expected) in
        [("\r", false), ("\r\n", false), ("\r\n\r", false), ("\r\n\r\nG", true), ("\r\n\r\nGE", true)]
    {
        assert_eq!(parser.parse(message.as_bytes(), &LIMITS), Ok(Progress::NeedMore));
        assert_eq!(parser.has_started(), expected, "{message:?}");
    }
}

#[test]
fn a_parser_that_was_reset_keeps_nothing() {
    let first =
        b"POST http://b/x?y HTTP/1.0\r\nHost: c\r\nConnection: keep-alive, x\r\nX: 1\r\nContent-Length: 5\r\n\r\n";
    let second = b"\r\nGET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n";
    let mut parser = RequestParser::new();
    assert_eq!(parser.parse(first, &LIMITS), Ok(Progress::Complete));
    assert_eq!(parser.parse(first, &LIMITS), Ok(Progress::Complete), "complete stays complete");
    parser.reset();
    let mut fresh = RequestParser::new();
    assert_eq!(parser.parse(second, &LIMITS), fresh.parse(second, &LIMITS));
    assert_eq!(format!("{:?}", parser.head()), format!("{:?}", fresh.head()));
}

#[test]
fn methods() {
    let safe = [Method::Get, Method::Head, Method::Options, Method::Trace];
    let idempotent = [Method::Put, Method::Delete];
    let neither = [Method::Post, Method::Patch, Method::Connect, Method::Other];
    assert!(safe.iter().all(|method| method.is_safe() && method.is_idempotent()));
    assert!(idempotent.iter().all(|method| !method.is_safe() && method.is_idempotent()));
    assert!(neither.iter().all(|method| !method.is_safe() && !method.is_idempotent()));
}
