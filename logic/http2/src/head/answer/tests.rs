//! Answers as blocks, and what is remembered between them.

use super::*;
use crate::hpack::Decoder;

/// Both ends of a connection, and what is remembered.
struct Ends {
    known: Known,
    encoder: Encoder,
    decoder: Decoder,
}

impl Ends {
    fn new() -> Self {
        Self { known: Known::default(), encoder: Encoder::new(), decoder: Decoder::new(4096) }
    }

    fn answer(&mut self, text: &str, method: Method) -> Option<(AnswerForm, String)> {
        let mut block = Vec::new();
        let Some(form) = answer(text.as_bytes(), method, &mut self.known, &mut self.encoder, &mut block) else {
            assert!(block.is_empty(), "a piece of a block of {text}");
            return None;
        };
        Some((form, self.decoded(&block)))
    }

    fn trailers(&mut self, lines: &str) -> String {
        let mut block = Vec::new();
        trailers(lines.as_bytes(), &mut self.known, &mut self.encoder, &mut block);
        self.decoded(&block)
    }

    fn decoded(&mut self, block: &[u8]) -> String {
        let mut fields = Vec::new();
        let mut take =
            |name: &[u8], value: &[u8]| fields.push(format!("{}={}", name.escape_ascii(), value.escape_ascii()));
        self.decoder.decode(block, &mut take).unwrap();
        fields.join("|")
    }
}

/// Again and again, beside another answer with other lines, and with more behind the head.
#[track_caller]
fn check(text: &str, method: Method, framing: Framing, expected: &str) {
    let other = "HTTP/1.1 404 \r\nServer: other\r\nSet-Cookie: a\r\nContent-Length: 7\r\nx: y\r\n\r\n";
    for has_others in [false, true] {
        let mut ends = Ends::new();
        for _ in 0..4 {
            let (form, fields) = ends.answer(&format!("{text}body"), method).unwrap();
            assert_eq!((fields.as_str(), form.framing, form.head_bytes), (expected, framing, text.len()));
            if has_others {
                ends.answer(other, method).unwrap();
            }
        }
    }
}

#[test]
fn answers_become_blocks() {
    use Framing::{Chunked, Length, None, UntilClose};
    use Method::{Get, Head};
    let plain = "HTTP/1.1 200 OK\r\nServer: a\r\nContent-Length: 5\r\n\r\n";
    check(plain, Get, Length(5), ":status=200|server=a|content-length=5");
    check(plain, Head, None, ":status=200|server=a|content-length=5");
    let twice = "HTTP/1.1 404 \r\nx: 1\r\nX: 2\r\nContent-Length: 0\r\n\r\n";
    check(twice, Get, Length(0), ":status=404|x=1|x=2|content-length=0");
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nA:  b \r\nVia:\r\n\r\n";
    check(chunked, Get, Chunked, ":status=200|a=b|via=");
    let of_connections = "Keep-Alive: 5\r\nProxy-Connection: close\r\nUpgrade: h2c\r\nTE: trailers\r\n";
    check(&format!("HTTP/1.1 299 \r\n{of_connections}\r\n"), Get, UntilClose, ":status=299");
    check("HTTP/1.1 204 No Content\r\n\r\n", Get, None, ":status=204");
    let not_modified = "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: \"x\"\r\n\r\n";
    check(not_modified, Get, None, ":status=304|content-length=9|etag=\\\"x\\\"");
    check("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", Get, None, ":status=103|link=</a>");
    let cookies = "HTTP/1.1 500 \r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nlatin: \u{e9}\r\nContent-Length: 1\r\n\r\n";
    check(cookies, Get, Length(1), ":status=500|set-cookie=a=1|set-cookie=b=2|latin=\\xc3\\xa9|content-length=1");
}

#[test]
fn answers_become_what_http_2_says() {
    let switch =
        "HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\na: b\r\n\r\n";
    check(switch, Method::Other, Framing::None, ":status=200|a=b");
    let accept = switch.replace("101", "200");
    check(&accept, Method::Other, Framing::UntilClose, ":status=200|sec-websocket-accept=x|a=b");
    for call in ["grpc-status: 5\r\ncontent-length: 0\r\n", "content-length: 0\r\ngrpc-status: 5\r\n"] {
        check(
            &format!("HTTP/1.1 200 OK\r\n{call}\r\n"),
            Method::Other,
            Framing::Length(0),
            ":status=200|grpc-status=5",
        );
    }
    for no_form in ["a b: c", "no colon", ": empty", "a: b\rc", "a: b\0c", "\u{e9}: a"] {
        check(
            &format!("HTTP/1.1 200 OK\r\n{no_form}\r\nx: y\r\n\r\n"),
            Method::Get,
            Framing::UntilClose,
            ":status=200|x=y",
        );
    }
}

