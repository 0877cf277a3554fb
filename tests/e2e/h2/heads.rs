//! Messages that RFC 9113 §8 calls malformed: answered with 400 or a reset of the stream, and never passed on.
//!
//! The connection goes on, with the same tables of HPACK.

use std::time::Instant;

use super::scene::{Scene, ask};
use crate::harness::frames::{
    DATA, END_STREAM, ENHANCE_YOUR_CALM, FramePeer, Message, Outcome, PROTOCOL_ERROR, frame, headers, request,
};
use crate::harness::hpack::literal_block;
use crate::harness::wait::{PATIENCE, eventually};

type Fields<'a> = Vec<(&'a str, &'a str)>;

/// The least request, with further fields.
fn with<'a>(fields: &[(&'a str, &'a str)]) -> Fields<'a> {
    [&request("GET", "/bad")[..], fields].concat()
}

/// The least request with another value of one field, or without it.
fn but<'a>(name: &str, value: Option<&'a str>) -> Fields<'a> {
    let mut fields = request("GET", "/bad").to_vec();
    fields.retain_mut(|field| {
        if field.0 == name {
            field.1 = value.unwrap_or_default();
        }
        field.0 != name || value.is_some()
    });
    fields
}

/// With an answer that says so, or by a reset.
pub(super) fn is_refused(message: &Message) -> bool {
    let is_reset = message.outcome == Some(Outcome::Reset(PROTOCOL_ERROR)) && message.heads.is_empty();
    is_reset || (message.outcome == Some(Outcome::Ended) && matches!(message.status(), 400 | 421 | 501))
}

/// Each of these is refused, all on one connection, which goes on.
#[track_caller]
fn refuses(scene: &mut Scene, row: u32, table: &[Fields<'_>]) {
    let mut client = scene.connect();
    for fields in table {
        let what = format!("row {row}, {fields:?}");
        let message = ask(&mut client, &bytes_of(fields)).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(is_refused(&message), "{what}: {message:?}");
        client.expect_alive(&what);
    }
    scene.expect_well(&format!("row {row}"));
}

fn bytes_of(fields: &Fields<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
    fields.iter().map(|(name, value)| (latin(name), latin(value))).collect()
}

fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(character).expect("texts stand for bytes")).collect()
}

#[test]
fn row_21_names_and_values() {
    let mut scene = Scene::open();
    let names = ["X-Upper", "a b", "a\u{1}", "a\u{7f}", "a\u{e4}", "a:b", "", "a\r\nb", "a(", " a", "a ", "a\t", "a\0"];
    refuses(&mut scene, 21, &names.map(|name| with(&[(name, "v")])));
    let values = ["a\0b", "a\rb", "a\nb", "a\r\nx: y", "a\u{1}b", "a\u{7f}", "\0", "\n", "\r\n\r\n"];
    refuses(&mut scene, 21, &values.map(|value| with(&[("x", value)])));
    let padded = [" a", "a ", "\ta", "a\t"];
    refuses(&mut scene, 21, &padded.map(|value| with(&[("x", value)])));
}

#[test]
fn row_21_values_of_eight_bits_pass() {
    let scene = Scene::open();
    let mut client = scene.connect();
    let fields: [(&str, &[u8]); 6] = [
        (":method", b"GET"),
        (":scheme", b"http"),
        (":authority", b"test"),
        (":path", b"/after"),
        ("x-latin", b"caf\xe9 \x80\xff"),
        ("x-tab", b"a\tb"),
    ];
    let message = ask(&mut client, &fields).expect("an answer");
    assert_eq!(message.status(), 200, "{message:?}");
    let request = scene.only_request_to("/after");
    assert_eq!(request.fields.get("x-latin"), Some("caf\u{e9} \u{80}\u{ff}"));
    assert_eq!(request.fields.get("x-tab"), Some("a\tb"));
}

