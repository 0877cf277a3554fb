//! Bodies that come bit by bit: what one side has said is with the other at once, whatever comes later.

use std::time::{Duration, Instant};

use super::request;
use crate::harness::client::{RawClient, get};
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, Step};

fn in_front_of(recorder: &Recorder) -> Evener {
    Evener::start(&format!("[[site]]\nlisten = \"{{listen}}\"\nto = [\"{}\"]\n", recorder.address()))
}

/// Reads until this has come.
#[track_caller]
fn expect_to_come(client: &mut RawClient, what: &str) {
    let mut text = Vec::new();
    while !text.ends_with(what.as_bytes()) {
        text.extend(client.bytes(1));
    }
}

const EVENT: &str = "data: 1\n\n";

/// How a server may frame its events, and how one looks in it.
const FRAMINGS: [(&str, &str); 3] = [
    ("Transfer-Encoding: chunked", "9\r\ndata: 1\n\n\r\n"),
    ("Connection: close", EVENT),
    ("Content-Length: 99", EVENT),
];

fn head(framing: &str) -> Step {
    Step::send(format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{framing}\r\n\r\n"))
}

#[test]
fn a_head_arrives_although_nothing_of_the_body_comes() {
    for (framing, _) in FRAMINGS {
        let recorder = Recorder::scripted(move |_| vec![Step::ReadRequest, head(framing), Step::Hold]);
        let evener = in_front_of(&recorder);
        expect_to_come(evener.connect().send(get("/")), "\r\n\r\n");
    }
}

#[test]
fn an_event_arrives_although_the_server_says_nothing_more() {
    for (framing, event) in FRAMINGS {
        let events = (0..5).flat_map(|_| [Step::send(event), Step::Pause(Duration::from_millis(10))]);
        let steps: Vec<Step> =
            [Step::ReadRequest, head(framing)].into_iter().chain(events).chain([Step::Hold]).collect();
        let recorder = Recorder::scripted(move |_| steps.clone());
        let evener = in_front_of(&recorder);
        for start in ["GET / HTTP/1.1\r\nHost: test\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"] {
            let mut client = evener.connect();
            let since = Instant::now();
            client.send(start);
            for _ in 0..5 {
                expect_to_come(&mut client, EVENT);
            }
            assert!(since.elapsed() < Duration::from_secs(5), "{framing}: {:?}", since.elapsed());
        }
    }
}

#[test]
fn a_piece_of_an_upload_arrives_although_the_client_says_nothing_more() {
    let recorder = Recorder::per_head(|_| vec![Step::ReadBody, Step::send(ok("done"))]);
    let evener = in_front_of(&recorder);
    let mut chunked = evener.connect();
    chunked.send(request("POST", "/", "test", "Transfer-Encoding: chunked\r\n"));
    eventually(PATIENCE, "the head comes before the body", || recorder.requests().len() == 1);
    for piece in ["first", "second", "third"] {
        chunked.try_send_chunk(piece.as_bytes()).expect("it is read");
        eventually(PATIENCE, piece, || recorder.text().contains(piece));
    }
    chunked.try_send_chunk(b"").expect("it is read");
    assert_eq!(chunked.response_to("POST").text(), "done");
    let mut sized = evener.connect();
    sized.send(request("PUT", "/", "test", "Content-Length: 9\r\n"));
    for piece in ["one", "two", "six"] {
        sized.send(piece);
        eventually(PATIENCE, piece, || recorder.text().contains(piece));
    }
    assert_eq!(sized.response_to("PUT").text(), "done");
}

#[test]
fn an_answer_may_begin_before_the_end_of_the_upload_and_both_go_on() {
    let recorder = Recorder::per_head(|_| {
        vec![
            Step::send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
            Step::ReadBody,
            Step::send("3\r\nbye\r\n0\r\n\r\n"),
        ]
    });
    let evener = in_front_of(&recorder);
    let mut client = evener.connect();
    client.send(request("POST", "/", "test", "Content-Length: 6\r\n") + "abc");
    expect_to_come(&mut client, "hello\r\n");
    client.send("def");
    expect_to_come(&mut client, "0\r\n\r\n");
    eventually(PATIENCE, "the whole body", || recorder.text().ends_with("abcdef"));
}
