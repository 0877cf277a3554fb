//! Malformed and ambiguous request heads, one entry per input: the fault it gets, or what the server gets.
//! Names of entries begin with the row of the list of threats.

use evener_http::*;

/// Checks a head. `expected` is `status reason`, or the forwarded head with `|` for CRLF and without the X-Forwarded
/// fields that are always there, then the framing when there is a body and `close` when the client goes away.
#[track_caller]
fn check(row: &str, message: impl AsRef<[u8]>, expected: &str) {
    let message = message.as_ref();
    let found = outcome(message);
    assert_eq!(found, expected, "row {row}: {}", message.escape_ascii());
}

fn outcome(message: &[u8]) -> String {
    let limits = HeadLimits { bytes_max: 65536, fields_max: 128 };
    let mut parser = RequestParser::new();
    match parser.parse(message, &limits) {
        Err(fault) => format!("{} {}", fault.status(), fault.reason()),
        Ok(Progress::NeedMore) => "need more".into(),
        Ok(Progress::Complete) => describe(message, parser.head()),
    }
}

fn describe(message: &[u8], head: &RequestHead) -> String {
    let forward = ForwardRequest {
        target: head.target.of(message),
        host: head.authority.of(message),
        client_ip: b"192.0.2.1",
        client_host: b"",
        scheme: b"http",
        certificate: &[],
        trusts_peer: false,
        set_headers: &[],
        expects_continue: head.expects_continue,
    };
    let mut written = Vec::new();
    write_request_head(message, head, &forward, &mut written);
    let text: String = written.iter().map(|byte| char::from(*byte)).collect();
    let added = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n\r\n";
    let text = text.strip_suffix(added).expect("the forwarded fields stand at the end").replace("\r\n", "|");
    let framing = match head.framing {
        Framing::None => String::new(),
        framing => format!(" {framing:?}"),
    };
    let close = if head.keep_alive { "" } else { " close" };
    format!("{text}{framing}{close}")
}

/// A request with the given lines between request line and Host.
fn with(lines: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\n{lines}Host: a\r\n\r\n").into_bytes()
}

/// A request with this line in place of `GET / HTTP/1.1`.
fn line(line: &str) -> Vec<u8> {
    format!("{line}\r\nHost: a\r\n\r\n").into_bytes()
}

/// A request for this path.
fn path(path: &str) -> Vec<u8> {
    line(&format!("GET {path} HTTP/1.1"))
}

/// What a plain POST becomes.
const POST: &str = "POST / HTTP/1.1|Host: a|";

