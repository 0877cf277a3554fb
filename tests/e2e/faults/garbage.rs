//! Servers that lie: what is no HTTP, more than was asked for, and answers that nobody asked for. The client gets a 502
//! or a cut body, the connection is dropped, and nothing of it reaches anybody else.

use std::time::Duration;

use crate::harness::client::get;
use crate::harness::recorder::ok;
use crate::harness::wait::eventually;
use crate::harness::{Recorder, Step};

use super::{SOON, Trial, echo, expect_next_client_served, post};

/// The first connection answers with this and stays open; later ones answer as they should.
fn liar(bytes: &[u8]) -> Recorder {
    let answer = Step::send(bytes);
    let lied = std::sync::atomic::AtomicBool::new(false);
    Recorder::per_request(move |request| {
        if lied.swap(true, std::sync::atomic::Ordering::Relaxed) {
            vec![Step::send(echo(request))]
        } else {
            vec![answer.clone(), Step::Hold]
        }
    })
}

#[track_caller]
fn check_bad_gateway(bytes: &[u8], reason: &str) {
    for request in [get("/1"), post("/1")] {
        let method = request.split(' ').next().expect("a method").to_owned();
        let server = liar(bytes);
        let trial = Trial::in_front_of(&[server.address()], "response_timeout = \"1h\"");
        let mut client = trial.evener.connect();
        assert_eq!(client.send(&request).response_to(&method).status, 502, "{reason}");
        eventually(SOON, "the connection is dropped", || server.conversation(0).is_over());
        assert_eq!(client.send(get("/2")).response().text(), "GET /2", "{reason}");
        expect_next_client_served(&trial.evener, "/3");
        assert_eq!(server.requests().len(), 3, "{reason}: nothing was repeated");
        drop(client);
        let account = trial.end(server);
        account.expect_failures(&[(reason, 1)]);
        account.expect_line(&format!("{method} /1 502 {reason}"));
    }
}

#[test]
fn what_is_no_http_is_a_502() {
    check_bad_gateway(
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not a status line\r\n\r\n",
        "response_control_byte",
    );
    check_bad_gateway(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "response_bad_version");
    check_bad_gateway(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "response_bare_lf");
    check_bad_gateway(b"HTTP/1.1 2OO OK\r\nContent-Length: 2\r\n\r\nok", "response_bad_status");
}

#[test]
fn framing_in_doubt_is_a_502() {
    check_bad_gateway(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        "response_two_content_lengths",
    );
    check_bad_gateway(
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "response_length_and_transfer_encoding",
    );
    check_bad_gateway(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "response_bad_content_length");
    check_bad_gateway(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "bad_protocol_switch",
    );
}

#[test]
fn answers_without_an_end_are_a_502() {
    let mut endless_head = b"HTTP/1.1 200 OK\r\n".to_vec();
    endless_head.extend(b"x: y\r\n".repeat(100));
    endless_head.extend(format!("z: {}", "z".repeat(100_000)).into_bytes());
    check_bad_gateway(&endless_head, "response_head_too_large");
    check_bad_gateway(&b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(200), "too_many_interim_responses");
}

#[test]
fn broken_chunks_cut_the_body() {
    for broken in ["5\r\nwhole\r\nzz\r\n", "5\r\nwholeandmore\r\n0\r\n\r\n", "5\r\nwhole\r\nfffffffffffffffff\r\n"] {
        let server = liar(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{broken}").as_bytes());
        let trial = Trial::in_front_of(&[server.address()], "response_timeout = \"1h\"");
        let mut client = trial.evener.connect();
        client.send(get("/1"));
        // Either nothing of it was passed on yet, and the client is told, or the body is cut.
        match client.try_response_to("GET") {
            Ok(response) => assert_eq!(response.status, 502, "{broken:?}"),
            Err(error) => assert_ne!(error.kind(), std::io::ErrorKind::TimedOut, "{broken:?}"),
        }
        eventually(SOON, "the connection is dropped", || server.conversation(0).is_over());
        expect_next_client_served(&trial.evener, "/2");
        drop(client);
        trial.end(server).expect_failures(&[("response_body_broken", 1)]);
    }
}

#[test]
fn more_than_the_answer_reaches_nobody() {
    let surplus = ok("the answer") + &ok("nobody asked for this");
    for (request, method) in [(get("/1"), "GET"), (post("/1"), "POST")] {
        let server = liar(surplus.as_bytes());
        let trial = Trial::in_front_of(&[server.address()], "");
        let mut client = trial.evener.connect();
        assert_eq!(client.send(request).response_to(method).text(), "the answer");
        assert_eq!(client.send(get("/2")).response().text(), "GET /2");
        expect_next_client_served(&trial.evener, "/3");
        assert!(server.conversation(0).is_over());
        drop(client);
        trial.end(server).expect_failures(&[]);
    }
}

#[test]
fn a_body_where_none_belongs_reaches_nobody() {
    let hidden = ok("hidden");
    for (request, head) in [
        (
            "HEAD /1 HTTP/1.1\r\nHost: test\r\n\r\n",
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", hidden.len()),
        ),
        ("GET /1 HTTP/1.1\r\nHost: test\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n".to_owned()),
        ("GET /1 HTTP/1.1\r\nHost: test\r\n\r\n", "HTTP/1.1 304 Not Modified\r\n\r\n".to_owned()),
    ] {
        let server = liar((head.clone() + &hidden).as_bytes());
        let trial = Trial::in_front_of(&[server.address()], "");
        let mut client = trial.evener.connect();
        let method = request.split(' ').next().expect("a method");
        assert!(client.send(request).response_to(method).body.is_empty(), "{head}");
        assert_eq!(client.send(get("/2")).response().text(), "GET /2", "{head}");
        expect_next_client_served(&trial.evener, "/3");
        drop(client);
        trial.end(server).expect_failures(&[]);
    }
}

#[test]
fn an_answer_before_the_request_reaches_nobody() {
    // What some servers say when they close an idle connection.
    let late = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let pause = Step::Pause(Duration::from_millis(100));
    let server = Recorder::per_request(move |request| match request.target.as_str() {
        "/1" => vec![Step::send(echo(request)), pause.clone(), Step::send(late), Step::Hold],
        _ => vec![Step::send(echo(request))],
    });
    let trial = Trial::in_front_of(&[server.address()], "");
    expect_next_client_served(&trial.evener, "/1");
    let idle = server.conversation(0);
    // Evener looks over its idle connections once a second.
    eventually(SOON, "the talkative connection is dropped", || idle.is_over());
    expect_next_client_served(&trial.evener, "/2");
    assert_eq!(trial.evener.connect().send(post("/3")).response_to("POST").text(), "POST /3");
    trial.end(server).expect_failures(&[]);
}
