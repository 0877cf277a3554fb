//! What looks like a flood and is none: clients that do much of what the rules admit, and keep their connection.

use std::time::Duration;

use super::scene::{Scene, echo, start};
use crate::harness::frames::{
    CANCEL, DATA, END_STREAM, Event, FramePeer, Outcome, PROTOCOL_ERROR, frame, headers, rst_stream,
};
use crate::harness::ports::{free_address, listen};
use crate::harness::{Evener, Recorder, Step};

const MEMORY_MAX: u64 = 12 << 20;

/// A subscriber: it has its answer, and there is no other way to end it.
#[test]
fn answers_that_are_cancelled() {
    let begin = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nevent\n\r\n";
    let recorder = Recorder::per_request(move |request| match request.target.as_str() {
        "/events" => vec![Step::send(begin), Step::Hold],
        _ => vec![Step::Send(echo(request))],
    });
    let mut scene = Scene::before(recorder, "");
    let mut client = scene.connect();
    for _ in 0..300 {
        let stream = client.get("/events");
        loop {
            match client.event().expect("an event") {
                Event::Data { stream: own, .. } if own == stream => break,
                Event::Head { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        client.send(rst_stream(stream, CANCEL));
    }
    client.expect_alive("a subscriber");
    scene.expect_well("a subscriber");
    assert_eq!(scene.account().failures.get("h2_taken_back"), None);
}

/// A page that is left: all that it asked for is taken back at once.
#[test]
fn requests_that_are_taken_back_together() {
    let mut scene = Scene::open();
    let mut client = scene.connect();
    for _ in 0..2 {
        let mut bytes = Vec::new();
        for _ in 0..40 {
            let stream = client.take_stream();
            bytes.extend(headers(stream, END_STREAM, &client.request("GET", "/page")));
            bytes.extend(rst_stream(stream, CANCEL));
        }
        client.send(bytes);
        client.expect_alive("a page that is left");
    }
    let stream = client.get("/after");
    assert_eq!(client.message(stream).status(), 200);
    scene.expect_well("a page that is left");
}

/// Uploads that are refused at once go on for as long as the client does not know.
#[test]
fn uploads_that_are_answered_early() {
    let mut scene = Scene::with("[limits]\nbody = \"10B\"");
    let mut client = scene.connect();
    for _ in 0..5 {
        let streams: Vec<u32> = (0..100)
            .map(|_| {
                let head = client.request("POST", "/upload");
                client.open(0, &[&head[..], &[("content-length", "100000")]].concat())
            })
            .collect();
        for &stream in &streams {
            assert_eq!(client.message(stream).status(), 413);
        }
        for _ in 0..4 {
            for &stream in &streams {
                client.send(frame(DATA, 0, stream, [b'x'; 300]));
            }
        }
        client.expect_alive("uploads that are answered early");
    }
    scene.expect_well("uploads that are answered early");
    assert_eq!(scene.account().failures.get("h2_flood"), None);
}

/// Evener before a server of HTTP/2 that lets no body in.
fn before_shut_server() -> Evener {
    let address = free_address();
    let listener = listen(address);
    std::thread::spawn(move || {
        while let Ok(mut peer) = FramePeer::accept(&listener, &[(4, 0)]) {
            std::thread::spawn(move || drop(peer.rest()));
        }
    });
    start(address, "", "protocol = \"h2c\"")
}

/// Sends messages of that size on a stream until the client has no room; how many.
fn fill(client: &mut FramePeer, stream: u32, bytes: usize) -> usize {
    client.set_patience(Duration::from_millis(500));
    let message = vec![b'm'; bytes];
    (0..).take_while(|_| client.room_of(stream) >= 0 && client.try_send_body(stream, &message, false).is_ok()).count()
}

/// Small messages, such as those of a chat, that the server does not read for a while.
#[test]
fn small_messages_that_wait() {
    let evener = before_shut_server();
    let mut client = FramePeer::connect(evener.address());
    client.expect_alive("a new client");
    for _ in 0..3 {
        let head = client.request("POST", "/chat");
        let stream = client.open(0, &head);
        let count = fill(&mut client, stream, 25);
        assert!(count * 25 > 100 << 10, "{count} messages");
        client.set_patience(crate::harness::wait::PATIENCE);
        client.expect_alive("small messages");
    }
}

/// The same of single bytes, as many as evener takes: what it keeps for them is bounded.
#[test]
fn single_bytes_that_wait() {
    let evener = before_shut_server();
    let before = evener.process.rss_bytes();
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = FramePeer::connect(evener.address());
        let count = (0..4).fold(0, |count, _| {
            let head = client.request("POST", "/chat");
            match client.try_send(headers(client.next_stream, 0, &head)) {
                Ok(()) => {
                    let stream = client.take_stream();
                    count + fill(&mut client, stream, 1)
                }
                Err(_) => count,
            }
        });
        println!("{count} messages of one byte");
        assert!(count > 10_000);
        clients.push(client);
    }
    let grown = evener.process.rss_bytes().saturating_sub(before);
    println!("{grown} bytes");
    assert!(grown <= 2 * MEMORY_MAX, "{grown} bytes for two connections");
}

/// A body that is not as long as was announced is the client's fault, not its leave.
#[test]
fn bodies_of_another_length() {
    let mut scene = Scene::open();
    for (length, is_end) in [("5", END_STREAM), ("1", 0)] {
        let mut client = scene.connect();
        let head = client.request("POST", "/bad-length");
        let stream = client.open(0, &[&head[..], &[("content-length", length)]].concat());
        client.expect_alive("before the body");
        client.send(frame(DATA, is_end, stream, b"ab"));
        assert_eq!(client.message(stream).outcome, Some(Outcome::Reset(PROTOCOL_ERROR)));
        client.expect_alive("a body of another length");
    }
    scene.expect_served("bodies of another length");
    let failures = scene.account().failures;
    assert_eq!((failures.get("h2_malformed"), failures.get("client_gone")), (Some(&2), None), "{failures:?}");
}
