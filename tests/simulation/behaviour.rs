//! What the balancer promises whatever happens: every request ends, a sick server is left alone soon, a healed one comes
//! back, nobody is starved when everything fails, and it does not matter how many workers share what is known.

use crate::demand::SECOND;
use crate::figures::Record;
use crate::replay::seeds;
use crate::run::{Contestant, medians, run, second};
use crate::scenario::Scenario;
use crate::server::Change;
use evener_balance::{Kind, Limit};

const ADAPTIVE: Contestant = Contestant::Evener(Kind::Adaptive);
const SEEDS: [u64; 3] = [1, 2, 3];
const WELL: Change = Change::Fail(0.0, 500);

fn ten(load: f64, length: f64) -> Scenario {
    Scenario::equal("ten", "ten servers alike", 10, load, length)
}

/// What a server gets in a span of seconds, as a share of what it would get if all got the same.
fn fair_share(record: &Record, server: usize, from: f64, to: f64) -> f64 {
    record.share(server, second(from), second(to)) * 10.0
}

/// Seconds from `from` until the share of a server over half a second is right for the first time.
fn until(record: &Record, server: usize, from: f64, is_right: impl Fn(f64) -> bool) -> f64 {
    let starts = (0..600).map(|step| f64::from(step) * 0.1);
    let mut waits = starts.into_iter().map(|wait| (wait, fair_share(record, server, from + wait, from + wait + 0.5)));
    waits.find(|(_, share)| is_right(*share)).map_or(f64::INFINITY, |(wait, _)| wait)
}

/// Plays a scenario of ten servers for each seed. Whatever it is, every request ends and no more than 60 % are ejected.
fn for_each_run(scenario: &Scenario, check: impl FnMut(&Record, &str)) {
    for_each_run_of(scenario, 6, check);
}

fn for_each_run_of(scenario: &Scenario, ejected_max: usize, mut check: impl FnMut(&Record, &str)) {
    for seed in seeds(&SEEDS) {
        let record = run(scenario, ADAPTIVE, seed);
        let told = format!("{}, EVENER_SIM_SEED={seed}", scenario.title);
        assert_eq!(record.left_over, 0, "{told}: requests that nobody ended");
        assert!(record.ejected_max <= ejected_max, "{told}: {} ejected", record.ejected_max);
        check(&record, &told);
    }
}

/// A server falls ill at 6 s and is well again at 12 s.
fn check_illness(title: &'static str, ill: Change, well: Change, sick_max: f64, healed_max: f64) {
    for load in [0.3, 0.6] {
        let scenario = Scenario { title, ..ten(load, 30.0) }.with(0.2, 9, ill).with(0.4, 9, well);
        for_each_run(&scenario, |record, told| {
            let sick = until(record, 9, 6.0, |share| share <= 0.1);
            assert!(sick <= sick_max, "{told}, load {load}: it got its requests for {sick:.1} s");
            let healed = until(record, 9, 12.0, |share| share >= 0.9);
            assert!(healed <= healed_max, "{told}, load {load}: it was left alone for {healed:.1} s");
        });
    }
}

#[test]
fn a_server_that_fails_at_once() {
    // It is tried after 1, 3 and 7 seconds, a fifth more or less, and gets half its share at first.
    check_illness("it answers 500 at once", Change::Fail(1.0, 500), WELL, 0.2, 8.0);
    check_illness("it answers 503 at once", Change::Fail(1.0, 503), WELL, 0.2, 8.0);
}

#[test]
fn a_server_that_fails_half_the_time() {
    check_illness("it answers half with 503", Change::Fail(0.5, 503), WELL, 0.5, 10.0);
}

#[test]
fn a_server_that_dies() {
    check_illness("it refuses connections", Change::Kill, Change::Open, 0.2, 8.0);
}

#[test]
fn a_server_that_becomes_slow() {
    check_illness("it is 10 × slow", Change::Slow(10.0), Change::Slow(1.0), 1.0, 12.0);
}

#[test]
fn a_server_that_freezes() {
    // It goes on by itself.
    check_illness("it stands still", Change::Freeze(6 * SECOND), WELL, 0.3, 12.0);
}

