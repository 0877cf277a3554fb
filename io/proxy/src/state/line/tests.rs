//! Who is called, and that no call is lost or goes round.

use super::*;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

const WAIT: Duration = Duration::from_millis(50);

fn join(line: &Line, now: u64) -> Waiting<'_> {
    line.join(100, WAIT, Moment(now)).expect("there is room in the line")
}

/// Whether the request has been called; it hears each call once.
fn is_called(waiting: &Waiting<'_>) -> bool {
    pin!(waiting.called()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn the_first_is_called_first() {
    let line = Line::default();
    let (mut first, mut second) = (join(&line, 0), join(&line, 1));
    assert!(line.is_calm());
    line.freed(WAIT, Moment(2));
    assert!(!line.is_calm());
    assert!(is_called(&first) && !is_called(&second));
    first.has_looked(true, Moment(3));
    assert!(line.is_calm());
    line.freed(WAIT, Moment(3));
    assert!(is_called(&second));
    second.has_looked(true, Moment(3));
    line.freed(WAIT, Moment(4));
    assert!(line.is_calm());
}

#[test]
fn the_newest_is_called_first_when_the_line_does_not_move() {
    let line = Line::default();
    let (first, second) = (join(&line, 0), join(&line, 20));
    line.freed(WAIT, Moment(26));
    assert!(is_called(&second) && !is_called(&first));
}

#[test]
fn a_call_in_vain_goes_to_the_next_and_ends() {
    let line = Line::default();
    let (mut first, mut second) = (join(&line, 0), join(&line, 1));
    line.freed(WAIT, Moment(2));
    assert!(is_called(&first));
    first.has_looked(false, Moment(3));
    assert!(is_called(&second) && !is_called(&first));
    second.has_looked(false, Moment(4));
    assert!(!is_called(&first) && !is_called(&second) && line.is_calm());
    // Each is where it was.
    line.freed(WAIT, Moment(5));
    assert!(is_called(&first));
}

#[test]
fn few_hear_of_one_place() {
    let line = Line::default();
    let mut all: Vec<Waiting<'_>> = (0..20).map(|number| join(&line, number)).collect();
    line.freed(WAIT, Moment(20));
    let mut heard = 0;
    while let Some(called) = all.iter_mut().find(|waiting| is_called(waiting)) {
        heard += 1;
        called.has_looked(false, Moment(20));
    }
    assert_eq!(heard, HOPS_MAX);
    assert!(line.is_calm());
}

#[test]
fn who_leaves_passes_its_call_on() {
    let line = Line::default();
    let (first, second) = (join(&line, 0), join(&line, 1));
    line.freed(WAIT, Moment(2));
    drop(first);
    assert!(is_called(&second));
    drop(second);
    assert!(line.is_calm());
    assert_eq!(line.waiting.load(Ordering::Relaxed), 0);
}

#[test]
fn a_full_line_takes_nobody() {
    let line = Line::default();
    let first = line.join(1, WAIT, Moment(0));
    assert!(line.join(1, WAIT, Moment(0)).is_none());
    drop(first);
    assert!(line.join(1, WAIT, Moment(0)).is_some());
    assert!(line.join(0, WAIT, Moment(0)).is_none());
}