#[test]
fn row_22_fields_of_a_connection() {
    let table = [
        ("connection", "close"),
        ("connection", "x-other"),
        ("transfer-encoding", "chunked"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
        ("te", "trailers, gzip"),
    ];
    let table: Vec<Fields<'_>> = table.iter().map(|field| with(&[*field])).collect();
    refuses(&mut Scene::open(), 22, &table);
}

#[test]
fn row_23_pseudo_fields() {
    let mut late = but(":path", None);
    late.extend([("x", "y"), (":path", "/bad")]);
    let table = [
        but(":method", None),
        but(":scheme", None),
        but(":path", None),
        with(&[(":path", "/bad")]),
        with(&[(":method", "GET")]),
        with(&[(":scheme", "http")]),
        with(&[(":authority", "test")]),
        with(&[(":status", "200")]),
        with(&[(":unknown", "x")]),
        with(&[(":", "x")]),
        with(&[(":Path", "/bad")]),
        late,
        Vec::new(),
    ];
    refuses(&mut Scene::open(), 23, &table);
}

#[test]
fn row_24_to_26_request_lines() {
    let mut scene = Scene::open();
    let paths = [
        "",
        "bad",
        "*",
        "/bad x",
        "/bad\r\n",
        "/bad\0",
        "http://test/bad",
        "//%zz\u{7f}",
        "/bad\u{e4}",
        "/bad#bad",
        "#bad",
        "/bad HTTP/1.1\r\nx: y",
    ];
    refuses(&mut scene, 24, &paths.map(|path| but(":path", Some(path))));
    // The connection is not under TLS.
    let schemes = ["http://x/?", "https", "HTTPS", "HTTP", "Http", "ftp", "", "http\r\nx: y", "1"];
    refuses(&mut scene, 25, &schemes.map(|scheme| but(":scheme", Some(scheme))));
    let methods = ["GET /bad HTTP/1.1\r\nx: ", "G T", "", "GET\r\n", "GET\0", "G(T", "\u{e4}"];
    refuses(&mut scene, 26, &methods.map(|method| but(":method", Some(method))));
}

#[test]
fn row_27_authorities() {
    let authorities = ["", "user@test", "a,b", "a b", "test\r\nx: y", "a/b", "test:99999", "[::1", "a#b", "a?b"];
    let mut table: Vec<Fields<'_>> = authorities.iter().map(|one| but(":authority", Some(one))).collect();
    table.push(with(&[("host", "other")]));
    table.push(with(&[("host", "test"), ("host", "test")]));
    table.push(with(&[("host", "test:80")]));
    table.push(but(":authority", None));
    let mut scene = Scene::open();
    refuses(&mut scene, 27, &table);
    let mut client = scene.connect();
    let mut equal = request("GET", "/equal").to_vec();
    equal.push(("host", "test"));
    assert_eq!(ask(&mut client, &equal).expect("an answer").status(), 200);
    let request = scene.only_request_to("/equal");
    assert_eq!(request.fields.all("host").collect::<Vec<_>>(), ["test"]);
    let only_host = [(":method", "GET"), (":scheme", "http"), (":path", "/only"), ("host", "named")];
    assert_eq!(ask(&mut client, &only_host).expect("an answer").status(), 200);
    assert_eq!(scene.only_request_to("/only").fields.get("host"), Some("named"));
}

fn post<'a>(length: &'a str) -> Fields<'a> {
    [&request("POST", "/length")[..], &[("content-length", length)]].concat()
}