#[test]
fn lines_rows_1_to_4() {
    check("1", "GET / HTTP/1.1\nHost: a\n\n", "400 bare_lf");
    check("1 in a field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "400 bare_lf");
    check("1 at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", "400 bare_lf");
    check("1 first byte", "\nGET / HTTP/1.1\r\n", "400 bare_lf");
    check("2", "GET / HTTP/1.1\rHost: a\r\r", "400 bare_cr");
    check("2 in a field", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", "400 bare_cr");
    check("2 at the end", "GET / HTTP/1.1\r\nHost: a\r\n\rX", "400 bare_cr");
    check("3", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1|Host: a|");
    check("3 twice", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1|Host: a|");
    check("3 too many", "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "400 empty_lines");
    check("4", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "400 folded_line");
    check("4 tab", "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", "400 folded_line");
}

#[test]
fn request_line_rows_5_to_14() {
    check("5", line("GET  /  HTTP/1.1"), "400 bad_target");
    check("5 second", line("GET /  HTTP/1.1"), "400 bad_version");
    check("5 tab", line("GET\t/\tHTTP/1.1"), "400 bad_method");
    check("5 vertical tab", line("GET\x0b/\x0bHTTP/1.1"), "400 control_byte");
    check("6", line("GET /a b HTTP/1.1"), "400 bad_version");
    check("7", line("GET / HTTP/1.1 "), "400 bad_version");
    check("7 junk", line("GET / HTTP/1.1junk"), "400 bad_version");
    check("8", line("GET /"), "400 bad_request_line");
    check("8 space", line("GET / "), "400 bad_version");
    check("8 no target", line("GET "), "400 bad_request_line");
    check("8 method only", line("GET"), "400 bad_method");
    check("9", line("GET / HTTP/2.0"), "505 unsupported_version");
    check("9", line("GET / HTTP/9.9"), "505 unsupported_version");
    check("9 HTTP/0.9", line("GET / HTTP/0.9"), "505 unsupported_version");
    check("9 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 bad_target");
    for version in ["http/1.1", "HTTP/01.1", "HTTP/1.10", "HTTP/1", "HTTP/1.", "HTTP/1.x", "HTTP1.1", "Http/1.1"] {
        check("10", line(&format!("GET / {version}")), "400 bad_version");
    }
    check("11", line("GET / HTTP/1.2"), "GET / HTTP/1.1|Host: a|");
    check("11", line("GET / HTTP/1.9"), "GET / HTTP/1.1|Host: a|");
    check("12", line("G@T / HTTP/1.1"), "400 bad_method");
    check("12 quoted", line("\"GET\" / HTTP/1.1"), "400 bad_method");
    check("12 empty", line(" / HTTP/1.1"), "400 bad_method");
    check("12 tls", b"\x16\x03\x01\x02\x00", "400 control_byte");
    check("13", line("get / HTTP/1.1"), "get / HTTP/1.1|Host: a|");
    check("14", line("FOO / HTTP/1.1"), "FOO / HTTP/1.1|Host: a|");
    check("14 65 bytes", line(&format!("{} / HTTP/1.1", "A".repeat(65))), "501 method_too_long");
    check("14 100 KB", "A".repeat(100_000), "501 method_too_long");
    let long = format!("{} / HTTP/1.1", "A".repeat(64));
    check("14 64 bytes", line(&long), &format!("{long}|Host: a|"));
}

#[test]
fn lower_case_method_is_never_get() {
    let mut parser = RequestParser::new();
    let message = line("get / HTTP/1.1");
    assert_eq!(parser.parse(&message, &HeadLimits { bytes_max: 100, fields_max: 9 }), Ok(Progress::Complete));
    assert_eq!(parser.head().method, Method::Other);
}

#[test]
fn target_rows_15_to_23() {
    check("15", path(&format!("/{}", "a".repeat(65536))), "414 target_too_long");
    check("15 unfinished", format!("GET /{}", "a".repeat(65536)), "414 target_too_long");
    let long = format!("/{}", "a".repeat(8000));
    check("15 8000", path(&long), &format!("GET {long} HTTP/1.1|Host: a|"));
    check("16 NUL", path("/a\0"), "400 control_byte");
    check("16 control", path("/a\x01"), "400 control_byte");
    check("16 tab", path("/a\tb"), "400 bad_target");
    check("16 delete", path("/a\x7f"), "400 control_byte");
    check("16 high", b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", "400 bad_target");
    check("17", path("/x#frag"), "400 bad_target");
    check("17 query", path("/x?a#frag"), "400 bad_target");
    check("18", path("foo"), "400 bad_target");
    check("18", path("../x"), "400 bad_target");
    check("18", path("?x"), "400 bad_target");
    check("19", path("*"), "400 bad_target");
    check("19", line("OPTIONS */x HTTP/1.1"), "400 bad_target");
    check("19", line("OPTIONS * HTTP/1.1"), "OPTIONS * HTTP/1.1|Host: a|");
    check("20", path("http://b/x"), "GET /x HTTP/1.1|Host: b|");
    check("20 case", path("HTTP://B:80/x?y"), "GET /x?y HTTP/1.1|Host: B:80|");
    check("20 no path", path("http://b"), "GET / HTTP/1.1|Host: b|");
    check("20 only query", path("http://b?x=/y"), "GET /?x=/y HTTP/1.1|Host: b|");
    check("20 options", line("OPTIONS http://b HTTP/1.1"), "OPTIONS * HTTP/1.1|Host: b|");
    check("20 empty port", path("http://b:/"), "GET / HTTP/1.1|Host: b|");
    check("20 no host", path("http:///x"), "400 bad_authority");
    check("20 still without Host", "GET http://b/ HTTP/1.1\r\n\r\n", "400 missing_host");
    check("21", path("http://u:p@b/"), "400 bad_authority");
    check("21", path("http://u@b/"), "400 bad_authority");
    check("22", path("https://a/"), "421 misdirected");
    check("22", path("HTTPS://a/"), "421 misdirected");
    check("22", path("ftp://a/"), "400 bad_target");
    check("22", path("ws://a/"), "400 bad_target");
    check("23", line("CONNECT a:80 HTTP/1.1"), "501 connect_method");
    check("23", line("CONNECT [::1]:80 HTTP/1.1"), "501 connect_method");
    for target in ["/", "http://a:80", "a", "a:", ":80", "a:99999", "a:80/x", "u@a:80", "*"] {
        check("23", line(&format!("CONNECT {target} HTTP/1.1")), "400 bad_target");
    }
}

#[test]
fn host_rows_24_to_28() {
    check("24", "GET / HTTP/1.1\r\n\r\n", "400 missing_host");
    check("24 in 1.0", "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1|Host: | close");
    check("25", with("Host: a\r\n"), "400 two_hosts");
    check("25 different", with("Host: b\r\n"), "400 two_hosts");
    check("25 absolute", "GET http://a/ HTTP/1.1\r\nHost: a\r\nHOST: a\r\n\r\n", "400 two_hosts");
    for host in [
        "a b",
        "a,b",
        "a/x",
        "u@a",
        "a:99999",
        "a:123456",
        "a:x",
        "a:+1",
        "a:-1",
        "a:80:80",
        "[::1",
        "[::1]x",
        "[:::1]",
        "[fe80::1%25eth0]",
        "[v1.a]",
        "::1",
        "a#",
        "a?",
        "a\\",
        "a%41",
        "a\"",
        "<a>",
        "a..b",
        ".a",
        ".",
        "a*",
        "é",
        "a;b",
        "[1.2.3.4]",
        ":80",
        "http://a",
    ] {
        check("26", format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), "400 bad_host");
    }
    for host in ["a:80", "a-b_c.example", "127.0.0.1:8080", "[::1]", "[2001:DB8::1]:443", "a:0080", "a.", "a.:80"] {
        check("26", format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), &format!("GET / HTTP/1.1|Host: {host}|"));
    }
    check("26 empty port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "GET / HTTP/1.1|Host: a|");
    check("26 in 1.0", "GET / HTTP/1.0\r\nHost: a b\r\n\r\n", "400 bad_host");
    check("27", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "400 empty_host");
    check("27 space", "GET / HTTP/1.1\r\nHost: \t \r\n\r\n", "400 empty_host");
    check("27 absolute", "GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n", "400 empty_host");
}

#[test]
fn canonical_hosts_row_28() {
    for (authority, expected) in [
        ("A.Example.", "a.example"),
        ("a.example", "a.example"),
        ("A.EXAMPLE:8080", "a.example"),
        ("a.example.:80", "a.example"),
        ("[2001:DB8::1]:443", "[2001:db8::1]"),
        ("127.0.0.1", "127.0.0.1"),
        ("", ""),
    ] {
        let mut host = b"earlier".to_vec();
        canonical_host(authority.as_bytes(), &mut host);
        assert_eq!(host.escape_ascii().to_string(), expected, "row 28: {authority}");
    }
}

#[test]
fn field_grammar_rows_29_to_38() {
    check("29", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400 space_before_colon");
    check("29 tab", with("Content-Length\t: 5\r\n"), "400 space_before_colon");
    check("30", with("X: a\r\n b\r\n"), "400 folded_line");
    check("30 only space", with("X: a\r\n \r\n"), "400 folded_line");
    check("32", with("Transfer-Encoding:\r\n chunked\r\n"), "400 bad_transfer_encoding");
    check("32", with("Transfer-Encoding: chunked\r\n ,gzip\r\n"), "400 folded_line");
    check("32", with("Content-Length: 5\r\n 5\r\n"), "400 folded_line");
    check("33", with("no colon here\r\n"), "400 no_colon");
    check("33 empty name", with(": v\r\n"), "400 bad_field_name");
    for name in ["a b", "(a", "[a", "a\"", "a/b", "a@", "a{", "é", "a\u{a0}"] {
        check("34", with(&format!("{name}: b\r\n")), "400 bad_field_name");
    }
    check("34 NUL", with("a\0: b\r\n"), "400 control_byte");
    check("34 0x85", b"GET / HTTP/1.1\r\nHost: a\r\n\x85a: b\r\n\r\n", "400 bad_field_name");
    check("34 0xA0", b"GET / HTTP/1.1\r\nHost: a\r\nHost\xa0: b\r\n\r\n", "400 bad_field_name");
    check("35 NUL", with("X: a\0b\r\n"), "400 control_byte");
    check("35 CR", with("X: a\rb\r\n"), "400 bare_cr");
    check("35 LF", with("X: a\nb\r\n"), "400 bare_lf");
    for control in (1..=8u8).chain(11..=12).chain(14..=0x1f).chain([0x7f]) {
        let message = [b"GET / HTTP/1.1\r\nHost: a\r\nX: b", &[control][..], b"c\r\n\r\n"].concat();
        check("36", message, "400 control_byte");
    }
    check(
        "36 obs-text",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \x80\xff \tb\r\n\r\n",
        "GET / HTTP/1.1|Host: a|X: \u{80}\u{ff} \tb|",
    );
    for name in ["X_Forwarded_For", "Content_Length", "X.Real.IP", "host_", "Transfer.Encoding", "x_forwarded_anything"]
    {
        let expected = if name == "host_" { "POST / HTTP/1.1|host_: 1|Host: a|" } else { POST };
        check("37", with(&format!("{name}: 1\r\n")), expected);
    }
    check(
        "37 authorization",
        with("Proxy_Authorization: 1\r\nCookie.: 1\r\nContent_Type: a\r\n"),
        "POST / HTTP/1.1|Cookie.: 1|Host: a|",
    );
    check("37 others stay", with("my_name: 1\r\nx.y: 2\r\n"), "POST / HTTP/1.1|my_name: 1|x.y: 2|Host: a|");
    check("38 many", with(&"a:b\r\n".repeat(10_000)), "431 too_many_fields");
    check("38 one too many", with(&"a:b\r\n".repeat(128)), "431 too_many_fields");
    let many = "a:b\r\n".repeat(127);
    check("38 just enough", with(&many), &format!("POST / HTTP/1.1|{}Host: a|", many.replace("\r\n", "|")));
    check("38 name", with(&format!("{}: b\r\n", "a".repeat(100_000))), "431 head_too_large");
    check("38 value", with(&format!("a: {}\r\n", "b".repeat(1_000_000))), "431 head_too_large");
}

#[test]
fn framing_rows_39_to_52() {
    check("39", with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), "400 length_and_transfer_encoding");
    check(
        "39 reversed",
        with("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"),
        "400 length_and_transfer_encoding",
    );
    check("40", with("Content-Length: 5\r\nContent-Length: 5\r\n"), "400 two_content_lengths");
    check("40 list", with("Content-Length: 5, 5\r\n"), "400 bad_content_length");
    check("41", with("Content-Length: 5\r\nContent-Length: 6\r\n"), "400 two_content_lengths");
    check("41 list", with("Content-Length: 5, 6\r\n"), "400 bad_content_length");
    for length in ["+5", "-0", "-1", "0x5", "5 x", "1_0", "1 0", "5.0", "5e0", "", "５", "5,", "\"5\"", "5;"] {
        check("42", with(&format!("Content-Length: {length}\r\n")), "400 bad_content_length");
    }
    check("42 spaces", with("Content-Length: \t 5 \r\n"), "POST / HTTP/1.1|Host: a|Content-Length: 5| Length(5)");
    check("43", with("Content-Length: 005\r\n"), "POST / HTTP/1.1|Host: a|Content-Length: 5| Length(5)");
    check("43", with("Content-Length: 00\r\n"), "POST / HTTP/1.1|Host: a|Content-Length: 0| Length(0)");
    check("43 zero", with("Content-Length: 0\r\n"), "POST / HTTP/1.1|Content-Length: 0|Host: a| Length(0)");
    for length in ["9223372036854775808", "18446744073709551616", "18446744073709551621", &"9".repeat(400)] {
        check("44", with(&format!("Content-Length: {length}\r\n")), "413 content_length_too_large");
    }
    for encoding in ["gzip", "chunked, gzip", "chunked;q=1", "gzip;q=1, chunked", "chunked, identity"] {
        check("45", with(&format!("Transfer-Encoding: {encoding}\r\n")), "400 bad_transfer_encoding");
    }
    check("46", with("Transfer-Encoding: gzip, chunked\r\n"), "501 unknown_transfer_coding");
    check("47", with("Transfer-Encoding: chunked, chunked\r\n"), "400 bad_transfer_encoding");
    check(
        "47 lines",
        with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        "400 two_transfer_encodings",
    );
    check(
        "47 lines",
        with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
        "400 two_transfer_encodings",
    );
    for encoding in [",chunked", "chunked,", "", ", ,chunked", "gzip,,chunked"] {
        check("48", with(&format!("Transfer-Encoding: {encoding}\r\n")), "400 bad_transfer_encoding");
    }
    for encoding in ["xchunked", "\"chunked\"", "'chunked'", "chunk", "identity", "chunked chunked"] {
        check("49", with(&format!("Transfer-Encoding: {encoding}\r\n")), "400 bad_transfer_encoding");
    }
    for encoding in ["chunked\x0b", "\x0bchunked", "chunked\0"] {
        check("49", with(&format!("Transfer-Encoding: {encoding}\r\n")), "400 control_byte");
    }
    check("49", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \xa0chunked\r\n\r\n", "400 bad_transfer_encoding");
    for encoding in ["ChUnKeD", "CHUNKED"] {
        let expected = "POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked| Chunked";
        check("50", with(&format!("Transfer-Encoding: {encoding}\r\n")), expected);
    }
    for value in ["\tchunked", "  chunked", " chunked ", "chunked\t"] {
        let expected = "POST / HTTP/1.1|Host: a|Transfer-Encoding: chunked| Chunked";
        check("50 white space", with(&format!("Transfer-Encoding:{value}\r\n")), expected);
    }
    let expected = "POST / HTTP/1.1|Transfer-Encoding:chunked|Host: a| Chunked";
    check("50 no space", with("Transfer-Encoding:chunked\r\n"), expected);
    check("51", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "400 transfer_encoding_in_1_0");
    check("52", "POST / HTTP/1.0\r\nHost: a\r\n\r\nbody", "POST / HTTP/1.1|Host: a| close");
    check("52 kept alive", "POST / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n", "POST / HTTP/1.1|Host: a|");
}

#[test]
fn connection_rows_53_and_54() {
    for name in ["Transfer-Encoding", "Content-Length", "Host", "close, hOST"] {
        check("53", with(&format!("Connection: {name}\r\n")), "400 framing_nominated");
    }
    check("53", with("Connection: X-Forwarded-For, X-Forwarded-Host\r\nX-Forwarded-For: 1\r\n"), POST);
    check(
        "53 end to end",
        with("Authorization: x\r\nCookie: y\r\nContent-Type: z\r\nConnection: authorization, Cookie,content-type\r\n"),
        "POST / HTTP/1.1|Authorization: x|Cookie: y|Content-Type: z|Host: a|",
    );
    check(
        "53",
        with("X-Auth: 1\r\nConnection: close, X-Auth\r\nx-auth: 2\r\nX-Auth-2: 3\r\n"),
        "POST / HTTP/1.1|X-Auth-2: 3|Host: a| close",
    );
    check("53 two lines", with("Connection: x-a\r\nX-A: 1\r\nX-B: 1\r\nConnection: x-b\r\n"), POST);
    check("53 empty elements", with("Connection: , keep-alive,,\r\n"), POST);
    check("53 not a token", with("Connection: a b\r\n"), "400 bad_connection");
    check("53 too many", with(&format!("Connection: {}\r\n", "a,".repeat(1000))), "400 bad_connection");
    check(
        "54",
        with(
            "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\nTrailer: X\r\nUpgrade: websocket\r\nProxy-Authorization: x\r\n",
        ),
        POST,
    );
    check(
        "54 TE",
        with("TE: gzip;q=0.5, Trailers\r\nConnection: TE\r\n"),
        "POST / HTTP/1.1|Host: a|TE: trailers|Connection: TE|",
    );
    check("54 TE in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nTE: trailers\r\n\r\n", "GET / HTTP/1.1|Host: a| close");
    check("54 keep-alive", with("Connection: keep-alive\r\n"), POST);
    check("54 close", with("Connection: Close\r\n"), &format!("{POST} close"));
    check(
        "54 1.0",
        "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n",
        "GET / HTTP/1.1|Host: a| close",
    );
}

#[test]
fn bodies_of_every_method_row_65() {
    for method in ["GET", "HEAD", "OPTIONS", "DELETE"] {
        let message = format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
        check("65", message, &format!("{method} / HTTP/1.1|Host: a|Content-Length: 5| Length(5)"));
    }
}

#[test]
fn pipelining_rows_67_and_68() {
    let limits = HeadLimits { bytes_max: 1000, fields_max: 10 };
    let stream =
        b"GET /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\n\r\njunk\r\n\r\n";
    let mut parser = RequestParser::new();
    assert_eq!(parser.parse(stream, &limits), Ok(Progress::Complete));
    let next = &stream[parser.head().head_bytes..];
    parser.reset();
    assert!(!parser.has_started());
    assert_eq!(parser.parse(next, &limits), Ok(Progress::Complete));
    assert_eq!(parser.head().path.of(next), b"/2");
    assert_eq!(parser.head().framing, Framing::None);
    let junk = &next[parser.head().head_bytes..];
    parser.reset();
    assert_eq!(parser.parse(junk, &limits), Err(RequestFault::BadMethod), "row 67");
}

#[test]
fn expectations_rows_69_and_70() {
    let expected = "POST / HTTP/1.1|Content-Length: 5|Host: a|Expect: 100-continue| Length(5)";
    check("69", with("Expect: 100-Continue\r\nContent-Length: 5\r\n"), expected);
    check("69 no body", with("Expect: 100-continue\r\n"), POST);
    check(
        "69 CL 0",
        with("Expect: 100-continue\r\nContent-Length: 0\r\n"),
        "POST / HTTP/1.1|Content-Length: 0|Host: a| Length(0)",
    );
    check(
        "69 in 1.0",
        "POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1|Host: a|Content-Length: 5| Length(5) close",
    );
    check("69 folded", with("Expect: 100-continue\r\n x\r\n"), "400 folded_line");
    check("69 folded first", with("Expect:\r\n 100-continue\r\n"), "400 folded_line");
    for expectation in ["foo", "100-continue, x", "", "100-continue;a", "100"] {
        check("70", with(&format!("Expect: {expectation}\r\n")), "417 unknown_expectation");
    }
    check("70 twice", with("Expect: 100-continue\r\nExpect: 100-continue\r\n"), "417 unknown_expectation");
    check("70 in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nExpect: foo\r\n\r\n", "GET / HTTP/1.1|Host: a| close");
}

#[test]
fn upgrades_row_71() {
    let upgraded = "POST / HTTP/1.1|Host: a|Upgrade: websocket|Connection: Upgrade|";
    check("71", with("Upgrade: websocket\r\nConnection: Upgrade\r\n"), upgraded);
    check("71 order", with("Connection: keep-alive, upgrade\r\nUpgrade: websocket\r\n"), upgraded);
    check(
        "71 empty body",
        with("Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n"),
        "POST / HTTP/1.1|Content-Length: 0|Host: a|Upgrade: websocket|Connection: Upgrade| Length(0)",
    );
    check(
        "71 with TE",
        with("Connection: upgrade, te\r\nUpgrade: websocket\r\nTE: trailers\r\n"),
        "POST / HTTP/1.1|Host: a|Upgrade: websocket|TE: trailers|Connection: Upgrade, TE|",
    );
    check(
        "71 body",
        with("Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 5\r\n"),
        "POST / HTTP/1.1|Content-Length: 5|Host: a| Length(5)",
    );
    check(
        "71 chunked",
        with("Upgrade: websocket\r\nConnection: Upgrade\r\nTransfer-Encoding: chunked\r\n"),
        "POST / HTTP/1.1|Transfer-Encoding: chunked|Host: a| Chunked",
    );
    check("71 no connection", with("Upgrade: websocket\r\n"), POST);
    check(
        "71 1.0",
        "GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade, keep-alive\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.1|Host: a|",
    );
    check(
        "71 h2c",
        with("Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nConnection: Upgrade, HTTP2-Settings\r\n"),
        POST,
    );
    check("71 h2c in a list", with("Upgrade: H2C, websocket\r\nConnection: Upgrade\r\n"), upgraded);
    check(
        "71 versions",
        with("Upgrade: a/1, HTTP/2.0 , b\r\nConnection: Upgrade\r\n"),
        "POST / HTTP/1.1|Host: a|Upgrade: a/1, b|Connection: Upgrade|",
    );
    check("71 malformed", with("Upgrade: web socket\r\nConnection: Upgrade\r\n"), POST);
    check("71 malformed", with("Upgrade: a/b/c\r\nConnection: Upgrade\r\n"), POST);
    check("71 empty", with("Upgrade: \r\nConnection: Upgrade\r\n"), POST);
    check("71 two lines", with("Upgrade: websocket\r\nUpgrade: b\r\nConnection: Upgrade\r\n"), POST);
}

#[test]
fn offers_row_71() {
    for (offered, accepted, expected) in [
        ("websocket", "WebSocket", true),
        ("a/1, websocket", "websocket", true),
        ("a, b", "b, a", true),
        ("websocket", "b", false),
        ("websocket", "websocket, b", false),
        ("websocket", "", false),
        ("websocket, h2c", "h2c", false),
        ("websocket", "websocke", false),
    ] {
        assert_eq!(is_offered(offered.as_bytes(), accepted.as_bytes()), expected, "row 71: {offered} then {accepted}");
    }
}

#[test]
fn paths_row_72() {
    for raw in [
        "/a/../b",
        "/a/%2e%2e/b",
        "/a%2fb",
        "/a%5cb",
        "/a\\b",
        "/a;x=/../b",
        "//a",
        "/%c0%af",
        "/a/.",
        "/%0d%0aX:",
        "/a/..",
        "/..a",
        "/...",
        "/.",
        "/a/b/../..",
        "/?../..",
        "/?%00%",
        "/a%20b",
        "/a/..;/b",
        "/a%2f..",
        "/%252e%252e/",
        "/a/b%2f../..",
        "/|{}^`\"<>",
        "/a/./../b",
        "/;",
        "/a;..",
        "/;../",
    ] {
        check("72", path(raw), &format!("GET {raw} HTTP/1.1|Host: a|"));
    }
    for above in [
        "/..",
        "/../x",
        "/a/../..",
        "/..;/",
        "/..;x=1/b",
        "/%2e%2e/b",
        "/.%2E",
        "/%2e./",
        "/..\\",
        "/..%5cx",
        "/..%2fx",
        "/a\\..\\..",
        "//..",
        "/./..",
        "/.;/..",
        "/;/..",
        "/a%2fb/../..",
        "/..?x",
        "/%2f../..",
        "/a/%2e%2e%2f%2e%2e",
        "/a%2f../..",
        "/..%3bx/",
    ] {
        check("72", path(above), "400 path_above_root");
    }
    for escape in ["/%00", "/%", "/a%2", "/%zz", "/%0", "/%0g", "/a%00b", "/%%32e", "/%?a"] {
        check("72", path(escape), "400 bad_path_escape");
    }
    check("72 absolute", path("http://b/../x"), "400 path_above_root");
}

#[test]
fn every_fault_has_a_status_and_its_own_reason() {
    for (index, fault) in RequestFault::ALL.iter().enumerate() {
        assert!([400, 413, 414, 417, 421, 431, 501, 505].contains(&fault.status()), "{fault}");
        assert!(fault.reason().bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'));
        assert!(!RequestFault::ALL[..index].iter().any(|other| other.reason() == fault.reason()));
    }
}
