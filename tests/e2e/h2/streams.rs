//! Streams as messages: what HTTP/1 and HTTP/2 say differently, bodies with back-pressure, and ends before the end.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::scene::{Scene, ask, echo, start};
use crate::harness::content::{ContentCheck, content};
use crate::harness::frames::{
    CANCEL, DATA, END_STREAM, Event, FramePeer, Outcome, frame, headers, request, rst_stream, settings,
};
use crate::harness::ports::{free_address, listen};
use crate::harness::python::{PythonServer, run_script};
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually, pause_unless};
use crate::harness::{Evener, Recorder, Step};

/// At once on a machine that may be busy; no other limit of a connection is that short.
const AT_ONCE: Duration = Duration::from_secs(5);

/// A scene whose server answers one path with these steps, once it has the whole request.
fn answering(path: &'static str, steps: Vec<Step>) -> Scene {
    let recorder =
        Recorder::per_request(
            move |request| {
                if request.target == path { steps.clone() } else { vec![Step::Send(echo(request))] }
            },
        );
    Scene::before(recorder, "")
}

/// The head of a request for a WebSocket (RFC 8441 §5).
pub(super) fn switch(path: &str) -> [(&str, &str); 6] {
    [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":authority", "test"),
        (":path", path),
        ("sec-websocket-version", "13"),
    ]
}

/// A text in one frame of RFC 6455, masked with zeros.
fn spoken(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a short text");
    [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
}

/// RFC 8441: a stream becomes a WebSocket, and its words come back.
#[track_caller]
fn speaks_websocket(evener: &Evener) {
    let mut client = FramePeer::connect(evener.address());
    let stream = client.open(0, &switch("/ws"));
    while client.so_far(stream).heads.is_empty() {
        client.event().expect("an answer");
    }
    assert_eq!(client.so_far(stream).status(), 200);
    assert_eq!(client.so_far(stream).field("sec-websocket-accept"), None);
    for round in 0..20 {
        let text = format!("word {round}");
        let before = client.so_far(stream).body.len();
        client.send(frame(DATA, 0, stream, spoken(&text)));
        while client.so_far(stream).body.len() < before + 2 + text.len() {
            client.event().expect("an echo");
        }
        assert_eq!(&client.so_far(stream).body[before + 2..], text.as_bytes());
    }
    // The end of one side ends the tunnel at the other.
    client.send(frame(DATA, END_STREAM, stream, [0x88, 0x80, 0, 0, 0, 0]));
    let message = client.message(stream);
    assert!(matches!(message.outcome, Some(Outcome::Ended | Outcome::Reset(_))), "{:?}", message.outcome);
    let other = client.get("/");
    assert_eq!(client.message(other).status(), 200, "another stream of the connection");
}

#[test]
fn websockets_in_every_combination() {
    let server = PythonServer::echo("echo");
    let inner = start(server.address, "", "");
    speaks_websocket(&inner);
    let outer = start(inner.address(), "", "protocol = \"h2c\"");
    speaks_websocket(&outer);
    let plain = Evener::start(&format!(
        "workers = 1\n[[site]]\nlisten = \"{{listen}}\"\nto = \"app\"\n[upstream.app]\nservers = [\"{}\"]\nprotocol = \"h2c\"\n",
        inner.address()
    ));
    let told = run_script("websocket.py", &[&format!("http://{}/ws", plain.address())]);
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["echoed"], 5);
}

