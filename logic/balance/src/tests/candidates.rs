//! Who may get a request: checks, draining, weight 0, tiers, slow start, being spared, and what happens when nobody is left.

use super::*;

#[test]
fn a_server_that_is_down_gets_nothing_until_it_is_up() {
    for kind in Kind::ALL {
        let group = Group::new(kind, &[1, 1, 1]);
        group.state(0).checked(false, group.now.get());
        assert!(!group.state(0).is_up());
        assert_eq!(group.report(0).standing, Standing::Down);
        assert!(!group.servers(100).contains(&0), "{kind:?}");
        group.state(0).checked(true, group.now.get());
        assert!(group.state(0).is_up());
        // After its slow start.
        group.wait_ms(10_000);
        let mut tickets = Vec::new();
        let has_some = (0..300).any(|key| {
            let nowhere = Tried::new();
            let request = Request { key, ..Request::new(&nowhere) };
            tickets.push(group.ask(&request).unwrap());
            tickets[tickets.len() - 1].server() == 0
        });
        assert!(has_some, "{kind:?}");
    }
}

#[test]
fn a_server_that_comes_up_starts_slowly_and_with_a_clean_slate() {
    let group = Group::new(Kind::Adaptive, &[1, 1]);
    group.fail(0, 5);
    assert!(group.state(0).is_ejected());
    group.state(0).checked(false, group.now.get());
    group.wait_ms(60_000);
    group.state(0).checked(true, group.now.get());
    assert!(!group.state(0).is_ejected());
    assert_eq!(group.report(0).standing, Standing::Active);
    assert_eq!((group.report(0).errors, group.report(0).ramp), (0.0, 0.1));
    // Being told again that it is up changes nothing.
    group.wait_ms(5_000);
    group.state(0).checked(true, group.now.get());
    assert_eq!(group.report(0).ramp, 0.5);
    group.wait_ms(5_000);
    assert_eq!(group.report(0).ramp, 1.0);
}

#[test]
fn a_drained_server_takes_old_clients_only() {
    for kind in Kind::ALL {
        let group = Group::new(kind, &[1, 1]);
        group.state(0).drain(true);
        assert_eq!(group.report(0).standing, Standing::Draining);
        assert!(!group.servers(100).contains(&0), "{kind:?}");
        assert_eq!(group.send(0).server(), 0);
        // Not even when it is the last.
        assert_eq!(group.server_after(&tried(&[1])), None, "{kind:?}");
        group.state(0).drain(false);
        assert_eq!(group.server_after(&tried(&[1])), Some(0), "{kind:?}");
    }
}

#[test]
fn a_server_without_weight_takes_old_clients_only() {
    for kind in Kind::ALL {
        let group = Group::new(kind, &[0, 1]);
        assert_eq!(group.report(0).standing, Standing::Draining);
        assert!(!group.servers(100).contains(&0), "{kind:?}");
        assert_eq!(group.send(0).server(), 0);
        assert_eq!(group.server_after(&tried(&[1])), None, "{kind:?}");
    }
}

#[test]
fn a_client_goes_elsewhere_when_its_server_is_out() {
    let group = Group::new(Kind::Adaptive, &[1, 1]);
    let back = |tried: &Tried| {
        let ticket = group.ask(&Request { preferred: Some(0), ..Request::new(tried) });
        ticket.unwrap().server()
    };
    assert_eq!(back(&Tried::new()), 0);
    assert_eq!(back(&tried(&[0])), 1);
    group.state(0).checked(false, group.now.get());
    assert_eq!(back(&Tried::new()), 1);
    group.state(0).checked(true, group.now.get());
    assert_eq!(back(&Tried::new()), 0);
    group.fail(0, 5);
    assert_eq!(back(&Tried::new()), 1);
}

#[test]
fn a_preference_for_a_server_that_is_no_more_is_ignored() {
    let group = Group::new(Kind::Adaptive, &[1, 1]);
    let ticket = group.ask(&Request { preferred: Some(2), ..Request::new(&Tried::new()) });
    assert!(ticket.unwrap().server() < 2);
}

