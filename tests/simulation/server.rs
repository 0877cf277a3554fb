//! A simulated server: some workers, one queue in order of arrival, and whatever befalls it.
//!
//! It does not know who sends to it, and it keeps no time: the world tells it when work is done.

use crate::demand::{Arrival, MILLISECOND};
use std::collections::VecDeque;

/// How long a server takes to say that it will not.
pub(crate) const REFUSAL: u64 = 3 * MILLISECOND / 10;

/// What a server is from the beginning.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    pub(crate) workers: usize,
    pub(crate) speed: f64,
    pub(crate) weight: u16,
    pub(crate) tier: u8,
}

/// What can happen to a server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Change {
    /// It takes so many times as long.
    Slow(f64),
    /// It answers this share of its requests with this status at once.
    Fail(f64, u16),
    /// Its process dies: connections are lost, new ones refused.
    Kill,
    /// It accepts connections again.
    Open,
    /// It stands still for so long, and then goes on where it was.
    Freeze(u64),
    /// It takes no new requests any more because it was told so, or it does again.
    Drain(bool),
    /// The servers that were not there from the start join the group.
    Join,
}

/// A server.
#[derive(Debug)]
pub(crate) struct Server {
    machine: Machine,
    slowness: f64,
    pub(crate) failing: (f64, u16),
    pub(crate) is_open: bool,
    frozen: Option<(u64, u64)>,
    /// Attempts that wait. Those whose client has left are still in it.
    queue: VecDeque<u32>,
    /// How many of them have a client.
    waiting: usize,
    working: Vec<u32>,
    /// Counts the lives of the process, so that work of an earlier one is not done in this one.
    pub(crate) life: u32,
}

impl Server {
    pub(crate) fn new(machine: Machine) -> Self {
        Self {
            machine,
            slowness: 1.0,
            failing: (0.0, 500),
            is_open: true,
            frozen: None,
            queue: VecDeque::new(),
            waiting: 0,
            working: Vec::new(),
            life: 0,
        }
    }

    /// Puts an attempt into the queue, unless that is full.
    pub(crate) fn enqueue(&mut self, attempt: u32) -> bool {
        let has_place = self.waiting < self.machine.workers * BACKLOG;
        if has_place {
            self.queue.push_back(attempt);
            self.waiting += 1;
        }
        has_place
    }

    /// The client of a waiting attempt has left.
    pub(crate) fn leave_queue(&mut self) {
        self.waiting -= 1;
    }

    /// The next attempt that a worker can begin with. `is_here` tells whether its client still is.
    pub(crate) fn next(&mut self, now: u64, is_here: impl Fn(u32) -> bool) -> Option<u32> {
        if self.frozen_until(now).is_some() || self.working.len() >= self.machine.workers {
            return None;
        }
        while let Some(attempt) = self.queue.pop_front() {
            if is_here(attempt) {
                self.waiting -= 1;
                self.working.push(attempt);
                return Some(attempt);
            }
        }
        None
    }

    /// How long a worker is busy with a request.
    pub(crate) fn effort(&self, arrival: &Arrival) -> u64 {
        (arrival.work as f64 * self.slowness / self.machine.speed) as u64
    }

    pub(crate) fn done(&mut self, attempt: u32) {
        self.working.retain(|other| *other != attempt);
    }

    pub(crate) fn slow(&mut self, slowness: f64) {
        self.slowness = slowness;
    }

    /// Stands still until then.
    pub(crate) fn freeze(&mut self, now: u64, until: u64) {
        self.frozen = Some((now, until));
    }

    /// When it goes on, if it stands still now.
    pub(crate) fn frozen_until(&self, now: u64) -> Option<u64> {
        self.frozen.filter(|(start, end)| (*start..*end).contains(&now)).map(|(_, end)| end)
    }

    /// When work ends that would end now: the time that it has stood still comes on top.
    pub(crate) fn thawed(&self, now: u64) -> Option<u64> {
        self.frozen.filter(|(start, end)| (*start..*end).contains(&now)).map(|(start, end)| end + (now - start))
    }

    /// Dies. Gives everything that was there.
    pub(crate) fn kill(&mut self) -> Vec<u32> {
        self.is_open = false;
        self.life += 1;
        self.waiting = 0;
        self.working.drain(..).chain(self.queue.drain(..)).collect()
    }
}

/// Connections that wait to be accepted, for each worker.
const BACKLOG: usize = 512;
