//! Tickets in every order of calls: the counts come out right, and each request is judged.

use super::*;

#[derive(Debug, Clone, Copy)]
enum Step {
    Answered,
    AnsweredBadly,
    Streams,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Succeed,
    Fail,
    Drop,
}

const STEPS: [Step; 3] = [Step::Answered, Step::AnsweredBadly, Step::Streams];

#[test]
fn counts_return_to_nothing_whatever_is_called() {
    // All sequences of up to three steps, as numbers with three digits of 0 to 3, where 3 is no step.
    for number in 0..64_usize {
        let steps: Vec<Step> =
            [number / 16, number / 4 % 4, number % 4].iter().filter_map(|digit| STEPS.get(*digit)).copied().collect();
        for end in [End::Succeed, End::Fail, End::Drop] {
            let group = Group::new(Kind::Adaptive, &[1]);
            run(&group, &steps, end);
            let report = group.report(0);
            let counts = (report.in_flight, report.awaiting, report.streams, report.requests);
            assert_eq!(counts, (0, 0, 0, 1), "{steps:?} {end:?}");
        }
    }
}

fn run(group: &Group, steps: &[Step], end: End) {
    let now = group.now.get();
    let mut ticket = group.pick().unwrap();
    for step in steps {
        match step {
            Step::Answered => {
                ticket.answered(millis(5.0), now);
            }
            Step::AnsweredBadly => {
                ticket.answered_badly(Failure::Status(500), now);
            }
            Step::Streams => ticket.streams(),
        }
    }
    match end {
        End::Succeed => {
            ticket.succeed(millis(5.0), now);
        }
        End::Fail => {
            ticket.fail(Failure::Broken, now);
        }
        End::Drop => drop(ticket),
    }
}

#[test]
fn each_request_is_judged_once_for_its_head_and_once_if_it_breaks() {
    let check = |steps: &[Step], end: End, failures: u64, has_latency: bool| {
        let group = Group::new(Kind::Adaptive, &[1]);
        run(&group, steps, end);
        let report = group.report(0);
        let outcome = (report.failures, report.latency.is_some());
        assert_eq!(outcome, (failures, has_latency), "{steps:?} {end:?}");
    };
    check(&[], End::Succeed, 0, true);
    check(&[], End::Fail, 1, false);
    check(&[], End::Drop, 0, false);
    check(&[Step::Answered], End::Succeed, 0, true);
    check(&[Step::Answered], End::Drop, 0, true);
    check(&[Step::Answered], End::Fail, 1, true);
    check(&[Step::Answered, Step::Answered], End::Succeed, 0, true);
    check(&[Step::AnsweredBadly], End::Drop, 1, false);
    check(&[Step::AnsweredBadly], End::Succeed, 1, false);
    check(&[Step::AnsweredBadly, Step::Answered], End::Succeed, 1, false);
    check(&[Step::Streams], End::Succeed, 0, true);
    check(&[Step::Answered, Step::Streams], End::Fail, 1, true);
}

#[test]
fn the_counts_follow_a_request_through_its_life() {
    let group = Group::new(Kind::Adaptive, &[1]);
    let counts = || {
        let report = group.report(0);
        (report.in_flight, report.awaiting, report.streams)
    };
    let mut ticket = group.pick().unwrap();
    assert_eq!(counts(), (1, 1, 0));
    // It cannot stream before there is an answer.
    ticket.streams();
    assert_eq!(counts(), (1, 1, 0));
    ticket.answered(millis(1.0), group.now.get());
    assert_eq!(counts(), (1, 0, 0));
    ticket.streams();
    ticket.streams();
    assert_eq!(counts(), (1, 0, 1));
    ticket.succeed(millis(1.0), group.now.get());
    assert_eq!(counts(), (0, 0, 0));
}

#[test]
fn a_stream_counts_a_fifth() {
    for kind in [Kind::Adaptive, Kind::LeastRequests, Kind::TwoChoices, Kind::LeastTime, Kind::PeakEwma] {
        let group = Group::new(kind, &[1, 1]);
        let mut streams = group.load(&[9]);
        for ticket in &mut streams {
            ticket.answered(millis(1.0), group.now.get());
            ticket.streams();
        }
        group.succeed(1, 1.0);
        group.wait_ms(100);
        // 1.8 against 2.
        let others = group.load(&[0, 2]);
        assert_eq!(group.server(), 0, "{kind:?}");
        drop(others);
        let others = group.load(&[0, 1]);
        assert_eq!(group.server(), 1, "{kind:?}");
        drop(others);
    }
}

#[test]
fn a_client_that_gives_up_says_nothing_about_the_server() {
    let group = Group::new(Kind::Adaptive, &[1, 1]);
    group.fail(0, 4);
    let before = group.report(0);
    (0..100).for_each(|_| drop(group.send(0)));
    let after = group.report(0);
    assert_eq!((after.errors, after.failures, after.latency), (before.errors, before.failures, before.latency));
    // The row of failures is neither ended nor continued by it.
    assert_eq!(group.fail(0, 1), [Some(Change::Ejected)]);
}
