//! The ways that a response may take through evener: spliced by the kernel, written from the buffer that it was read
//! into, or decoded and framed anew. Whatever the way, the size, the pieces and the client, the same bytes arrive and the
//! connection afterwards is what it should be.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::client::{End, RawClient, get};
use crate::harness::content::content;
use crate::harness::message::{Framing, Request};
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually, pause_unless};
use crate::harness::{Evener, Recorder, Step};

/// Around what is copied behind a head, fits a buffer, and is worth a pipe.
const SIZES: [usize; 14] = [
    0,
    1,
    2047,
    2048,
    2049,
    16 * 1024 - 1,
    16 * 1024,
    16 * 1024 + 1,
    65_535,
    65_536,
    65_537,
    66_000,
    300_000,
    1024 * 1024 + 3,
];
const FRAMINGS: [&str; 3] = ["length", "chunked", "close"];
const PACES: [&str; 3] = ["whole", "split", "dribbled"];
const ODD: [usize; 7] = [1, 2, 701, 1, 4099, 13, 16_381];
/// Pieces of a response that is dribbled; the last is the rest.
const PIECES_MAX: usize = 12;
const BREATH: Duration = Duration::from_millis(1);

/// The response that `/FRAMING/PACE/SIZE` names, as the server sends it.
fn responses(request: &Request) -> Vec<Step> {
    let [framing, pace, size] = parts(&request.target);
    let body = content(0, size.parse().expect("a size"));
    let (lines, body) = match framing {
        "length" => (format!("Content-Length: {}\r\n", body.len()), body),
        "chunked" => ("Transfer-Encoding: chunked\r\n".to_owned(), chunked(&body)),
        _ => (String::new(), body),
    };
    let head = format!("HTTP/1.1 200 OK\r\nX-Path: {framing}\r\n{lines}\r\n").into_bytes();
    let mut steps = match pace {
        "whole" => vec![Step::Send([head, body].concat())],
        "split" => vec![Step::Send(head), Step::Pause(BREATH), Step::Send(body)],
        _ => dribble(&[head, body].concat()),
    };
    steps.extend((framing == "close").then_some(Step::Close));
    steps
}

fn parts(target: &str) -> [&str; 3] {
    let parts: Vec<&str> = target.trim_start_matches('/').split('/').collect();
    parts.try_into().expect("a target of three parts")
}

/// Chunks of odd sizes, an extension, and a trailer.
fn chunked(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = body;
    for odd in ODD.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(rest.len().min(*odd * 7));
        out.extend_from_slice(format!("{:X};x=y\r\n", piece.len()).as_bytes());
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\r\n");
        rest = after;
    }
    out.extend_from_slice(b"0\r\nX-Check: done\r\n\r\n");
    out
}

fn dribble(bytes: &[u8]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = bytes;
    for odd in ODD.iter().cycle().take(PIECES_MAX) {
        let (piece, after) = rest.split_at(rest.len().min(*odd));
        steps.extend([Step::send(piece), Step::Pause(BREATH)]);
        rest = after;
    }
    steps.push(Step::send(rest));
    steps
}

fn in_front_of(server: &Recorder) -> Evener {
    let address = server.address();
    Evener::start(&format!("workers = 1\n[[site]]\nlisten = \"{{listen}}\"\nto = [\"{address}\"]\n"))
}

/// One request of HTTP/1.1 on a connection that goes on.
#[track_caller]
fn check(client: &mut RawClient, target: &str) {
    let [framing, _, size] = parts(target);
    let size: usize = size.parse().expect("a size");
    let response = client.send(get(target)).response();
    let expected = if framing == "length" { Framing::Length(size) } else { Framing::Chunked };
    assert_eq!((response.status, response.framing), (200, expected), "{target}");
    assert!(response.body == content(0, size), "{target}: {} bytes, or others", response.body.len());
    assert_eq!(response.field("connection"), None, "{target}");
    let trailer = (framing == "chunked").then_some("done");
    assert_eq!(response.trailers.get("x-check"), trailer, "{target}");
}

