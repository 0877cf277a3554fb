//! What all threads know of one server. It outlives balancers: a change of the list of servers keeps the states of those
//! that stay.
//!
//! It does not know the server's address and does not decide anything.

use std::sync::atomic::{AtomicU32, Ordering};

/// The shared state of one server. It has a cache line of its own, because every thread writes to it.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct ServerState {
    in_flight: AtomicU32,
}

impl ServerState {
    /// A request was given to the server. Every call is followed by one of [`Self::finish`].
    pub fn start(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// A request that was started is over, well or badly.
    pub fn finish(&self) {
        let before = self.in_flight.fetch_sub(1, Ordering::Relaxed);
        debug_assert!(before > 0, "a request finished that was never started");
    }

    /// Number of requests that were started and are not over.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }
}
