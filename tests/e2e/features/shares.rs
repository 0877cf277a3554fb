//! How requests are shared out among servers: by weight, in turn, by load, to the first.

use std::time::Duration;

use crate::harness::client::get;
use crate::harness::message::Request;
use crate::harness::ports::free_address;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, Step};

/// A pool of these recorders, each with its weight.
fn pool(servers: &[(&Recorder, u32)], keys: &str) -> Evener {
    let items: Vec<String> = servers
        .iter()
        .map(|(server, weight)| format!("{{ address = \"{}\", weight = {weight} }}", server.address()))
        .collect();
    Evener::start(&format!(
        "[[site]]\nlisten = \"{{listen}}\"\nto = \"web\"\n[upstream.web]\nservers = [{}]\n{keys}\n",
        items.join(", ")
    ))
}

fn answering(text: &str) -> Recorder {
    Recorder::answering(ok(text))
}

fn texts(evener: &Evener, count: usize) -> Vec<String> {
    let mut client = evener.connect();
    (0..count).map(|_| client.send(get("/")).response().text()).collect()
}

fn count(texts: &[String], text: &str) -> usize {
    texts.iter().filter(|other| *other == text).count()
}

#[test]
fn round_robin_is_exact_by_weight_and_smooth() {
    let (a, b, off) = (answering("a"), answering("b"), answering("off"));
    let evener = pool(&[(&a, 2), (&off, 0), (&b, 1)], "balance = \"round_robin\"");
    // From several connections, which are served by several workers.
    for _ in 0..10 {
        let got = texts(&evener, 6);
        assert_eq!((count(&got, "a"), count(&got, "b")), (4, 2), "{got:?}");
        let longest = got.concat().split('b').map(str::len).max();
        assert!(longest <= Some(2), "no server gets its share in one piece: {got:?}");
    }
    assert_eq!((a.requests().len(), b.requests().len(), off.conversations().len()), (40, 20, 0));
}

#[test]
fn random_follows_the_weights_and_asks_no_server_of_weight_0() {
    let (a, b, off) = (answering("a"), answering("b"), answering("off"));
    let evener = pool(&[(&a, 3), (&b, 1), (&off, 0)], "balance = \"random\"");
    let got = texts(&evener, 800);
    // The standard deviation is 12.2; outside of six of them chance is less than one in a hundred million.
    let few = count(&got, "b");
    assert!((125..=275).contains(&few), "{few} of 800 where 200 are expected");
    assert_eq!(count(&got, "a") + few, 800);
    assert_eq!(off.conversations().len(), 0);
}

/// Holds requests for `/hold` and answers others with its name.
fn holding(text: &'static str) -> Recorder {
    Recorder::per_request(move |request: &Request| match request.target.as_str() {
        "/hold" => vec![Step::Hold],
        _ => vec![Step::send(ok(text))],
    })
}

#[test]
fn least_requests_spares_a_busy_server() {
    let (a, b) = (holding("a"), holding("b"));
    let evener = pool(&[(&a, 1), (&b, 1)], "balance = \"least_requests\"");
    let mut held = evener.connect();
    held.send(get("/hold"));
    let total = || a.requests().len() + b.requests().len();
    eventually(PATIENCE, "one of them is busy", || total() == 1);
    let idle = if a.requests().is_empty() { "a" } else { "b" };
    for _ in 0..4 {
        let got = texts(&evener, 10);
        assert_eq!(count(&got, idle), 10, "{got:?}");
    }
    // When the client goes, the server is free again. A mere close would say only that it sends no more.
    held.reset();
    eventually(PATIENCE, "both are asked", || {
        let got = texts(&evener, 10);
        count(&got, "a") > 0 && count(&got, "b") > 0
    });
}

#[test]
fn least_requests_takes_the_weight_into_account() {
    let (a, b) = (holding("a"), holding("b"));
    let evener = pool(&[(&a, 3), (&b, 1)], "balance = \"least_requests\"");
    let mut held = Vec::new();
    for number in 1..=8 {
        let mut client = evener.connect();
        client.send(get("/hold"));
        held.push(client);
        eventually(PATIENCE, "it has come", || a.requests().len() + b.requests().len() == number);
    }
    assert_eq!((a.requests().len(), b.requests().len()), (6, 2));
}

#[test]
fn first_takes_the_next_server_only_when_one_refuses_and_goes_back() {
    let address = free_address();
    let b = answering("b");
    let config = format!(
        "[[site]]\nlisten = \"{{listen}}\"\nto = \"web\"\n[upstream.web]\nservers = [\"{address}\", \"{}\"]\n\
         balance = \"first\"\n",
        b.address()
    );
    let evener = Evener::start(&config);
    assert_eq!(count(&texts(&evener, 10), "b"), 10);
    let mut a = Recorder::per_request_at(address, |_| vec![Step::send(ok("a"))]);
    eventually(Duration::from_secs(10), "the first is asked again", || texts(&evener, 1) == ["a"]);
    assert_eq!(count(&texts(&evener, 10), "a"), 10);
    a.stop();
    let got = texts(&evener, 10);
    assert_eq!(count(&got, "b"), 10, "{got:?}");
}

#[test]
fn a_pool_whose_servers_all_refuse_is_a_502() {
    let config = format!(
        "[[site]]\nlisten = \"{{listen}}\"\ntrusted_proxies = \"127.0.0.1\"\nto = [\"{}\", \"{}\"]\n",
        free_address(),
        free_address()
    );
    let evener = Evener::start(&config);
    for _ in 0..3 {
        let response = evener.get("/");
        assert_eq!((response.status, response.field("x-evener-reason")), (502, Some("connect_refused")));
    }
}