fn with_backups(kind: Kind, tiers: &[u8]) -> Group {
    let mut members = members(&vec![1; tiers.len()]);
    members.iter_mut().zip(tiers).for_each(|(member, tier)| member.tier = *tier);
    Group::with(Settings::new(kind), members)
}

#[test]
fn backups_take_over_when_nobody_else_can() {
    for kind in Kind::ALL {
        let group = with_backups(kind, &[0, 7, 0, 3]);
        let seen = |expected: &[usize]| {
            let servers = group.servers(200);
            assert!(servers.iter().all(|server| expected.contains(server)), "{kind:?}: {servers:?}");
        };
        seen(&[0, 2]);
        assert_eq!(group.server_after(&tried(&[0, 2])), Some(3), "{kind:?}");
        assert_eq!(group.server_after(&tried(&[0, 2, 3])), Some(1), "{kind:?}");
        group.state(0).checked(false, group.now.get());
        seen(&[2]);
        group.state(2).checked(false, group.now.get());
        seen(&[3]);
        group.state(3).drain(true);
        seen(&[1]);
        group.state(2).checked(true, group.now.get());
        seen(&[2]);
    }
}

#[test]
fn a_full_tier_does_not_spill_over() {
    let mut members = members(&[1, 1]);
    members[1].tier = 1;
    let settings = Settings { limit: Limit::Fixed(2), ..Settings::new(Kind::Adaptive) };
    let group = Group::with(settings, members);
    let _busy = group.load(&[2]);
    assert_eq!(group.pick().err(), Some(NoPick::Full));
    assert_eq!(group.server_after(&tried(&[0])), Some(1));
}

#[test]
fn when_all_are_out_the_best_of_the_bad_gets_the_request() {
    for kind in Kind::ALL {
        let group = Group::new(kind, &[1, 1, 1]);
        (0..3).for_each(|server| group.state(server).checked(false, group.now.get()));
        // All were failing checks; the second one answered badly too, and the first is busy.
        group.state(1).checked(true, group.now.get());
        group.fail(1, 2);
        group.state(1).checked(false, group.now.get());
        let tickets: Vec<_> = (0..4).map(|_| group.pick().unwrap()).collect();
        let mut servers: Vec<usize> = tickets.iter().map(Ticket::server).collect();
        servers.sort_unstable();
        assert_eq!(servers, [0, 0, 2, 2], "{kind:?}");
        assert_eq!(group.server_after(&tried(&[0, 2])), Some(1), "{kind:?}");
        assert_eq!(group.server_after(&tried(&[0, 1, 2])), None, "{kind:?}");
    }
}

#[test]
fn when_all_are_drained_nobody_gets_it() {
    let group = Group::new(Kind::Adaptive, &[1, 1]);
    (0..2).for_each(|server| group.state(server).drain(true));
    assert_eq!(group.pick().err(), Some(NoPick::Nobody));
}

/// Two servers and one that joined five seconds ago, which has half of its share.
fn with_newcomer(kind: Kind) -> Group {
    let mut members = members(&[1, 1, 1]);
    members[2].state = Arc::new(ServerState::joining(START));
    let group = Group::with(Settings::new(kind), members);
    group.wait_ms(5_000);
    group
}

#[test]
fn a_newcomer_gets_a_part_of_its_share() {
    let check = |kind: Kind, expected: f64| {
        let group = with_newcomer(kind);
        let share = tally(&group.servers(20_000), 3)[2] as f64 / 20_000.0;
        assert!((share - expected).abs() < 0.012, "{kind:?}: {share}");
        group.wait_ms(5_000);
        let share = tally(&group.servers(20_000), 3)[2] as f64 / 20_000.0;
        assert!((share - 1.0 / 3.0).abs() < 0.012, "{kind:?} after its slow start: {share}");
    };
    // Half of its turns go on to the next server.
    check(Kind::RoundRobin, 1.0 / 6.0);
    // A draw that it does not take is repeated.
    check(Kind::Random, 0.2);
    check(Kind::TwoChoices, 0.2);
    check(Kind::LeastRequests, 0.2);
}