#[test]
fn interim_answers_come_through() {
    let mut scene = answering(
        "/hints",
        vec![Step::send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"), Step::send(ok("after hints"))],
    );
    let mut client = scene.connect();
    let message = ask(&mut client, &request("GET", "/hints")).expect("an answer");
    assert_eq!((message.statuses(), message.text()), (vec![103, 200], "after hints".into()));
    assert_eq!(message.field("link"), Some("</a.css>"));
    scene.expect_well("103");
    let recorder = Recorder::per_head(|request| match request.target.as_str() {
        "/expect" => {
            vec![Step::send("HTTP/1.1 100 Continue\r\n\r\n"), Step::ReadBody, Step::send(ok("taken"))]
        }
        _ => vec![Step::Send(echo(request))],
    });
    let scene = Scene::before(recorder, "");
    let mut client = scene.connect();
    let mut head = request("POST", "/expect").to_vec();
    head.extend([("expect", "100-continue"), ("content-length", "4")]);
    let stream = client.open(0, &head);
    let event = client.event().expect("an interim answer");
    assert!(matches!(&event, Event::Head { fields, is_end: false, .. } if fields[0].1 == "100"), "{event:?}");
    client.send(frame(DATA, END_STREAM, stream, b"body"));
    assert_eq!(client.message(stream).text(), "taken");
}

#[test]
fn trailers_go_both_ways() {
    let answer =
        "HTTP/1.1 200 OK\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nback\r\n0\r\nx-sum: 42\r\n\r\n";
    let scene = answering("/trailers", vec![Step::send(answer)]);
    let mut client = scene.connect();
    let mut head = request("POST", "/trailers").to_vec();
    head.push(("te", "trailers"));
    let stream = client.open(0, &head);
    client.send([frame(DATA, 0, stream, b"body"), headers(stream, END_STREAM, &[("x-check", "7")])].concat());
    let message = client.message(stream);
    assert_eq!((message.status(), message.text()), (200, "back".into()));
    assert_eq!(message.trailers(), Some(&[("x-sum".to_owned(), "42".to_owned())][..]));
    let got = scene.only_request_to("/trailers");
    assert_eq!((got.text(), got.trailers.get("x-check")), ("body".into(), Some("7")));
}

#[test]
fn answers_without_a_body() {
    let recorder = Recorder::per_request(|request| match request.target.as_str() {
        "/head" => vec![Step::send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")],
        "/204" => vec![Step::send("HTTP/1.1 204 No Content\r\n\r\n")],
        "/304" => vec![Step::send("HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\nETag: \"a\"\r\n\r\n")],
        "/empty" => vec![Step::send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")],
        "/chunked" => vec![Step::send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")],
        _ => vec![Step::Send(echo(request))],
    });
    let mut scene = Scene::before(recorder, "");
    let mut client = scene.connect();
    for (method, path, status) in [
        ("HEAD", "/head", 200),
        ("GET", "/204", 204),
        ("GET", "/304", 304),
        ("GET", "/empty", 200),
        ("GET", "/chunked", 200),
    ] {
        let message = ask(&mut client, &request(method, path)).expect("an answer");
        assert_eq!((message.status(), message.outcome), (status, Some(Outcome::Ended)), "{path}");
        assert!(message.body.is_empty(), "{path}");
    }
    scene.expect_well("no body");
}

const LARGE: usize = 20 << 20;

#[test]
fn large_bodies_go_both_ways() {
    let scene = answering(
        "/large",
        vec![Step::send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n")), Step::Send(content(0, LARGE))],
    );
    let mut client = FramePeer::connect_with(scene.evener.address(), &[(4, 1 << 20)]);
    let stream = client.get("/large");
    let message = client.message(stream);
    assert_eq!((message.outcome, message.body.len()), (Some(Outcome::Ended), LARGE));
    ContentCheck::default().take(&message.body);
    let stream = client.open(0, &request("POST", "/taken"));
    client.try_send_body(stream, &content(0, LARGE), true).expect("it is taken");
    assert_eq!(client.message(stream).status(), 200);
    let got = scene.only_request_to("/taken");
    assert_eq!(got.body.len(), LARGE);
    ContentCheck::default().take(&got.body);
}

/// A server that sends without end to whoever asks, and counts what it could send.
fn endless() -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let address = free_address();
    let listener = listen(address);
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            let counter = Arc::clone(&counter);
            std::thread::spawn(move || send_without_end(stream, &counter));
        }
    });
    (address, sent)
}

fn send_without_end(mut stream: TcpStream, counter: &AtomicUsize) {
    stream.set_write_timeout(Some(PATIENCE)).expect("an option can be set");
    let begun = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    let piece = vec![b'z'; 16_384];
    while begun.is_ok() && counter.load(Ordering::Relaxed) < 1_000_000_000 - piece.len() {
        match stream.write(&piece) {
            Ok(count) => drop(counter.fetch_add(count, Ordering::Relaxed)),
            Err(_) => return,
        }
    }
}

/// Fault row 9: a stream that its client does not read holds its server, and nobody else.
#[test]
fn a_stream_that_is_not_read_holds_nobody_else() {
    let (server, sent) = endless();
    let fast = Recorder::answering(ok(&"f".repeat(100_000)));
    let evener = Evener::start(&format!(
        "workers = 1\n[[site]]\nlisten = \"{{listen}}\"\nhttp2 = true\nto = [\"{}\"]\n[[site.route]]\npath = \"/endless\"\nto = [\"{server}\"]\n",
        fast.address()
    ));
    let mut client = FramePeer::connect(evener.address());
    client.manners.grants = false;
    let held = client.get("/endless");
    while client.so_far(held).body.len() < 65_535 {
        client.event().expect("the windows are used");
    }
    // The connection has room again, this stream has none.
    client.manners.grants = true;
    client.send(crate::harness::frames::window_update(0, 10_000_000));
    let streams: Vec<u32> = (0..50).map(|_| client.get("/fast")).collect();
    for stream in streams {
        let message = client.message(stream);
        assert_eq!((message.status(), message.body.len()), (200, 100_000), "{:?}", message.outcome);
    }
    let mut before = usize::MAX;
    eventually(PATIENCE, "the server can send no more", || {
        let now = sent.load(Ordering::Relaxed);
        let is_still = now == std::mem::replace(&mut before, now);
        pause_unless(Duration::from_millis(100), || false);
        is_still
    });
    assert!(before < 32 << 20, "{before} bytes went to a client that reads nothing");
    assert_eq!(client.so_far(held).body.len(), 65_535);
    client.send(rst_stream(held, CANCEL));
    client.expect_alive("after the reset");
}

/// What the server does not take, the client may not send.
#[test]
fn an_upload_waits_for_the_server() {
    let recorder = Recorder::per_head(|request| match request.target.as_str() {
        "/hold" => vec![Step::Freeze(Duration::from_millis(1_500)), Step::ReadBody, Step::send(ok("all of it"))],
        _ => vec![Step::Send(echo(request))],
    });
    let mut scene = Scene::before(recorder, "");
    let mut client = scene.connect();
    client.expect_alive("settings");
    let stream = client.open(0, &request("POST", "/hold"));
    client.try_send_body(stream, &content(0, LARGE), true).expect("it is taken in the end");
    assert_eq!(client.message(stream).text(), "all of it");
    let conversations = scene.recorder.conversations();
    let got = conversations.iter().find(|one| one.text().contains("/hold")).map(|one| one.length());
    assert!(got > Some(LARGE), "{got:?}");
    scene.expect_well("upload");
}

/// Fault row 13: an answer before the request is whole is not lost, and the rest of the request is not wanted.
#[test]
fn an_early_answer_is_not_lost() {
    let recorder = Recorder::per_head(|request| match request.target.as_str() {
        "/early" => vec![
            Step::send("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 4\r\n\r\nmuch"),
            Step::Close,
        ],
        _ => vec![Step::Send(echo(request))],
    });
    let mut scene = Scene::before(recorder, "");
    let mut client = scene.connect();
    for _ in 0..5 {
        let stream = client.open(0, &request("POST", "/early"));
        client.try_send_body(stream, &content(0, 4 << 20), true).expect("the connection lives");
        let message = client.message(stream);
        assert_eq!((message.status(), message.text()), (413, "much".into()), "{:?}", message.outcome);
    }
    client.expect_alive("early answers");
    scene.expect_well("early answers");
}

/// Fault row 8: what the client takes back ends at the server at once.
#[test]
fn a_reset_reaches_the_server() {
    let recorder = Recorder::per_head(|request| match request.target.as_str() {
        "/upload" => vec![Step::ReadToEnd],
        "/download" => vec![Step::send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegin"), Step::Hold],
        "/wait" => vec![Step::Hold],
        _ => vec![Step::Send(echo(request))],
    });
    let mut scene = Scene::before(recorder, "");
    let mut client = scene.connect();
    for path in ["/upload", "/download", "/wait"] {
        let is_upload = path == "/upload";
        let stream = client.open(if is_upload { 0 } else { END_STREAM }, &request("POST", path));
        if is_upload {
            client.send(frame(DATA, 0, stream, b"begin"));
        }
        scene.only_request_to(path);
        let conversations = scene.recorder.conversations();
        let held = conversations.iter().find(|one| one.text().contains(path)).expect("it has a connection").clone();
        assert!(!held.is_over(), "{path}");
        let begun = Instant::now();
        client.send(rst_stream(stream, CANCEL));
        eventually(PATIENCE, &format!("{path} ends at the server"), || held.is_over());
        assert!(begun.elapsed() < AT_ONCE, "{path}: {:?}", begun.elapsed());
        client.expect_alive(path);
    }
    scene.expect_well("resets");
}

/// A client that goes away altogether leaves nothing behind.
#[test]
fn a_connection_cut_off_ends_its_requests() {
    let recorder = Recorder::per_head(|request| match request.target.as_str() {
        "/wait" => vec![Step::Hold],
        _ => vec![Step::Send(echo(request))],
    });
    let mut scene = Scene::before(recorder, "");
    let mut client = scene.connect();
    for _ in 0..20 {
        client.get("/wait");
    }
    eventually(PATIENCE, "all requests are there", || scene.requests_to("/wait").len() == 20);
    let waiting: Vec<_> =
        scene.recorder.conversations().into_iter().filter(|one| one.text().contains("/wait")).collect();
    let begun = Instant::now();
    client.abort();
    eventually(PATIENCE, "all requests end", || waiting.iter().all(|one| one.is_over()));
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    scene.expect_well("a cut connection");
}

/// A server that breaks off in its answer must not look as if it had ended.
#[test]
fn a_broken_answer_is_reset() {
    let mut scene =
        answering("/broken", vec![Step::send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin"), Step::Close]);
    let mut client = scene.connect();
    let message = ask(&mut client, &request("GET", "/broken")).expect("a reaction");
    assert!(matches!(message.outcome, Some(Outcome::Reset(_))), "{message:?}");
    client.send(settings(&[]));
    client.expect_alive("a broken answer");
    scene.expect_well("a broken answer");
}