#[test]
fn most_servers_fail() {
    let scenario = Scenario { title: "seven of ten answer 503", ..ten(0.1, 20.0) };
    let scenario = (0..7).fold(scenario, |scenario, server| scenario.with(0.2, server, Change::Fail(1.0, 503)));
    for_each_run(&scenario, |record, told| {
        let good: f64 = (7..10).map(|server| record.share(server, second(6.0), second(20.0))).sum();
        assert!(good >= 0.98, "{told}: the good ones got {good:.3} of all requests");
        let errors = record.errors as f64 / record.requests as f64;
        assert!(errors <= 0.015, "{told}: {errors:.4} errors");
    });
}

#[test]
fn all_servers_fail() {
    // What is behind them is out from 8 s to 28 s.
    let scenario = Scenario { title: "all answer 503", ..ten(0.6, 40.0) };
    let scenario = (0..10)
        .fold(scenario, |scenario, server| scenario.with(0.2, server, Change::Fail(1.0, 503)).with(0.7, server, WELL));
    for_each_run(&scenario, |record, told| {
        let amplification = record.attempts as f64 / record.requests as f64;
        assert!(amplification <= 1.2, "{told}: {amplification:.3} attempts for each request");
        for server in 0..10 {
            let during = fair_share(record, server, 10.0, 28.0);
            assert!((0.2..2.0).contains(&during), "{told}: server {server} gets {during:.2} of its share meanwhile");
            let after = fair_share(record, server, 28.0, 30.0);
            assert!((0.8..1.2).contains(&after), "{told}: server {server} gets {after:.2} of its share afterwards");
        }
        let late = (record.missed - record.errors) as f64 / record.requests as f64;
        assert!(late <= 0.004, "{told}: {late:.4} late, because some servers had to do the work of others");
    });
}

#[test]
fn all_servers_fail_sometimes() {
    // Rows of failures are common then, and say nothing about a server.
    for share in [0.1, 0.25, 0.4] {
        let scenario = Scenario { title: "all fail now and then", ..ten(0.5, 20.0) };
        let scenario = (0..10).fold(scenario, |scenario, server| scenario.with(0.2, server, Change::Fail(share, 503)));
        for_each_run(&scenario, |record, told| {
            let late = (record.missed - record.errors) as f64 / record.requests as f64;
            assert!(late <= 0.005, "{told}: share {share}: {late:.4} late");
            assert!(record.ejected_max <= 5, "{told}: share {share}: {} ejected", record.ejected_max);
        });
    }
}

#[test]
fn one_of_few_fails() {
    for (count, load) in [(2, 0.01), (2, 0.3), (3, 0.01), (3, 0.3)] {
        let scenario = Scenario::equal("few", "one of few answers 500", count, load, 60.0);
        let scenario = scenario.with(0.2, 0, Change::Fail(1.0, 500)).with(0.6, 0, WELL);
        for_each_run(&scenario, |record, told| {
            let share = record.share(0, second(14.0), second(36.0));
            assert!(share <= 0.04, "{told}, {count} servers, load {load}: it gets {share:.3}");
            let back = record.sent_between(0, second(42.0), second(60.0));
            assert!(back > 0, "{told}, {count} servers, load {load}: it gets nothing when it is well again");
            assert!(record.errors <= 3, "{told}, {count} servers, load {load}: {} errors", record.errors);
        });
    }
}

#[test]
fn most_of_few_fail() {
    for load in [0.01, 0.2] {
        let scenario = Scenario::equal("few", "two of three answer 500", 3, load, 60.0);
        let scenario = (0..2).fold(scenario, |scenario, server| scenario.with(0.2, server, Change::Fail(1.0, 500)));
        for_each_run_of(&scenario, 2, |record, told| {
            let good = record.share(2, second(15.0), second(60.0));
            assert!(good >= 0.95, "{told}, load {load}: the good one gets {good:.3}");
            assert!(record.errors <= 15, "{told}, load {load}: {} errors", record.errors);
        });
    }
}

#[test]
fn a_server_joins() {
    let scenario = Scenario { joining: 1, title: "a server joins", ..ten(0.6, 40.0) }.with(0.25, 9, Change::Join);
    for_each_run(&scenario, |record, told| {
        assert_eq!(record.sent_between(9, 0, 10 * SECOND), 0, "{told}: requests before it is there");
        let steps = [(10.0, 12.0, 0.0..0.3), (12.0, 16.0, 0.0..0.6), (16.0, 20.0, 0.5..1.0), (22.0, 40.0, 0.9..1.1)];
        for (from, to, expected) in steps {
            let share = fair_share(record, 9, from, to);
            assert!(expected.contains(&share), "{told}: {share:.2} of its share from {from} s to {to} s");
        }
    });
}

