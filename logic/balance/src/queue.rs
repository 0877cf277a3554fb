//! The order in which requests wait while every server is at its bound.
//!
//! First come, first served, as long as the queue is short. When the first has waited for more than half of what it may,
//! the queue does not drain, and serving in order would give every answer too late: then the newest goes first, and the
//! oldest, whose clients have given up soonest, run out of time (as Facebook's adaptive LIFO: B. Maurer 2015, "Fail at
//! scale").
//!
//! It does not wake anybody and does not watch the time; who waits does.

use crate::Moment;
use std::collections::VecDeque;
use std::time::Duration;

/// Requests that wait.
#[derive(Debug)]
pub struct WaitQueue<T> {
    entries: VecDeque<(Moment, T)>,
}

impl<T> Default for WaitQueue<T> {
    fn default() -> Self {
        Self { entries: VecDeque::new() }
    }
}

impl<T: PartialEq> WaitQueue<T> {
    /// Adds one that began to wait at `since`: at the end, or where it was before, if it had been called in vain.
    pub fn push(&mut self, item: T, since: Moment) {
        let place = self.entries.iter().rposition(|(other, _)| *other <= since).map_or(0, |place| place + 1);
        self.entries.insert(place, (since, item));
    }

    /// Takes the one whose turn it is among those that `may`; `wait` is how long one may wait.
    pub fn next(&mut self, wait: Duration, now: Moment, may: impl Fn(&T) -> bool) -> Option<T> {
        let (oldest, _) = self.entries.front()?;
        let is_late = oldest.after(wait / 2) < now;
        let mut places = self.entries.iter();
        let place = match is_late {
            true => places.rposition(|(_, item)| may(item)),
            false => places.position(|(_, item)| may(item)),
        };
        self.entries.remove(place?).map(|(_, item)| item)
    }

    /// Takes one out that waits no more. Whether it was still there.
    pub fn remove(&mut self, item: &T) -> bool {
        match self.entries.iter().position(|(_, other)| other == item) {
            Some(place) => self.entries.remove(place).is_some(),
            None => false,
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
