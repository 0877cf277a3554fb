//! Hashing: the same server for the same key, shares, what moves, and when a key goes elsewhere.

use super::*;
use crate::rng::mix;

/// So many keys that shares of a tenth are exact to 3 % with all but certainty.
const KEYS: u64 = 100_000;
/// One group size on each side of the border between the two ways of hashing.
const SIZES: [usize; 2] = [10, 100];

impl Group {
    fn of_key(&self, key: u64) -> usize {
        self.ticket_of_key(key).server()
    }

    fn ticket_of_key(&self, key: u64) -> Ticket<'_> {
        self.ask(&Request { key, ..Request::new(&Tried::new()) }).unwrap()
    }
}

fn map(group: &Group, keys: u64) -> Vec<usize> {
    (0..keys).map(|key| group.of_key(key)).collect()
}

fn group(members: Vec<Member>) -> Group {
    Group::with(Settings::new(Kind::Hash), members)
}

#[test]
fn a_key_has_one_server_whatever_the_order_of_the_list_and_the_seed() {
    for size in SIZES {
        let weights: Vec<u16> = (0..size).map(|server| 1 + server as u16 % 3).collect();
        let forwards = Group::new(Kind::Hash, &weights);
        let mut turned = members(&weights);
        turned.reverse();
        let backwards = group(turned).seeded(99);
        for key in 0..2000 {
            assert_eq!(forwards.of_key(key), size - 1 - backwards.of_key(key), "key {key} of {size} servers");
        }
    }
}

#[test]
fn shares_follow_the_weights() {
    let check = |weights: &[u16]| {
        let counts = tally(&map(&Group::new(Kind::Hash, weights), KEYS), weights.len());
        let sum: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        for (server, (count, weight)) in counts.iter().zip(weights).enumerate() {
            let expected = f64::from(*weight) / sum * KEYS as f64;
            // Five deviations of chance, and what Maglev's table rounds.
            let tolerance = 5.0 * expected.sqrt() + 0.02 * expected;
            let difference = (*count as f64 - expected).abs();
            assert!(difference <= tolerance, "server {server} of {weights:?}: {count}, not {expected}");
        }
    };
    check(&[1; 10]);
    check(&[1, 2, 3, 4]);
    check(&[100, 0, 1, 99]);
    check(&[3]);
    check(&[7; 64]);
    check(&[7; 65]);
    let mixed: Vec<u16> = (0..100).map(|server| 1 + server % 5).collect();
    check(&mixed);
    let one_is_big: Vec<u16> = (0..80).map(|server| if server == 9 { 1000 } else { 10 }).collect();
    check(&one_is_big);
}

#[test]
fn a_server_that_leaves_moves_its_own_keys() {
    let moved = |weights: &[u16], gone: usize| {
        let all = Group::new(Kind::Hash, weights);
        let mut rest = members(weights);
        rest.remove(gone);
        let rest = group(rest);
        let place = |server: usize| if server > gone { server - 1 } else { server };
        let before = map(&all, KEYS / 10);
        let after = map(&rest, KEYS / 10);
        let others = before.iter().zip(&after).filter(|(before, after)| **before != gone && place(**before) != **after);
        others.count() as f64 / before.iter().filter(|server| **server == gone).count() as f64
    };
    assert_eq!(moved(&[1; 10], 3), 0.0);
    assert_eq!(moved(&[1, 2, 3, 4], 0), 0.0);
    assert_eq!(moved(&[5, 5, 1, 1, 5], 4), 0.0);
    // In the table some others move too, but not more than those that must.
    let share = moved(&[1; 100], 42);
    assert!(share > 0.0 && share < 1.0, "{share} times as many keys moved as had to");
}

#[test]
fn a_server_with_more_weight_takes_keys_and_loses_none() {
    let before = Group::new(Kind::Hash, &[1, 1, 1, 1]);
    let after = Group::new(Kind::Hash, &[1, 3, 1, 1]);
    for key in 0..KEYS / 10 {
        let (old, new) = (before.of_key(key), after.of_key(key));
        assert!(old == new || new == 1, "key {key} moved from {old} to {new}");
    }
}

#[test]
fn the_next_attempt_goes_to_the_same_second_server() {
    for size in SIZES {
        let group = Group::new(Kind::Hash, &vec![1; size]);
        let mut seconds = Vec::new();
        for key in (0..1_000 * size as u64).filter(|key| group.of_key(*key) == 7) {
            let again = || group.ask(&Request { key, ..Request::new(&tried(&[7])) }).unwrap().server();
            seconds.push(again());
            assert_eq!(again(), seconds[seconds.len() - 1]);
        }
        // The keys of one server are spread over all others.
        let counts = tally(&seconds, size);
        assert!(counts.iter().filter(|count| **count > 0).count() > size * 8 / 10, "{counts:?}");
    }
}

#[test]
fn a_busy_server_passes_keys_on_and_gets_them_back() {
    for size in SIZES {
        let group = Group::new(Kind::Hash, &vec![1; size]);
        let own = group.of_key(1);
        // A hot key: all its requests together are bounded by a quarter more than a fair share.
        let tickets: Vec<_> = (0..40 * size).map(|_| group.ticket_of_key(1)).collect();
        let counts: Vec<u32> = (0..size).map(|server| group.state(server).in_flight()).collect();
        let most = counts.iter().max().unwrap();
        // The share of a big group comes from a sample.
        let bound = if size <= 64 { 50 } else { 120 };
        assert!((40..=bound).contains(most), "{size} servers: {counts:?}");
        assert!(counts[own] >= 40, "{size} servers: {counts:?}");
        drop(tickets);
        assert_eq!(group.of_key(1), own);
    }
}

