//! Interim answers: early hints, and `Expect: 100-continue` with each thing that a server may do about it.

use super::request;
use crate::harness::recorder::ok;
use crate::harness::{Evener, Recorder, Step};

fn in_front_of(recorder: &Recorder) -> Evener {
    Evener::start(&format!("workers = 1\n[[site]]\nlisten = \"{{listen}}\"\nto = [\"{}\"]\n", recorder.address()))
}

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n";

#[test]
fn early_hints_pass_at_once_and_not_to_clients_of_1_0() {
    let recorder = Recorder::per_head(|request| match request.target.as_str() {
        "/held" => vec![Step::ReadBody, Step::send(HINTS), Step::ReadBytes(1), Step::send(ok("final"))],
        _ => vec![Step::ReadBody, Step::send(HINTS), Step::send(HINTS), Step::send(ok("final"))],
    });
    let evener = in_front_of(&recorder);
    let mut client = evener.connect();
    for method in ["GET", "OPTIONS"] {
        let response = client.send(request(method, "/", "test", "")).response_to(method);
        assert_eq!((response.text().as_str(), response.interim.len()), ("final", 2));
        for interim in &response.interim {
            assert_eq!((interim.status, interim.field("link")), (103, Some("</a.css>; rel=preload")));
            assert_eq!((interim.field("x-hop"), interim.field("content-length")), (None, None));
        }
    }
    let mut old = evener.connect();
    let response = old.send("GET / HTTP/1.0\r\n\r\n").response();
    assert_eq!((response.text().as_str(), response.interim.len()), ("final", 0));

    // The hints are there although the server says nothing more.
    let mut waiting = evener.connect();
    waiting.send(request("GET", "/held", "test", ""));
    assert_eq!(waiting.next_response().status, 103);
}

const EXPECTING: &str = "Expect: 100-Continue\r\nContent-Length: 5\r\n";

#[test]
fn a_body_is_sent_when_the_server_has_asked_for_it() {
    let recorder = Recorder::per_head(|_| {
        vec![Step::send("HTTP/1.1 100 Continue\r\n\r\n"), Step::ReadBody, Step::send(ok("thanks"))]
    });
    let evener = in_front_of(&recorder);
    let mut client = evener.connect();
    for _ in 0..2 {
        client.send(request("POST", "/", "test", EXPECTING));
        assert_eq!(client.next_response().status, 100);
        client.send("12345");
        let response = client.response_to("POST");
        assert_eq!((response.text().as_str(), response.interim.len()), ("thanks", 0));
    }
    assert_eq!(recorder.conversations().len(), 1);
    assert!(recorder.requests().iter().all(|request| request.fields.get("expect").is_some()));
    assert_eq!(recorder.text().matches("12345").count(), 2);
}

#[test]
fn a_server_that_does_not_want_the_body_is_believed() {
    let refusal = "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno";
    let early = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
    for (answer, status) in [(refusal, 417), (early, 403)] {
        let recorder = Recorder::per_head(move |_| vec![Step::send(answer), Step::ReadToEnd]);
        let evener = in_front_of(&recorder);
        let mut client = evener.connect();
        client.send(request("POST", "/", "test", EXPECTING));
        let response = client.response_to("POST");
        assert_eq!((response.status, response.text().as_str(), response.interim.len()), (status, "no", 0));
        // Whether the client still sends the body is anyone's guess, so the connection ends.
        assert_eq!(response.field("connection"), Some("close"));
        client.expect_close();
        assert_eq!(recorder.requests().len(), 1);
    }
}

#[test]
fn a_server_that_answers_100_late_or_never_gets_the_body_of_a_client_that_does_not_wait() {
    let recorder = Recorder::per_head(|_| vec![Step::ReadBody, Step::send(ok("thanks"))]);
    let evener = in_front_of(&recorder);
    let mut client = evener.connect();
    for _ in 0..2 {
        client.send(request("POST", "/", "test", EXPECTING) + "12345");
        assert_eq!(client.response_to("POST").text(), "thanks");
    }
    assert_eq!(recorder.requests().len(), 2);
}

#[test]
fn a_route_without_a_server_answers_in_place_of_100() {
    let evener = Evener::start("[[site]]\nlisten = \"{listen}\"\nrespond = { status = 403, body = \"no\" }\n");
    let mut client = evener.connect();
    client.send(request("POST", "/", "test", EXPECTING));
    let response = client.response_to("POST");
    assert_eq!((response.status, response.interim.len(), response.field("connection")), (403, 0, Some("close")));
    client.expect_close();
}
