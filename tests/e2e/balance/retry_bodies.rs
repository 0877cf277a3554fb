//! Repeating requests with a body: what was sent to the first server comes to the second one byte for byte, up to 64 KiB.

use super::{answer, named, servers, site};
use crate::harness::client::RawClient;
use crate::harness::content::content;
use crate::harness::message::Framing;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, Step};

/// A body that is kept is at most so long.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// Takes each request whole and answers it with a 503, but one for `/well` with a 200.
fn busy() -> Recorder {
    Recorder::per_request(|request| match request.target.as_str() {
        "/well" => vec![Step::send(ok("first"))],
        _ => vec![Step::send(answer(503, "first"))],
    })
}

/// In front of both, the first one first, with one pool of connections.
fn behind(first: &Recorder, second: &Recorder) -> Evener {
    let config = site(&servers(&[first.address(), second.address()], "balance = \"first\""));
    Evener::start(&config.replace("workers = 2", "workers = 1"))
}

/// How the client sends the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// In one write with the head.
    AtOnce,
    /// The head, and once that has arrived at the first server the body in pieces, each once the one before has arrived.
    InPieces,
}

fn head(method: &str, framing: Framing) -> String {
    let line = match framing {
        Framing::Length(length) => format!("Content-Length: {length}\r\n"),
        _ => "Transfer-Encoding: chunked\r\n".to_owned(),
    };
    super::request(method, "/", &line)
}

