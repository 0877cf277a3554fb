//! Streams whose answer is whole by its length, and which their server has not ended: servers often do so in a frame of
//! its own, a moment later. A reset in between would tell them that a good answer was thrown away, and those that count
//! resets would close the connection.
//!
//! Until the end has come such a stream has its place on the connection, so that there are no more of them than there may
//! be streams; it is waited for within [`LINGER`].

use crate::intake::Intake;
use evener_runtime::Millis;
use std::cell::RefCell;
use std::time::Duration;

/// How long a server may take to end a stream after the last byte of its answer. A guess: long for any network, short
/// enough that a server which never does so gets its streams cancelled instead of running out of them.
const LINGER: Duration = Duration::from_secs(5);

/// The streams of one connection that are waited for.
#[derive(Default)]
pub(super) struct Lingering {
    streams: RefCell<Vec<(Intake, Millis)>>,
}

impl Lingering {
    pub(super) fn add(&self, intake: Intake) {
        self.streams.borrow_mut().push((intake, Millis::now()));
    }

    /// Lets go of those that have ended; returns how many.
    pub(super) fn take_ended(&self) -> usize {
        self.remove(|(intake, _)| intake.is_drained())
    }

    /// Cancels those that were waited for long enough; returns how many.
    pub(super) fn cancel_late(&self, now: Millis) -> usize {
        self.remove(|(_, since)| now.since(*since) >= LINGER)
    }

    /// Cancels all; returns how many.
    pub(super) fn cancel(&self) -> usize {
        self.remove(|_| true)
    }

    fn remove(&self, mut goes: impl FnMut(&mut (Intake, Millis)) -> bool) -> usize {
        let mut streams = self.streams.borrow_mut();
        let before = streams.len();
        if before > 0 {
            streams.retain_mut(|stream| !goes(stream));
        }
        before - streams.len()
    }
}

impl std::fmt::Debug for Lingering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.streams.borrow().iter().map(|(_, since)| since)).finish()
    }
}
