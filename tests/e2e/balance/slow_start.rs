//! `slow_start`: a server that joins others at work takes on its share little by little.

use super::{count, in_front_of, named, reload, servers, site, texts};
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder};

/// How many of so many requests the server has got that a reload has just added to two others.
fn share_of_newcomer(slow_start: &str, requests: usize) -> (usize, Evener, [Recorder; 3]) {
    let recorders = ["a", "b", "new"].map(named);
    let addresses = recorders.each_ref().map(Recorder::address);
    let keys = format!("balance = \"round_robin\"\nslow_start = \"{slow_start}\"");
    let evener = in_front_of(&addresses[..2], &keys);
    let before = texts(&mut evener.connect(), 40);
    assert_eq!((count(&before, "a"), count(&before, "b")), (20, 20), "those that begin together have no slow start");
    reload(&evener, &site(&servers(&addresses, &keys)));
    let after = texts(&mut evener.connect(), requests);
    (count(&after, "new"), evener, recorders)
}

#[test]
fn a_newcomer_has_a_small_share_first() {
    let (share, _evener, _servers) = share_of_newcomer("50m", 300);
    // A tenth of its turns, so 10 of 100; the bound is eight standard deviations away.
    assert!((1..=34).contains(&share), "{share} of 300");
}

#[test]
fn when_the_time_is_over_it_has_its_whole_share() {
    let (share, evener, _servers) = share_of_newcomer("2s", 60);
    assert!(share < 20, "{share} of 60 at once");
    eventually(PATIENCE, "it has a third", || {
        let got = texts(&mut evener.connect(), 90);
        count(&got, "new") == 30
    });
}

#[test]
fn without_a_slow_start_it_has_its_share_at_once() {
    let (share, _evener, _servers) = share_of_newcomer("0s", 90);
    assert_eq!(share, 30);
}