#[test]
fn a_newcomer_has_a_part_of_the_load() {
    for kind in [Kind::Adaptive, Kind::LeastRequests, Kind::LeastTime] {
        let group = with_newcomer(kind);
        let tickets: Vec<_> = (0..100).map(|_| group.pick().unwrap()).collect();
        let newcomers = tickets.iter().filter(|ticket| ticket.server() == 2).count();
        assert!((18..=21).contains(&newcomers), "{kind:?}: {newcomers}");
    }
}

#[test]
fn a_slow_start_begins_with_a_tenth_and_can_be_off() {
    let mut joined = members(&[1, 1]);
    joined[1].state = Arc::new(ServerState::joining(START));
    let group = Group::with(Settings::new(Kind::Random), joined.clone());
    assert_eq!(group.report(1).ramp, 0.1);
    let settings = Settings { slow_start: Duration::ZERO, ..Settings::new(Kind::Random) };
    assert_eq!(Group::with(settings, joined).report(1).ramp, 1.0);
}

#[test]
fn a_server_that_asked_for_it_is_spared() {
    let group = Group::new(Kind::Adaptive, &[1, 1]);
    group.balancer.spare(0, Duration::from_secs(2), group.now.get());
    let busy = group.load(&[0, 50]);
    assert!(!group.servers(100).contains(&0));
    // When the others are a hundred times as busy it has to help.
    let busier = group.load(&[0, 60]);
    assert_eq!(group.server(), 0);
    drop((busy, busier));
    group.wait_ms(1_999);
    assert!(!group.servers(100).contains(&0));
    group.wait_ms(101);
    assert!(group.servers(100).contains(&0));
}

#[test]
fn nobody_is_spared_for_longer_than_five_minutes() {
    let group = Group::new(Kind::Adaptive, &[1, 1]);
    group.balancer.spare(0, Duration::MAX, group.now.get());
    group.wait_ms(299_000);
    assert!(!group.servers(100).contains(&0));
    group.wait_ms(1_000);
    assert!(group.servers(100).contains(&0));
}

#[test]
fn what_is_known_outlives_the_balancer() {
    let shared = Arc::new(GroupState::default());
    let group = |kind: Kind, servers: Vec<Member>| Group {
        balancer: Balancer::new(Settings::new(kind), servers, Arc::clone(&shared)),
        rng: RefCell::new(SplitMix::new(1)),
        now: Cell::new(START),
    };
    let old = group(Kind::RoundRobin, members(&[1, 1, 1, 1]));
    (0..4).for_each(|server| old.succeed(server, 10.0));
    old.fail(1, 5);
    old.balancer.take_retry();
    let held = old.send(2);
    // A new list: server 0 is gone, a new one joins, the order is another, and so is the algorithm.
    let mut servers: Vec<Member> = [3, 2, 1].map(|server| old.balancer.members()[server].clone()).into();
    servers.push(Member::new(9));
    let new = group(Kind::Adaptive, servers);
    assert!(new.state(2).is_ejected());
    assert_eq!(new.state(1).in_flight(), 1);
    assert_eq!(new.balancer.retries_left(), 99);
    assert_eq!(new.report(0).latency, Some(Duration::from_millis(10)));
    assert!(!new.servers(100).contains(&2));
    // A request that began with the old balancer ends there.
    held.succeed(millis(10.0), old.now.get());
    assert_eq!(new.state(1).in_flight(), 0);
    // A trial of the new one closes the circuit for both.
    new.wait_ms(1_300);
    for _ in 0..2 {
        let trial = new.pick().unwrap();
        assert_eq!((trial.server(), trial.is_trial()), (2, true));
        trial.succeed(millis(10.0), new.now.get());
    }
    assert!(!old.state(1).is_ejected());
}