/// One request of HTTP/1.0 that asks for the connection to go on; whether it does.
#[track_caller]
fn check_old(client: &mut RawClient, target: &str) -> bool {
    let [framing, _, size] = parts(target);
    let size: usize = size.parse().expect("a size");
    client.send(format!("GET {target} HTTP/1.0\r\nHost: test\r\nConnection: keep-alive\r\n\r\n"));
    let response = client.response();
    let goes_on = framing == "length";
    let expected = if goes_on { Framing::Length(size) } else { Framing::UntilClose };
    assert_eq!((response.status, response.framing), (200, expected), "{target}");
    assert!(response.body == content(0, size), "{target}: {} bytes, or others", response.body.len());
    goes_on
}

#[test]
fn every_path_delivers_the_same_bytes_to_clients_of_1_1() {
    let server = Recorder::per_request(responses);
    let evener = in_front_of(&server);
    for pace in PACES {
        let mut client = evener.connect();
        for size in SIZES {
            for framing in FRAMINGS {
                check(&mut client, &format!("/{framing}/{pace}/{size}"));
            }
        }
    }
}

#[test]
fn every_path_delivers_the_same_bytes_to_clients_of_1_0() {
    let server = Recorder::per_request(responses);
    let evener = in_front_of(&server);
    for pace in PACES {
        let mut client = evener.connect();
        for size in SIZES {
            for framing in FRAMINGS {
                if !check_old(&mut client, &format!("/{framing}/{pace}/{size}")) {
                    client = evener.connect();
                }
            }
        }
    }
}

#[test]
fn a_body_is_no_part_of_the_answer_to_head() {
    let server = Recorder::scripted(|_| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
        vec![Step::ReadRequest, Step::send(head), Step::Again]
    });
    let evener = in_front_of(&server);
    let mut client = evener.connect();
    for _ in 0..3 {
        let response = client.send("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n").response_to("HEAD");
        assert_eq!(response.field("content-length"), Some("100000"));
    }
    assert_eq!(server.conversations().len(), 1, "the server's connection is used again");
}

/// Several requests in one write, each answered in its turn by its own bytes.
#[test]
fn requests_in_a_row_are_answered_in_their_order() {
    let server = Recorder::per_request(responses);
    let evener = in_front_of(&server);
    for pace in PACES {
        let sizes = [65_536, 3, 2049, 300_000, 0, 66_000, 16 * 1024];
        let targets: Vec<String> =
            sizes.iter().flat_map(|size| FRAMINGS.map(|framing| format!("/{framing}/{pace}/{size}"))).collect();
        let mut client = evener.connect();
        client.send(targets.iter().map(|target| get(target)).collect::<String>());
        for target in &targets {
            let size: usize = parts(target)[2].parse().expect("a size");
            let response = client.response();
            assert!(response.body == content(0, size), "{target}: {} bytes, or others", response.body.len());
        }
        client.send(get("/length/whole/5"));
        assert_eq!(client.response().body, content(0, 5), "{pace}");
    }
}

/// A request behind a body that was not whole when it was read, in every split around the end of the body.
#[test]
fn a_request_behind_a_body_is_the_next_one() {
    let server = Recorder::per_request(|request| {
        let text = format!("{} {} {}", request.method, request.target, request.body.len());
        vec![Step::send(ok(&text))]
    });
    let evener = in_front_of(&server);
    for (size, is_chunked) in [(10, false), (70_000, false), (10, true), (70_000, true)] {
        let body = content(0, size);
        let (line, body) = match is_chunked {
            true => ("Transfer-Encoding: chunked".to_owned(), chunked(&body)),
            false => (format!("Content-Length: {size}"), body),
        };
        let head = format!("POST /up HTTP/1.1\r\nHost: test\r\n{line}\r\n\r\n").into_bytes();
        let next = [get("/1"), get("/2")].concat().into_bytes();
        let stream = [&head[..], &body, &next].concat();
        let end = head.len() + body.len();
        for split in [head.len(), head.len() + 1, end - 1, end, end + 1, end + 20, stream.len()] {
            let mut client = evener.connect();
            client.send(&stream[..split]);
            pause_unless(3 * BREATH, || false);
            client.send(&stream[split..]);
            let what = format!("{size} bytes, chunked {is_chunked}, split at {split} of {end}");
            assert_eq!(client.response_to("POST").text(), format!("POST /up {size}"), "{what}");
            assert_eq!(client.response().text(), "GET /1 0", "{what}");
            assert_eq!(client.response().text(), "GET /2 0", "{what}");
        }
    }
}

