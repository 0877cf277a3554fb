//! What is common to algorithms, and the plain ones: round robin, random, least requests, two choices, first.

use super::*;
use crate::Rng;
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, prop_assume, proptest};

#[test]
fn round_robin_follows_the_table() {
    let check = |weights: &[u16], expected: &[usize]| {
        let group = Group::new(Kind::RoundRobin, weights);
        assert_eq!(group.servers(expected.len()), expected, "weights {weights:?}");
    };
    check(&[1, 1, 1], &[0, 1, 2, 0, 1, 2, 0]);
    check(&[7, 7], &[0, 1, 0, 1]);
    check(&[5], &[0, 0, 0]);
    check(&[1, 2], &[1, 0, 1, 1, 0, 1]);
    check(&[4, 1, 1], &[0, 0, 1, 0, 0, 2, 0, 0, 1, 0, 0, 2]);
    check(&[5, 1, 1], &[0, 0, 0, 1, 0, 0, 2]);
    check(&[0, 1, 0, 1], &[1, 3, 1, 3]);
    check(&[1000, 500], &[0, 0, 1, 0, 0, 1]);
}

#[test]
fn the_share_of_a_dead_server_is_spread_over_all_others() {
    let group = Group::new(Kind::RoundRobin, &[1, 1, 1, 1, 1]);
    let mut counts = vec![0; 5];
    for _ in 0..4000 {
        // Server 2 refuses every connection.
        match group.server() {
            2 => counts[group.server_after(&tried(&[2])).unwrap()] += 1,
            server => counts[server] += 1,
        }
    }
    assert_eq!(counts, [1000, 1000, 0, 1000, 1000]);
}

#[test]
fn round_robin_finds_the_last_server_however_far_ahead_it_is() {
    let group = Group::new(Kind::RoundRobin, &[1000, 1, 0, 999]);
    for _ in 0..2000 {
        assert_eq!(group.server_after(&tried(&[0, 3])), Some(1));
    }
}

/// Upper 0.1 % points of the chi-square distribution for 1 to 9 degrees of freedom.
const CRITICAL: [f64; 9] = [10.83, 13.82, 16.27, 18.47, 20.52, 22.46, 24.32, 26.12, 27.88];

#[test]
fn random_shares_follow_the_weights() {
    let check = |kind: Kind, weights: &[u16], excluded: &[usize]| {
        let tried = tried(excluded);
        let share = |server: usize| if excluded.contains(&server) { 0 } else { weights[server] };
        let sum: f64 = (0..weights.len()).map(|server| f64::from(share(server))).sum();
        let takers = (0..weights.len()).filter(|server| share(*server) > 0).count();
        // With ten seeds of which one may fail by chance, a wrong generator still fails all of them.
        let failures = (1..=10).filter(|seed| {
            let group = Group::new(kind, weights).seeded(*seed);
            let picks: Vec<usize> = (0..20_000).map(|_| group.server_after(&tried).unwrap()).collect();
            let square = |(server, count): (usize, usize)| {
                let expected = f64::from(share(server)) / sum * 20_000.0;
                if share(server) == 0 {
                    assert_eq!(count, 0);
                    return 0.0;
                }
                (count as f64 - expected).powi(2) / expected
            };
            let chi_square: f64 = tally(&picks, weights.len()).into_iter().enumerate().map(square).sum();
            chi_square > CRITICAL[takers - 2]
        });
        assert!(failures.count() <= 1, "{kind:?} with weights {weights:?} without {excluded:?}");
    };
    // All idle and alike, each of them is a draw by weight.
    for kind in [Kind::Random, Kind::LeastRequests, Kind::TwoChoices] {
        check(kind, &[1, 1, 1], &[]);
        check(kind, &[5, 5, 5, 5, 5, 5, 5, 5, 5, 5], &[3]);
        check(kind, &[1, 2, 3, 4], &[]);
        check(kind, &[1000, 1, 0, 999], &[0]);
        check(kind, &[1, 2, 3, 4], &[3, 1]);
    }
    check(Kind::LeastTime, &[5, 5, 5], &[]);
    check(Kind::Adaptive, &[5, 5, 5], &[]);
    check(Kind::Adaptive, &[1; 10], &[3]);
}