/// K10. The head of a request whose body turns out to be of another length may have gone to the server, but never a whole
/// request.
#[test]
fn row_28_lengths_that_are_not_those_of_the_body() {
    let mut scene = Scene::open();
    let bodies: [(&str, Vec<u8>); 6] = [
        ("too short", [headers(1, 0, &post("10")), frame(DATA, END_STREAM, 1, b"short")].concat()),
        ("too long", [headers(1, 0, &post("3")), frame(DATA, END_STREAM, 1, b"longer")].concat()),
        (
            "too long in two",
            [headers(1, 0, &post("3")), frame(DATA, 0, 1, b"ab"), frame(DATA, END_STREAM, 1, b"cd")].concat(),
        ),
        ("no body", headers(1, END_STREAM, &post("10"))),
        (
            "an empty end",
            [headers(1, 0, &post("10")), frame(DATA, 0, 1, b"short"), frame(DATA, END_STREAM, 1, b"")].concat(),
        ),
        (
            "an end by trailers",
            [headers(1, 0, &post("10")), frame(DATA, 0, 1, b"short"), headers(1, END_STREAM, &[("x", "y")])].concat(),
        ),
    ];
    for (what, bytes) in bodies {
        let mut client = scene.connect();
        client.send(bytes);
        let message = client.message(1);
        assert!(is_refused(&message), "{what}: {message:?}");
        client.expect_alive(what);
        scene.expect_well(what);
    }
    for length in ["", "-1", "+5", "5x", "5,5", "5, 5", "0x5", "99999999999999999999", "5 5"] {
        let mut client = scene.connect();
        client.send([headers(1, 0, &post(length)), frame(DATA, END_STREAM, 1, b"abcde")].concat());
        let message = client.message(1);
        assert!(is_refused(&message), "length {length:?}: {message:?}");
    }
    let twice = [&post("5")[..], &[("content-length", "6")]].concat();
    let mut client = scene.connect();
    client.send([headers(1, 0, &twice), frame(DATA, END_STREAM, 1, b"abcde")].concat());
    assert!(is_refused(&client.message(1)), "two lengths");
    // What came of these at the server broke off.
    eventually(PATIENCE, "the connections with broken requests end", || {
        let conversations = scene.recorder.conversations();
        let broken = conversations.iter().filter(|one| one.text().contains("/length"));
        broken.into_iter().all(|one| one.is_over())
    });
    assert!(scene.requests_to("/length").is_empty(), "{:?}", scene.requests_to("/length"));
    let mut client = scene.connect();
    client.send([headers(1, 0, &post("5")), frame(DATA, 0, 1, b"abcde"), frame(DATA, END_STREAM, 1, b"")].concat());
    assert_eq!(client.message(1).status(), 200, "a right length with an empty end");
}

#[test]
fn row_29_trailers_that_do_not_end() {
    let mut scene = Scene::open();
    let head = headers(1, 0, &request("POST", "/trailers"));
    let body = frame(DATA, 0, 1, b"body");
    for (what, tail) in [
        ("trailers without END_STREAM", headers(1, 0, &[("x", "y")])),
        ("trailers of a connection", headers(1, END_STREAM, &[("connection", "close")])),
        ("trailers in capitals", headers(1, END_STREAM, &[("X-Upper", "y")])),
        ("trailers with a name that is none", headers(1, END_STREAM, &[("a b", "y")])),
        ("trailers with a value that is none", headers(1, END_STREAM, &[("x", "a\r\nb")])),
        ("trailers with a path", headers(1, END_STREAM, &[(":path", "/bad"), ("x", "y")])),
        ("trailers with a status", headers(1, END_STREAM, &[("x", "y"), (":status", "200")])),
        ("trailers with a pseudo-field that nobody knows", headers(1, END_STREAM, &[(":x", "y")])),
    ] {
        let mut client = scene.connect();
        client.send([&head[..], &body, &tail].concat());
        let message = client.message(1);
        assert!(is_refused(&message), "{what}: {message:?}");
        client.expect_alive(what);
        scene.expect_well(what);
    }
    // What came of these at the server broke off.
    eventually(PATIENCE, "the connections with broken requests end", || {
        let conversations = scene.recorder.conversations();
        let broken = conversations.iter().filter(|one| one.text().contains("/trailers"));
        broken.into_iter().all(|one| one.is_over())
    });
    assert!(scene.requests_to("/trailers").is_empty(), "no request became whole");
    assert!(!scene.recorder.text().contains("/bad"), "a pseudo-field reached the server");
}

/// §8.1: a block of trailers is bounded as a head is, and its stream alone ends for it.
#[test]
fn row_29_trailers_beyond_the_bounds() {
    let mut scene = Scene::open();
    let long = "v".repeat(40_000);
    let numbered: Vec<String> = (0..140).map(|number| format!("x-{number}")).collect();
    let many: Fields<'_> = numbered.iter().map(|name| (name.as_str(), "y")).collect();
    for (what, fields) in [("bytes", vec![("x-long", long.as_str()), ("x-longer", long.as_str())]), ("fields", many)] {
        let mut client = scene.connect();
        client.send([headers(1, 0, &request("POST", "/trailers")), frame(DATA, 0, 1, b"body")].concat());
        send_block(&mut client, 1, &literal_block(&fields));
        let message = client.message(1);
        let is_refused = is_refused(&message) || matches!(message.status(), 413 | 431);
        let is_reset = matches!(message.outcome, Some(Outcome::Reset(ENHANCE_YOUR_CALM)));
        assert!(is_refused || is_reset, "{what}: {message:?}");
        client.expect_alive(what);
        scene.expect_well(what);
    }
    assert!(scene.requests_to("/trailers").is_empty(), "no request became whole");
}

