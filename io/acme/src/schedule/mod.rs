//! Decisions of the manager as pure functions: when to renew, how long to wait, which challenge, when to warn.
//!
//! Time and randomness are arguments; `draw` is a random number from 0 up to but not including 1.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::settings::Pace;

/// How a host proves that it is evener's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// A certificate shown in a TLS handshake on port 443, RFC 8737.
    TlsAlpn,
    /// A file fetched from port 80, RFC 8555 §8.3.
    Http,
}

impl Challenge {
    /// The one to try after this one failed.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::TlsAlpn => Self::Http,
            Self::Http => Self::TlsAlpn,
        }
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TlsAlpn => "tls-alpn-01",
            Self::Http => "http-01",
        })
    }
}

/// From when until when a certificate is good. `not_before` is earlier than `not_after`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) not_before: SystemTime,
    pub(crate) not_after: SystemTime,
}

/// When the authority would like a certificate to be renewed, RFC 9773 §4.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) start: SystemTime,
    pub(crate) end: SystemTime,
}

/// The challenge to answer: the preferred one if it is offered, else the other.
pub(crate) fn choose(preferred: Challenge, offered: impl Fn(Challenge) -> bool) -> Option<Challenge> {
    [preferred, preferred.other()].into_iter().find(|challenge| offered(*challenge))
}

/// When to renew: at a random moment of the authority's window, but not after nine tenths of the certificate's life;
/// without a window `renew_before` the end, or after two thirds of the life if it is shorter than three times that.
pub(crate) fn renewal(validity: Validity, window: Option<Window>, renew_before: Duration, draw: f64) -> SystemTime {
    let Validity { not_before, not_after } = validity;
    let life = not_after.duration_since(not_before).unwrap_or(Duration::ZERO);
    // RFC 9773 §4.2: a window that ends before it starts counts as none.
    if let Some(Window { start, end }) = window.filter(|window| window.start < window.end && window.start < not_after) {
        let chosen = start + end.duration_since(start).unwrap_or(Duration::ZERO).mul_f64(draw);
        return chosen.min(not_before + life.mul_f64(0.9));
    }
    let due = if life < renew_before.saturating_mul(3) { life * 2 / 3 } else { life - renew_before };
    // Certificates that were ordered together are not all renewed in the same minute.
    not_before + due.saturating_sub((life / 30).min(SPREAD_MAX).mul_f64(draw))
}

/// What a failure costs, which decides how soon the next try may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setback {
    /// The authority was not reached, or was not well: nothing came of it that anybody counts.
    Outage,
    /// Something that the authority may count, and it has limits for that.
    Counted,
}

/// Failures in a row, each kind by itself: an outage is no reason to forget what the authority has counted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Failures {
    outages: u32,
    counted: u32,
}

impl Failures {
    /// Adds one and returns how long to wait.
    pub(crate) fn add(&mut self, setback: Setback, wanted: Option<Duration>, pace: &Pace, draw: f64) -> Duration {
        let count = match setback {
            Setback::Outage => &mut self.outages,
            Setback::Counted => {
                // It was reached.
                self.outages = 0;
                &mut self.counted
            }
        };
        *count = count.saturating_add(1);
        pause(setback, *count, wanted, pace, draw)
    }

    /// How many of those in a row the authority may have counted.
    pub(crate) fn counted(self) -> u32 {
        self.counted
    }

    /// Whether there are none.
    pub(crate) fn is_none(self) -> bool {
        self.outages == 0 && self.counted == 0
    }
}

/// How long to wait after so many such failures in a row (at least one): doubling with a fifth of jitter either way, and
/// not shorter than what the authority asked for.
pub(crate) fn pause(setback: Setback, failures: u32, wanted: Option<Duration>, pace: &Pace, draw: f64) -> Duration {
    let (first, max) = match setback {
        Setback::Outage => (pace.outage_first, pace.outage_max),
        Setback::Counted => (pace.pause_first, pace.pause_max),
    };
    let doublings = failures.saturating_sub(1).min(DOUBLINGS_MAX);
    let doubled = first.saturating_mul(1 << doublings).min(max);
    let jittered = doubled.mul_f64(0.8 + 0.4 * draw).min(max);
    let wanted = wanted.map_or(Duration::ZERO, |wanted| wanted.min(DAY).mul_f64(1.0 + 0.1 * draw));
    jittered.max(wanted)
}

/// How long to wait before the authority is asked about renewal again, RFC 9773 §4.3.2.
pub(crate) fn ask_again(wanted: Duration, pace: &Pace) -> Duration {
    wanted.clamp(ASK_MIN.min(pace.ask), DAY.max(pace.ask))
}

/// The step of warning that a certificate with so much time left has come to, if it has not been told yet. `told` is the
/// step of the last warning.
pub(crate) fn warning(left: Duration, told: Option<Duration>) -> Option<Duration> {
    let step = WARNINGS.into_iter().find(|step| left <= *step)?;
    told.is_none_or(|told| step < told).then_some(step)
}

/// When to warn about a certificate whose renewal fails, the latest first.
const WARNINGS: [Duration; 5] =
    [Duration::ZERO, DAY, DAY.saturating_mul(3), DAY.saturating_mul(7), DAY.saturating_mul(14)];
/// No authority is asked about renewal more often than this, whatever it says.
const ASK_MIN: Duration = Duration::from_secs(60);
/// Over how much time the renewals of certificates of the same age are spread, at most.
const SPREAD_MAX: Duration = Duration::from_secs(12 * 3600);
/// Enough to come from any first wait to any longest one without an overflow.
const DOUBLINGS_MAX: u32 = 20;
/// The longest wait that an authority may ask for.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests;