#[test]
fn more_and_longer_lines_than_are_remembered() {
    let lines = |count: usize, bytes: usize| (0..count).map(move |number| (number, format!("{number:0bytes$}")));
    for (count, bytes) in
        [(23, 1), (24, 1), (25, 1), (60, 1), (3, 245), (3, 246), (3, 247), (3, 248), (3, 300), (60, 300), (2, 9000)]
    {
        let text: String = lines(count, bytes).map(|(number, value)| format!("x-{number:04}: {value}\r\n")).collect();
        let fields: String = lines(count, bytes).map(|(number, value)| format!("|x-{number:04}={value}")).collect();
        let text = format!("HTTP/1.1 200 OK\r\n{text}Content-Length: 3\r\nConnection: close\r\n\r\n");
        check(&text, Method::Get, Framing::Length(3), &format!(":status=200{fields}|content-length=3"));
        let text = text.replace("Content", "Grpc-Status: 0\r\nContent");
        check(&text, Method::Get, Framing::Length(3), &format!(":status=200{fields}|grpc-status=0"));
    }
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut ends = Ends::new();
    for bytes in [10, 200, 300, 5_000] {
        let lines: String = (0..100).map(|number| format!("x-{number}: {}\r\n", "v".repeat(bytes))).collect();
        ends.answer(&format!("HTTP/1.1 200 OK\r\n{lines}\r\n"), Method::Get).unwrap();
        let kept_bytes = ends.known.head.kept_bytes();
        assert!(kept_bytes < 24 * 3 * 256 + 4_200, "{kept_bytes} after lines of {bytes}");
    }
    // Nothing of the large ones.
    assert!(ends.known.head.kept_bytes() < 24 * 2 * 256);
}

#[test]
fn other_lines_at_the_same_places() {
    let mut ends = Ends::new();
    let long = "v".repeat(1000);
    let beginning = "HTTP/1.1 200 OK\r\n";
    for (lines, expected) in [
        ("a: 1\r\nb: 2\r\n", "|a=1|b=2"),
        ("b: 2\r\na: 1\r\n", "|b=2|a=1"),
        // The beginning of what is remembered, and more than that.
        ("b: 2", ""),
        ("b: 22\r\na: 1\r\n", "|b=22|a=1"),
        ("b: 2\r\n", "|b=2"),
        (&format!("b: 2\r\na: {long}\r\n"), &format!("|b=2|a={long}")),
        ("b: 2\r\na: v\r\nc: 3\r\n", "|b=2|a=v|c=3"),
        ("", ""),
        ("b: 2\r\na: v\r\nc: 3\r\n", "|b=2|a=v|c=3"),
    ] {
        let answered = ends.answer(&format!("{beginning}{lines}\r\n"), Method::Get);
        let is_cut = !lines.is_empty() && !lines.ends_with('\n');
        if is_cut {
            assert_eq!(ends.answer(&format!("{beginning}{lines}"), Method::Get), None);
        } else {
            assert_eq!(answered.map(|(_, fields)| fields), Some(format!(":status=200{expected}")));
        }
    }
}

#[test]
fn what_is_not_of_our_writing() {
    for text in [
        "",
        "\r\n\r\n",
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\na: b\r\n",
        "HTTP/1.1 200 OK\r\na: b\r",
        "HTTP/1.1 200 OK\r\na: b\r\n\r",
        "HTTP/1.1 200 OK\r\na: b\n\r\n",
        "HTTP/1.1 200 OK\r\n\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 +20 OK\r\n\r\n",
        "HTTP/1.1 020 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
    ] {
        assert_eq!(Ends::new().answer(text, Method::Get), None, "{text}");
    }
}

#[test]
fn trailers_become_blocks() {
    let mut ends = Ends::new();
    for _ in 0..3 {
        assert_eq!(
            ends.trailers("grpc-status: 0\r\nGrpc-Message: all well\r\n"),
            "grpc-status=0|grpc-message=all well"
        );
        // Places of heads are others.
        let head = ends.answer("HTTP/1.1 200 OK\r\nx: y\r\n\r\n", Method::Get).unwrap();
        assert_eq!(head.1, ":status=200|x=y");
        assert_eq!(ends.trailers("connection: x\r\na: b\r\ncontent-length: 3\r\ntransfer-encoding: x\r\n"), "a=b");
        assert_eq!(ends.trailers("a: b\r\nc: d\r"), "a=b");
        assert_eq!(ends.trailers(""), "");
    }
}

#[test]
fn a_known_answer_takes_its_indexes() {
    let text = "HTTP/1.1 200 OK\r\nServer: a-server\r\nX-Kind: some-kind\r\nContent-Length: 512\r\n\r\n";
    let mut ends = Ends::new();
    let mut lengths = Vec::new();
    for _ in 0..4 {
        let mut block = Vec::new();
        answer(text.as_bytes(), Method::Get, &mut ends.known, &mut ends.encoder, &mut block).unwrap();
        lengths.push(block.len());
    }
    assert!(lengths[0] > 20 && lengths[3] == 4, "{lengths:?}");
}
