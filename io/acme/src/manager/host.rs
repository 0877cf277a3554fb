//! What is known of one host name, and what has to be done for it next.
//!
//! Only decisions: the time and randomness are arguments, the work is done by `Manager`.
//!
//! LIFECYCLE: a host begins with what the store holds. Without a certificate, or when it is time to renew, it is ordered;
//! after a failure it pauses, longer each time; a reload ends a pause that follows an outage. A new certificate is used at
//! once and stored as soon as that works. While the host has a certificate the authority is asked from time to time when
//! to renew it. One thing is done at a time.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::session::Haste;
use crate::certificate::Certificate;
use crate::fault::Fault;
use crate::order::Failed;
use crate::schedule::{Challenge, Failures, Window, ask_again, renewal, warning};
use crate::settings::{AcmeSettings, Pace};

/// Something to do for a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Order,
    Ask,
    Save,
}

/// What comes next for a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Do(Work),
    Wait(Duration),
}

/// The two clocks: waits go by the one that never jumps, certificates by the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) steady: Instant,
    pub(crate) wall: SystemTime,
}

#[derive(Debug)]
pub(crate) struct Host {
    certificate: Option<Arc<Certificate>>,
    is_stored: bool,
    window: Option<Window>,
    /// Where in a window or a spread the renewal of this certificate is; drawn anew for each.
    draw: f64,
    challenge: Challenge,
    failures: Failures,
    /// Whether a reload may cut the wait for the next order short.
    haste: Haste,
    order_from: Instant,
    ask_from: Instant,
    save_from: Instant,
    warned: Option<Duration>,
}

impl Host {
    /// A host with what the store held.
    pub(crate) fn new(stored: Option<Arc<Certificate>>, now: Now, draw: f64) -> Self {
        Self {
            certificate: stored,
            is_stored: true,
            window: None,
            draw,
            challenge: Challenge::TlsAlpn,
            failures: Failures::default(),
            haste: Haste::Refused,
            order_from: now.steady,
            ask_from: now.steady,
            save_from: now.steady,
            warned: None,
        }
    }

    pub(crate) fn certificate(&self) -> Option<&Arc<Certificate>> {
        self.certificate.as_ref()
    }

    pub(crate) fn challenge(&self) -> Challenge {
        self.challenge
    }

    /// The certificate that an order replaces, if the authority has told when to renew it: only then it knows the word.
    pub(crate) fn replaced(&self) -> Option<Arc<Certificate>> {
        self.window.and_then(|_known| self.certificate.clone())
    }

    /// Hosts with a smaller value are served first: those without a certificate, then those whose end is near.
    pub(crate) fn urgency(&self) -> Option<SystemTime> {
        self.certificate.as_ref().map(|certificate| certificate.not_after())
    }

    /// What to do now, or how long nothing is to be done.
    pub(crate) fn next(&self, settings: &AcmeSettings, now: Now) -> Next {
        let until = |from: Instant| from.saturating_duration_since(now.steady);
        let Some(certificate) = &self.certificate else {
            return due(until(self.order_from), Work::Order);
        };
        let left = self.renewal(certificate, settings).duration_since(now.wall).unwrap_or(Duration::ZERO);
        // Of two that are due the first is done; an order should know the window.
        let mut steps = vec![(until(self.ask_from), Work::Ask), (until(self.order_from).max(left), Work::Order)];
        if !self.is_stored {
            // First, as a crash would lose it.
            steps.insert(0, (until(self.save_from), Work::Save));
        }
        let first = steps.into_iter().min_by_key(|(wait, _)| *wait);
        first.map_or(Next::Wait(settings.pace.tick), |(wait, work)| due(wait, work))
    }

    /// When it is ordered next, by the clock on the wall, if nothing changes.
    pub(crate) fn order_at(&self, settings: &AcmeSettings, now: Now) -> SystemTime {
        let from = now.wall + self.order_from.saturating_duration_since(now.steady);
        let renewal = self.certificate.as_ref().map(|certificate| self.renewal(certificate, settings));
        renewal.map_or(from, |renewal| renewal.max(from))
    }

    fn renewal(&self, certificate: &Certificate, settings: &AcmeSettings) -> SystemTime {
        renewal(certificate.validity(), self.window, settings.acme.renew_before, self.draw)
    }

    /// There is a new certificate.
    pub(crate) fn ordered(&mut self, certificate: Arc<Certificate>, pace: &Pace, now: Now, draw: f64) {
        self.certificate = Some(certificate);
        self.is_stored = false;
        self.window = None;
        self.draw = draw;
        self.failures = Failures::default();
        self.haste = Haste::Refused;
        self.order_from = now.steady + pace.rest;
        self.ask_from = now.steady;
        self.save_from = now.steady;
        self.warned = None;
    }

    /// An order failed; returns how long the next one waits.
    pub(crate) fn order_failed(&mut self, failed: &Failed, pace: &Pace, now: Now, draw: f64) -> Duration {
        let wanted = failed.fault.wanted_pause();
        let mut wait = self.failures.add(failed.setback, wanted, pace, draw);
        if let Fault::Challenge { challenge, .. } = &failed.fault {
            self.challenge = challenge.other();
            // The other one is asked of another port, which may well be open: the first time it is tried at once.
            if self.failures.counted() == 1 && wanted.is_none() {
                wait = Duration::ZERO;
            }
        }
        self.haste = Haste::after(failed.setback, wanted);
        self.order_from = now.steady + wait;
        wait
    }

    /// Somebody believes that an outage is over.
    pub(crate) fn hurry(&mut self, now: Now) {
        if self.haste == Haste::Allowed {
            self.order_from = self.order_from.min(now.steady);
        }
    }

    /// The authority said when to renew, or did not.
    pub(crate) fn asked(&mut self, answer: Option<(Window, Duration)>, pace: &Pace, now: Now, draw: f64) {
        let hold = answer.map_or(pace.ask, |(_, hold)| ask_again(hold, pace));
        self.ask_from = now.steady + hold;
        let Some((window, _)) = answer else { return };
        if self.window != Some(window) {
            self.window = Some(window);
            self.draw = draw;
        }
    }

    pub(crate) fn saved(&mut self) {
        self.is_stored = true;
    }

    pub(crate) fn save_failed(&mut self, pace: &Pace, now: Now) {
        self.save_from = now.steady + pace.store_again;
    }

    /// How much time is left, if it is time to warn of it: the certificate ends and its renewal fails.
    pub(crate) fn warn(&mut self, now: Now) -> Option<Duration> {
        let certificate = self.certificate.as_ref().filter(|_certificate| !self.failures.is_none())?;
        let left = certificate.not_after().duration_since(now.wall).unwrap_or(Duration::ZERO);
        self.warned = Some(warning(left, self.warned)?);
        Some(left)
    }
}

fn due(wait: Duration, work: Work) -> Next {
    if wait.is_zero() { Next::Do(work) } else { Next::Wait(wait) }
}
