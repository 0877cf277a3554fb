//! The retry budget: when every server fails, retries multiply the traffic by little, and clients still get the servers'
//! own answers.

use std::time::Instant;

use super::load::{crowd, with_status};
use super::{answer, ask, in_front_of};
use crate::harness::{Evener, Recorder};

const REQUESTS: usize = 2_000;
/// What may be repeated whatever the share: ten in a second, and so much was saved up before the first request.
const SAVED: usize = 100;
const EACH_SECOND: usize = 10;

fn failing_pool(retry: &str) -> (Vec<Recorder>, Evener) {
    let servers: Vec<Recorder> = ["a", "b", "c"].map(|name| Recorder::answering(answer(503, name))).into();
    let addresses: Vec<_> = servers.iter().map(Recorder::address).collect();
    let evener = in_front_of(&addresses, retry);
    (servers, evener)
}

/// When all servers fail, so many requests more than were asked for reach them.
#[track_caller]
fn check(retry: &str, share: f64, enough: usize) {
    let (servers, evener) = failing_pool(retry);
    let since = Instant::now();
    let answers = crowd(&evener, 8, REQUESTS);
    let seconds = since.elapsed().as_secs() as usize + 1;
    assert_eq!(with_status(&answers, 503), REQUESTS);
    assert!(answers.iter().all(|answer| ["a", "b", "c"].contains(&answer.text.as_str())), "{answers:?}");
    let asked: usize = servers.iter().map(|server| server.requests().len()).sum();
    let more = asked - REQUESTS;
    // What the floor brings counts for the share as well, by a little.
    let most = (REQUESTS as f64 * share) as usize + SAVED + seconds * EACH_SECOND + SAVED / 5;
    assert!((enough..=most).contains(&more), "{more} repeated, at most {most} may be, with {retry:?} in {seconds} s");
}

#[test]
fn when_every_server_fails_few_requests_are_repeated() {
    check("", 0.20, REQUESTS / 20);
    check("retry = { attempts = 2, budget = \"5%\" }", 0.05, REQUESTS / 50);
    check("retry = { budget = \"0%\" }", 0.0, 1);
}

#[test]
fn as_long_as_the_budget_lasts_every_request_is_repeated() {
    let bad = Recorder::answering(answer(503, "bad"));
    let good = super::named("good");
    let evener = in_front_of(&[bad.address(), good.address()], "balance = \"first\"");
    // The first ones; later the bad server is out.
    for number in 0..8 {
        assert_eq!(ask(&evener, "GET", "/", "").text(), "good", "request {number}");
    }
}
