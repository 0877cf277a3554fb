//! Messages as they pass: heads without bodies, bodies of every framing between 1.0 and 1.1, trailers, large heads.

use super::request;
use crate::harness::client::{RawClient, get};
use crate::harness::message::Framing;
use crate::harness::recorder::ok;
use crate::harness::{Evener, Recorder, Step};

fn in_front_of(recorder: &Recorder) -> Evener {
    Evener::start(&format!("workers = 1\n[[site]]\nlisten = \"{{listen}}\"\nto = [\"{}\"]\n", recorder.address()))
}

/// Answers each target with the text beside it, then closes if it says so.
fn by_target(table: &'static [(&str, &str, Ending)]) -> Recorder {
    Recorder::per_request(move |request| {
        let row = table.iter().find(|(target, ..)| *target == request.target);
        let (_, text, ending) = row.expect("each target has a row");
        let mut steps = vec![Step::send(text)];
        if *ending == Close {
            steps.push(Step::Close);
        }
        steps
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Ending {
    Stay,
    Close,
}
use Ending::{Close, Stay};

#[test]
fn answers_without_a_body_keep_their_fields_and_their_connections() {
    let recorder = by_target(&[
        ("/head", "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nETag: \"x\"\r\n\r\n", Stay),
        ("/head-chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Stay),
        ("/head-bare", "HTTP/1.1 200 OK\r\nETag: \"x\"\r\n\r\n", Stay),
        ("/204", "HTTP/1.1 204 No Content\r\nETag: \"x\"\r\n\r\n", Stay),
        ("/304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\nETag: \"x\"\r\n\r\n", Stay),
        ("/empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Stay),
    ]);
    let evener = in_front_of(&recorder);
    let mut client = evener.connect();
    for (method, target, status, length) in [
        ("HEAD", "/head", 200, Some("1234")),
        ("HEAD", "/head-chunked", 200, None),
        ("HEAD", "/head-bare", 200, None),
        ("GET", "/204", 204, None),
        ("GET", "/304", 304, Some("1234")),
        ("HEAD", "/304", 304, Some("1234")),
        ("GET", "/empty", 200, Some("0")),
    ] {
        let response = client.send(request(method, target, "test", "")).response_to(method);
        assert_eq!((response.status, response.field("content-length")), (status, length), "{method} {target}");
        assert_eq!(response.field("connection"), None, "{method} {target}");
        let is_tagged = response.field("etag") == Some("\"x\"");
        assert_eq!(is_tagged, !["/empty", "/head-chunked"].contains(&target), "{method} {target}");
    }
    assert_eq!(recorder.conversations().len(), 1, "both connections were kept");
}

#[test]
fn a_body_that_ends_with_its_connection_becomes_one_whose_end_is_known() {
    let recorder = by_target(&[
        ("/1.1", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end", Close),
        ("/1.0", "HTTP/1.0 200 OK\r\nX-Old: yes\r\n\r\nuntil the end", Close),
        ("/1.0/empty", "HTTP/1.0 200 OK\r\n\r\n", Close),
        ("/1.0/length", "HTTP/1.0 200 OK\r\nContent-Length: 13\r\n\r\nuntil the end", Close),
    ]);
    let evener = in_front_of(&recorder);
    let mut client = evener.connect();
    for (target, framing) in
        [("/1.1", Framing::Chunked), ("/1.0", Framing::Chunked), ("/1.0/length", Framing::Length(13))]
    {
        let response = client.send(get(target)).response();
        assert_eq!((response.version.as_str(), response.framing), ("HTTP/1.1", framing), "{target}");
        assert_eq!(response.text(), "until the end", "{target}");
        assert_eq!(response.field("connection"), None, "the client's connection does not end: {target}");
    }
    assert_eq!(client.send(get("/1.0/empty")).response().text(), "");
    for target in ["/1.1", "/1.0"] {
        let mut old = evener.connect();
        let response = old.send(format!("GET {target} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")).response();
        assert_eq!((response.framing, response.text().as_str()), (Framing::UntilClose, "until the end"), "{target}");
    }
}

#[test]
fn a_client_of_1_0_keeps_its_connection_if_it_asks_and_a_length_is_known() {
    let recorder = Recorder::answering(ok("body"));
    let evener = in_front_of(&recorder);
    let mut kept = evener.connect();
    for _ in 0..3 {
        let response = kept.send("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").response();
        let connection = response.field("connection").map(str::to_ascii_lowercase);
        assert_eq!((response.text().as_str(), connection.as_deref()), ("body", Some("keep-alive")));
    }
    let response = kept.send("GET / HTTP/1.0\r\n\r\n").response();
    assert_ne!(response.field("connection").map(str::to_ascii_lowercase).as_deref(), Some("keep-alive"));
    kept.expect_close();
    let mut modern = evener.connect();
    modern.send(request("GET", "/", "test", "Connection: foo, Close\r\n"));
    assert_eq!(modern.response().field("connection"), Some("close"));
    modern.expect_close();
    assert_eq!(recorder.conversations().len(), 1, "the server's connection stays");
}

#[test]
fn trailers_pass_both_ways_and_are_withheld_from_1_0() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                  3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nX-Sum: 5\r\nX-More: m\r\n\r\n";
    let recorder = Recorder::answering(answer);
    let evener = in_front_of(&recorder);
    let mut client = evener.connect();
    let lines = "Transfer-Encoding: chunked\r\nTE: trailers\r\nConnection: TE\r\n";
    for _ in 0..2 {
        client.send(request("POST", "/", "test", lines) + "4\r\nbody\r\n0\r\nX-Up: 4\r\n\r\n");
        let response = client.response_to("POST");
        assert_eq!((response.framing, response.text().as_str()), (Framing::Chunked, "abcde"));
        assert_eq!((response.trailers.get("x-sum"), response.trailers.get("x-more")), (Some("5"), Some("m")));
        let sent = recorder.requests().pop().expect("it was sent on");
        assert_eq!((sent.framing, sent.text().as_str()), (Framing::Chunked, "body"));
        assert_eq!((sent.trailers.get("x-up"), sent.fields.get("te")), (Some("4"), Some("trailers")));
    }
    let (rest, _) = evener.connect().send("GET / HTTP/1.0\r\n\r\n").rest();
    assert!(rest.ends_with(b"\r\n\r\nabcde"), "{}", String::from_utf8_lossy(&rest));
}

/// Lines of 30 KB in all.
fn large_lines() -> String {
    (0..30).map(|number| format!("x-large-{number}: {}\r\n", "v".repeat(1_000))).collect()
}

#[test]
fn heads_of_30_kb_pass_both_ways() {
    let recorder = Recorder::per_request(|_| {
        vec![Step::send(format!("HTTP/1.1 200 OK\r\n{}Content-Length: 4\r\n\r\nbody", large_lines()))]
    });
    let evener = in_front_of(&recorder);
    let mut client = evener.connect();
    let target = format!("/{}", "t".repeat(8_000));
    for _ in 0..2 {
        let head = request("POST", &target, "test", &(large_lines() + "Content-Length: 4\r\n"));
        // In pieces that do not end where lines end.
        for piece in (head + "body").as_bytes().chunks(7_001) {
            client.send(piece);
        }
        let response = client.response_to("POST");
        assert_eq!((response.status, response.text().as_str()), (200, "body"));
        let sent = recorder.requests().pop().expect("it was sent on");
        assert_eq!((&sent.target, sent.text().as_str()), (&target, "body"));
        for number in [0, 15, 29] {
            let name = format!("x-large-{number}");
            assert_eq!(response.field(&name).map(str::len), Some(1_000));
            assert_eq!(sent.fields.get(&name).map(str::len), Some(1_000));
        }
    }
    assert_eq!(client.send(get("/small")).response().status, 200);
}

#[test]
fn ten_pipelined_requests_of_all_kinds_are_answered_in_their_order() {
    let recorder = Recorder::per_request(|request| {
        let text = format!("{} {} {}", request.method, request.target, request.text());
        vec![Step::send(ok(if request.method == "HEAD" { "" } else { &text }))]
    });
    let evener = in_front_of(&recorder);
    let mut burst = String::new();
    for number in 0..10 {
        burst += &match number % 3 {
            0 => get(&format!("/{number}")),
            1 => request("POST", &format!("/{number}"), "test", "Content-Length: 3\r\n") + "abc",
            _ => {
                request("PUT", &format!("/{number}"), "test", "Transfer-Encoding: chunked\r\n") + "2\r\nde\r\n0\r\n\r\n"
            }
        };
    }
    let expect_answers = |client: &mut RawClient| {
        for number in 0..10 {
            let expected = match number % 3 {
                0 => format!("GET /{number} "),
                1 => format!("POST /{number} abc"),
                _ => format!("PUT /{number} de"),
            };
            assert_eq!(client.response().text(), expected);
        }
    };
    let mut at_once = evener.connect();
    expect_answers(at_once.send(&burst));
    let mut in_pieces = evener.connect();
    for piece in burst.as_bytes().chunks(11) {
        in_pieces.send(piece);
    }
    expect_answers(&mut in_pieces);
}
