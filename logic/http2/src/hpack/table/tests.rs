//! Tests of the dynamic table.

use super::{ENTRY_BYTES, Table};
use proptest::prelude::*;
use std::collections::VecDeque;

/// A table as RFC 7541 §4 tells it.
struct Plain {
    entries: VecDeque<(Vec<u8>, Vec<u8>)>,
    bytes_max: usize,
}

impl Plain {
    fn bytes(&self) -> usize {
        self.entries.iter().map(|(name, value)| name.len() + value.len() + ENTRY_BYTES).sum()
    }

    fn insert(&mut self, name: &[u8], value: &[u8]) {
        self.entries.push_front((name.to_vec(), value.to_vec()));
        self.set_bytes_max(self.bytes_max);
    }

    fn set_bytes_max(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
        while self.bytes() > bytes_max {
            self.entries.pop_back();
        }
    }
}

fn check(table: &Table, plain: &Plain, largest: usize) {
    for (age, (name, value)) in plain.entries.iter().enumerate() {
        assert_eq!(table.at(age), Some((&name[..], &value[..])));
    }
    assert_eq!(table.at(plain.entries.len()), None);
    assert_eq!(table.at(usize::MAX), None);
    assert_eq!(table.bytes, plain.bytes());
    assert_eq!(table.bytes_max(), plain.bytes_max);
    assert!(table.arena.capacity() <= 2 * largest, "{} bytes for a table of {largest}", table.arena.capacity());
    assert!(table.entries.capacity() <= 2 * (largest / ENTRY_BYTES).max(4));
}

#[derive(Debug, Clone)]
enum Step {
    Insert(usize, usize),
    Size(usize),
    Shrink,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => (0usize..40, 0usize..200).prop_map(|(name, value)| Step::Insert(name, value)),
        10 => (0usize..3, 0usize..3).prop_map(|(name, value)| Step::Insert(name, value)),
        1 => (0usize..5000, 0usize..5000).prop_map(|(name, value)| Step::Insert(name, value)),
        1 => (0usize..5000).prop_map(Step::Size),
        1 => Just(Step::Size(0)),
        1 => Just(Step::Shrink),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn it_does_as_a_plain_one(bytes_max in 0usize..5000, base: u32, steps in proptest::collection::vec(step(), 0..400)) {
        let mut table = Table::new(bytes_max);
        table.base = base;
        let mut plain = Plain { entries: VecDeque::new(), bytes_max };
        let mut largest = bytes_max;
        for (number, step) in steps.iter().enumerate() {
            match *step {
                Step::Insert(name, value) => {
                    let (name, value) = (vec![number as u8; name], vec![!(number as u8); value]);
                    table.insert(&name, &value);
                    plain.insert(&name, &value);
                }
                Step::Size(bytes) => {
                    largest = largest.max(bytes);
                    table.set_bytes_max(bytes);
                    plain.set_bytes_max(bytes);
                }
                Step::Shrink => table.shrink(),
            }
            check(&table, &plain, largest);
        }
    }
}

#[test]
fn places_wrap() {
    let mut table = Table::new(4096);
    let mut plain = Plain { entries: VecDeque::new(), bytes_max: 4096 };
    table.base = u32::MAX - 10_000;
    for number in 0..1000u32 {
        let value = vec![number as u8; number as usize % 100];
        table.insert(b"name", &value);
        plain.insert(b"name", &value);
        check(&table, &plain, 4096);
    }
    assert!(table.base < 1_000_000);
}

#[test]
fn nothing_is_allocated_before_the_first_entry_or_kept_after_the_last() {
    let mut table = Table::new(4096);
    assert_eq!((table.arena.capacity(), table.entries.capacity()), (0, 0));
    table.insert(b"a", b"b");
    assert!(table.arena.capacity() < 100);
    table.set_bytes_max(0);
    table.shrink();
    assert_eq!((table.arena.capacity(), table.entries.capacity()), (0, 0));
}
