//! `adaptive`, the default: what a server that fails at once, hangs, is slow or is restarted costs its clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::load::{Load, crowd, expect_no_failure, shares, with_status};
use super::{answer, ask, in_front_of};
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Recorder, Step};

/// What the servers take for an answer: long beside the noise of a busy machine.
const WORK: Duration = Duration::from_millis(5);
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// A server that works for so long on each answer.
fn working(name: &'static str, time: Duration) -> Recorder {
    Recorder::per_request(move |_| vec![Step::Pause(time), Step::send(ok(name))])
}

/// Equal servers of these names.
fn equal(names: &[&'static str]) -> Vec<Recorder> {
    names.iter().map(|name| working(name, WORK)).collect()
}

fn addresses<'r>(servers: impl IntoIterator<Item = &'r Recorder>) -> Vec<std::net::SocketAddr> {
    servers.into_iter().map(Recorder::address).collect()
}

#[test]
fn equal_servers_all_get_requests() {
    let equal = equal(&NAMES);
    let evener = in_front_of(&addresses(&equal), "");
    let answers = crowd(&evener, 8, 600);
    expect_no_failure(&answers);
    let shares = shares(&answers);
    for name in NAMES {
        let share = shares.get(name).copied().unwrap_or(0);
        assert!((60..=300).contains(&share), "{shares:?}");
    }
}

#[test]
fn a_server_that_fails_at_once_gets_little_and_few_clients_see_it() {
    let equal = equal(&NAMES[..3]);
    let hole = Recorder::answering(answer(500, "hole"));
    let evener = in_front_of(&addresses(equal.iter().chain([&hole])), "");
    let answers = crowd(&evener, 8, 1_000);
    let failed = with_status(&answers, 500);
    assert!(failed <= 8, "{failed} clients saw a failure");
    assert_eq!(with_status(&answers, 200), 1_000 - failed);
    // By turns it would have got 250, and as the one that always looks idle nearly all.
    let share = hole.requests().len();
    assert!((1..=30).contains(&share), "{share} of 1000 went to the server that fails");
}

#[test]
fn requests_that_cannot_be_repeated_are_kept_from_a_failing_server_too() {
    let equal = equal(&NAMES[..3]);
    let hole = Recorder::answering(answer(500, "hole"));
    let evener = in_front_of(&addresses(equal.iter().chain([&hole])), "");
    let mut client = evener.connect();
    let post = super::request("POST", "/", "Content-Length: 4\r\n") + "body";
    let statuses: Vec<u16> = (0..200).map(|_| client.send(&post).response_to("POST").status).collect();
    let failed = statuses.iter().filter(|status| **status == 500).count();
    // Five in a row end it; what comes after are trials, which wait for a request that may fail.
    assert!((1..=7).contains(&failed), "{failed} of 200 failed");
    assert_eq!(hole.requests().len(), failed, "none was repeated");
}

#[test]
fn a_server_that_freezes_costs_only_the_requests_that_meet_it_first() {
    let is_frozen = Arc::new(AtomicBool::new(false));
    let frozen = Arc::clone(&is_frozen);
    let ill = Recorder::per_request(move |_| match frozen.load(Ordering::Relaxed) {
        true => vec![Step::Hold],
        false => vec![Step::Pause(WORK), Step::send(ok("ill"))],
    });
    let equal = equal(&NAMES[..3]);
    let evener = in_front_of(&addresses(equal.iter().chain([&ill])), "response_timeout = \"1s\"");
    expect_no_failure(&crowd(&evener, 8, 200));
    let before = ill.requests().len();
    assert!(before > 10, "{before} of 200 before it froze");
    is_frozen.store(true, Ordering::Relaxed);
    let load = Load::start(evener.address(), 8);
    load.wait_for(600);
    let answers = load.end();
    // Each of the eight clients can meet it once before silence tells.
    let met = ill.requests().len() - before;
    assert!((1..=8).contains(&met), "{met} of {} went to the frozen server", answers.len());
    assert!(with_status(&answers, 504) <= met);
    assert_eq!(with_status(&answers, 200) + with_status(&answers, 504), answers.len());
    // By now it is known.
    let before = ill.requests().len();
    let answers = crowd(&evener, 8, 300);
    assert!(with_status(&answers, 504) <= 1, "{answers:?}");
    assert!(ill.requests().len() <= before + 1);
}

#[test]
fn a_server_ten_times_slower_gets_a_small_share() {
    let equal = equal(&NAMES[..3]);
    let slow = working("slow", 10 * WORK);
    let evener = in_front_of(&addresses(equal.iter().chain([&slow])), "");
    // The first requests find out.
    expect_no_failure(&crowd(&evener, 8, 200));
    let answers = crowd(&evener, 8, 800);
    expect_no_failure(&answers);
    let share = shares(&answers).get("slow").copied().unwrap_or(0);
    // A fair share of what it can do would be 26, by turns it would be 200.
    assert!(share <= 40, "{share} of 800 went to the slow server");
}

#[test]
fn a_server_that_is_killed_and_comes_back_fails_no_get() {
    let equal = equal(&NAMES[..2]);
    let mut leaving = working("leaving", WORK);
    let address = leaving.address();
    let evener = in_front_of(&addresses(equal.iter().chain([&leaving])), "");
    let load = Load::start(evener.address(), 6);
    load.wait_for(150);
    leaving.stop();
    load.wait_for(300);
    let back = Recorder::per_request_at(address, |_| vec![Step::Pause(WORK), Step::send(ok("back"))]);
    eventually(PATIENCE, "it gets requests again", || back.requests().len() >= 10);
    let answers = load.end();
    expect_no_failure(&answers);
    let shares = shares(&answers);
    assert!(shares.get("leaving").copied().unwrap_or(0) > 0 && shares.get("back").copied().unwrap_or(0) > 0);
}

#[test]
fn when_every_server_fails_the_client_gets_the_servers_own_answer() {
    let ill = [answer(500, "first"), answer(500, "second")].map(Recorder::answering);
    let evener = in_front_of(&addresses(&ill), "");
    // More than enough to eject both, were it their fault.
    for _ in 0..30 {
        let response = ask(&evener, "GET", "/", "");
        assert_eq!(response.status, 500);
        assert!(["first", "second"].contains(&response.text().as_str()), "{}", response.text());
    }
}
