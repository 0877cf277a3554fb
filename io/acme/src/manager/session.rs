//! The way to the authority: closed, being opened, or open.
//!
//! While it is closed no host is ordered, so that an outage costs one attempt at a time and not one for each host.

use std::time::Duration;

use instant_acme::Account;
use tokio::time::Instant;

use crate::account::Stored;
use crate::fault::Fault;
use crate::schedule::{Failures, Setback};
use crate::settings::Pace;

enum Way {
    Closed { from: Instant, haste: Haste },
    Opening,
    Open(Account),
}

/// Whether a wait may be cut short by somebody who knows better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Haste {
    /// It follows an outage, which may be over.
    Allowed,
    /// The authority wants it, or counts what would follow.
    Refused,
}

impl Haste {
    pub(crate) fn after(setback: Setback, wanted: Option<Duration>) -> Self {
        match (setback, wanted) {
            (Setback::Outage, None) => Self::Allowed,
            (Setback::Outage, Some(_)) | (Setback::Counted, _) => Self::Refused,
        }
    }
}

/// The way, and how often it failed in a row.
pub(crate) struct Session {
    way: Way,
    failures: Failures,
    /// What the next opening does with the stored account.
    stored: Stored,
    /// Counts the openings: what comes from an earlier one must not close a later one.
    pub(crate) number: u64,
}

impl Session {
    pub(crate) fn new(now: Instant) -> Self {
        let way = Way::Closed { from: now, haste: Haste::Allowed };
        Self { way, failures: Failures::default(), stored: Stored::Use, number: 0 }
    }

    pub(crate) fn account(&self) -> Option<&Account> {
        match &self.way {
            Way::Open(account) => Some(account),
            Way::Closed { .. } | Way::Opening => None,
        }
    }

    /// How long until it may be opened; `None` if it is open or being opened.
    pub(crate) fn wait(&self, now: Instant) -> Option<Duration> {
        match &self.way {
            Way::Closed { from, .. } => Some(from.saturating_duration_since(now)),
            Way::Opening | Way::Open(_) => None,
        }
    }

    /// It is being opened from now on; returns what is to be done with the stored account.
    pub(crate) fn opening(&mut self) -> Stored {
        self.way = Way::Opening;
        self.number += 1;
        self.stored
    }

    pub(crate) fn opened(&mut self, account: Account) {
        self.way = Way::Open(account);
        self.stored = Stored::Use;
    }

    /// Something with an order went well, so that the authority is fine.
    pub(crate) fn worked(&mut self) {
        self.failures = Failures::default();
    }

    /// Closes it and returns how long it stays so.
    pub(crate) fn failed(&mut self, fault: &Fault, pace: &Pace, now: Instant, draw: f64) -> Duration {
        let (setback, wanted) = (fault.setback(), fault.wanted_pause());
        if fault.is_account_unknown() {
            self.stored = Stored::Retire;
        }
        let wait = self.failures.add(setback, wanted, pace, draw);
        self.way = Way::Closed { from: now + wait, haste: Haste::after(setback, wanted) };
        wait
    }

    /// Somebody believes that an outage is over.
    pub(crate) fn hurry(&mut self, now: Instant) {
        if let Way::Closed { from, haste: Haste::Allowed } = &mut self.way {
            *from = now.min(*from);
        }
    }
}
