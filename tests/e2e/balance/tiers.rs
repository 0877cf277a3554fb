//! `backup`, `tier` and weight 0: who is asked only when others are out, and who is not asked at all.

use super::{ask, count, named, site, tables, texts};
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, Step};

fn at(address: std::net::SocketAddr, name: &'static str) -> Recorder {
    Recorder::per_request_at(address, move |_| vec![Step::send(ok(name))])
}

#[test]
fn a_backup_serves_only_while_all_others_are_out() {
    let (mut a, mut b, backup) = (named("a"), named("b"), named("backup"));
    let servers = [(a.address(), ""), (b.address(), ""), (backup.address(), ", backup = true")];
    let evener = Evener::start(&site(&tables(&servers, "")));
    let got = texts(&mut evener.connect(), 40);
    assert_eq!((count(&got, "backup"), backup.conversations().len()), (0, 0), "{got:?}");
    a.stop();
    // One of the first tier is enough.
    assert_eq!(count(&texts(&mut evener.connect(), 40), "b"), 40);
    b.stop();
    let got = texts(&mut evener.connect(), 40);
    assert_eq!(count(&got, "backup"), 40, "nobody sees that the others are out: {got:?}");
    let _a = at(a.address(), "a");
    eventually(PATIENCE, "the first tier serves again", || ask(&evener, "GET", "/", "").text() == "a");
    let before = backup.requests().len();
    eventually(PATIENCE, "the backup rests", || count(&texts(&mut evener.connect(), 20), "a") == 20);
    assert!(backup.requests().len() <= before + 20);
}

#[test]
fn tiers_are_asked_in_their_order() {
    let (mut first, mut second, third) = (named("first"), named("second"), named("third"));
    let servers = [(third.address(), ", tier = 7"), (first.address(), ""), (second.address(), ", backup = true")];
    let evener = Evener::start(&site(&tables(&servers, "balance = \"round_robin\"")));
    assert_eq!(count(&texts(&mut evener.connect(), 20), "first"), 20);
    first.stop();
    assert_eq!(count(&texts(&mut evener.connect(), 20), "second"), 20);
    second.stop();
    assert_eq!(count(&texts(&mut evener.connect(), 20), "third"), 20);
    let _second = at(second.address(), "second");
    eventually(PATIENCE, "the second is back", || ask(&evener, "GET", "/", "").text() == "second");
}

#[test]
fn an_answer_that_is_repeated_may_come_from_the_backup() {
    let (only, backup) = (super::failing("only"), named("backup"));
    let servers = [(only.address(), ""), (backup.address(), ", backup = true")];
    let evener = Evener::start(&site(&tables(&servers, "")));
    assert_eq!(ask(&evener, "GET", "/503", "").text(), "backup");
    assert_eq!(ask(&evener, "GET", "/", "").text(), "only");
}

#[test]
fn a_server_of_weight_0_gets_nothing_even_if_all_others_are_out() {
    let (mut a, off) = (named("a"), named("off"));
    let servers = [(a.address(), ""), (off.address(), ", weight = 0")];
    let evener = Evener::start(&site(&tables(&servers, "")));
    assert_eq!(count(&texts(&mut evener.connect(), 20), "a"), 20);
    a.stop();
    let response = ask(&evener, "GET", "/", "");
    assert_eq!((response.status, response.field("x-evener-reason")), (502, Some("connect_refused")));
    assert_eq!(off.conversations().len(), 0);
}
