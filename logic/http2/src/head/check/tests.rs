//! The checks with any fields and any answers.

use super::*;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

/// Mostly good names, some of them with a meaning, and any bytes.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "host",
        "cookie",
        "cookie",
        "content-length",
        "te",
        "connection",
        "keep-alive",
        "upgrade",
        "transfer-encoding",
        "proxy-connection",
        "expect",
        "sec-websocket-key",
        "grpc-status",
        ":method",
        ":path",
        ":authority",
        ":scheme",
        ":protocol",
        ":status",
        "x_forwarded_for",
        "A",
        "",
    ]);
    prop_oneof![
        3 => known.prop_map(|name| name.as_bytes().to_vec()),
        30 => "[a-z-]{1,20}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..24),
        1 => spoiled("[a-z0-9-]{1,40}"),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "",
        "0",
        "3",
        "12345",
        "trailers",
        "chunked",
        "a",
        "example.com",
        "EXAMPLE.com",
        "a:",
        "100-continue",
        "/",
        "GET",
        "http",
        "websocket",
        " a",
        "a ",
        "a=1",
        "x\r\ny: z",
        "x\r\n\r\nGET / HTTP/1.1\r\n",
    ]);
    prop_oneof![
        3 => known.prop_map(|value| value.as_bytes().to_vec()),
        30 => "([!-~]([ -~]{0,40}[!-~])?)?".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => spoiled("[!-~]{1,60}"),
    ]
}

/// One byte of a good text is another.
fn spoiled(good: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"\r\n\t\0 :#@\x7f\x80".to_vec())];
    (good, any::<prop::sample::Index>(), byte).prop_map(|(text, index, byte)| {
        let mut text = text.into_bytes();
        let place = index.index(text.len());
        text[place] = byte;
        text
    })
}

fn piece(good: &'static [&'static str], spoiled_form: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let good = prop::sample::select(good).prop_map(|piece| piece.as_bytes().to_vec());
    prop_oneof![30 => good, 1 => spoiled(spoiled_form), 1 => prop::collection::vec(any::<u8>(), 0..20)]
}

fn put(piece: &[u8], data: &mut Vec<u8>) {
    data.push(u8::try_from(piece.len()).unwrap());
    data.extend_from_slice(piece);
}

/// An input of [`check_request`].
fn request() -> impl Strategy<Value = Vec<u8>> {
    let choices = prop_oneof![4 => prop::sample::select(vec![0_u8, 1, 2, 3]), 2 => 0..64_u8, 1 => any::<u8>()];
    let pieces = (
        piece(&["GET", "GET", "POST", "POST", "HEAD", "OPTIONS", "CONNECT", "get"], "[A-Z]{1,20}"),
        any::<prop::sample::Index>(),
        piece(&["example.com", "a:80", "[::1]:8080", "a:"], "[a-z.:]{1,30}"),
        piece(&["/", "/a/b?c=d", "/%41", "/", "/", "*", "/a/../b"], "/[!-~]{0,60}"),
    );
    let fields = prop::collection::vec((name(), value()), 0..8);
    (choices, pieces, fields).prop_map(|(choices, (method, scheme, authority, path), fields)| {
        let mut data = vec![choices];
        if choices & 0x40 == 0 {
            put(&method, &mut data);
            // Mostly that of the connection.
            let is_other = scheme.index(16) == 0;
            put(if (choices & 2 != 0) != is_other { b"https" } else { b"http" }, &mut data);
            put(&authority, &mut data);
            put(&path, &mut data);
        }
        for (name, value) in &fields {
            put(name, &mut data);
            put(value, &mut data);
        }
        data
    })
}

/// An input of [`check_answer`].
fn answer_text() -> impl Strategy<Value = Vec<u8>> {
    let status = prop_oneof![Just(200_u16), Just(101), Just(103), Just(304), 100..600_u16];
    let known_line = prop::sample::select(vec![
        "Content-Length: 5",
        "content-length: 0",
        "Transfer-Encoding: chunked",
        "Connection: close",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Accept: x",
        "grpc-status: 0",
        "Server: evener",
        "Set-Cookie: a=1",
        "x: ",
        "Content-Type: text/html",
        "cache-control:  no-cache \t",
    ]);
    let line = prop_oneof![
        2 => known_line.prop_map(str::to_owned),
        2 => "[a-zA-Z_.-]{1,20}: ?[!-~]([ -~]{0,40}[!-~])?",
        1 => "[a-z]{1,3}: [a-z]{245,300}",
    ];
    let lines = prop_oneof![4 => prop::collection::vec(line.clone(), 0..8), 1 => prop::collection::vec(line, 20..40)];
    (any::<u8>(), status, lines).prop_map(|(choices, status, lines)| {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        [&[choices][..], format!("HTTP/1.1 {status} Reason\r\n{lines}\r\n").as_bytes()].concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn requests_say_what_their_fields_say(data in request()) {
        check_request(&data);
    }

    #[test]
    fn any_bytes_are_a_request(data in prop::collection::vec(any::<u8>(), 0..200)) {
        check_request(&data);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn answers_say_what_their_text_says(data in answer_text()) {
        check_answer(&data);
    }
}
