//! The circuit of a server: whether it gets requests, in view of the failures it had.
//!
//! LIFECYCLE: closed -> open, for a time that doubles with every failed trial -> trial (one request at a time) -> half
//! open, until the next trial -> closed after two good trials; a failed trial opens it again.
//!
//! It does not decide when a circuit may open; the balancer does, which knows the pool.

use super::super::moment::has_come;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Failures in a row after which a circuit opens.
pub(crate) const FAILURES_MAX: u32 = 5;
/// Good trials that close it.
const GOOD_TRIALS: u8 = 2;
const OPEN_MS_MIN: u32 = 1_000;
const OPEN_MS_MAX: u32 = 30_000;
/// Where doubling stops, since it has passed the longest time.
const DOUBLINGS_MAX: u8 = 5;

/// What a circuit lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Everything.
    Closed,
    /// Nothing until its time is over, then one trial.
    Open,
    /// The next request, as a trial.
    HalfOpen,
    /// Nothing, while one trial is running.
    Trial,
}

/// The circuit, changed by many threads.
#[derive(Debug, Default)]
pub(crate) struct Circuit {
    word: AtomicU64,
    failures_in_row: AtomicU32,
}

/// The word taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) phase: Phase,
    good: u8,
    doublings: u8,
    /// Low bits of the moment when an open circuit lets a trial through.
    pub(crate) until: u32,
}

impl Circuit {
    pub(crate) fn reading(&self) -> Reading {
        Reading::unpack(self.word.load(Ordering::Relaxed))
    }

    /// Counts a failure; gives how many there were in a row with it.
    pub(crate) fn count_failure(&self) -> u32 {
        self.failures_in_row.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Ends a row of failures.
    pub(crate) fn end_row(&self) {
        // Reading alone keeps the line shared, which is the usual case.
        if self.failures_in_row.load(Ordering::Relaxed) != 0 {
            self.failures_in_row.store(0, Ordering::Relaxed);
        }
    }

    /// Opens a closed circuit. `jitter` is from -1 to 1. Whether it was closed.
    pub(crate) fn open(&self, now: u32, jitter: f32) -> bool {
        self.change(|reading| {
            let opened =
                Reading { phase: Phase::Open, good: 0, doublings: 0, until: now.wrapping_add(span(0, jitter)) };
            (reading.phase == Phase::Closed).then_some(opened)
        })
    }

    /// Takes the right to a trial, if one is due and `now` is `late_ms` past that.
    pub(crate) fn claim(&self, now: u32, late_ms: u32) -> bool {
        self.change(|reading| {
            let is_due = match reading.phase {
                Phase::Open | Phase::HalfOpen => has_come(now, reading.until.wrapping_add(late_ms)),
                Phase::Closed | Phase::Trial => false,
            };
            is_due.then_some(Reading { phase: Phase::Trial, until: now, ..reading })
        })
    }

    /// Gives the right to a trial back without a verdict.
    pub(crate) fn release(&self) {
        self.change(|reading| (reading.phase == Phase::Trial).then_some(Reading { phase: Phase::HalfOpen, ..reading }));
    }

    /// A request went well that was let through although the circuit is not closed. Whether that has closed it.
    pub(crate) fn good(&self, now: u32) -> bool {
        let mut is_closed = false;
        self.change(|reading| {
            let good = reading.good + 1;
            is_closed = reading.phase != Phase::Closed && good >= GOOD_TRIALS;
            match reading.phase {
                Phase::Closed => None,
                _ if is_closed => Some(Reading::CLOSED),
                Phase::Open | Phase::HalfOpen | Phase::Trial => {
                    Some(Reading { phase: Phase::HalfOpen, good, until: now, ..reading })
                }
            }
        });
        is_closed
    }

    /// A trial failed, perhaps after its answer had begun well. Whether the circuit was still awaiting trials.
    pub(crate) fn bad(&self, now: u32, jitter: f32) -> bool {
        self.change(|reading| {
            let doublings = (reading.doublings + 1).min(DOUBLINGS_MAX);
            let until = now.wrapping_add(span(doublings, jitter));
            let is_tried = matches!(reading.phase, Phase::Trial | Phase::HalfOpen);
            is_tried.then_some(Reading { phase: Phase::Open, good: 0, doublings, until })
        })
    }

    /// Lets an open circuit have its next trial now.
    pub(crate) fn hasten(&self, now: u32) {
        self.change(|reading| (reading.phase == Phase::Open).then_some(Reading { until: now, ..reading }));
    }

    /// Lets an open circuit have no trial before `next`, and none earlier than it would have had.
    pub(crate) fn defer(&self, next: u32) {
        self.change(|reading| {
            let is_later = reading.phase == Phase::Open && has_come(next, reading.until);
            is_later.then_some(Reading { until: next, ..reading })
        });
    }

    /// Closes it, whatever it was. Whether it was not closed.
    pub(crate) fn close(&self) -> bool {
        self.failures_in_row.store(0, Ordering::Relaxed);
        self.change(|reading| (reading.phase != Phase::Closed).then_some(Reading::CLOSED))
    }

    /// Changes the word unless `next` gives `None`; `next` is asked again if another thread was faster.
    fn change(&self, mut next: impl FnMut(Reading) -> Option<Reading>) -> bool {
        let update = |word| next(Reading::unpack(word)).map(Reading::pack);
        self.word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update).is_ok()
    }
}

impl Reading {
    const CLOSED: Self = Self { phase: Phase::Closed, good: 0, doublings: 0, until: 0 };

    fn pack(self) -> u64 {
        let phase = match self.phase {
            Phase::Closed => 0,
            Phase::Open => 1,
            Phase::HalfOpen => 2,
            Phase::Trial => 3,
        };
        phase | u64::from(self.good) << 8 | u64::from(self.doublings) << 16 | u64::from(self.until) << 32
    }

    fn unpack(word: u64) -> Self {
        let phase = match word & 3 {
            0 => Phase::Closed,
            1 => Phase::Open,
            2 => Phase::HalfOpen,
            _ => Phase::Trial,
        };
        Self { phase, good: (word >> 8) as u8, doublings: (word >> 16) as u8, until: (word >> 32) as u32 }
    }
}

/// How long a circuit stays open: one second, doubled so often, moved by up to a fifth so that the servers of a pool do
/// not come back in step.
fn span(doublings: u8, jitter: f32) -> u32 {
    let plain = (OPEN_MS_MIN << doublings.min(DOUBLINGS_MAX)).min(OPEN_MS_MAX);
    (plain as f32 * (1.0 + 0.2 * jitter)) as u32
}