/// A piece of the body as it stands on the wire.
fn piece(bytes: &[u8], framing: Framing) -> Vec<u8> {
    match framing {
        Framing::Chunked => [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat(),
        _ => bytes.to_vec(),
    }
}

fn upload(client: &mut RawClient, first: &Recorder, method: &str, framing: Framing, body: &[u8], pace: Pace) {
    let end: &[u8] = if framing == Framing::Chunked { b"0\r\n\r\n" } else { b"" };
    let received = || first.conversations().iter().map(|conversation| conversation.length()).sum::<usize>();
    match pace {
        Pace::AtOnce => {
            let body = if body.is_empty() { Vec::new() } else { piece(body, framing) };
            client.send([head(method, framing).as_bytes(), &body, end].concat());
        }
        Pace::InPieces => {
            let before = received();
            client.send(head(method, framing));
            eventually(PATIENCE, "the head arrives", || received() > before);
            for bytes in body.chunks(body.len().div_ceil(5).max(1)) {
                let before = received();
                client.send(piece(bytes, framing));
                eventually(PATIENCE, "the piece arrives", || received() >= before + bytes.len());
            }
            client.send(end);
        }
    }
}

/// Sends a body, which the first server refuses and the second one gets.
#[track_caller]
fn check_repeated(method: &str, framing: Framing, length: usize, pace: Pace) {
    let (first, second) = (busy(), named("second"));
    let evener = behind(&first, &second);
    let what = format!("{method} {framing:?} {length} {pace:?}");
    let body = content(length, length);
    let mut client = evener.connect();
    // The second one on a connection that has carried one before.
    for _ in 0..2 {
        upload(&mut client, &first, method, framing, &body, pace);
        let response = client.response_to(method);
        assert_eq!((response.status, response.text().as_str()), (200, "second"), "{what}");
        for server in [&first, &second] {
            let request = server.requests().pop().expect("both were asked");
            assert!(request.body == body, "{what}: {} bytes instead of {length}", request.body.len());
            let is_chunked = request.framing == Framing::Chunked;
            assert_eq!((request.method.as_str(), is_chunked), (method, framing == Framing::Chunked), "{what}");
        }
        client.send(super::request("GET", "/well", ""));
        assert_eq!(client.response().text(), "first", "{what}: the client's connection goes on");
    }
    assert_eq!((first.requests().len(), second.requests().len()), (4, 2), "{what}");
}

#[test]
fn a_body_of_known_length_is_sent_again() {
    for length in [1, 1_000, 40_000, KEPT_BYTES_MAX] {
        check_repeated("PUT", Framing::Length(length), length, Pace::AtOnce);
        check_repeated("PUT", Framing::Length(length), length, Pace::InPieces);
    }
    check_repeated("PUT", Framing::Length(0), 0, Pace::AtOnce);
    check_repeated("DELETE", Framing::Length(9), 9, Pace::InPieces);
    check_repeated("GET", Framing::Length(9), 9, Pace::AtOnce);
}

#[test]
fn a_body_in_chunks_is_sent_again() {
    for length in [1, 1_000, 40_000, KEPT_BYTES_MAX] {
        check_repeated("PUT", Framing::Chunked, length, Pace::AtOnce);
        check_repeated("PUT", Framing::Chunked, length, Pace::InPieces);
    }
    check_repeated("PUT", Framing::Chunked, 0, Pace::AtOnce);
    check_repeated("GET", Framing::Chunked, 9, Pace::InPieces);
}

#[test]
fn a_longer_body_that_was_passed_on_is_not_sent_again() {
    for length in [KEPT_BYTES_MAX + 1, 300_000] {
        for framing in [Framing::Length(length), Framing::Chunked] {
            let (first, second) = (busy(), named("second"));
            let evener = behind(&first, &second);
            let mut client = evener.connect();
            upload(&mut client, &first, "PUT", framing, &content(0, length), Pace::InPieces);
            let response = client.response_to("PUT");
            assert_eq!((response.status, response.text().as_str()), (503, "first"), "{framing:?} {length}");
            assert_eq!((first.requests().len(), second.conversations().len()), (1, 0));
            client.send(super::request("GET", "/well", ""));
            assert_eq!(client.response().text(), "first");
        }
    }
}

#[test]
fn a_post_is_executed_once_whatever_its_body_is() {
    for (framing, length) in [(Framing::Length(100), 100), (Framing::Chunked, 1_000)] {
        for pace in [Pace::AtOnce, Pace::InPieces] {
            let (first, second) = (busy(), named("second"));
            let evener = behind(&first, &second);
            let mut client = evener.connect();
            upload(&mut client, &first, "POST", framing, &content(0, length), pace);
            assert_eq!(client.response_to("POST").text(), "first");
            assert_eq!((first.requests().len(), second.conversations().len()), (1, 0), "{framing:?} {pace:?}");
        }
    }
}

#[test]
fn trailers_are_sent_again_with_their_body() {
    let (first, second) = (busy(), named("second"));
    let evener = behind(&first, &second);
    let mut client = evener.connect();
    client.send(super::request("PUT", "/", "Transfer-Encoding: chunked\r\nTrailer: x-sum\r\n"));
    client.send("4\r\nbody\r\n0\r\nX-Sum: 17\r\n\r\n");
    assert_eq!(client.response_to("PUT").text(), "second");
    let (one, other) = (first.only_request(), second.only_request());
    assert_eq!((one.text(), one.trailers), (other.text(), other.trailers));
}

/// Answers with a 503 as soon as it has the head, and reads what comes then as the rest of that request.
fn hasty() -> Recorder {
    Recorder::per_head(|request| match request.target.as_str() {
        "/well" => vec![Step::send(ok("first"))],
        _ => vec![Step::send(answer(503, "hasty")), Step::ReadBody],
    })
}

#[test]
fn an_answer_before_the_body_was_read_leaves_no_half_request_behind() {
    for framing in [Framing::Length(4_000), Framing::Chunked] {
        let (first, second) = (hasty(), named("second"));
        let evener = behind(&first, &second);
        let body = content(0, 4_000);
        let mut client = evener.connect();
        client.send(head("PUT", framing)).send(piece(&body[..1_000], framing));
        // The first server has answered and the second one is asked, while the client is still sending.
        eventually(PATIENCE, "the second server is asked", || !second.conversations().is_empty());
        // Somebody else's request must not become the rest of that body.
        assert_eq!(evener.get("/well").text(), "first", "{framing:?}");
        client.send(piece(&body[1_000..], framing));
        if framing == Framing::Chunked {
            client.send("0\r\n\r\n");
        }
        let response = client.response_to("PUT");
        assert_eq!((response.status, response.text().as_str()), (200, "second"), "{framing:?}");
        assert!(second.only_request().body == body, "the whole body arrives");
    }
}

#[test]
fn a_client_that_waits_for_permission_gets_it_from_the_second_server() {
    let first = Recorder::per_head(|_| vec![Step::send(answer(503, "first"))]);
    let second = Recorder::per_head(|_| {
        vec![Step::send("HTTP/1.1 100 Continue\r\n\r\n"), Step::ReadBody, Step::send(ok("second"))]
    });
    let evener = behind(&first, &second);
    let mut client = evener.connect();
    client.send(super::request("PUT", "/", "Content-Length: 4\r\nExpect: 100-continue\r\n"));
    assert_eq!(client.next_response().status, 100);
    client.send("body");
    assert_eq!(client.response_to("PUT").text(), "second");
    assert!(second.text().ends_with("body"), "{}", second.text());
    // Nothing of the body went to the first one.
    assert!(first.text().ends_with("\r\n\r\n"), "{}", first.text());
}
