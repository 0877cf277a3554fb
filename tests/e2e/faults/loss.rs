//! Servers that are lost: killed before they answer, killed in the middle of a body, and connections that die while
//! they are idle or just as they are used again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::harness::client::{End, get};
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Recorder, Step};

use super::traffic::{Traffic, expect_no_post_twice};
use super::{Child, Trial, echo, echo_server, executed_by, expect_next_client_served, post};

#[test]
fn a_get_whose_server_is_killed_goes_to_the_next_and_a_post_does_not() {
    let (mut first, standing) = (Child::start(), echo_server());
    let trial = Trial::in_front_of(&[first.address(), standing.address()], "");
    let held = |number| format!("/{number}?hold={}", first.address().port());
    let (safe, unsafe_one) = (held(1), held(2));
    let (mut getting, mut posting) = (trial.evener.connect(), trial.evener.connect());
    getting.send(get(&safe));
    posting.send(post(&unsafe_one));
    first.wait_until_executed(&format!("GET {safe}"));
    first.wait_until_executed(&format!("POST {unsafe_one}"));
    first.kill();

    assert_eq!(getting.response().text(), format!("GET {safe}"));
    assert_eq!(posting.response_to("POST").status, 502);
    // Nothing was sent to the dead server, so this one may go on to the next.
    let next = trial.evener.connect().send(post("/3")).response_to("POST");
    assert_eq!(next.text(), "POST /3");
    let executed: Vec<String> = standing.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(executed, [safe.as_str(), "/3"]);
    drop((getting, posting));
    let account = trial.end(standing);
    account.expect_failures(&[("upstream_closed", 1)]);
    account.expect_line(&format!("POST {unsafe_one} 502 upstream_closed"));
}

#[test]
fn a_server_killed_under_load_fails_no_get_and_repeats_no_post() {
    let (mut victim, mut standing) = (Child::start(), Child::start());
    let trial = Trial::in_front_of(&[victim.address(), standing.address()], "");
    let traffic = Traffic::start(trial.evener.address(), 4);
    traffic.wait_for(200);
    victim.kill();
    traffic.wait_for(200);
    let outcomes = traffic.end();
    standing.kill();
    let executed = [victim.executed(), standing.executed()].concat();
    expect_no_post_twice(&outcomes, &executed);
    trial.end((victim, standing));
}

/// The server is killed in the middle of an answer; the client must be able to tell.
#[track_caller]
fn check_cut(target: &str, version: &str, must_be_reset: bool) {
    let mut server = Child::start();
    let trial = Trial::in_front_of(&[server.address()], "");
    let mut client = trial.evener.connect();
    client.send(format!("GET {target} {version}\r\nHost: test\r\n\r\n"));
    // Evener has passed on the beginning before the server dies.
    let beginning = client.bytes(40);
    assert!(beginning.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&beginning));
    server.wait_until_executed(&format!("GET {target}"));
    server.kill();
    let (rest, end) = client.rest();
    let text = String::from_utf8_lossy(&[beginning, rest].concat()).into_owned();
    expect_incomplete(&text);
    assert!(!must_be_reset || end == End::Reset, "an orderly end after {text:?}");
    let account = trial.end(server);
    account.expect_failures(&[("response_truncated", 1)]);
    account.expect_line(&format!("GET {target} 200 response_truncated"));
}

/// A length that the body does not reach, or chunks without the last one.
#[track_caller]
fn expect_incomplete(text: &str) {
    let (head, body) = text.split_once("\r\n\r\n").expect("a whole head");
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    match length.map(|length| length.parse::<usize>().expect("a number")) {
        Some(length) => assert!(body.len() < length, "{text}"),
        None => assert!(!body.ends_with("0\r\n\r\n"), "{text}"),
    }
}

#[test]
fn a_body_with_a_length_whose_server_is_killed_is_cut() {
    check_cut("/1?cut=length", "HTTP/1.1", false);
    check_cut("/2?cut=length", "HTTP/1.0", false);
}

#[test]
fn a_long_body_whose_server_is_killed_is_cut() {
    check_cut("/1?cut=long", "HTTP/1.1", false);
}

#[test]
fn a_chunked_body_whose_server_is_killed_is_cut() {
    check_cut("/1?cut=chunked", "HTTP/1.1", false);
    // Without chunks only the way in which the connection ends can tell.
    check_cut("/2?cut=chunked", "HTTP/1.0", true);
}

#[test]
fn a_body_that_ends_with_its_connection_is_cut_by_a_reset() {
    let server = Recorder::per_request(|request| match request.target.as_str() {
        "/whole" => vec![Step::send("HTTP/1.1 200 OK\r\n\r\nwhole"), Step::Close],
        _ => {
            let part = Step::send("HTTP/1.1 200 OK\r\n\r\npart");
            vec![part, Step::Pause(Duration::from_millis(100)), Step::Reset]
        }
    });
    let trial = Trial::in_front_of(&[server.address()], "");
    assert_eq!(trial.evener.get("/whole").text(), "whole");
    for version in ["HTTP/1.1", "HTTP/1.0"] {
        let mut client = trial.evener.connect();
        client.send(format!("GET /cut {version}\r\nHost: test\r\n\r\n"));
        let (bytes, end) = client.rest();
        expect_incomplete(&String::from_utf8_lossy(&bytes));
        assert!(version == "HTTP/1.1" || end == End::Reset, "an orderly end");
    }
    trial.end(server).expect_failures(&[("response_truncated", 2)]);
}