#[test]
fn weights_hold() {
    let mut scenario = Scenario { title: "weights 1, 2 and 4", ..ten(0.5, 20.0) };
    let weights = [1, 2, 4, 1, 2, 4, 1, 2, 4, 1];
    for (machine, weight) in scenario.machines.iter_mut().zip(weights) {
        (machine.weight, machine.workers) = (weight, 2 * usize::from(weight));
    }
    let scenario = scenario.at_load(0.5, 20.0);
    for_each_run(&scenario, |record, told| {
        let sum: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        let group = |weight: u16| {
            let servers = (0..10).filter(|server| weights[*server] == weight);
            let shares: Vec<f64> = servers.map(|server| record.share(server, 0, second(20.0))).collect();
            sum * shares.iter().sum::<f64>() / shares.len() as f64 / f64::from(weight)
        };
        // A request weighs more where fewer are in flight, so the small ones get a little less.
        for weight in [1, 2, 4] {
            assert!((0.7..1.2).contains(&group(weight)), "{told}: weight {weight} gets {:.2} of it", group(weight));
        }
    });
}

#[test]
fn a_drained_server_gets_nothing() {
    let drain = ten(0.5, 20.0).with(0.25, 3, Change::Drain(true)).with(0.75, 3, Change::Drain(false));
    for_each_run(&Scenario { title: "one is drained", ..drain }, |record, told| {
        assert_eq!(record.sent_between(3, 5 * SECOND, 15 * SECOND), 0, "{told}: requests to a drained server");
        let back = fair_share(record, 3, 16.0, 20.0);
        assert!((0.8..1.2).contains(&back), "{told}: its share afterwards is {back:.2}");
    });
}

#[test]
fn backups_help_out() {
    let mut scenario = Scenario { title: "eight primaries die, two backups", ..ten(0.1, 30.0) };
    scenario.machines[8..].iter_mut().for_each(|machine| machine.tier = 1);
    let scenario = (0..8)
        .fold(scenario, |scenario, server| scenario.with(0.2, server, Change::Kill).with(0.5, server, Change::Open));
    // All eight may be ejected, as there is somebody else.
    for_each_run_of(&scenario, 8, |record, told| {
        let backups =
            |from, to| [8, 9].map(|server| record.share(server, second(from), second(to))).iter().sum::<f64>();
        assert_eq!(backups(0.0, 6.0), 0.0, "{told}: requests to backups while the primaries are well");
        assert!(backups(7.0, 15.0) > 0.97, "{told}: they get {:.3} when nobody else can", backups(7.0, 15.0));
        assert_eq!(backups(26.0, 30.0), 0.0, "{told}: requests to backups when the primaries are back");
        assert_eq!(record.errors, 0, "{told}: errors");
    });
}

#[test]
fn workers_do_not_matter() {
    for load in [0.3, 0.75] {
        let figures = |workers| medians(&Scenario { workers, ..ten(load, 20.0) }, ADAPTIVE, &seeds(&SEEDS));
        let one = figures(1);
        for workers in [2, 8, 64] {
            let many = figures(workers);
            let is_alike = |one: f64, many: f64| many <= one * 1.1 + 0.03;
            let is_good =
                is_alike(one.missed, many.missed) && is_alike(one.p99, many.p99) && is_alike(one.p50, many.p50);
            assert!(is_good, "load {load}, {workers} workers: {many}, one worker: {one}");
        }
    }
}

#[test]
fn a_learned_bound_lets_long_requests_run_side_by_side() {
    let mut scenario = Scenario { title: "requests of 0.65 s", limit: Limit::Learned, ..ten(0.5, 30.0) };
    scenario.machines.iter_mut().for_each(|machine| (machine.workers, machine.speed) = (400, 0.01));
    for_each_run(&scenario.at_load(0.5, 30.0), |record, told| {
        let shed = record.shed as f64 / record.requests as f64;
        assert!(shed <= 0.01, "{told}: {shed:.4} are shed by servers that do half of what they can");
    });
}