/// The server answers while the client is still sending; nobody waits for the other.
#[test]
fn both_directions_stream_at_once() {
    const UP: usize = 1024 * 1024 + 3;
    const STEP: usize = 32 * 1024;
    for framing in FRAMINGS {
        // All at once, or the greater part of it when the upload is over.
        for early in [UP, 1000] {
            let server = Recorder::per_head(move |_| both_ways(framing, early, UP, STEP));
            let evener = in_front_of(&server);
            let stream = TcpStream::connect(evener.address()).expect("a listener");
            stream.set_read_timeout(Some(PATIENCE)).expect("an open socket");
            let mut writing = stream.try_clone().expect("an open socket");
            let (answer_has_begun, begin) = mpsc::channel();
            let writer = std::thread::spawn(move || {
                let head = format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {UP}\r\n\r\n");
                writing.write_all(head.as_bytes()).expect("a connection that stands");
                let body = content(0, UP);
                let (first, rest) = body.split_at(UP / 3);
                writing.write_all(first).expect("a connection that stands");
                begin.recv_timeout(PATIENCE).expect("an answer that begins before the upload ends");
                rest.chunks(10_007).for_each(|piece| writing.write_all(piece).expect("a connection that stands"));
            });
            let what = format!("{framing}, {early} early");
            // An answer that began before the end of the request ends the connection.
            let received = read_to_end(stream, &what, &answer_has_begun);
            writer.join().expect("no panic");
            assert!(body_of(&received, framing) == content(0, UP), "{what}: {} bytes in all", received.len());
            let sent = server.conversation(0).bytes();
            let start = sent.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
            assert!(sent[start..] == content(0, UP), "{what}: the upload");
        }
    }
}

