//! Waiting for something to become true, with a deadline. The only place that sleeps, and only
//! between two looks.

use std::time::{Duration, Instant};

/// How long a test waits for what should happen at once. Long, because a loaded machine is slow
/// and a test that passes never waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// A point in time after which nobody waits any longer.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// The time left; `None` when there is none.
    pub(crate) fn remaining(self) -> Option<Duration> {
        let left = self.0.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}

/// Looks again and again until there is a value; fails the test when the time is over.
#[track_caller]
pub(crate) fn wait_for<T>(time: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Deadline::after(time);
    loop {
        if let Some(value) = look() {
            return value;
        }
        assert!(deadline.remaining().is_some(), "waited {time:?} in vain: {what}");
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

/// Waits so long, or until the condition holds.
pub(crate) fn pause_unless(time: Duration, mut is_so: impl FnMut() -> bool) {
    let deadline = Deadline::after(time);
    while deadline.remaining().is_some() && !is_so() {
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

/// Looks again and again until the condition holds; fails the test when the time is over.
#[track_caller]
pub(crate) fn eventually(time: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    wait_for(time, what, || is_so().then_some(()));
}
