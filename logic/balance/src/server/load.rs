//! The requests that a server has now, packed into one word, so that starting one is a single atomic addition.
//!
//! It counts and bounds nothing. The word has 20 bits for the requests in flight, 20 for those of them that await their
//! answer, and 24 for the number of requests started, which wraps and is folded into a total ten times a second.

use std::sync::atomic::{AtomicU64, Ordering};

const ONE_IN_FLIGHT: u64 = 1;
const ONE_AWAITING: u64 = 1 << 20;
const ONE_STARTED: u64 = 1 << 40;
const COUNT_MASK: u64 = (1 << 20) - 1;

/// The packed counts. At most 2^20 - 1 requests may be in flight; a process runs out of file descriptors before.
#[derive(Debug, Default)]
pub(crate) struct Load(AtomicU64);

/// The counts at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts(u64);

impl Load {
    /// One more request, which awaits its answer. Gives the counts before.
    pub(crate) fn start(&self) -> Counts {
        Counts(self.0.fetch_add(ONE_IN_FLIGHT + ONE_AWAITING + ONE_STARTED, Ordering::Relaxed))
    }

    /// The same, unless there are that many already.
    pub(crate) fn start_below(&self, limit: u32) -> Option<Counts> {
        let next = |word: u64| word.wrapping_add(ONE_IN_FLIGHT + ONE_AWAITING + ONE_STARTED);
        let may = |word| (Counts(word).in_flight() < limit).then_some(next(word));
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, may).ok().map(Counts)
    }

    /// A request has its answer and is still in flight.
    pub(crate) fn answered(&self) {
        let before = Counts(self.0.fetch_sub(ONE_AWAITING, Ordering::Relaxed));
        debug_assert!(before.awaiting() > 0, "an answer to a request that was never started");
    }

    /// A request that had its answer is over.
    pub(crate) fn finish(&self) {
        let before = Counts(self.0.fetch_sub(ONE_IN_FLIGHT, Ordering::Relaxed));
        debug_assert!(before.in_flight() > 0, "a request finished that was never started");
    }

    /// A request that was awaiting its answer is over.
    pub(crate) fn end(&self) {
        let before = Counts(self.0.fetch_sub(ONE_IN_FLIGHT + ONE_AWAITING, Ordering::Relaxed));
        debug_assert!(before.awaiting() > 0, "a request ended that was never started");
    }

    /// The counts now.
    pub(crate) fn counts(&self) -> Counts {
        Counts(self.0.load(Ordering::Relaxed))
    }
}

impl Counts {
    pub(crate) fn in_flight(self) -> u32 {
        (self.0 & COUNT_MASK) as u32
    }

    pub(crate) fn awaiting(self) -> u32 {
        (self.0 >> 20 & COUNT_MASK) as u32
    }

    /// The number of requests started, modulo 2^24.
    pub(crate) fn started(self) -> u32 {
        (self.0 >> 40) as u32
    }
}

/// How many requests were started between two readings of the wrapping count.
pub(crate) fn started_between(before: u32, after: u32) -> u32 {
    after.wrapping_sub(before) & 0x00ff_ffff
}