#[test]
fn random_picks_do_not_depend_on_the_pick_before() {
    let picks = Group::new(Kind::Random, &[1, 1]).seeded(7).servers(10_000);
    let repeats = picks.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert!((4_800..5_200).contains(&repeats), "{repeats} repeats");
}

/// Which servers are ever picked with these loads.
fn seen(kind: Kind, weights: &[u16], in_flight: &[usize], excluded: &[usize]) -> Vec<usize> {
    let group = Group::new(kind, weights);
    let _load = group.load(in_flight);
    let mut seen: Vec<usize> = (0..200).filter_map(|_| group.server_after(&tried(excluded))).collect();
    seen.sort_unstable();
    seen.dedup();
    seen
}

#[test]
fn least_requests_follows_the_table() {
    let check = |weights: &[u16], in_flight: &[usize], excluded: &[usize], expected: &[usize]| {
        let seen = seen(Kind::LeastRequests, weights, in_flight, excluded);
        assert_eq!(seen, expected, "weights {weights:?}, in flight {in_flight:?}");
    };
    check(&[1, 1, 1], &[3, 1, 2], &[], &[1]);
    check(&[1, 1, 1], &[3, 1, 2], &[1], &[2]);
    check(&[1, 1, 1], &[2, 2, 5], &[], &[0, 1]);
    // 4/2 against 3/1 and 2/1: equal to the last.
    check(&[2, 1, 1], &[4, 3, 2], &[], &[0, 2]);
    check(&[0, 1], &[0, 9], &[], &[1]);
    check(&[1000, 1], &[999, 1], &[], &[0]);
    check(&[0, 0], &[0, 0], &[], &[]);
}

#[test]
fn least_requests_counts_what_is_over() {
    let group = Group::new(Kind::LeastRequests, &[1, 1]);
    let mut load = group.load(&[2, 1]);
    assert_eq!(group.server(), 1);
    load.drain(..2).for_each(drop);
    assert_eq!(group.state(0).in_flight(), 0);
    assert_eq!(group.server(), 0);
}

#[test]
fn adaptive_follows_the_table() {
    let check = |weights: &[u16], in_flight: &[usize], expected: &[usize]| {
        let seen = seen(Kind::Adaptive, weights, in_flight, &[]);
        assert_eq!(seen, expected, "weights {weights:?}, in flight {in_flight:?}");
    };
    check(&[1, 1, 1], &[3, 1, 2], &[1]);
    check(&[1, 1, 1], &[2, 2, 5], &[0, 1]);
    // The request to come counts: (4 + 1) / 2 against (2 + 1) / 1.
    check(&[2, 1, 1], &[4, 3, 2], &[0]);
    check(&[2, 1], &[1, 0], &[0, 1]);
    check(&[0, 1], &[0, 9], &[1]);
    check(&[0, 0], &[0, 0], &[]);
}

#[test]
fn two_choices_compares_two_different_servers() {
    // Of two servers the less busy one is always in the draw.
    assert_eq!(seen(Kind::TwoChoices, &[1, 1], &[1, 0], &[]), [1]);
    assert_eq!(seen(Kind::TwoChoices, &[2, 1], &[3, 1], &[]), [1]);
    assert_eq!(seen(Kind::TwoChoices, &[1000, 1], &[999, 1], &[]), [0]);
    // The busiest of three loses every draw.
    assert_eq!(seen(Kind::TwoChoices, &[1, 1, 1], &[9, 1, 0], &[]), [1, 2]);
    assert_eq!(seen(Kind::TwoChoices, &[1, 1, 1], &[9, 1, 0], &[1, 2]), [0]);
}

#[test]
fn two_choices_takes_the_first_of_those_that_tie() {
    // The first draw goes by weight, and so does the choice when the loads are equal for the weights.
    let group = Group::new(Kind::TwoChoices, &[9, 1]);
    let _load = group.load(&[9, 1]);
    let picks = tally(&group.servers(10_000), 2);
    assert!((800..1200).contains(&picks[1]), "{picks:?}");
}

#[test]
fn first_goes_down_the_list() {
    let group = Group::new(Kind::First, &[0, 3, 1]);
    assert_eq!(group.servers(3), [1, 1, 1]);
    assert_eq!(group.server_after(&tried(&[1])), Some(2));
    assert_eq!(group.server_after(&tried(&[1, 2])), None);
}

