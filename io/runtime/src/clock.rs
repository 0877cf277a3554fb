//! The clock of deadlines: milliseconds of monotonic time, read without a system call and in a few nanoseconds.
//! It is coarse (one kernel tick, 1 to 10 ms); latencies are measured with `std::time::Instant` instead.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// A moment in milliseconds since an arbitrary start; never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// A moment that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// The present moment.
    pub fn now() -> Self {
        let time = clock_gettime(ClockId::MonotonicCoarse);
        // Monotonic time begins at boot and is never negative.
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let millis = u64::try_from(time.tv_nsec / 1_000_000).unwrap_or(0);
        Self(seconds * 1000 + millis)
    }

    /// The moment `duration` later; saturates at [`Self::NEVER`].
    pub fn after(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// Time from `earlier` to this moment; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}
