//! Circuits: when they open, how long for, who gets the trial, what closes them.

use super::*;
use crate::server::Gate;

/// Ten servers, of which the first has just been ejected.
fn ejected(kind: Kind) -> Group {
    let group = Group::new(kind, &[1; 10]);
    assert_eq!(group.fail(0, 5), [None, None, None, None, Some(Change::Ejected)]);
    // The group learns of it with its next measure.
    group
}

#[track_caller]
fn assert_trial(ticket: &Ticket<'_>, server: usize) {
    assert!(ticket.is_trial() && ticket.server() == server, "{ticket:?}");
}

fn ask_once(group: &Group) -> Ticket<'_> {
    group.ask(&Request { is_repeatable: false, ..Request::new(&Tried::new()) }).unwrap()
}

#[test]
fn five_failures_in_a_row_open_it() {
    for kind in Kind::ALL {
        let group = ejected(kind);
        assert!(group.state(0).is_ejected());
        assert!(!group.servers(200).contains(&0), "{kind:?}");
        assert_eq!(group.report(0).ejections, 1);
        assert_eq!(group.report(0).failures, 5);
    }
}

#[test]
fn a_success_ends_the_row() {
    let group = Group::new(Kind::Adaptive, &[1, 1]);
    for _ in 0..10 {
        group.fail(0, 4);
        group.succeed(0, 1.0);
    }
    assert!(!group.state(0).is_ejected());
}

#[test]
fn what_clients_bring_about_does_not_open_it() {
    for status in [408, 429] {
        let group = Group::new(Kind::Adaptive, &[1, 1]);
        for _ in 0..20 {
            group.send(0).fail(Failure::of_status(status).unwrap(), group.now.get());
        }
        assert!(!group.state(0).is_ejected(), "status {status}");
        assert!(group.report(0).errors > 0.8);
    }
    for status in [200, 304, 400, 404, 499, 600] {
        assert_eq!(Failure::of_status(status), None);
    }
    for status in [500, 502, 503, 504, 599] {
        assert!(Failure::of_status(status).unwrap().opens_circuit());
    }
}

#[test]
fn every_kind_of_failure_opens_it() {
    for failure in [Failure::Connect, Failure::Reset, Failure::Timeout, Failure::Broken, Failure::Status(500)] {
        let group = Group::new(Kind::Adaptive, &[1, 1]);
        let changes: Vec<_> = (0..5).map(|_| group.send(0).fail(failure, group.now.get())).collect();
        assert_eq!(changes[4], Some(Change::Ejected), "{failure}");
        assert_eq!(group.report(0).last_failure, Some((failure, Duration::ZERO)));
    }
}

#[test]
fn answers_that_begin_well_and_break_off_open_it() {
    let group = Group::new(Kind::Adaptive, &[1, 1]);
    let break_off = || {
        let mut ticket = group.send(0);
        assert_eq!(ticket.answered(millis(1.0), group.now.get()), None);
        ticket.fail(Failure::Broken, group.now.get())
    };
    assert_eq!([(); 5].map(|()| break_off()), [None, None, None, None, Some(Change::Ejected)]);
    group.wait_ms(1_200);
    // A trial that begins well and breaks off is a failed one: the next comes after two seconds.
    let mut trial = group.ask(&Request::new(&Tried::new())).unwrap();
    assert_trial(&trial, 0);
    trial.answered(millis(1.0), group.now.get());
    trial.fail(Failure::Broken, group.now.get());
    assert!(group.ejected_ms(0) >= 1_600);
}

#[test]
fn an_answer_that_ends_well_ends_the_row() {
    let group = Group::new(Kind::Adaptive, &[1, 1]);
    for _ in 0..10 {
        group.fail(0, 4);
        let mut ticket = group.send(0);
        ticket.answered(millis(1.0), group.now.get());
        drop(ticket);
    }
    assert!(!group.state(0).is_ejected());
}

#[test]
fn two_good_trials_close_it() {
    let group = ejected(Kind::Adaptive);
    group.wait_ms(1_200);
    let trial = group.pick().unwrap();
    assert_trial(&trial, 0);
    assert_eq!(group.report(0).standing, Standing::OnTrial);
    assert_eq!(trial.succeed(millis(1.0), group.now.get()), None);
    let trial = group.pick().unwrap();
    assert_trial(&trial, 0);
    assert_eq!(trial.succeed(millis(1.0), group.now.get()), Some(Change::Recovered));
    // With a clean slate and half of its share.
    let report = group.report(0);
    assert_eq!((report.standing, report.errors, report.ramp), (Standing::Active, 0.0, 0.5));
    assert!(!group.pick().unwrap().is_trial());
    // The next row needs five failures again.
    assert_eq!(group.fail(0, 5)[3..], [None, Some(Change::Ejected)]);
}