#[test]
fn bounds_go_by_weight() {
    let group = Group::new(Kind::Hash, &[1, 3]);
    let tickets: Vec<_> = (0..400).map(|_| group.ticket_of_key(1)).collect();
    let counts: Vec<u32> = (0..2).map(|server| group.state(server).in_flight()).collect();
    assert_eq!(tickets.len(), 400);
    let is_in_bounds = counts[0] <= 125 && counts[1] <= 375;
    assert!(is_in_bounds, "{counts:?}");
}

#[test]
fn a_few_requests_at_once_stay_together() {
    let group = Group::new(Kind::Hash, &[1; 10]);
    let own = group.of_key(1);
    let tickets: Vec<_> = (0..8).map(|_| group.ticket_of_key(1)).collect();
    assert!(tickets.iter().all(|ticket| ticket.server() == own));
}

#[test]
fn a_sick_server_is_passed_over_until_it_is_well() {
    for size in SIZES {
        let group = Group::new(Kind::Hash, &vec![1; size]);
        let own = group.of_key(1);
        (0..size).for_each(|server| group.succeed(server, if server == own { 100.0 } else { 10.0 }));
        group.wait_ms(100);
        assert_ne!(group.of_key(1), own, "8 times slower");
        // Its bad time fades while nothing is heard.
        group.wait_ms(20_000);
        assert_eq!(group.of_key(1), own);
        // Three failures cost 100 * (0.271 - 0.1).
        group.fail(own, 3);
        assert_ne!(group.of_key(1), own, "failing");
        group.wait_ms(30_000);
        assert_eq!(group.of_key(1), own);
    }
}

#[test]
fn where_all_are_sick_a_key_has_its_own_server() {
    let group = Group::new(Kind::Hash, &[1; 4]);
    let own = group.of_key(1);
    // Asked to spare them all.
    (0..4).for_each(|server| group.balancer.spare(server, Duration::from_secs(60), group.now.get()));
    assert_eq!(group.of_key(1), own);
}

#[test]
fn a_busy_group_relaxes_the_bound_before_it_turns_to_the_sick() {
    let group = Group::new(Kind::Hash, &[1, 1, 1]);
    let own = group.of_key(1);
    (0..3).filter(|server| *server != own).for_each(|server| {
        group.balancer.spare(server, Duration::from_secs(60), group.now.get());
    });
    let tickets: Vec<_> = (0..100).map(|_| group.ticket_of_key(1)).collect();
    assert!(tickets.iter().all(|ticket| ticket.server() == own));
}

#[test]
fn a_server_in_its_slow_start_has_its_keys() {
    let mut joined = members(&[1; 4]);
    joined[2].state = Arc::new(ServerState::joining(START));
    let before = map(&Group::new(Kind::Hash, &[1; 4]), 1000);
    assert_eq!(map(&group(joined), 1000), before);
}

#[test]
fn keys_of_a_lower_tier_do_not_depend_on_the_backups() {
    let mut with_backup = members(&[1; 5]);
    with_backup[4].tier = 1;
    let with_backup = group(with_backup);
    assert_eq!(map(&with_backup, 1000), map(&Group::new(Kind::Hash, &[1; 4]), 1000));
    (0..4).for_each(|server| with_backup.state(server).checked(false, START));
    assert_eq!(with_backup.of_key(1), 4);
}

#[test]
fn the_hash_of_a_key_never_changes() {
    let check = |key: &[u8], expected: u64| assert_eq!(hash_key(key), expected, "{key:?}: {:#018x}", hash_key(key));
    // Another value would send every key to another server while an old and a new release run side by side.
    check(b"", 0xe220_a839_7b1d_cdaf);
    check(b"a", 0xccba_3254_e69f_b15b);
    check(b"user-12345", 0x8ede_b84a_985d_3dc0);
    check(b"/static/app.js?v=1", 0x8f1c_b6ce_fa97_cbcf);
    check(&[0; 8], 0x4442_e426_6c0a_c966);
}

#[test]
fn every_bit_of_a_key_changes_half_of_the_hash() {
    for length in [1, 7, 8, 9, 16, 31] {
        let mut key: Vec<u8> = (0..length).map(|byte| (byte as u8).wrapping_mul(37)).collect();
        let plain = hash_key(&key);
        let mut differences = 0;
        for bit in 0..8 * length {
            key[bit / 8] ^= 1 << (bit % 8);
            let difference = (hash_key(&key) ^ plain).count_ones();
            key[bit / 8] ^= 1 << (bit % 8);
            assert!((10..=54).contains(&difference), "bit {bit} of {length} bytes changes {difference}");
            differences += difference as usize;
        }
        let mean = differences as f64 / (8 * length) as f64;
        assert!((27.0..37.0).contains(&mean), "{mean} bits on average with {length} bytes");
    }
}

#[test]
fn keys_that_differ_in_length_or_order_differ() {
    let mut hashes: Vec<u64> = (0..100).map(|length| hash_key(&vec![0; length])).collect();
    hashes.extend([&b"ab"[..], b"ba", b"abcdefgh12345678", b"12345678abcdefgh"].map(hash_key));
    hashes.extend((0..100_000_u32).map(|number| hash_key(format!("client-{number}").as_bytes())));
    let count = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
}

#[test]
fn mixing_loses_nothing() {
    let mut mixed: Vec<u64> = (0..10_000).map(mix).collect();
    mixed.sort_unstable();
    mixed.dedup();
    assert_eq!(mixed.len(), 10_000);
}
