//! How many requests of a connection were taken back before they were answered (CVE-2023-44487).
//!
//! It counts and forgets; what is done about too many is decided by who drives the connection.

use evener_runtime::Millis;
use std::cell::Cell;

/// How far requests that were taken back may outnumber answers: more than a browser closes at once, and no work worth an
/// attack.
pub(super) const MAX: u32 = 200;
/// How many are forgotten each second: a client that changes its mind now and then is none that attacks.
const FORGOTTEN_PER_SECOND: u64 = 20;

/// Requests that were taken back and not made up for. Answers make up for them, and time does.
#[derive(Debug)]
pub(super) struct TakenBack {
    count: Cell<u32>,
    since: Cell<Millis>,
}

impl TakenBack {
    pub(super) fn new(now: Millis) -> Self {
        Self { count: Cell::new(0), since: Cell::new(now) }
    }

    /// One more was taken back.
    pub(super) fn add(&self, now: Millis) {
        let passed = u64::try_from(now.since(self.since.get()).as_millis()).unwrap_or(u64::MAX);
        let forgotten = passed.saturating_mul(FORGOTTEN_PER_SECOND) / 1000;
        if forgotten > 0 {
            let forgotten = u32::try_from(forgotten).unwrap_or(u32::MAX);
            self.count.set(self.count.get().saturating_sub(forgotten));
            self.since.set(now);
        }
        self.count.set(self.count.get() + 1);
    }

    /// One was answered.
    pub(super) fn make_up(&self) {
        self.count.set(self.count.get().saturating_sub(1));
    }

    pub(super) fn is_too_much(&self) -> bool {
        self.count.get() > MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// How many of these in a row are taken, one after each `pause`.
    fn taken(pause: Duration) -> Option<u32> {
        let mut now = Millis::now();
        let taken_back = TakenBack::new(now);
        (0..10_000).find(|_| {
            now = now.after(pause);
            taken_back.add(now);
            taken_back.is_too_much()
        })
    }

    #[test]
    fn a_burst_is_too_much_soon() {
        assert_eq!(taken(Duration::ZERO), Some(MAX));
        // As fast as an attack with a round trip for each.
        assert!(
            taken(Duration::from_millis(5)).is_some_and(|count| count < 230),
            "{:?}",
            taken(Duration::from_millis(5))
        );
    }

    #[test]
    fn now_and_then_is_never_too_much() {
        assert_eq!(taken(Duration::from_millis(50)), None);
    }

    #[test]
    fn answers_make_up() {
        let now = Millis::now();
        let taken_back = TakenBack::new(now);
        for _ in 0..1_000 {
            taken_back.add(now);
            taken_back.make_up();
        }
        assert!(!taken_back.is_too_much());
    }
}