#[test]
fn a_good_trial_is_seen_at_the_head_of_the_answer() {
    let group = ejected(Kind::Adaptive);
    group.wait_ms(1_200);
    let mut trial = group.pick().unwrap();
    trial.answered(millis(1.0), group.now.get());
    let mut second = group.pick().unwrap();
    assert_trial(&second, 0);
    assert_eq!(second.answered(millis(1.0), group.now.get()), Some(Change::Recovered));
    trial.succeed(millis(1.0), group.now.get());
}

#[test]
fn a_failed_trial_opens_it_for_twice_as_long_up_to_thirty_seconds() {
    let group = ejected(Kind::Adaptive);
    let mut spans = Vec::new();
    for expected_ms in [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000] {
        let span = group.ejected_ms(0);
        let bounds = expected_ms * 8 / 10..=expected_ms * 12 / 10;
        assert!(bounds.contains(&span), "{span} ms instead of {expected_ms}");
        spans.push(span as f64 / expected_ms as f64);
        group.wait_ms(span - 1);
        assert!(!group.pick().unwrap().is_trial(), "before its time");
        group.wait_ms(1);
        let trial = group.pick().unwrap();
        assert_trial(&trial, 0);
        trial.fail(Failure::Status(500), group.now.get());
    }
    // Not all moved by the same part.
    spans.sort_by(f64::total_cmp);
    assert!(spans[7] - spans[0] > 0.02, "{spans:?}");
}

#[test]
fn a_trial_that_fails_after_a_good_one_opens_it() {
    let group = ejected(Kind::Adaptive);
    group.wait_ms(1_200);
    group.pick().unwrap().succeed(millis(1.0), group.now.get());
    let trial = group.pick().unwrap();
    assert_trial(&trial, 0);
    trial.fail(Failure::Status(429), group.now.get());
    assert!((1_600..=2_400).contains(&group.ejected_ms(0)));
    // And the good one before it does not count any more.
    group.wait_ms(2_400);
    let trial = group.pick().unwrap();
    assert_trial(&trial, 0);
    assert_eq!(trial.succeed(millis(1.0), group.now.get()), None);
}

#[test]
fn one_trial_runs_at_a_time() {
    let group = ejected(Kind::Adaptive);
    group.wait_ms(1_200);
    let trial = group.pick().unwrap();
    assert_trial(&trial, 0);
    let others: Vec<_> = (0..100).map(|_| group.pick().unwrap()).collect();
    assert!(others.iter().all(|other| !other.is_trial() && other.server() != 0));
    // However long it takes.
    group.wait_ms(100_000);
    assert!(!group.pick().unwrap().is_trial());
    trial.succeed(millis(1.0), group.now.get());
    assert_trial(&group.pick().unwrap(), 0);
}

#[test]
fn a_trial_that_is_given_up_leaves_the_right_to_the_next() {
    let group = ejected(Kind::Adaptive);
    group.wait_ms(1_200);
    for _ in 0..3 {
        assert_trial(&group.pick().unwrap(), 0);
    }
    assert_eq!(group.report(0).standing, Standing::OnTrial);
}

#[test]
fn only_a_late_trial_falls_to_a_request_that_cannot_be_repeated() {
    let group = ejected(Kind::Adaptive);
    let due_ms = group.ejected_ms(0);
    group.wait_ms(due_ms);
    assert!(!ask_once(&group).is_trial());
    group.wait_ms(999);
    assert!(!ask_once(&group).is_trial());
    group.wait_ms(1);
    let trial = ask_once(&group);
    assert_trial(&trial, 0);
    trial.succeed(millis(1.0), group.now.get());
    // The second trial is a new wait.
    assert!(!ask_once(&group).is_trial());
    assert_trial(&group.pick().unwrap(), 0);
}

#[test]
fn a_request_that_was_there_is_no_trial() {
    let group = ejected(Kind::Adaptive);
    group.wait_ms(1_200);
    let ticket = group.ask(&Request::new(&tried(&[0]))).unwrap();
    assert!(!ticket.is_trial());
}

#[test]
fn no_trials_at_servers_that_would_get_nothing() {
    let check = |change: fn(&Group)| {
        let group = ejected(Kind::Adaptive);
        change(&group);
        group.wait_ms(1_200);
        assert!(!group.pick().unwrap().is_trial());
    };
    check(|group| group.state(0).drain(true));
    check(|group| group.state(0).checked(false, group.now.get()));
    // A backup whose turn it is not.
    let mut members = members(&[1, 1]);
    members[1].tier = 1;
    let group = Group::with(Settings::new(Kind::Adaptive), members);
    group.fail(1, 5);
    group.wait_ms(1_200);
    assert!(!group.pick().unwrap().is_trial());
    group.state(0).checked(false, group.now.get());
    assert_trial(&group.pick().unwrap(), 1);
}

#[test]
fn at_most_six_in_ten_are_ejected() {
    let check = |servers: usize, expected: usize| {
        let group = Group::new(Kind::Adaptive, &vec![1; servers]);
        for ticket in group.load(&vec![20; servers]) {
            ticket.fail(Failure::Reset, group.now.get());
        }
        let ejected = (0..servers).filter(|server| group.state(*server).is_ejected()).count();
        assert_eq!(ejected, expected, "of {servers}");
    };
    check(10, 6);
    check(5, 3);
    check(3, 2);
    check(2, 2);
    check(1, 1);
}