#[test]
fn nothing_is_picked_where_nothing_can_be() {
    for kind in Kind::ALL {
        for weights in [&[][..], &[0], &[0, 0, 0], &[0; 100]] {
            let group = Group::new(kind, weights);
            assert_eq!(group.pick().err(), Some(NoPick::Nobody), "{kind:?} of {weights:?}");
        }
    }
}

#[test]
fn tried_holds_servers_past_the_first_128() {
    let mut tried = Tried::new();
    assert!(tried.is_empty());
    let servers = [0, 1, 63, 64, 127, 128, 129, 191, 192, 1000];
    servers.iter().for_each(|server| tried.insert(*server));
    tried.insert(128);
    assert_eq!(tried.len(), servers.len());
    assert!(!tried.is_empty());
    for server in 0..2000 {
        assert_eq!(tried.contains(server), servers.contains(&server), "server {server}");
    }
}

#[test]
fn below_stays_below() {
    struct Highest;
    impl Rng for Highest {
        fn next_u64(&mut self) -> u64 {
            u64::MAX
        }
    }
    assert_eq!(Highest.below(10), 9);
    assert_eq!(Highest.below(1), 0);
    assert_eq!(Highest.below(0), 0);
    assert_eq!(Highest.below(u64::MAX), u64::MAX - 1);
    assert!(Highest.fraction() < 1.0);
}

#[test]
fn a_seed_gives_the_same_numbers_and_another_seed_others() {
    let numbers = |seed| {
        let mut rng = SplitMix::new(seed);
        (0..100).map(|_| rng.next_u64()).collect::<Vec<_>>()
    };
    assert_eq!(numbers(1), numbers(1));
    assert!(numbers(1).iter().all(|number| !numbers(2).contains(number)));
    // The first numbers of the published reference implementation for the seed 1234567.
    assert_eq!(numbers(1_234_567)[..2], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
}

proptest! {
    /// After any number of turns each server has had its share to within one request, and any window of one cycle is
    /// exact.
    #[test]
    fn round_robin_is_even(weights in prop::collection::vec(0_u16..40, 1..12)) {
        let sum: usize = weights.iter().map(|weight| usize::from(*weight)).sum();
        prop_assume!(sum > 0);
        let picks = Group::new(Kind::RoundRobin, &weights).servers(3 * sum);
        let mut counts = vec![0_usize; weights.len()];
        for (turns, server) in (1..).zip(&picks) {
            counts[*server] += 1;
            for (count, weight) in counts.iter().zip(&weights) {
                let difference = (count * sum).abs_diff(turns * usize::from(*weight));
                prop_assert!(difference < sum, "after {turns} turns {counts:?} of {weights:?}");
            }
        }
        for window in picks.windows(sum) {
            let expected: Vec<usize> = weights.iter().map(|weight| usize::from(*weight)).collect();
            prop_assert_eq!(tally(window, weights.len()), expected);
        }
    }

    /// Two picks of a server are less than two of its intervals apart.
    #[test]
    fn round_robin_leaves_no_long_gap(weights in prop::collection::vec(1_u16..40, 2..12)) {
        let sum: usize = weights.iter().map(|weight| usize::from(*weight)).sum();
        let picks = Group::new(Kind::RoundRobin, &weights).servers(3 * sum);
        for (server, weight) in weights.iter().enumerate() {
            let turns: Vec<usize> = (0..picks.len()).filter(|turn| picks[*turn] == server).collect();
            for pair in turns.windows(2) {
                prop_assert!((pair[1] - pair[0]) * usize::from(*weight) < 2 * sum);
            }
        }
    }

    /// A request that tries on meets every server that has a weight once, then nobody.
    #[test]
    fn retries_meet_each_server_once(
        weights in prop::collection::vec(0_u16..1000, 1..200),
        seed in any::<u64>(),
        start in 0_usize..100,
    ) {
        for kind in Kind::ALL {
            let group = Group::new(kind, &weights).seeded(seed);
            (0..start).for_each(|_| drop(group.pick()));
            let mut tried = Tried::new();
            while let Some(server) = group.server_after(&tried) {
                prop_assert!(weights[server] > 0 && !tried.contains(server), "{kind:?} picked {server}");
                tried.insert(server);
            }
            prop_assert_eq!(tried.len(), weights.iter().filter(|weight| **weight > 0).count());
        }
    }
}
