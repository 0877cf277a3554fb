//! `max_requests` and `queue`: never more than that at a server, and what becomes of those for whom there is no room.
//!
//! In which order they wait and how they leave is in `queue_waits`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::gate::Gate;
use super::load::{Load, crowd, expect_no_failure, with_status};
use super::queue_waits::wait_in_line;
use super::{in_front_of, servers, site};
use crate::harness::Evener;
use crate::harness::client::get;
use crate::harness::message::Response;
use crate::harness::wait::{PATIENCE, eventually};

/// Evener with as many workers as need be to get in each other's way.
fn with_workers(addresses: &[SocketAddr], keys: &str, workers: usize) -> Evener {
    let config = site(&servers(addresses, keys));
    Evener::start(&config.replace("workers = 2", &format!("workers = {workers}")))
}

/// A 503 of evener's own, with this reason and a time after which it is worth asking again.
#[track_caller]
fn expect_shed(response: &Response, reason: &str) {
    assert_eq!((response.status, response.field("x-evener-reason")), (503, Some(reason)));
    let wait: Option<u32> = response.field("retry-after").and_then(|value| value.parse().ok());
    assert!(matches!(wait, Some(1..=60)), "{response:?}");
}

#[test]
fn a_server_never_has_more_requests_than_its_bound() {
    for kind in ["adaptive", "round_robin", "random", "hash"] {
        let gates = [Gate::timed(Duration::from_millis(3)), Gate::timed(Duration::from_millis(3))];
        let keys = format!("balance = \"{kind}\"\nmax_requests = 2\nqueue = {{ wait = \"20s\" }}");
        let evener = with_workers(&gates.each_ref().map(Gate::address), &keys, 4);
        let answers = crowd(&evener, 20, 300);
        expect_no_failure(&answers);
        let most = gates.each_ref().map(Gate::most);
        // All of them hash to the same server, as far as that has room.
        assert_eq!(most, [2, 2], "{kind}");
    }
}

#[test]
fn without_a_queue_a_busy_pool_sheds_at_once() {
    for queue in ["queue = \"off\"", "queue = { size = 0 }"] {
        let gate = Gate::closed();
        let evener = in_front_of(&[gate.address()], &format!("max_requests = 1\n{queue}"));
        let mut first = evener.connect();
        first.send(get("/first"));
        gate.wait_until_arrived(1);
        let mut second = evener.connect();
        expect_shed(&second.send(get("/second")).response(), "queue_full");
        gate.open();
        assert_eq!(first.response().text(), "/first");
        // The connection that was told so goes on. The place is free a moment after the answer has left.
        eventually(PATIENCE, "there is room again", || second.send(get("/third")).response().text() == "/third");
        assert_eq!(gate.arrived(), ["/first", "/third"]);
    }
}

#[test]
fn beyond_its_size_the_queue_sheds_at_once() {
    let gate = Gate::closed();
    let evener = in_front_of(&[gate.address()], "max_requests = 1\nqueue = { size = 2, wait = \"25s\" }");
    let mut served = Vec::new();
    for number in 0..3 {
        served.push(wait_in_line(&evener, &format!("/{number}")));
        gate.wait_until_arrived(1);
    }
    let since = Instant::now();
    for _ in 0..5 {
        expect_shed(&evener.get("/full"), "queue_full");
    }
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
    gate.open();
    for (number, client) in served.iter_mut().enumerate() {
        assert_eq!(client.response().text(), format!("/{number}"));
    }
    assert_eq!((gate.arrived().len(), gate.most()), (3, 1));
}

#[test]
fn who_has_waited_too_long_is_told() {
    let gate = Gate::closed();
    let evener = in_front_of(&[gate.address()], "max_requests = 1\nqueue = { wait = \"300ms\" }");
    let mut first = evener.connect();
    first.send(get("/first"));
    gate.wait_until_arrived(1);
    let since = Instant::now();
    let mut second = evener.connect();
    expect_shed(&second.send(get("/second")).response(), "queue_timeout");
    let waited = since.elapsed();
    assert!((Duration::from_millis(290)..Duration::from_secs(10)).contains(&waited), "{waited:?}");
    gate.open();
    assert_eq!(first.response().text(), "/first");
    assert_eq!(second.send(get("/third")).response().text(), "/third");
    assert_eq!(gate.arrived(), ["/first", "/third"], "who has given up reaches no server");
}

#[test]
fn a_request_that_cannot_wait_for_its_route_gives_up_in_time() {
    let gate = Gate::closed();
    let config = site(&servers(&[gate.address()], "max_requests = 1\nqueue = { wait = \"25s\" }"));
    let evener = Evener::start(&config.replace("to = \"web\"", "to = \"web\"\ntimeout = \"1s\""));
    let mut first = evener.connect();
    first.send(get("/first"));
    gate.wait_until_arrived(1);
    let since = Instant::now();
    let response = evener.get("/second");
    assert!(matches!(response.status, 503 | 504), "{response:?}");
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
    assert_eq!(gate.arrived(), ["/first"]);
}

#[test]
fn a_learned_bound_does_not_get_in_the_way() {
    let gates = [Gate::timed(Duration::from_millis(4)), Gate::timed(Duration::from_millis(4))];
    let evener = with_workers(&gates.each_ref().map(Gate::address), "max_requests = \"auto\"", 4);
    let answers = crowd(&evener, 16, 1_000);
    expect_no_failure(&answers);
}

#[test]
fn under_overload_some_are_shed_and_the_others_served() {
    let gates = [Gate::timed(Duration::from_millis(10)), Gate::timed(Duration::from_millis(10))];
    let keys = "max_requests = 1\nqueue = { size = 8, wait = \"40ms\" }";
    let evener = with_workers(&gates.each_ref().map(Gate::address), keys, 2);
    let load = Load::start(evener.address(), 30);
    let worked = || gates.iter().map(|gate| gate.arrived().len()).sum::<usize>();
    eventually(PATIENCE, "a hundred are served", || worked() >= 100);
    let answers = load.end();
    let (served, shed) = (with_status(&answers, 200), with_status(&answers, 503));
    assert_eq!((served + shed, worked()), (answers.len(), served), "nobody works for those who are gone");
    assert!(shed > 20, "{shed} of {} were shed", answers.len());
    assert_eq!(gates.each_ref().map(Gate::most), [1, 1]);
}