/// A server that has begun its answer and reads a long upload is not one that stands still; one that gets a byte now and
/// then is.
#[test]
fn an_upload_that_goes_on_keeps_its_answer_waiting() {
    const PIECES: usize = 12;
    const PIECE: usize = 10_000;
    for (piece, is_enough) in [(PIECE, true), (1, false)] {
        let length = piece * PIECES;
        let server = Recorder::per_head(|_| {
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";
            vec![Step::send(head), Step::ReadBody, Step::send("done")]
        });
        let address = server.address();
        let site = "[[site]]\nlisten = \"{listen}\"\nto = \"up\"\n";
        let settings = format!("[upstream.up]\nservers = [\"{address}\"]\nresponse_timeout = \"1s\"\n");
        let evener = Evener::start(&format!("workers = 1\n{site}{settings}"));
        let mut client = evener.connect();
        client.send(format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n"));
        for _ in 0..PIECES {
            if client.try_send(content(0, piece)).is_err() {
                break;
            }
            pause_unless(Duration::from_millis(200), || false);
        }
        match client.try_response_to("POST") {
            Ok(response) => assert!(is_enough && response.text() == "done", "{response:?}"),
            Err(error) => assert!(!is_enough, "{error}"),
        }
    }
}

fn both_ways(framing: &str, early: usize, up: usize, step: usize) -> Vec<Step> {
    let body = content(0, up);
    let line = match framing {
        "length" => format!("Content-Length: {up}\r\n"),
        "chunked" => "Transfer-Encoding: chunked\r\n".to_owned(),
        _ => String::new(),
    };
    let frame = |piece: &[u8]| match framing {
        "chunked" => [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat(),
        _ => piece.to_vec(),
    };
    let mut steps = vec![Step::send(format!("HTTP/1.1 200 OK\r\n{line}\r\n"))];
    let mut sent = 0;
    for start in (0..up).step_by(step) {
        let piece = &body[sent.min(early)..(start + step).min(early)];
        if !piece.is_empty() {
            steps.push(Step::Send(frame(piece)));
            sent += piece.len();
        }
        steps.push(Step::ReadBytes(step.min(up - start)));
    }
    if sent < up {
        steps.push(Step::Send(frame(&body[sent..])));
    }
    if framing == "chunked" {
        steps.push(Step::send("0\r\n\r\n"));
    }
    steps.push(Step::Close);
    steps
}

#[track_caller]
fn read_to_end(mut stream: TcpStream, what: &str, has_begun: &mpsc::Sender<()>) -> Vec<u8> {
    let mut received = vec![0];
    stream.read_exact(&mut received).expect("a first byte");
    has_begun.send(()).expect("a writer");
    if let Err(error) = stream.read_to_end(&mut received) {
        panic!("{what}: {error} after {} bytes", received.len());
    }
    received
}

/// The payload of a response to a client of HTTP/1.1.
fn body_of(received: &[u8], framing: &str) -> Vec<u8> {
    let start = received.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    let mut rest = &received[start..];
    if framing == "length" {
        return rest.to_vec();
    }
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").expect("a size line");
        let size = std::str::from_utf8(&rest[..end]).expect("digits");
        let size = usize::from_str_radix(size, 16).expect("digits");
        rest = &rest[end + 2..];
        if size == 0 {
            assert_eq!(rest, b"\r\n");
            return body;
        }
        body.extend_from_slice(&rest[..size]);
        assert_eq!(&rest[size..size + 2], b"\r\n");
        rest = &rest[size + 2..];
    }
}

/// The terminator of an empty chunked body is a part of the request too.
#[test]
fn a_repeated_request_with_an_empty_chunked_body_is_whole() {
    let server = Recorder::scripted(|number| match number {
        // The second request is read, and then this connection dies.
        0 => vec![Step::ReadRequest, Step::send(ok("first")), Step::ReadRequest, Step::Close],
        _ => vec![Step::ReadRequest, Step::send(ok("second")), Step::Again],
    });
    let evener = in_front_of(&server);
    let mut client = evener.connect().with_patience(Duration::from_secs(10));
    assert_eq!(client.send(get("/1")).response().text(), "first");
    client.send("PUT /2 HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Last: yes\r\n\r\n");
    assert_eq!(client.response_to("PUT").text(), "second");
    let requests = server.conversation(1).requests();
    assert_eq!(requests[0].trailers.get("x-last"), Some("yes"));
    assert_eq!(client.send(get("/3")).response().text(), "second");
}

/// A failure before the first byte of an answer is told, not cut, also to a client whose answer would have ended with
/// the connection.
#[test]
fn an_old_client_reads_of_a_failure() {
    let server = Recorder::scripted(|_| {
        let broken = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n";
        vec![Step::ReadRequest, Step::send(broken), Step::Hold]
    });
    let evener = in_front_of(&server);
    for connection in ["close", "keep-alive"] {
        let mut client = evener.connect();
        client.send(format!("GET / HTTP/1.0\r\nHost: test\r\nConnection: {connection}\r\n\r\n"));
        assert_eq!(client.response().status, 502);
        client.half_close();
        assert_eq!(client.rest(), (Vec::new(), End::Close), "{connection}");
    }
}

/// A reset behind the head is no end of a body that lasts until the connection ends.
#[test]
fn a_reset_in_place_of_a_body_is_no_empty_body() {
    const MOMENT: Duration = Duration::from_millis(100);
    let server = Recorder::scripted(|_| {
        vec![Step::ReadRequest, Step::Pause(MOMENT), Step::send("HTTP/1.1 200 OK\r\n\r\n"), Step::Reset]
    });
    let evener = in_front_of(&server);
    for (number, version) in ["1.0", "1.1"].into_iter().enumerate() {
        let mut client = evener.connect();
        client.send(format!("GET / HTTP/{version}\r\nHost: test\r\n\r\n"));
        let conversation = server.conversation(number);
        eventually(PATIENCE, "the request has arrived", || !conversation.requests().is_empty());
        // Both the head and the reset are there when evener looks.
        evener.signal(Signal::STOP);
        eventually(PATIENCE, "the server has left", || conversation.is_over());
        pause_unless(MOMENT, || false);
        evener.signal(Signal::CONT);
        if let Ok(response) = client.try_response_to("GET") {
            assert_eq!(response.status, 502, "HTTP/{version}: {response:?}");
        }
    }
}

/// What a client sends behind its last request must not destroy the answer on its way (RFC 9112 §9.6).
#[test]
fn surplus_behind_the_last_request_does_not_destroy_its_answer() {
    let server = Recorder::per_request(responses);
    let evener = in_front_of(&server);
    for size in [10, 60_000, 1024 * 1024] {
        let mut client = evener.connect();
        client.send(format!("GET /length/whole/{size} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"));
        let surplus = content(0, 500_000);
        client.send(&surplus);
        pause_unless(Duration::from_millis(30), || false);
        // Who is answered already may still be sending.
        drop(client.try_send(&surplus));
        pause_unless(Duration::from_millis(30), || false);
        let response = client.response();
        assert!(response.body == content(0, size), "{size}");
        assert_eq!(client.rest(), (Vec::new(), End::Close), "{size}");
    }
}
