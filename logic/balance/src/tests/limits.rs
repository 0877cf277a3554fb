//! Bounds on what a server works on at a time.

use super::*;

fn limited(kind: Kind, limit: Limit, weights: &[u16]) -> Group {
    Group::with(Settings { limit, ..Settings::new(kind) }, members(weights))
}

#[test]
fn a_full_server_is_passed_over_and_a_full_group_says_so() {
    for kind in Kind::ALL {
        let group = limited(kind, Limit::Fixed(3), &[1, 5, 1]);
        let mut tickets: Vec<_> = (0..9).map(|_| group.pick().unwrap()).collect();
        assert!((0..3).all(|server| group.state(server).in_flight() == 3), "{kind:?}");
        assert_eq!(group.report(0).standing, Standing::Full);
        assert_eq!(group.pick().err(), Some(NoPick::Full), "{kind:?}");
        // Where a request has been everywhere, waiting is in vain.
        assert_eq!(group.ask(&Request::new(&tried(&[0, 1, 2]))).err(), Some(NoPick::Nobody), "{kind:?}");
        assert_eq!(group.ask(&Request::new(&tried(&[0, 2]))).err(), Some(NoPick::Full), "{kind:?}");
        let freed = tickets.swap_remove(4).server();
        assert_eq!(group.pick().unwrap().server(), freed, "{kind:?}");
    }
}

#[test]
fn a_client_waits_for_its_own_server() {
    let group = limited(Kind::Adaptive, Limit::Fixed(1), &[1, 1]);
    let _busy = group.send(0);
    let nowhere = Tried::new();
    let request = Request { preferred: Some(0), ..Request::new(&nowhere) };
    assert_eq!(group.ask(&request).err(), Some(NoPick::Full));
}

#[test]
fn a_refused_request_leaves_no_trace() {
    let group = limited(Kind::Adaptive, Limit::Fixed(1), &[1]);
    let held = group.send(0);
    (0..10).for_each(|_| drop(group.pick()));
    let nowhere = Tried::new();
    let request = Request { preferred: Some(0), ..Request::new(&nowhere) };
    (0..10).for_each(|_| drop(group.ask(&request)));
    assert_eq!((group.report(0).in_flight, group.report(0).awaiting, group.report(0).requests), (1, 1, 1));
    drop(held);
    assert_eq!(group.report(0).in_flight, 0);
}

#[test]
fn a_trial_counts_against_the_bound() {
    let group = limited(Kind::Adaptive, Limit::Fixed(2), &[1; 4]);
    let _held = group.load(&[1]);
    group.fail(0, 5);
    group.wait_ms(1_200);
    let trial = group.pick().unwrap();
    assert!(trial.is_trial());
    trial.succeed(millis(1.0), group.now.get());
    let panic_or_trial = group.pick().unwrap();
    assert!(panic_or_trial.is_trial());
    // Full now: no further request, and the right to a trial is not lost.
    panic_or_trial.succeed(millis(1.0), group.now.get());
    assert!(!group.state(0).is_ejected());
}

#[test]
fn a_bound_is_at_least_one_and_can_be_lifted() {
    let group = limited(Kind::Adaptive, Limit::Fixed(0), &[1]);
    assert_eq!(group.report(0).limit, Some(1));
    let member = group.balancer.members()[0].clone();
    let unbound = Group::with(Settings::new(Kind::Adaptive), vec![member]);
    assert_eq!(unbound.report(0).limit, None);
}

/// Keeps a server as busy as it may be, with answers after so long, for so many tenths of a second. The bound after that.
fn learn(group: &Group, in_flight: &mut Vec<u64>, tenths: usize, ms: f64) -> u32 {
    let mut held = Vec::new();
    for _ in 0..tenths {
        while let Ok(ticket) = group.pick() {
            held.push(ticket);
        }
        in_flight.push(held.len() as u64);
        for ticket in held.drain(..held.len() / 2) {
            ticket.succeed(millis(ms), group.now.get());
        }
        group.wait_ms(100);
    }
    group.report(0).limit.unwrap()
}

#[test]
fn a_learned_bound_grows_while_times_stay_and_shrinks_when_they_rise() {
    let group = limited(Kind::Adaptive, Limit::Learned, &[1]);
    assert_eq!(group.report(0).limit, Some(20));
    let mut in_flight = Vec::new();
    let grown = learn(&group, &mut in_flight, 100, 10.0);
    assert!(grown > 60, "{grown}");
    assert!(in_flight.iter().max() <= Some(&u64::from(grown)));
    let shrunk = learn(&group, &mut in_flight, 50, 100.0);
    assert!(shrunk < grown / 2, "{grown} became {shrunk}");
    let recovered = learn(&group, &mut in_flight, 100, 10.0);
    assert!(recovered > shrunk, "{shrunk} became {recovered}");
}

#[test]
fn a_learned_bound_never_falls_below_four() {
    let group = limited(Kind::Adaptive, Limit::Learned, &[1]);
    let mut ms = 1.0;
    for _ in 0..12 {
        ms *= 2.0;
        let limit = learn(&group, &mut Vec::new(), 10, ms);
        assert!(limit >= 4, "{limit}");
    }
}

#[test]
fn nothing_is_learned_from_an_idle_server() {
    let group = limited(Kind::Adaptive, Limit::Learned, &[1]);
    for _ in 0..200 {
        group.succeed(0, 10.0);
        group.wait_ms(100);
    }
    assert_eq!(group.report(0).limit, Some(20));
}
