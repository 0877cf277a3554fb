//! Bad and odd response heads, one entry per input: the fault, or what the client gets.
//! Names of entries begin with the row of the list of threats.

use evener_http::*;

/// Checks a response to GET. `expected` is the reason of the fault, or what `describe` gives.
#[track_caller]
fn check(row: &str, message: impl AsRef<[u8]>, expected: &str) {
    check_for(Method::Get, row, message, expected);
}

#[track_caller]
fn check_for(method: Method, row: &str, message: impl AsRef<[u8]>, expected: &str) {
    let message = message.as_ref();
    let limits = HeadLimits { bytes_max: 65536, fields_max: 128 };
    let mut parser = ResponseParser::new();
    let found = match parser.parse(message, &limits, RequestContext { method }) {
        Err(fault) => fault.reason().to_owned(),
        Ok(Progress::NeedMore) => "need more".into(),
        Ok(Progress::Complete) => describe(message, parser.head()),
    };
    assert_eq!(found, expected, "row {row}: {}", message.escape_ascii());
}

/// The head for an HTTP/1.1 client with `|` for CRLF, the framing found, `close` when the server goes away.
fn describe(message: &[u8], head: &ResponseHead) -> String {
    let forward = ForwardResponse {
        client_version: Version::Http11,
        framing: if head.framing == Framing::UntilClose { Framing::Chunked } else { head.framing },
        keep_alive: true,
        reason_code: None,
        set_cookie: None,
    };
    let mut written = Vec::new();
    match head.status {
        101 => write_switch_head(message, head, None, &mut written),
        100..=199 => write_interim_head(message, head, &mut written),
        _ => write_response_head(message, head, &forward, &mut written),
    }
    let text: String = written.iter().map(|byte| char::from(*byte)).collect();
    let text = text.strip_suffix("\r\n\r\n").expect("a head ends in an empty line").replace("\r\n", "|");
    let close = if head.keep_alive { "" } else { " close" };
    format!("{text} {:?}{close}", head.framing)
}

/// A 200 with these lines.
fn with(lines: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{lines}\r\n").into_bytes()
}

#[test]
fn framing_rows_r1_and_r2() {
    check("R1", with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), "response_length_and_transfer_encoding");
    check("R1", with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), "response_length_and_transfer_encoding");
    check("R2", with("Content-Length: 5\r\nContent-Length: 5\r\n"), "response_two_content_lengths");
    check("R2", with("Content-Length: 5\r\nContent-Length: 6\r\n"), "response_two_content_lengths");
    for length in ["5, 5", "+5", "-1", "", "0x5", "5 5"] {
        check("R2", with(&format!("Content-Length: {length}\r\n")), "response_bad_content_length");
    }
    check("R2", with("Content-Length: 9223372036854775808\r\n"), "response_content_length_too_large");
    check("R2", with("Content-Length: 005\r\n"), "HTTP/1.1 200 OK|Content-Length: 5 Length(5)");
    check("R2", with("Content-Length: 5\r\nServer: x\r\n"), "HTTP/1.1 200 OK|Content-Length: 5|Server: x Length(5)");
    check("R2", with("Transfer-Encoding: chunked\r\n"), "HTTP/1.1 200 OK|Transfer-Encoding: chunked Chunked");
    check(
        "R2",
        with("Transfer-Encoding: Chunked\r\nA: b\r\n"),
        "HTTP/1.1 200 OK|A: b|Transfer-Encoding: chunked Chunked",
    );
    check(
        "R2",
        with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        "response_two_transfer_encodings",
    );
    check("R2", with("Transfer-Encoding: gzip, chunked\r\n"), "response_unknown_transfer_coding");
    check("R2", with("Transfer-Encoding: identity\r\n"), "response_bad_transfer_encoding");
    check("R2", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "response_transfer_encoding_in_1_0");
    check("R2", with(""), "HTTP/1.1 200 OK|Transfer-Encoding: chunked UntilClose close");
}

