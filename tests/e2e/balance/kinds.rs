//! Every kind of balance: it follows the weights, passes over what is out, and leaves nobody out for good.

use std::collections::BTreeMap;
use std::time::Duration;

use super::load::{Load, crowd, expect_no_failure, shares, with_status};
use super::{site, tables};
use crate::harness::client::get;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, Step};

/// Those that spread the requests of many clients, with a key that differs from request to request.
const SPREADING: [&str; 8] = [
    "balance = \"adaptive\"",
    "balance = \"round_robin\"",
    "balance = \"random\"",
    "balance = \"least_requests\"",
    "balance = \"two_choices\"",
    "balance = \"least_time\"",
    "balance = \"peak_ewma\"",
    "balance = \"hash\"\nhash_key = \"path\"",
];
/// Long beside the noise of a busy machine.
const WORK: Duration = Duration::from_millis(4);

fn working(name: &'static str) -> Recorder {
    Recorder::per_request(move |_| vec![Step::Pause(WORK), Step::send(ok(name))])
}

fn share(shares: &BTreeMap<String, usize>, name: &str) -> usize {
    shares.get(name).copied().unwrap_or(0)
}

#[test]
fn each_kind_follows_the_weights() {
    for kind in SPREADING {
        let (heavy, light, off) = (working("heavy"), working("light"), working("off"));
        let servers = [(heavy.address(), ", weight = 4"), (light.address(), ""), (off.address(), ", weight = 0")];
        let evener = Evener::start(&site(&tables(&servers, kind)));
        let answers = crowd(&evener, 10, 400);
        expect_no_failure(&answers);
        let shares = shares(&answers);
        // A fifth is 80. Half would be 200, none would be 0.
        assert!((20..=150).contains(&share(&shares, "light")), "{kind}: {shares:?}");
        assert_eq!(share(&shares, "off"), 0, "{kind}");
    }
}

#[test]
fn each_kind_passes_over_a_server_that_refuses_and_takes_it_back() {
    std::thread::scope(|scope| {
        for kind in SPREADING {
            scope.spawn(move || check_refusing(kind));
        }
    });
}

/// Fails no GET and comes back to the server.
#[track_caller]
fn check_refusing(kind: &str) {
    let (staying, mut leaving) = (working("staying"), working("leaving"));
    let servers = [(staying.address(), ""), (leaving.address(), "")];
    let evener = Evener::start(&site(&tables(&servers, kind)));
    let load = Load::start(evener.address(), 3);
    load.wait_for(50);
    leaving.stop();
    load.wait_for(100);
    let back = Recorder::per_request_at(leaving.address(), |_| vec![Step::Pause(WORK), Step::send(ok("back"))]);
    eventually(PATIENCE, kind, || back.requests().len() >= 5);
    let answers = load.end();
    assert_eq!(with_status(&answers, 200), answers.len(), "{kind}: {answers:?}");
    let shares = shares(&answers);
    assert!(share(&shares, "staying") > 0 && share(&shares, "leaving") > 0, "{kind}: {shares:?}");
}

#[test]
fn the_kinds_that_look_at_load_give_a_busy_server_nothing() {
    for kind in ["adaptive", "least_requests", "least_time"] {
        let hold = |name: &'static str| {
            Recorder::per_request(move |request| match request.target.as_str() {
                "/hold" => vec![Step::Hold],
                _ => vec![Step::send(ok(name))],
            })
        };
        let (a, b) = (hold("a"), hold("b"));
        let servers = [(a.address(), ""), (b.address(), "")];
        let evener = Evener::start(&site(&tables(&servers, &format!("balance = \"{kind}\""))));
        let mut held = evener.connect();
        held.send(get("/hold"));
        eventually(PATIENCE, "one of them is busy", || a.requests().len() + b.requests().len() == 1);
        let idle = if a.requests().is_empty() { "a" } else { "b" };
        let got = super::texts(&mut evener.connect(), 20);
        assert_eq!(super::count(&got, idle), 20, "{kind}: {got:?}");
        held.reset();
    }
}
