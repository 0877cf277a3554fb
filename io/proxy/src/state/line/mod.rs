//! Where requests of all workers wait while every server of an upstream is at its bound.
//!
//! LIFECYCLE: a request joins the line and sleeps. Whoever ends a request at a server calls the first in the line, who
//! leaves it and tries to get the place. If that is not for it (its cookie leads elsewhere, it has been at that server
//! before, or somebody was faster), it goes back to where it stood and the call goes on to the next behind it. Nobody
//! hears the same call twice, so that no call goes round. Who gives up, or is dropped, passes on a call that it had.
//! The line outlives snapshots, so that a reload does not lose those who wait.
//!
//! There is a lock in it, the only one on the way of a request: one queue for all workers is fair, and lets the first
//! server that is free take the request that is next. Nobody touches the lock while servers have room: a counter tells
//! that nobody waits.

use evener_balance::{Moment, WaitQueue};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How many hear of one free place before it is left to newcomers. A guess: who is not helped by a place is rare, and a
/// line full of them must not be woken for each request that ends.
const HOPS_MAX: u64 = 8;

/// The requests that wait for one upstream.
#[derive(Debug, Default)]
pub(crate) struct Line {
    waiting: AtomicU32,
    /// Those who were called and have not tried yet: until they have, what is free is theirs.
    called: AtomicU32,
    calls: AtomicU64,
    queue: Mutex<WaitQueue<Place>>,
}

/// A request's place in the line.
#[derive(Debug, Clone)]
struct Place(Arc<Spot>);

#[derive(Debug)]
struct Spot {
    bell: Notify,
    /// The call that it was given last.
    call: AtomicU64,
    hops: AtomicU64,
    since: Moment,
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Line {
    /// Whether a newcomer may look for a place: nobody has been called to one.
    pub(crate) fn is_calm(&self) -> bool {
        self.called.load(Ordering::Relaxed) == 0
    }

    /// Joins the line; `None` if `size` requests wait already. `wait` is how long one may wait.
    pub(crate) fn join(&self, size: u32, wait: Duration, now: Moment) -> Option<Waiting<'_>> {
        let spot = Spot { bell: Notify::new(), call: AtomicU64::new(0), hops: AtomicU64::new(0), since: now };
        let place = Place(Arc::new(spot));
        let mut queue = self.queue();
        if queue.len() >= size as usize {
            return None;
        }
        queue.push(place.clone(), now);
        self.count(&queue);
        drop(queue);
        // A server may have got room just before. Either who made it sees us wait, or we see the room when we look once
        // more: both look after they have written.
        fence(Ordering::SeqCst);
        Some(Waiting { line: self, place, wait, is_over: false })
    }

    /// A place at a server has become free.
    pub(crate) fn freed(&self, wait: Duration, now: Moment) {
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
            self.call(call, 0, wait, now);
        }
    }

    /// Calls the first who has not heard this call.
    fn call(&self, call: u64, hops: u64, wait: Duration, now: Moment) {
        if hops >= HOPS_MAX {
            return;
        }
        let mut queue = self.queue();
        let next = queue.next(wait, now, |place| place.0.call.load(Ordering::Relaxed) != call);
        self.count(&queue);
        if let Some(Place(spot)) = next {
            spot.call.store(call, Ordering::Relaxed);
            spot.hops.store(hops, Ordering::Relaxed);
            // Under the lock, so that who gives up finds it counted.
            self.called.fetch_add(1, Ordering::Relaxed);
            drop(queue);
            spot.bell.notify_one();
        }
    }

    fn count(&self, queue: &WaitQueue<Place>) {
        self.waiting.store(u32::try_from(queue.len()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    fn queue(&self) -> MutexGuard<'_, WaitQueue<Place>> {
        // Nothing that could panic runs under the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request in the line. Dropping it leaves the line; a call that it was given goes on to the next.
#[derive(Debug)]
pub(crate) struct Waiting<'l> {
    line: &'l Line,
    place: Place,
    wait: Duration,
    is_over: bool,
}

impl Waiting<'_> {
    /// Waits to be called. Cancel safe: a call that was not heard is heard by the next wait.
    pub(crate) async fn called(&self) {
        self.place.0.bell.notified().await;
    }

    /// It was called and has looked for a place. If it has got one, it is out of the line; if not, it goes back to where
    /// it stood, and the call goes on.
    pub(crate) fn has_looked(&mut self, is_served: bool, now: Moment) {
        if is_served {
            self.is_over = true;
            self.line.called.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let mut queue = self.line.queue();
        queue.push(self.place.clone(), self.place.0.since);
        self.line.count(&queue);
        drop(queue);
        self.pass_on(now);
    }

    fn pass_on(&self, now: Moment) {
        self.line.called.fetch_sub(1, Ordering::Relaxed);
        let spot = &self.place.0;
        let (call, hops) = (spot.call.load(Ordering::Relaxed), spot.hops.load(Ordering::Relaxed));
        self.line.call(call, hops + 1, self.wait, now);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut queue = self.line.queue();
        let was_there = queue.remove(&self.place);
        self.line.count(&queue);
        drop(queue);
        if !was_there {
            // The time only decides about the order of those who are left.
            self.pass_on(self.place.0.since);
        }
    }
}

#[cfg(test)]
mod tests;
