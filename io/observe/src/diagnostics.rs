//! Messages for the operator on standard error, at most one a second for each reason.
//!
//! It has no levels and no files. A peer that provokes errors costs a line a second and cannot fill a disk.

use crate::escape::push_message;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Lets one thing through per interval and counts the rest. Any number of threads may share it.
#[derive(Debug)]
pub struct Throttle {
    interval: Duration,
    base: Instant,
    /// Nanoseconds after `base` from when the next one is let through.
    open_from_ns: AtomicU64,
    held_back: AtomicU64,
}

impl Throttle {
    /// Makes a throttle that lets the first thing through at once. `now` is the time or some time before it.
    pub fn new(interval: Duration, now: Instant) -> Self {
        Self { interval, base: now, open_from_ns: AtomicU64::new(0), held_back: AtomicU64::new(0) }
    }

    /// Whether something may pass now; if so, how many were held back since the last one that passed.
    pub fn admit(&self, now: Instant) -> Option<u64> {
        let now_ns = nanoseconds(now.saturating_duration_since(self.base));
        let open_from_ns = self.open_from_ns.load(Ordering::Relaxed);
        let next_ns = now_ns.saturating_add(nanoseconds(self.interval));
        let is_first = now_ns >= open_from_ns
            && self.open_from_ns.compare_exchange(open_from_ns, next_ns, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if is_first {
            Some(self.held_back.swap(0, Ordering::Relaxed))
        } else {
            self.held_back.fetch_add(1, Ordering::Relaxed);
            None
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Writes messages to standard error. Any number of threads may share it.
#[derive(Debug)]
pub struct Diagnostics {
    /// A throttle for each reason, and a last one for reasons that are not in the list.
    throttles: Box<[Throttle]>,
    reasons: &'static [&'static str],
}

impl Diagnostics {
    /// Makes diagnostics for these reasons with one message per reason and interval; a second is usual.
    pub fn new(reasons: &'static [&'static str], interval: Duration) -> Self {
        let now = Instant::now();
        let throttles = (0..=reasons.len()).map(|_| Throttle::new(interval, now)).collect();
        Self { throttles, reasons }
    }

    /// Writes `evener: MESSAGE (REASON)`, unless the reason had its message already. The message is not even made up
    /// then. A standard error that cannot be written to is not an error.
    pub fn error(&self, reason: &'static str, message: fmt::Arguments<'_>) {
        // Else no page tells what it means, and it shares its throttle with all others of that sort.
        debug_assert!(self.reasons.contains(&reason), "the reason code {reason} is in no list");
        if let Some(line) = self.line(reason, message, Instant::now()) {
            // There is no other place where this failure could be told.
            let _unwritable = std::io::stderr().write_all(line.as_bytes());
        }
    }

    pub(crate) fn line(&self, reason: &'static str, message: fmt::Arguments<'_>, now: Instant) -> Option<String> {
        let known = self.reasons.iter().position(|known| *known == reason);
        let held_back = self.throttles[known.unwrap_or(self.reasons.len())].admit(now)?;
        let mut line = String::from("evener: ");
        push_message(&message.to_string(), &mut line);
        let _infallible = match held_back {
            0 => writeln!(line, " ({reason})"),
            _ => writeln!(line, " ({reason}; {held_back} more of this reason since the last message)"),
        };
        Some(line)
    }
}