#[test]
fn row_30_connect() {
    let table: [Fields<'_>; 6] = [
        vec![(":method", "CONNECT"), (":authority", "test:80")],
        vec![(":method", "CONNECT"), (":scheme", "http"), (":authority", "test:80"), (":path", "/bad")],
        vec![(":method", "CONNECT"), (":authority", "test")],
        vec![(":method", "CONNECT"), (":scheme", "http"), (":authority", "t"), (":path", "/bad"), (":protocol", "h3")],
        vec![(":method", "CONNECT"), (":authority", "test"), (":protocol", "websocket")],
        with(&[(":protocol", "websocket")]),
    ];
    let mut scene = Scene::open();
    let mut client = scene.connect();
    for fields in &table {
        let message = ask(&mut client, fields).expect("a reaction");
        let is_refused = is_refused(&message) || matches!(message.status(), 405 | 501);
        assert!(is_refused, "{fields:?}: {message:?}");
        client.expect_alive("CONNECT");
    }
    scene.expect_well("row 30");
}

/// RFC 9113 §8.2.3.
#[test]
fn row_31_cookie_crumbs() {
    let begun = Instant::now();
    let mut scene = Scene::open();
    let mut client = scene.connect();
    let crumbs =
        [&request("GET", "/crumbs")[..], &[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c=3")]];
    assert_eq!(ask(&mut client, &crumbs.concat()).expect("an answer").status(), 200);
    let request = scene.only_request_to("/crumbs");
    assert_eq!(request.fields.all("cookie").collect::<Vec<_>>(), ["a=1; b=2; c=3"]);
    let mut many = crate::harness::frames::request("GET", "/bad").to_vec();
    many.extend(std::iter::repeat_n(("cookie", "a=1"), 10_000));
    let block = literal_block(&many);
    let stream = client.take_stream();
    send_block(&mut client, stream, &block);
    let message = client.message(stream);
    // So much beyond the bound is taken for a flood.
    assert_eq!(message.outcome, Some(Outcome::GoneAway(ENHANCE_YOUR_CALM)), "{message:?}");
    scene.expect_well("row 31");
    scene.expect_counted("row 31", "h2_flood", 1, begun);
}

/// A block over as many frames as it takes.
pub(super) fn send_block(client: &mut FramePeer, stream: u32, block: &[u8]) {
    use crate::harness::frames::{CONTINUATION, END_HEADERS, FRAME_BYTES, HEADERS};
    let count = block.len().div_ceil(FRAME_BYTES);
    for (number, piece) in block.chunks(FRAME_BYTES).enumerate() {
        let kind = if number == 0 { HEADERS } else { CONTINUATION };
        let end_stream = if number == 0 { END_STREAM } else { 0 };
        let end_headers = if number + 1 == count { END_HEADERS } else { 0 };
        client.send(frame(kind, end_stream | end_headers, stream, piece));
    }
}

/// A head beyond the bound of bytes or of fields is the matter of its stream only.
#[test]
fn heads_beyond_the_bounds() {
    let mut scene = Scene::open();
    let mut client = scene.connect();
    let long = "v".repeat(40_000);
    let numbered: Vec<String> = (0..140).map(|number| format!("x-{number}")).collect();
    let many: Fields<'_> = numbered.iter().map(|name| (name.as_str(), "y")).collect();
    for (what, more) in [("bytes", vec![("x-long", long.as_str()), ("x-longer", long.as_str())]), ("fields", many)] {
        let block = literal_block(&with(&more));
        let stream = client.take_stream();
        send_block(&mut client, stream, &block);
        let message = client.message(stream);
        assert_eq!(message.status(), 431, "{what}: {:?}", message.outcome);
        client.expect_alive(what);
        scene.expect_well(what);
    }
}
