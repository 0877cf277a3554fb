//! Deadlines of the phases of an exchange on the connection's one alarm, and the least rate of a peer.

use evener_plan::Limits;
use evener_runtime::alarm::Wake;
use evener_runtime::{Alarm, Millis};
use std::task::{Context, Poll};

/// The alarm during one wait. It is set when the wait first has to sleep, and again only when the deadline moves.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    alarm: &'a Alarm,
    armed: Option<Millis>,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(alarm: &'a Alarm) -> Self {
        Self { alarm, armed: None }
    }

    /// Ready once `deadline` has passed; else the task is woken when it does.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Millis) -> Poll<()> {
        if self.armed != Some(deadline) {
            self.alarm.set(deadline);
            self.armed = Some(deadline);
        }
        match self.alarm.poll(cx) {
            Poll::Ready(Wake::Deadline) => Poll::Ready(()),
            // Only resting connections are shed; this one has got a request since.
            Poll::Ready(Wake::Shed) | Poll::Pending => Poll::Pending,
        }
    }
}

/// Measures whether a peer keeps the least rate, window by window (K13: a deadline alone does not stop a peer that sends
/// one byte at a time).
#[derive(Debug, Clone, Copy)]
pub(crate) struct RateWindow {
    end: Millis,
    bytes: u64,
    bytes_min: u64,
    length: std::time::Duration,
}

impl RateWindow {
    pub(crate) fn new(limits: &Limits, now: Millis) -> Self {
        let bytes_min =
            u128::from(limits.rate_bytes_per_second_min).saturating_mul(limits.rate_window.as_millis()) / 1000;
        Self {
            end: now.after(limits.rate_window),
            bytes: 0,
            bytes_min: u64::try_from(bytes_min).unwrap_or(u64::MAX),
            length: limits.rate_window,
        }
    }

    /// A window in which something has to come, however little.
    pub(crate) fn pausing(length: std::time::Duration, now: Millis) -> Self {
        Self { end: now.after(length), bytes: 0, bytes_min: 1, length }
    }

    /// Counts bytes that moved.
    pub(crate) fn count(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// When the window ends; never if no rate is asked for.
    pub(crate) fn end(&self) -> Millis {
        if self.bytes_min == 0 { Millis::NEVER } else { self.end }
    }

    /// Closes the window at its end and opens the next; whether the peer was fast enough.
    pub(crate) fn turn(&mut self, now: Millis) -> bool {
        let is_fast_enough = self.bytes >= self.bytes_min;
        self.restart(now);
        is_fast_enough
    }

    /// Opens a new window: the peer was not the one who was waited for.
    pub(crate) fn restart(&mut self, now: Millis) {
        self.end = now.after(self.length);
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests;
