//! Time as an argument. Nothing here reads a clock.

use std::time::Duration;

/// A moment in milliseconds since an arbitrary start that is the same for all callers of a balancer. It should not go
/// back; if it does by a little, as between the clocks of two threads, nothing breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment so much later.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The low bits, in which shared states keep times. They wrap after 49 days; ages are taken modulo that.
    pub(crate) fn low(self) -> u32 {
        self.0 as u32
    }
}

/// Milliseconds from `then` to `now`, both being low bits; 0 if `then` is the later.
pub(crate) fn age_ms(now: u32, then: u32) -> u32 {
    let age = now.wrapping_sub(then);
    if age > u32::MAX / 2 { 0 } else { age }
}

/// Whether `now` has reached `then`, both being low bits.
pub(crate) fn has_come(now: u32, then: u32) -> bool {
    now.wrapping_sub(then) <= u32::MAX / 2
}
