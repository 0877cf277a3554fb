//! Requests as text, and the many that are refused.

use super::*;

/// What a connection and a stream are, beside the fields of the head.
#[derive(Clone, Copy)]
struct Given {
    is_tls: bool,
    has_body: bool,
    bytes_max: usize,
}

const PLAIN: Given = Given { is_tls: true, has_body: false, bytes_max: 4096 };
const BODY: Given = Given { has_body: true, ..PLAIN };

/// `fields` is a list of `name=value`, the value up to the end of the line.
fn text_of(given: Given, fields: &str) -> (Result<String, HeadFault>, RequestForm) {
    let (mut text, mut crumbs) = (Vec::new(), b"left from the last head".to_vec());
    let mut request = RequestText::new(&mut text, &mut crumbs, given.bytes_max, given.is_tls, given.has_body);
    for field in fields.lines().filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once('=').unwrap();
        request.field(name.as_bytes(), &unescaped(value));
    }
    let form = request.finish();
    assert!(text.len() <= given.bytes_max, "{} bytes of text", text.len());
    let text = String::from_utf8_lossy(&text).into_owned();
    (form.fault.map_or(Ok(text), Err), form)
}

/// `\r`, `\n`, `\t` and `\0` are what they are elsewhere, `\d` is DEL, and `\x` a byte that is no ASCII.
fn unescaped(value: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'0') => 0,
                Some(b'd') => 0x7f,
                Some(b'x') => 0xe9,
                other => panic!("no escape: {other:?}"),
            },
            byte => byte,
        });
    }
    bytes
}

#[track_caller]
fn check(given: Given, fields: &str, expected: &str) -> RequestForm {
    let (text, form) = text_of(given, fields);
    assert_eq!(text.as_deref(), Ok(expected), "{fields}");
    form
}

/// With a good request line before.
#[track_caller]
fn check_fields(given: Given, fields: &str, expected: &str) -> RequestForm {
    check(given, &format!("{GET}{fields}"), &format!("GET /a?b=c HTTP/1.1\r\nhost: example.com\r\n{expected}"))
}

#[track_caller]
fn check_malformed(given: Given, fields: &str) {
    assert_eq!(text_of(given, fields).0, Err(HeadFault::Malformed), "{fields}");
}

const GET: &str = ":method=GET\n:scheme=https\n:authority=example.com\n:path=/a?b=c\n";
const CONNECT: &str = ":method=CONNECT\n:protocol=websocket\n:scheme=https\n:authority=example.com\n:path=/chat\n";

#[test]
fn requests_become_text() {
    check_fields(PLAIN, "", "");
    check_fields(PLAIN, "accept=*/*\nx=\nx_y.z=in", "accept: */*\r\nx: \r\nx_y.z: in\r\n");
    check_fields(PLAIN, "x=a\\tb c\nlatin=caf\\x", "x: a\tb c\r\nlatin: caf\u{fffd}\r\n");
    check_fields(PLAIN, "te=trailers\nexpect=100-continue", "te: trailers\r\nexpect: 100-continue\r\n");
    // Whatever the order of the pseudo-fields.
    check(
        Given { is_tls: false, ..PLAIN },
        ":path=/\n:authority=a:8080\n:scheme=http\n:method=HEAD\nx=y",
        "HEAD / HTTP/1.1\r\nhost: a:8080\r\nx: y\r\n",
    );
    check(PLAIN, ":method=OPTIONS\n:scheme=https\n:path=*\n:authority=a", "OPTIONS * HTTP/1.1\r\nhost: a\r\n");
    check(PLAIN, ":method=CONNECT\n:authority=a:443", "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n");
}

#[test]
fn one_host_is_said() {
    check_fields(PLAIN, "a=1\nhost=EXAMPLE.com\nb=2", "a: 1\r\nb: 2\r\n");
    check(PLAIN, ":method=GET\n:scheme=https\n:path=/\na=1\nhost=b", "GET / HTTP/1.1\r\na: 1\r\nhost: b\r\n");
    // The parser of the text refuses it.
    check(PLAIN, ":method=GET\n:scheme=https\n:path=/", "GET / HTTP/1.1\r\n");
    for hosts in ["host=other.com", "host=", "host=example.com\nhost=example.com"] {
        check_malformed(PLAIN, &format!("{GET}{hosts}"));
    }
    check_malformed(PLAIN, ":method=GET\n:scheme=https\n:path=/\nhost=a\nhost=a");
}