#[test]
fn status_line_row_r3() {
    for status in
        ["99", "1000", "099", "600", "999", "000", "20", "2000", "2 0", "+20", "20x", "200OK", "\t200 OK", " 200 OK"]
    {
        check("R3", format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"), "response_bad_status");
    }
    for junk in ["junk", "HTTP/1", ""] {
        check("R3", format!("{junk}\r\nContent-Length: 0\r\n\r\n"), "response_bad_status_line");
    }
    for version in ["HTTP/2.0", "http/1.1", "ICY 200 ", "HTTP/9.9"] {
        check("R3", format!("{version} 200 OK\r\nContent-Length: 0\r\n\r\n"), "response_bad_version");
    }
    check("R3 HTTP/2", "HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n", "response_bad_version");
    check("R3 junk first", "junkjunk HTTP/1.1 200 OK\r\n\r\n", "response_bad_version");
    check("R3 empty line first", "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "response_bad_status_line");
    check("R3 bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", "response_bare_lf");
    check("R3 bare LF", with("A: b\nContent-Length: 0\r\n"), "response_bare_lf");
    check("R3 bare CR", "HTTP/1.1 200 OK\rContent-Length: 0\r\n\r\n", "response_bare_cr");
    check("R3 control", "HTTP/1.1 200 O\x01K\r\n\r\n", "response_control_byte");
    check("R3 no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 |Content-Length: 0 Length(0)");
    check("R3 empty reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 |Content-Length: 0 Length(0)");
    check(
        "R3 reason",
        "HTTP/1.1 599 a\t  b\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 599 a\t  b|Content-Length: 0 Length(0)",
    );
    check("R3 1.2", "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK|Content-Length: 0 Length(0)");
    check(
        "R3 1.0",
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK|Content-Length: 0 Length(0) close",
    );
    check(
        "R3 1.0",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK|Content-Length: 0 Length(0)",
    );
    check("R3 1.0", "HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 200 OK|Transfer-Encoding: chunked UntilClose close");
}

#[test]
fn bodies_that_are_not_there_row_r4() {
    check("R4", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 204 No Content None");
    check("R4", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 204 No Content None");
    check(
        "R4",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 304 Not Modified|Content-Length: 5 None",
    );
    check(
        "R4",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 05\r\n\r\n",
        "HTTP/1.1 304 Not Modified|Content-Length: 5 None",
    );
    check("R4", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 304 Not Modified None");
    check_for(Method::Head, "R4", with("Content-Length: 5\r\nA: b\r\n"), "HTTP/1.1 200 OK|Content-Length: 5|A: b None");
    check_for(Method::Head, "R4", with("Transfer-Encoding: chunked\r\n"), "HTTP/1.1 200 OK None");
    check_for(Method::Head, "R4", with(""), "HTTP/1.1 200 OK None");
    check(
        "R4 interim",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 5\r\nConnection: x-a\r\nX-A: b\r\n\r\n",
        "HTTP/1.1 103 Early Hints|Link: </a> None",
    );
    check("R4 interim", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue None");
}

#[test]
fn surplus_bytes_are_not_part_of_the_head_row_r5() {
    let message = b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    let mut parser = ResponseParser::new();
    let limits = HeadLimits { bytes_max: 1000, fields_max: 10 };
    assert_eq!(parser.parse(message, &limits, RequestContext { method: Method::Get }), Ok(Progress::Complete));
    assert_eq!(&message[parser.head().head_bytes..], b"HTTP/1.1 200 OK\r\n\r\n");
}

#[test]
fn fields_rows_r8_and_31() {
    check("R8 NUL", with("A: b\0c\r\n"), "response_control_byte");
    check("R8 CR", with("A: b\rc\r\n"), "response_bare_cr");
    check("R8 LF", with("A: b\nc\r\n"), "response_bare_lf");
    check("R8 name", with("A b: c\r\n"), "response_bad_field_name");
    check("R8 name", with(": c\r\n"), "response_bad_field_name");
    check("R8 colon", with("abc\r\n"), "response_no_colon");
    check("29", with("Content-Length : 5\r\n"), "HTTP/1.1 200 OK|Content-Length: 5 Length(5)");
    check("29", with("Transfer-Encoding \t: chunked\r\n"), "HTTP/1.1 200 OK|Transfer-Encoding: chunked Chunked");
    check("29", with("A \t : b \r\nContent-Length: 0\r\n"), "HTTP/1.1 200 OK|A: b|Content-Length: 0 Length(0)");
    check("29 two", with("Content-Length : 5\r\nContent-Length: 6\r\n"), "response_two_content_lengths");
    check("29 no name", with(" : b\r\n"), "response_folded_line");
    check("31", with("A: b\r\n c\r\n"), "response_folded_line");
    check(
        "R8 obs-text",
        b"HTTP/1.1 200 OK\r\nA: \xe9\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK|A: \u{e9}|Content-Length: 0 Length(0)",
    );
}

#[test]
fn switches_row_r10() {
    let switched =
        "HTTP/1.1 101 Switching Protocols|Sec-WebSocket-Accept: x|Upgrade: websocket|Connection: Upgrade None";
    check(
        "R10",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
        switched,
    );
    let head = |message: &[u8]| {
        let mut parser = ResponseParser::new();
        let limits = HeadLimits { bytes_max: 1000, fields_max: 10 };
        assert_eq!(parser.parse(message, &limits, RequestContext { method: Method::Get }), Ok(Progress::Complete));
        parser.head().upgrade.map(|upgrade| upgrade.of(message).to_vec())
    };
    assert_eq!(head(b"HTTP/1.1 101 S\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n"), Some(b"a".to_vec()));
    assert_eq!(head(b"HTTP/1.1 101 S\r\nUpgrade: a\r\n\r\n"), None);
    assert_eq!(head(b"HTTP/1.1 101 S\r\nConnection: upgrade\r\n\r\n"), None);
    assert_eq!(head(b"HTTP/1.1 101 S\r\nUpgrade: a\r\nUpgrade: b\r\nConnection: upgrade\r\n\r\n"), None);
    assert_eq!(head(b"HTTP/1.1 200 OK\r\nUpgrade: h2,h2c\r\nConnection: Upgrade\r\n\r\n"), None);
    check(
        "R10",
        with("Upgrade: h2,h2c\r\nConnection: Upgrade\r\nContent-Length: 0\r\n"),
        "HTTP/1.1 200 OK|Content-Length: 0 Length(0)",
    );
}

#[test]
fn connection_row_r11() {
    check(
        "R11",
        with("Connection: Content-Length\r\nContent-Length: 5\r\n"),
        "HTTP/1.1 200 OK|Content-Length: 5 Length(5)",
    );
    check(
        "R11",
        with("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n"),
        "HTTP/1.1 200 OK|Transfer-Encoding: chunked Chunked",
    );
    check(
        "R11",
        with("X-A: 1\r\nConnection: x-a, Set-Cookie, close\r\nSet-Cookie: b\r\nContent-Length: 0\r\n"),
        "HTTP/1.1 200 OK|Set-Cookie: b|Content-Length: 0 Length(0) close",
    );
    check(
        "R11",
        with("Connection: a b, close\r\nContent-Length: 0\r\n"),
        "HTTP/1.1 200 OK|Content-Length: 0 Length(0) close",
    );
    check(
        "R11",
        with("Keep-Alive: timeout=5\r\nContent-Length: 0\r\nTrailer: X\r\nProxy-Connection: x\r\n"),
        "HTTP/1.1 200 OK|Content-Length: 0 Length(0)",
    );
    check("R11", with(&format!("Connection: {}\r\n", "a,".repeat(100))), "response_too_many_connection_options");
}

#[test]
fn limits_row_r12() {
    check("R12", with(&format!("A: {}\r\n", "b".repeat(65536))), "response_head_too_large");
    check("R12", with(&"a:b\r\n".repeat(129)), "response_too_many_fields");
    check("R12", "x".repeat(65536), "response_head_too_large");
}

#[test]
fn framing_towards_the_client_row_r14() {
    let message = with("Transfer-Encoding: chunked\r\nA: b\r\nConnection: keep-alive\r\n");
    let forward = |framing, client_version, keep_alive, reason_code| {
        let mut parser = ResponseParser::new();
        let limits = HeadLimits { bytes_max: 1000, fields_max: 10 };
        let progress = parser.parse(&message, &limits, RequestContext { method: Method::Get });
        assert_eq!(progress, Ok(Progress::Complete));
        let forward = ForwardResponse { client_version, framing, keep_alive, reason_code, set_cookie: None };
        let mut out = Vec::new();
        write_response_head(&message, parser.head(), &forward, &mut out);
        String::from_utf8(out).unwrap().replace("\r\n", "|")
    };
    assert_eq!(forward(Framing::UntilClose, Version::Http10, false, None), "HTTP/1.1 200 OK|A: b|Connection: close||");
    assert_eq!(
        forward(Framing::Length(7), Version::Http10, true, None),
        "HTTP/1.1 200 OK|A: b|Content-Length: 7|Connection: keep-alive||"
    );
    assert_eq!(
        forward(Framing::Chunked, Version::Http11, true, Some("connect_failed")),
        "HTTP/1.1 200 OK|Transfer-Encoding: chunked|A: b|x-evener-reason: connect_failed||"
    );
}

#[test]
fn a_length_is_copied_only_when_it_is_the_one_to_write_row_r15() {
    let message = with("Content-Length: 5\r\nA: b\r\n");
    let mut parser = ResponseParser::new();
    let limits = HeadLimits { bytes_max: 1000, fields_max: 10 };
    assert_eq!(parser.parse(&message, &limits, RequestContext { method: Method::Get }), Ok(Progress::Complete));
    for (framing, expected) in [
        (Framing::Length(5), "HTTP/1.1 200 OK|Content-Length: 5|A: b||"),
        (Framing::Length(6), "HTTP/1.1 200 OK|A: b|Content-Length: 6||"),
        (Framing::Chunked, "HTTP/1.1 200 OK|A: b|Transfer-Encoding: chunked||"),
        (Framing::None, "HTTP/1.1 200 OK|A: b||"),
    ] {
        let forward = ForwardResponse {
            client_version: Version::Http11,
            framing,
            keep_alive: true,
            reason_code: None,
            set_cookie: None,
        };
        let mut out = Vec::new();
        write_response_head(&message, parser.head(), &forward, &mut out);
        assert_eq!(String::from_utf8(out).unwrap().replace("\r\n", "|"), expected);
    }
}

#[test]
fn every_fault_has_its_own_reason() {
    for (index, fault) in ResponseFault::ALL.iter().enumerate() {
        assert_eq!(fault.status(), 502, "{fault}");
        assert!(!ResponseFault::ALL[..index].iter().any(|other| other.reason() == fault.reason()));
    }
}