#[test]
fn when_most_fail_it_is_the_application() {
    let group = Group::new(Kind::Adaptive, &[1; 10]);
    for _ in 0..20 {
        (0..10).for_each(|server| drop(group.fail(server, 1)));
        group.wait_ms(100);
    }
    assert!((0..10).all(|server| !group.state(server).is_ejected()));
    // When that is over, a server that goes on failing is ejected.
    for _ in 0..20 {
        (1..10).for_each(|server| group.succeed(server, 1.0));
        if group.fail(0, 1) == [Some(Change::Ejected)] {
            break;
        }
        group.wait_ms(100);
    }
    assert!(group.state(0).is_ejected());
}

#[test]
fn when_all_are_ejected_requests_go_on_and_successes_close_circuits() {
    let group = Group::new(Kind::Adaptive, &[1, 1]);
    group.fail(0, 5);
    group.fail(1, 5);
    assert!(group.state(0).is_ejected() && group.state(1).is_ejected());
    // No trial is due, but what goes well anyway counts as one.
    let ticket = group.pick().unwrap();
    let lucky = ticket.server();
    assert!(!ticket.is_trial());
    assert_eq!(ticket.succeed(millis(1.0), group.now.get()), None);
    let ticket = group.pick().unwrap();
    assert_trial(&ticket, lucky);
    assert_eq!(ticket.succeed(millis(1.0), group.now.get()), Some(Change::Recovered));
    assert!(!group.servers(20).contains(&(1 - lucky)));
}

#[test]
fn failures_of_requests_begun_before_do_not_prolong_it() {
    let group = Group::new(Kind::Adaptive, &[1; 10]);
    let begun = group.load(&[20]);
    group.fail(0, 5);
    let span = group.ejected_ms(0);
    group.wait_ms(500);
    for (place, ticket) in begun.into_iter().enumerate() {
        match place % 2 {
            0 => ticket.fail(Failure::Reset, group.now.get()),
            _ => ticket.succeed(millis(1.0), group.now.get()),
        };
    }
    assert_eq!(group.ejected_ms(0), span - 500);
    assert_eq!(group.report(0).ejections, 1);
}

#[test]
fn a_probe_moves_the_trial() {
    let group = Group::new(Kind::Adaptive, &[1; 10]);
    for _ in 0..5 {
        group.send(0).fail(Failure::Connect, group.now.get());
    }
    let now = || group.now.get();
    assert!(group.state(0).awaits_connection(now()));
    group.state(0).probed(false, now(), now().after(Duration::from_secs(20)));
    assert_eq!(group.ejected_ms(0), 20_000);
    group.wait_ms(10_000);
    assert!(!group.pick().unwrap().is_trial());
    group.state(0).probed(true, now(), now().after(Duration::from_secs(20)));
    assert_trial(&group.pick().unwrap(), 0);
    // One that fails in another way is not probed.
    let group = ejected(Kind::Adaptive);
    assert!(!group.state(0).awaits_connection(group.now.get()));
}

#[test]
fn a_connection_that_was_refused_does_not_hasten_the_trial() {
    let group = Group::new(Kind::Adaptive, &[1; 10]);
    for _ in 0..5 {
        group.send(0).fail(Failure::Connect, group.now.get());
    }
    let span = group.ejected_ms(0);
    group.state(0).probed(false, group.now.get(), group.now.get().after(Duration::from_millis(10)));
    assert_eq!(group.ejected_ms(0), span);
}

#[test]
fn a_server_whose_trial_is_due_needs_no_further_probe() {
    let group = Group::new(Kind::Adaptive, &[1; 10]);
    for _ in 0..5 {
        group.send(0).fail(Failure::Connect, group.now.get());
    }
    let awaits = || group.state(0).awaits_connection(group.now.get());
    assert!(awaits());
    group.state(0).probed(true, group.now.get(), group.now.get());
    assert!(!awaits());
    // The trial fails: there is something to be learned again.
    let trial = group.pick().unwrap();
    assert_trial(&trial, 0);
    trial.fail(Failure::Connect, group.now.get());
    assert!(awaits());
    group.wait_ms(10_000);
    assert!(!awaits());
}

#[test]
fn gate_and_circuit_come_together_again() {
    let group = Group::new(Kind::Adaptive, &[1, 1, 1]);
    // What two threads may leave behind that open and close a circuit at the same time.
    group.state(0).gate.set(Gate::EJECTED);
    group.state(1).circuit.open(START.low(), 0.0);
    group.wait_ms(100);
    drop(group.pick());
    assert!(!group.state(0).is_ejected());
    assert!(group.state(1).is_ejected());
    group.wait_ms(1_000);
    assert_trial(&group.pick().unwrap(), 1);
}
