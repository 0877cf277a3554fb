//! Servers that take no connection, and evener taking no more clients.

use crate::harness::client::{End, get};
use crate::harness::ports::free_address;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Recorder, Step};

use super::traffic::{Traffic, expect_no_failure, expect_no_post_twice};
use super::{Account, Trial, echo, echo_server, executed_by, expect_next_client_served, post};

#[test]
fn refused_connections_cost_nothing_while_one_server_stands() {
    let (dead, also_dead, standing) = (free_address(), free_address(), echo_server());
    let trial = Trial::in_front_of(&[dead, also_dead, standing.address()], "");
    let traffic = Traffic::start(trial.evener.address(), 4);
    traffic.wait_for(400);
    let outcomes = traffic.end();
    expect_no_failure(&outcomes);
    expect_no_post_twice(&outcomes, &executed_by(&standing));
    let account = trial.end(standing);
    account.expect_failures(&[]);
    expect_said(&account, &dead.to_string(), "connect_refused");
}

#[test]
fn a_server_that_goes_away_under_load_costs_nothing() {
    let (mut leaving, staying) = (echo_server(), echo_server());
    let trial = Trial::in_front_of(&[leaving.address(), staying.address()], "");
    let traffic = Traffic::start(trial.evener.address(), 4);
    traffic.wait_for(200);
    leaving.stop();
    traffic.wait_for(200);
    let back = Recorder::per_request_at(leaving.address(), |request| vec![Step::send(echo(request))]);
    eventually(PATIENCE, "the server gets requests again", || !back.requests().is_empty());
    traffic.wait_for(100);
    let outcomes = traffic.end();
    let executed = [executed_by(&leaving), executed_by(&staying), executed_by(&back)].concat();
    expect_no_post_twice(&outcomes, &executed);
    trial.end((leaving, staying, back));
}

#[test]
fn when_every_server_refuses_the_client_is_told_at_once() {
    let dead = [free_address(), free_address()];
    let trial = Trial::in_front_of(&dead, "");
    let mut client = trial.evener.connect();
    assert_eq!(client.send(get("/1")).response().status, 502);
    // The connection goes on: what failed was not the client's fault.
    assert_eq!(client.send(post("/2")).response_to("POST").status, 502);
    let back = Recorder::per_request_at(dead[1], |request| vec![Step::send(echo(request))]);
    assert_eq!(client.send(get("/3")).response().text(), "GET /3");
    drop(client);
    let account = trial.end(back);
    account.expect_failures(&[("connect_refused", 2)]);
    account.expect_line("GET /1 502 connect_refused");
}

#[test]
fn a_post_goes_to_the_next_server_when_the_first_refuses() {
    let standing = echo_server();
    let trial = Trial::in_front_of(&[free_address(), standing.address()], "");
    // With its body behind the head, with one that comes later, and with one in chunks.
    let whole = trial.evener.connect().send(post("/1")).response_to("POST");
    assert_eq!(whole.text(), "POST /1");

    let mut late = trial.evener.connect();
    late.send("POST /2 HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nfirst");
    eventually(PATIENCE, "the head arrives", || standing.text().contains("POST /2"));
    assert_eq!(late.send("later").response_to("POST").text(), "POST /2");

    let mut chunked = trial.evener.connect();
    chunked.send("POST /3 HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
    eventually(PATIENCE, "the head arrives", || standing.text().contains("POST /3"));
    assert_eq!(chunked.send("5\r\nlater\r\n0\r\n\r\n").response_to("POST").text(), "POST /3");

    let bodies: Vec<String> = standing.requests().iter().map(|request| request.text()).collect();
    assert_eq!(bodies, ["body", "firstlater", "firstlater"]);
    drop((late, chunked));
    trial.end(standing).expect_failures(&[]);
}

#[test]
fn connections_beyond_the_limit_are_told_and_counted() {
    let server = Recorder::per_request(|request| match request.target.as_str() {
        "/hold" => vec![Step::Hold],
        _ => vec![Step::send(echo(request))],
    });
    let config = super::upstream(&[server.address()], "");
    let trial = Trial::start(&format!("limits = {{ connections = 2 }}\n{config}"));
    // A connection that waits for its answer is not closed to make room; an idle one is.
    let mut busy = trial.evener.connect();
    busy.send(get("/hold"));
    eventually(PATIENCE, "the request is under way", || !server.requests().is_empty());
    let mut idle = trial.evener.connect();
    assert_eq!(idle.send(get("/1")).response().text(), "GET /1");
    let mut newcomer = trial.evener.connect();
    newcomer.send(get("/hold"));
    eventually(PATIENCE, "the request is under way", || server.requests().len() == 3);
    idle.expect_close();

    let mut refused = trial.evener.connect();
    let response = refused.send(get("/refused")).response();
    assert_eq!((response.status, response.field("retry-after")), (503, Some("1")));
    // A request that nobody read must not turn the end into a reset, which can destroy the answer.
    assert_eq!(refused.rest(), (Vec::new(), End::Close));
    busy.reset();
    newcomer.reset();
    eventually(PATIENCE, "both were noticed", || server.conversations().iter().all(|one| one.is_over()));
    expect_next_client_served(&trial.evener, "/2");
    let account = trial.end(server);
    assert_eq!(account.failures.get("too_many_connections"), Some(&1), "{account:#?}");
}

/// Standard error has a line with both.
#[track_caller]
fn expect_said(account: &Account, what: &str, reason: &str) {
    let is_said = account.stderr.lines().any(|line| line.contains(what) && line.contains(reason));
    assert!(is_said, "{what} and {reason} in {account:#?}");
}
