//! When freed memory goes back to the system: once a burst has passed, see decision 0021. How, `evener_runtime` knows.
//!
//! It frees nothing: what workers keep for reuse they bring to measure themselves.

use evener_runtime::memory;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is not worth the trouble: the buffers that workers keep, and pages that are half in use.
const SLACK_BYTES: u64 = 8 << 20;
/// So many connections, streams and sessions at a time are a burst. A guess: fewer hold a few megabytes at most.
const BURST_MIN: usize = 16;
/// Looks between one time and the next: load that goes up and down must not give back what it needs again.
const LOOKS_BETWEEN: u32 = 5;

/// What is known of the memory of the process.
pub(super) struct Memory {
    /// The most that each worker has had to do at a time since the last look.
    loads: Vec<Arc<AtomicUsize>>,
    tide: Tide,
    /// The least that was resident.
    bytes_min: u64,
}

impl Memory {
    pub(super) fn new() -> Self {
        // Where the kernel does not tell, nothing is ever worth the trouble.
        let bytes_min = memory::resident().unwrap_or(u64::MAX);
        Self { loads: Vec::new(), tide: Tide::new(), bytes_min }
    }

    /// A further worker, and where it is to tell what it has to do.
    pub(super) fn add_worker(&mut self) -> Arc<AtomicUsize> {
        let load = Arc::default();
        self.loads.push(Arc::clone(&load));
        load
    }

    /// A plan was swapped for another, which frees the old one soon.
    pub(super) fn reloaded(&mut self) {
        self.tide.most = usize::MAX;
    }

    /// Gives memory back if a burst has passed and there is something to give.
    pub(super) fn look(&mut self) {
        let load = self.loads.iter().map(|load| load.swap(0, Ordering::Relaxed)).sum();
        if self.tide.is_out(load) {
            self.give_back();
        }
    }

    fn give_back(&mut self) {
        let Ok(before) = memory::resident() else { return };
        if before.saturating_sub(self.bytes_min) > SLACK_BYTES {
            memory::give_back();
        }
        self.bytes_min = self.bytes_min.min(memory::resident().unwrap_or(before));
    }
}

/// The load as it comes and goes.
#[derive(Debug, Clone, Copy)]
struct Tide {
    /// The most since it was out.
    most: usize,
    /// At the last look.
    last: usize,
    looks: u32,
}

impl Tide {
    const fn new() -> Self {
        Self { most: 0, last: 0, looks: LOOKS_BETWEEN }
    }

    /// Whether a burst has passed: since the last look the load was half of what it had been, or less, and it does not go on
    /// to fall so fast. `load` is the most since the last look.
    fn is_out(&mut self, load: usize) -> bool {
        let is_falling = load < self.last / 2;
        self.last = load;
        self.looks = self.looks.saturating_add(1);
        let is_out = self.most >= BURST_MIN && load <= self.most / 2 && !is_falling && self.looks > LOOKS_BETWEEN;
        if is_out {
            self.looks = 0;
        }
        self.most = if is_out { load } else { self.most.max(load) };
        is_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At which of the looks, counted from 0, a burst has passed.
    #[track_caller]
    fn check(loads: &[usize], expected: &[usize]) {
        let mut tide = Tide::new();
        let out: Vec<usize> = (0..loads.len()).filter(|look| tide.is_out(loads[*look])).collect();
        assert_eq!(out, expected, "{loads:?}");
    }

    #[test]
    fn a_burst_has_passed_when_half_of_it_is_gone_and_little_more_goes() {
        check(&[0, 0, 0, 0], &[]);
        check(&[0, 100, 100, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[4]);
        check(&[0, 100, 100, 51, 51, 51], &[]);
        check(&[100, 49, 20, 5, 0, 0], &[5]);
        check(&[100, 80, 60, 50, 40, 30], &[3]);
        check(&[100, 7, 3, 6, 2, 5], &[2]);
        check(&[15, 15, 0, 0, 0], &[]);
        check(&[16, 8, 8], &[1]);
    }

    #[test]
    fn what_goes_up_and_down_is_out_only_now_and_then() {
        check(&[100, 0, 0, 100, 0, 0, 0, 0, 0, 0], &[2, 8]);
        // What is left after the first time is a burst of its own.
        check(&[100, 40, 40, 40, 40, 40, 40, 40, 40, 20, 20], &[2, 9]);
    }

    #[test]
    fn a_reload_is_followed_by_one() {
        let mut memory = Memory::new();
        memory.reloaded();
        assert!(memory.tide.is_out(3) && !memory.tide.is_out(3));
    }
}
