//! `hedge`: a second copy of a request whose answer is late.

use std::time::{Duration, Instant};

use super::load::{crowd, expect_no_failure};
use super::{in_front_of, request};
use crate::harness::client::get;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, Step};

const AFTER: Duration = Duration::from_millis(60);
/// Far longer than the time after which a copy is sent.
const LATE: Duration = Duration::from_millis(400);
const HEDGE: &str = "balance = \"first\"\nhedge = { after = \"60ms\", budget = \"100%\" }";

/// Never answers `/hold`, answers `/late` late, and everything else at once.
fn server(name: &'static str) -> Recorder {
    Recorder::per_request(move |request| match request.target.as_str() {
        "/hold" => vec![Step::Hold],
        "/late" => vec![Step::Pause(LATE), Step::send(ok(name))],
        _ => vec![Step::send(ok(name))],
    })
}

/// Answers everything at once.
fn quick(name: &'static str) -> Recorder {
    super::named(name)
}

fn behind(first: &Recorder, second: &Recorder, keys: &str) -> Evener {
    in_front_of(&[first.address(), second.address()], keys)
}

/// Its first connection is closed by evener.
#[track_caller]
fn expect_closed(server: &Recorder) {
    let conversation = server.conversation(0);
    eventually(PATIENCE, "the server is told that nobody waits", || conversation.is_over());
}

#[test]
fn a_late_answer_is_overtaken_by_the_copys() {
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let (first, second) = (server("first"), quick("second"));
        let evener = behind(&first, &second, HEDGE);
        let since = Instant::now();
        let body = if method == "PUT" { "Content-Length: 4\r\n\r\nbody" } else { "\r\n" };
        let message = format!("{method} /hold HTTP/1.1\r\nHost: test\r\n{body}");
        let response = evener.connect().send(message).response_to(method);
        assert_eq!((response.status, response.framing), (200, response.framing), "{method}");
        assert!(method == "HEAD" || response.text() == "second", "{method}: {response:?}");
        assert!(since.elapsed() >= AFTER - Duration::from_millis(5), "{:?}", since.elapsed());
        let (one, copy) = (first.only_request(), second.only_request());
        assert_eq!((one.method, one.target, one.body), (copy.method, copy.target, copy.body));
        expect_closed(&first);
    }
}

#[test]
fn the_first_answer_wins_though_a_copy_was_sent() {
    let (first, second) = (server("first"), Recorder::per_request(|_| vec![Step::Hold]));
    let evener = behind(&first, &second, HEDGE);
    assert_eq!(evener.get("/late").text(), "first");
    assert_eq!(second.only_request().target, "/late");
    expect_closed(&second);
    // Its connection is none on which an answer may still come.
    assert_eq!(evener.get("/quick").text(), "first");
}

#[test]
fn what_must_not_be_executed_twice_has_no_copy() {
    let (first, second) = (server("first"), quick("second"));
    let evener = behind(&first, &second, HEDGE);
    for method in ["POST", "PATCH"] {
        let response = evener.connect().send(request(method, "/late", "")).response_to(method);
        assert_eq!(response.text(), "first");
    }
    assert_eq!((first.requests().len(), second.conversations().len()), (2, 0));
}

#[test]
fn a_body_that_is_still_coming_has_no_copy() {
    let first = Recorder::per_head(|_| vec![Step::ReadBody, Step::Pause(LATE), Step::send(ok("first"))]);
    let second = quick("second");
    let evener = behind(&first, &second, HEDGE);
    let mut client = evener.connect();
    client.send(request("PUT", "/", "Content-Length: 8\r\n") + "half");
    eventually(PATIENCE, "the beginning arrives", || first.text().ends_with("half"));
    assert_eq!(client.send("half").response_to("PUT").text(), "first");
    assert_eq!(second.conversations().len(), 0);
}

#[test]
fn a_quick_answer_has_no_copy() {
    let (first, second) = (server("first"), quick("second"));
    let keys = "balance = \"first\"\nhedge = { after = \"5s\", budget = \"100%\" }";
    let evener = behind(&first, &second, keys);
    let mut client = evener.connect();
    assert!((0..100).all(|_| client.send(get("/")).response().text() == "first"));
    assert_eq!(second.conversations().len(), 0);
}

#[test]
fn copies_keep_to_their_budget() {
    let work = Duration::from_millis(40);
    let servers =
        ["a", "b", "c"].map(|name| Recorder::per_request(move |_| vec![Step::Pause(work), Step::send(ok(name))]));
    let keys = "hedge = { after = \"10ms\", budget = \"10%\" }";
    let evener = in_front_of(&servers.each_ref().map(Recorder::address), keys);
    let answers = crowd(&evener, 20, 400);
    expect_no_failure(&answers);
    let asked: usize = servers.iter().map(|server| server.requests().len()).sum();
    // Each of them was late.
    assert!((401..=450).contains(&asked), "{} copies of 400", asked - 400);
}

#[test]
fn what_is_late_is_learned_from_the_answers() {
    let usual = Duration::from_millis(4);
    let first = Recorder::per_request(move |request| match request.target.as_str() {
        "/hold" => vec![Step::Hold],
        _ => vec![Step::Pause(usual), Step::send(ok("first"))],
    });
    let second = quick("second");
    let keys = "balance = \"first\"\nhedge = { after = \"p95\", budget = \"100%\" }";
    let evener = behind(&first, &second, keys);
    let mut client = evener.connect();
    for _ in 0..150 {
        assert_eq!(client.send(get("/")).response().status, 200);
    }
    assert_eq!(evener.get("/hold").text(), "second");
    expect_closed_somewhere(&first);
}

/// One of its connections is closed, the others are kept.
#[track_caller]
fn expect_closed_somewhere(server: &Recorder) {
    eventually(PATIENCE, "one is closed", || server.conversations().iter().any(|conversation| conversation.is_over()));
}

#[test]
fn when_both_are_late_the_time_out_is_that_of_the_request() {
    let servers = [server("first"), server("second")];
    let keys = format!("{HEDGE}\nresponse_timeout = \"500ms\"");
    let evener = behind(&servers[0], &servers[1], &keys);
    let since = Instant::now();
    assert_eq!(evener.get("/hold").status, 504);
    assert!((Duration::from_millis(490)..Duration::from_secs(10)).contains(&since.elapsed()), "{:?}", since.elapsed());
    servers.iter().for_each(expect_closed);
}

#[test]
fn a_copy_for_which_there_is_no_server_harms_nobody() {
    let first = server("first");
    let refusing = crate::harness::ports::free_address();
    let evener = in_front_of(&[first.address(), refusing], HEDGE);
    assert_eq!(evener.get("/late").text(), "first");
    let alone = in_front_of(&[first.address()], HEDGE);
    assert_eq!(alone.get("/late").text(), "first");
    assert_eq!(first.requests().len(), 2);
}

#[test]
fn a_client_that_leaves_ends_both_copies() {
    let servers = [server("first"), server("second")];
    let evener = behind(&servers[0], &servers[1], HEDGE);
    let mut client = evener.connect();
    client.send(get("/hold"));
    eventually(PATIENCE, "both have it", || servers.iter().all(|server| server.requests().len() == 1));
    client.reset();
    servers.iter().for_each(expect_closed);
}
