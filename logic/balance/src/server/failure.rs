//! What went wrong with a request, as far as it tells something about the server.

use super::super::moment::{Moment, age_ms};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A failure of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It took no connection: nothing of the request has reached it.
    Connect,
    /// The connection ended before an answer, or the answer was no valid one.
    Reset,
    /// No answer came in time.
    Timeout,
    /// It answered with a status that tells of a failure, see [`Failure::of_status`].
    Status(u16),
    /// The answer began and did not end as it should.
    Broken,
}

impl Failure {
    /// The failure that a status tells of, if any: 5xx, 408 and 429. All else is the client's doing.
    pub fn of_status(status: u16) -> Option<Self> {
        matches!(status, 408 | 429 | 500..=599).then_some(Self::Status(status))
    }

    /// Whether a row of such failures opens the circuit. A server that refuses one busy client (429) or waits for one
    /// slow client in vain (408) may serve everybody else.
    pub(crate) fn opens_circuit(self) -> bool {
        !matches!(self, Self::Status(408 | 429))
    }

    fn pack(self) -> u32 {
        match self {
            Self::Connect => 1,
            Self::Reset => 2,
            Self::Timeout => 3,
            Self::Broken => 4,
            Self::Status(status) => u32::from(status) << 8 | 5,
        }
    }

    fn unpack(word: u32) -> Option<Self> {
        match word & 0xff {
            1 => Some(Self::Connect),
            2 => Some(Self::Reset),
            3 => Some(Self::Timeout),
            4 => Some(Self::Broken),
            5 => Some(Self::Status((word >> 8) as u16)),
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => f.write_str("no connection"),
            Self::Reset => f.write_str("connection lost"),
            Self::Timeout => f.write_str("time-out"),
            Self::Broken => f.write_str("broken answer"),
            Self::Status(status) => write!(f, "status {status}"),
        }
    }
}

/// The failure that a server had last.
#[derive(Debug, Default)]
pub(crate) struct LastFailure(AtomicU64);

impl LastFailure {
    pub(crate) fn set(&self, failure: Failure, now: u32) {
        self.0.store(u64::from(failure.pack()) << 32 | u64::from(now), Ordering::Relaxed);
    }

    /// The failure, and how long ago it was.
    pub(crate) fn reading(&self, now: Moment) -> Option<(Failure, Duration)> {
        let word = self.0.load(Ordering::Relaxed);
        let failure = Failure::unpack((word >> 32) as u32)?;
        Some((failure, Duration::from_millis(u64::from(age_ms(now.low(), word as u32)))))
    }
}
