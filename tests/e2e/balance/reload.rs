//! What a reload keeps: who is out, how busy each server is, and whose turn it is.

use super::{count, failing, in_front_of, named, reload, servers, site, texts};
use crate::harness::client::get;
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

#[test]
fn a_server_that_is_busy_is_known_to_be_busy() {
    let server = |name: &'static str| {
        Recorder::per_request(move |request| match request.target.as_str() {
            "/hold" => vec![Step::Hold],
            _ => vec![Step::send(crate::harness::recorder::ok(name))],
        })
    };
    for kind in ["least_requests", "adaptive"] {
        let (a, b) = (server("a"), server("b"));
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
fn a_list_in_place_keeps_its_states_too() {
    let (bad, good) = (failing("bad"), named("good"));
    let in_place = |more: &str| {
        let listed = crate::harness::evener::listed(&[bad.address(), good.address()]);
        format!("workers = 2\n[[site]]\nlisten = \"{{listen}}\"\nto = [{listed}{more}]\n")
    };
    let evener = Evener::start(&in_place(""));
    let mut client = evener.connect();
    let post = super::request("POST", "/500", "");
    eventually(PATIENCE, "it is out", || {
        client.send(&post).response_to("POST");
        evener.process.stderr().contains("is ejected")
    });
    let third = named("third");
    reload(&evener, &in_place(&format!(", \"{}\"", third.address())));
    let before = bad.requests().len();
    for _ in 0..20 {
        client.send(&post).response_to("POST");
    }
    assert!(bad.requests().len() <= before + 1, "{} before, {} now", before, bad.requests().len());
}