/// After one answer the server ends its connections in this way.
fn ending_with(ending: Step) -> Recorder {
    Recorder::per_request(move |request| match request.target.as_str() {
        "/last" => vec![Step::send(echo(request)), Step::Pause(Duration::from_millis(50)), ending.clone()],
        _ => vec![Step::send(echo(request))],
    })
}

#[test]
fn a_connection_that_died_in_the_pool_harms_neither_get_nor_post() {
    for ending in [Step::Reset, Step::Close] {
        let server = ending_with(ending);
        let trial = Trial::in_front_of(&[server.address()], "");
        let mut client = trial.evener.connect();
        for (number, next) in [get("/1"), post("/2"), get("/3")].into_iter().enumerate() {
            client.send(get("/last")).response();
            eventually(PATIENCE, "it is closed", || server.conversation(number).is_over());
            let method = if next.starts_with("GET") { "GET" } else { "POST" };
            let response = client.send(next).response_to(method);
            assert_eq!(response.text(), format!("{method} /{}", number + 1));
            // The connection that served this one is good, and is used up for the next turn.
        }
        assert_eq!(server.requests().len(), 6);
        drop(client);
        trial.end(server).expect_failures(&[]);
    }
}

#[test]
fn a_request_that_meets_a_closing_connection_is_repeated_only_if_it_is_a_get() {
    for ending in [Step::Reset, Step::Close] {
        // The second request on the first connection gets no answer: the server was closing it already.
        let server = Recorder::scripted(move |number| match number {
            0 => vec![Step::ReadRequest, Step::send(ok("first")), Step::ReadRequest, ending.clone()],
            _ => vec![Step::ReadRequest, Step::send(ok("fresh")), Step::Again],
        });
        let trial = Trial::in_front_of(&[server.address()], "");
        let mut client = trial.evener.connect();
        assert_eq!(client.send(get("/1")).response().text(), "first");
        assert_eq!(client.send(get("/2")).response().text(), "fresh");
        let targets: Vec<String> = server.requests().into_iter().map(|request| request.target).collect();
        assert_eq!(targets, ["/1", "/2", "/2"]);
        drop(client);
        trial.end(server).expect_failures(&[]);
    }
    let server = Recorder::scripted(|number| match number {
        0 => vec![Step::ReadRequest, Step::send(ok("first")), Step::ReadRequest, Step::Reset],
        _ => vec![Step::ReadRequest, Step::send(ok("fresh")), Step::Again],
    });
    let trial = Trial::in_front_of(&[server.address()], "");
    let mut client = trial.evener.connect();
    assert_eq!(client.send(get("/1")).response().text(), "first");
    assert_eq!(client.send(post("/2")).response_to("POST").status, 502);
    assert_eq!(client.send(get("/3")).response().text(), "fresh");
    let targets: Vec<String> = server.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/1", "/2", "/3"]);
    drop(client);
    trial.end(server).expect_failures(&[("upstream_closed", 1)]);
}

/// Every fifth answer is the last on its connection, and every seventh request is lost at its first try.
fn flaky(seen: &Arc<Mutex<HashSet<usize>>>) -> Recorder {
    let seen = Arc::clone(seen);
    Recorder::per_request(move |request| {
        let number: usize = request.target[1..].parse().expect("a numbered request");
        let is_new = seen.lock().expect("no panic").insert(number);
        let ending = if number.is_multiple_of(2) { Step::Reset } else { Step::Close };
        match number {
            _ if number.is_multiple_of(7) && is_new => vec![ending],
            _ if number.is_multiple_of(5) => vec![Step::send(echo(request)), ending],
            _ => vec![Step::send(echo(request))],
        }
    })
}

#[test]
fn under_load_dying_connections_mix_nothing_up() {
    let seen = Arc::default();
    let servers = [flaky(&seen), flaky(&seen)];
    let trial = Trial::in_front_of(&[servers[0].address(), servers[1].address()], "");
    let traffic = Traffic::start(trial.evener.address(), 4);
    traffic.wait_for(1_500);
    let outcomes = traffic.end();
    let executed: Vec<String> = servers.iter().flat_map(executed_by).collect();
    expect_no_post_twice(&outcomes, &executed);
    assert!(outcomes.iter().any(|outcome| outcome.status == Ok(502)), "some POST was lost");
    // Neither lost nor the last on its connection.
    expect_next_client_served(&trial.evener, "/1000001");
    expect_next_client_served(&trial.evener, "/1000002");
    trial.end(servers);
}