#[test]
fn crumbs_become_one_cookie() {
    check_fields(PLAIN, "cookie=a=1\nx=y\ncookie=b=2; c=3", "x: y\r\ncookie: a=1; b=2; c=3\r\n");
    check_fields(PLAIN, "cookie=\ncookie= a=1 \ncookie=", "cookie: a=1\r\n");
    check_fields(PLAIN, "cookie=", "");
    for crumb in ["b\\r\\nx: y", "\\r", "\\r\\n", "b\\n"] {
        check_malformed(PLAIN, &format!("{GET}cookie=a\ncookie={crumb}"));
    }
}

#[test]
fn bodies_are_marked() {
    let form = check_fields(BODY, "", "transfer-encoding: chunked\r\n");
    assert_eq!((form.method, form.is_tunnel, form.length), (Method::Other, false, None));
    let form = check_fields(BODY, "content-length=3", "content-length: 3\r\n");
    assert_eq!(form.length, Some(3));
    assert_eq!(check_fields(PLAIN, "content-length=0", "content-length: 0\r\n").length, Some(0));
    let form = check(
        BODY,
        ":method=HEAD\n:scheme=https\n:path=/\ncontent-length=999999999999999999",
        "HEAD / HTTP/1.1\r\ncontent-length: 999999999999999999\r\n",
    );
    assert_eq!((form.method, form.length), (Method::Head, Some(999_999_999_999_999_999)));
    for lengths in [
        "content-length=3\ncontent-length=3",
        "content-length=3\ncontent-length=4",
        "content-length=",
        "content-length=+3",
        "content-length=3, 3",
        "content-length=1000000000000000000",
        "content-length=99999999999999999999999",
        "content-length=0x3",
        "content-length=:",
    ] {
        check_malformed(BODY, &format!("{GET}{lengths}"));
    }
    check_malformed(PLAIN, &format!("{GET}content-length=3"));
}

#[test]
fn an_extended_connect_becomes_an_upgrade() {
    let marks = "upgrade: websocket\r\nconnection: upgrade\r\n";
    let start = "GET /chat HTTP/1.1\r\nhost: example.com\r\n";
    for given in [PLAIN, BODY] {
        let fields = format!("{CONNECT}sec-websocket-version=13\nsec-websocket-key=b3RoZXI=\ncookie=a");
        let form = check(given, &fields, &format!("{start}sec-websocket-version: 13\r\ncookie: a\r\n{marks}"));
        assert_eq!((form.method, form.is_tunnel), (Method::Other, true));
    }
    check(BODY, &CONNECT.replace("websocket", "WebSocket"), &format!("{start}{marks}"));
    check_fields(PLAIN, "sec-websocket-key=x", "sec-websocket-key: x\r\n");
    check_malformed(BODY, &format!("{CONNECT}sec-websocket-key=a\\n"));
    check_malformed(BODY, &format!("{CONNECT}content-length=0"));
    check_malformed(BODY, &CONNECT.replace("websocket", "connect-udp"));
    check_malformed(BODY, &CONNECT.replace("CONNECT", "GET"));
    check_malformed(BODY, &CONNECT.replace(":path=/chat\n", ""));
    check_malformed(BODY, &CONNECT.replace(":scheme=https\n", ""));
    check_malformed(BODY, &CONNECT.replace("/chat", "*"));
}

#[test]
fn pseudo_fields_are_strict() {
    for missing in [":method=GET\n", ":scheme=https\n", ":path=/a?b=c\n"] {
        check_malformed(PLAIN, &GET.replace(missing, ""));
        check_malformed(PLAIN, &GET.replace(missing, &format!("{missing}{missing}")));
    }
    check_malformed(PLAIN, "");
    check_malformed(PLAIN, &format!("{GET}:authority=example.com"));
    for bad in [":status=200", ":unknown=x", ":=x", ":protocol=websocket", ":protocol=", ":METHOD=GET"] {
        check_malformed(PLAIN, &format!("{GET}{bad}"));
    }
    for late in [":method=GET", ":path=/", ":authority=example.com", ":scheme=https", ":protocol=websocket"] {
        check_malformed(PLAIN, &format!("{GET}a=b\n{late}"));
        check_malformed(PLAIN, &format!("{}a=b\n{late}", GET.replace(&format!("{late}\n"), "")));
    }
    check_malformed(PLAIN, &GET.replace("https", "http"));
    check_malformed(PLAIN, &GET.replace("https", "HTTPS"));
    check_malformed(Given { is_tls: false, ..PLAIN }, GET);
    for more in [":scheme=https", ":path=/"] {
        check_malformed(PLAIN, &format!(":method=CONNECT\n:authority=a:443\n{more}"));
    }
    check_malformed(PLAIN, ":method=CONNECT\nhost=a:443");
}

