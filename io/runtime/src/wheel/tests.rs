//! The wheel against a plain sorted list.

use super::*;
use std::collections::BTreeMap;

struct Table(Vec<Links>);

impl Slots for Table {
    fn links(&mut self, slot: u32) -> &mut Links {
        &mut self.0[slot as usize]
    }
}

/// A small generator so that a failing run is repeated by its seed.
fn next(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

#[test]
fn delivers_every_entry_once_and_in_time() {
    for seed in 1..40_u64 {
        let mut random = seed * 0x9E37_79B9;
        let mut table = Table(vec![Links::default(); 300]);
        let mut wheel = Wheel::new(1000);
        let mut expected: BTreeMap<u32, u64> = BTreeMap::new();
        let mut now = 1000;
        for _ in 0..2000 {
            let slot = (next(&mut random) % 300) as u32;
            if expected.remove(&slot).is_some() {
                wheel.disarm(&mut table, slot);
            } else {
                let at = now + 1 + next(&mut random) % 900;
                let placed = wheel.arm(&mut table, slot, at);
                assert!(placed <= at && placed > now, "seed {seed}");
                expected.insert(slot, placed);
            }
            if next(&mut random).is_multiple_of(4) {
                now += next(&mut random) % 40;
                let mut due: Vec<u32> = Vec::new();
                while let Some(slot) = wheel.take_due(&mut table, now) {
                    due.push(slot);
                }
                due.sort_unstable();
                let wanted: Vec<u32> = expected.iter().filter(|(_, at)| **at <= now).map(|(slot, _)| *slot).collect();
                assert_eq!(due, wanted, "seed {seed} at tick {now}");
                expected.retain(|_, at| *at > now);
            }
            assert_eq!(wheel.next_tick(), expected.values().min().copied(), "seed {seed} at tick {now}");
        }
    }
}

#[test]
fn a_far_entry_waits_in_the_last_bucket() {
    let mut table = Table(vec![Links::default(); 1]);
    let mut wheel = Wheel::new(7);
    let placed = wheel.arm(&mut table, 0, 1_000_000);
    assert_eq!(placed, 7 + BUCKETS - 1);
    assert_eq!(wheel.take_due(&mut table, placed - 1), None);
    assert_eq!(wheel.take_due(&mut table, placed), Some(0));
    assert_eq!(wheel.next_tick(), None);
}

#[test]
fn an_entry_armed_again_after_a_long_pause_is_delivered_once() {
    let mut table = Table(vec![Links::default(); 1]);
    let mut wheel = Wheel::new(7);
    let goal = 1_000_000;
    wheel.arm(&mut table, 0, goal);
    let mut deliveries = 0;
    for now in [100_000, goal - 1] {
        while let Some(slot) = wheel.take_due(&mut table, now) {
            deliveries += 1;
            assert!(wheel.arm(&mut table, slot, goal) <= goal);
            assert!(deliveries < 10_000, "the wheel does not advance");
        }
        assert!(wheel.next_tick().is_some_and(|tick| tick > now && tick <= goal));
    }
    assert_eq!(wheel.take_due(&mut table, goal), Some(0));
}
