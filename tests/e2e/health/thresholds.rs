//! How many checks in a row it takes, servers that flap, and an evener that was out of breath itself.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use super::{CHECKED_PATH, OFTEN, Patient, Ward};
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually, pause_unless};
use crate::harness::{Recorder, Step};

const SICK: &str = "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n";

/// Answers the checks in turn: `+` is good, `-` is bad; the last one for ever.
fn moody(script: &'static str) -> Recorder {
    let turn = AtomicUsize::new(0);
    Recorder::per_request(move |request| {
        if request.target != CHECKED_PATH {
            return vec![Step::send(ok("moody"))];
        }
        let turn = turn.fetch_add(1, Ordering::Relaxed).min(script.len() - 1);
        vec![Step::send(if script.as_bytes()[turn] == b'+' { ok("well") } else { SICK.to_owned() })]
    })
}

/// The server is down and up so often after all of these checks.
#[track_caller]
fn check_turns(thresholds: &str, script: &'static str, expected: (usize, usize)) {
    let server = moody(script);
    let ward = Ward::start(&[server.address()], &format!("{OFTEN}, {thresholds}"));
    eventually(PATIENCE, "all checks were made", || server.requests().len() > script.len());
    assert_eq!((ward.said("is down"), ward.said("is up again")), expected, "{thresholds} {script}");
}

#[test]
fn it_takes_as_many_checks_as_the_config_says() {
    check_turns("up = 2, down = 2", "+-++", (0, 0));
    check_turns("up = 2, down = 2", "+--+-", (1, 0));
    check_turns("up = 2, down = 2", "--++", (1, 1));
    check_turns("up = 1, down = 1", "-+-+", (2, 2));
    check_turns("up = 3, down = 4", "----++-++-+++", (1, 1));
    check_turns("up = 3, down = 4", "---+---+", (0, 0));
}

#[test]
fn a_server_that_flaps_between_checks_does_not_flap() {
    check_turns("up = 2, down = 2", "-+-+-+-+-+-+-+-+-+-+", (0, 0));
    check_turns("up = 2, down = 2", "--+-+-+-+-+-+-+-+-+-", (1, 0));
}

#[test]
fn time_in_which_evener_did_not_run_is_not_held_against_servers() {
    // Every check is under way for a while, so that most likely one is when evener is stopped.
    let a = Patient::new("a");
    a.answer(vec![Step::Pause(Duration::from_millis(150)), Step::send(ok("well"))]);
    let health = OFTEN.replace("20s", "2s");
    let ward = Ward::start(&[a.address()], &format!("{health}, down = 1"));
    for _ in 0..3 {
        a.wait_for_checks(1);
        ward.evener.signal(Signal::STOP);
        eventually(PATIENCE, "it is stopped", || ward.evener.process.is_stopped());
        // Longer than the time-out.
        pause_unless(Duration::from_millis(2_300), || !ward.evener.process.is_stopped());
        ward.evener.signal(Signal::CONT);
        a.wait_for_checks(3);
    }
    assert_eq!(ward.said("is down"), 0, "{}", ward.evener.process.stderr());
}
