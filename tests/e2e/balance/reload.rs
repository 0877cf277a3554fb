//! What a reload keeps: who is out, how busy each server is, and whose turn it is.

use std::net::SocketAddr;

use super::{count, failing, in_front_of, named, reload, servers, site, texts};
use crate::harness::client::get;
use crate::harness::evener::listed;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, Step};

#[test]
fn a_server_that_is_out_stays_out() {
    let (bad, good) = (failing("bad"), named("good"));
    let addresses = [bad.address(), good.address()];
    let keys = "balance = \"first\"\nretry = \"off\"";
    let evener = in_front_of(&addresses, keys);
    let mut client = evener.connect();
    // Five failures in a row put it out, failed trials keep it there for seconds.
    eventually(PATIENCE, "trials have failed", || {
        client.send(get("/500")).response();
        bad.requests().len() >= 6
    });
    let before = bad.requests().len();
    // Each would ask it five times, had it forgotten.
    for timeout in ["1s", "2s", "3s"] {
        reload(&evener, &site(&servers(&addresses, &format!("{keys}\nconnect_timeout = \"{timeout}\""))));
        let got = texts(&mut evener.connect(), 20);
        assert!(count(&got, "good") >= 19, "{got:?}");
    }
    assert!(bad.requests().len() <= before + 1, "{} before, {} now", before, bad.requests().len());
    let said = evener.process.stderr();
    assert_eq!(said.matches("is ejected").count(), 1, "{said}");
}

/// Holds requests for `/hold` and answers others with its name.
fn holding(name: &'static str) -> Recorder {
    Recorder::per_request(move |request| match request.target.as_str() {
        "/hold" => vec![Step::Hold],
        _ => vec![Step::send(ok(name))],
    })
}

#[test]
fn a_server_that_is_busy_is_known_to_be_busy() {
    for kind in ["least_requests", "adaptive"] {
        let (a, b) = (holding("a"), holding("b"));
        let addresses = [a.address(), b.address()];
        let keys = format!("balance = \"{kind}\"");
        let evener = in_front_of(&addresses, &keys);
        let mut held = evener.connect();
        held.send(get("/hold"));
        eventually(PATIENCE, "one is busy", || a.requests().len() + b.requests().len() == 1);
        let (busy, idle) = if a.requests().is_empty() { (&b, "a") } else { (&a, "b") };
        reload(&evener, &site(&servers(&addresses, &format!("{keys}\nconnect_timeout = \"1s\""))));
        let got = texts(&mut evener.connect(), 20);
        assert_eq!(count(&got, idle), 20, "{kind}: {got:?}");
        // What began on the old config ends in the counts of the new one.
        held.reset();
        eventually(PATIENCE, "it is free again", || {
            texts(&mut evener.connect(), 4);
            busy.requests().len() > 1
        });
    }
}

#[test]
fn another_kind_of_balance_takes_over_what_is_known() {
    let (bad, good) = (failing("bad"), named("good"));
    let addresses = [bad.address(), good.address()];
    let evener = in_front_of(&addresses, "balance = \"first\"\nretry = \"off\"");
    let mut client = evener.connect();
    eventually(PATIENCE, "trials have failed", || {
        client.send(get("/500")).response();
        bad.requests().len() >= 6
    });
    for kind in ["round_robin", "random", "least_requests", "adaptive", "hash", "peak_ewma"] {
        reload(&evener, &site(&servers(&addresses, &format!("balance = \"{kind}\"\nretry = \"off\""))));
        let got = texts(&mut evener.connect(), 10);
        assert!(count(&got, "good") >= 9, "{kind}: {got:?}");
    }
}

#[test]
fn a_list_in_place_keeps_its_states_though_it_has_no_name() {
    let (a, b, third) = (holding("a"), holding("b"), named("third"));
    let in_place = |addresses: &[SocketAddr]| {
        format!("workers = 2\n[[site]]\nlisten = \"{{listen}}\"\nto = [{}]\n", listed(addresses))
    };
    let evener = Evener::start(&in_place(&[a.address(), b.address()]));
    let mut held = evener.connect();
    held.send(get("/hold"));
    eventually(PATIENCE, "one is busy", || a.requests().len() + b.requests().len() == 1);
    let (busy, idle) = if a.requests().is_empty() { (&b, "a") } else { (&a, "b") };
    reload(&evener, &in_place(&[third.address(), b.address(), a.address()]));
    let got = texts(&mut evener.connect(), 20);
    // The newcomer begins slowly and the busy one is spared.
    assert!(count(&got, idle) >= 15, "{got:?}");
    assert_eq!(busy.requests().len(), 1);
}
