//! Where requests of all workers wait while every server of an upstream is at its bound.
//!
//! LIFECYCLE: a request joins and sleeps; whoever ends a request at a server calls the next; who is called tries again,
//! and joins again at its old place if somebody was faster. Who gives up leaves. The line outlives snapshots, so that a
//! reload does not lose those who wait.
//!
//! There is a lock in it, the only one on the way of a request: one queue for all workers is fair, and lets the first
//! server that is free take the request that is next. Nobody touches the lock while servers have room: a counter tells
//! that nobody waits.

use evener_balance::{Moment, WaitQueue};
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// The requests that wait for one upstream.
#[derive(Debug, Default)]
pub(crate) struct Line {
    waiting: AtomicU32,
    queue: Mutex<WaitQueue<Place>>,
}

/// A request's place in the line.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    called: Arc<Notify>,
    pub(crate) since: Moment,
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.called, &other.called)
    }
}

impl Place {
    /// A place for a request that begins to wait now.
    pub(crate) fn new(now: Moment) -> Self {
        Self { called: Arc::default(), since: now }
    }

    /// Waits to be called. Cancel safe: a call that was not heard is heard by the next wait.
    pub(crate) async fn called(&self) {
        self.called.notified().await;
    }
}

impl Line {
    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0
    }

    /// Joins the line; false if `size` requests wait already.
    pub(crate) fn join(&self, place: &Place, size: u32) -> bool {
        let mut queue = self.queue();
        if queue.len() >= size as usize {
            return false;
        }
        queue.push(place.clone(), place.since);
        self.count(&queue);
        drop(queue);
        // A server may have got room just before. Either who made it sees us wait, or we see the room: both look after
        // they have written.
        fence(Ordering::SeqCst);
        true
    }

    /// Gives the place up; false if it was called in the meantime.
    pub(crate) fn leave(&self, place: &Place) -> bool {
        let mut queue = self.queue();
        let was_there = queue.remove(place);
        self.count(&queue);
        was_there
    }

    /// Calls the next one, if somebody waits; `wait` is how long one may wait.
    pub(crate) fn call(&self, wait: Duration, now: Moment) {
        fence(Ordering::SeqCst);
        if self.is_empty() {
            return;
        }
        let mut queue = self.queue();
        let next = queue.next(wait, now);
        self.count(&queue);
        drop(queue);
        if let Some(place) = next {
            place.called.notify_one();
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