#[test]
fn no_piece_holds_another_line() {
    for method in ["", "GET ", "G T", "GET\\r\\n", "GET / HTTP/1.1\\r\\nx: ", "(", ":", "\\x"] {
        check_malformed(PLAIN, &GET.replace("GET", method));
    }
    for path in [
        "",
        "a",
        "*",
        "?a",
        "/ ",
        "/ HTTP/1.1\\r\\nx: y\\r\\n\\r\\nGET /",
        "/\\t",
        "/\\r",
        "/\\n",
        "/\\0",
        "/\\d",
        "/\\x",
        "/a#b",
        "//a b",
        "http://a/",
        "/a-path-that-is-longer-than-one-block\\n",
    ] {
        check_malformed(PLAIN, &GET.replace("/a?b=c", path));
    }
    for host in ["", " ", "a b", "a\\r\\nx: y", "a\\n", "user@a", "@", "\\x", "a\\d", "\\t"] {
        check_malformed(PLAIN, &GET.replace("example.com", host));
    }
    for name in [
        "",
        "A",
        "x-Y",
        "a b",
        "a:",
        "a:b",
        " a",
        "a ",
        "\r",
        "\u{7f}",
        "é",
        "a\0",
        "(",
        "a-name-longer-than-one-block-X",
        "sixteen-bytes-0:",
        "x_Y",
        "a/b",
    ] {
        check_malformed(PLAIN, &format!("{GET}{name}=v"));
    }
    for value in [
        " a",
        "a ",
        "\\ta",
        "a\\t",
        " ",
        "\\t",
        "a\\r\\nb: c",
        "a\\n",
        "\\r",
        "\\0",
        "a\\d",
        "a value of more than a block\\n",
        "sixteen-bytes-01\\r",
        "sixteen-bytes-01\\r\\n\\r\\nGET / HTTP/1.1\\r\\n",
    ] {
        check_malformed(PLAIN, &format!("{GET}x={value}"));
    }
}

#[test]
fn fields_of_connections_are_refused() {
    for field in [
        "connection=close",
        "connection=upgrade",
        "keep-alive=5",
        "proxy-connection=keep-alive",
        "upgrade=h2c",
        "transfer-encoding=chunked",
        "te=gzip",
        "te=trailers, gzip",
        "te=",
        "te=Trailers",
    ] {
        check_malformed(BODY, &format!("{GET}{field}"));
        check_malformed(BODY, &format!("{CONNECT}{field}"));
    }
}

#[test]
fn text_has_an_end() {
    let fields = format!("{GET}x=1234567890\ncookie=a=1\ncookie=b=2");
    let length = text_of(BODY, &fields).0.unwrap().len();
    for bytes_max in 0..length + 20 {
        let fault = text_of(Given { bytes_max, ..BODY }, &fields).1.fault;
        match fault {
            Some(fault) => assert_eq!(fault, HeadFault::TooLarge, "{bytes_max}"),
            None => assert!(bytes_max >= length, "{bytes_max}"),
        }
        // It must fit with what is only scratch, but not with much more.
        assert!(fault.is_none() || bytes_max < length + 10, "{bytes_max} for {length}");
    }
    // The first fault is the one that is told.
    let broken = format!("{GET}X=1\nx={}", "v".repeat(5000));
    assert_eq!(text_of(PLAIN, &broken).1.fault, Some(HeadFault::Malformed));
    let large = format!("{GET}x={}\nX=1", "v".repeat(5000));
    assert_eq!(text_of(PLAIN, &large).1.fault, Some(HeadFault::TooLarge));
}
