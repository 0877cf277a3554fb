//! One deadline and one waker for each connection of a worker, and the means to wake them all.
//!
//! A connection moves its deadline with every phase of a request; that is a store. The wheel is touched only when the
//! deadline comes nearer than it was armed for, or when it fires too early and is placed again.
//!
//! LIFECYCLE: [`Alarms::register`] takes a slot, dropping the [`Alarm`] gives it back. [`Alarms::drive`] must run once
//! on the worker for deadlines to fire.

use crate::clock::Millis;
use crate::wheel::{Links, Slots, TICK_MS, Wheel};
use slab::Slab;
use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// The alarms of one worker.
#[derive(Debug)]
pub struct Alarms {
    inner: RefCell<Inner>,
}

#[derive(Debug)]
struct Inner {
    slots: Slab<Slot>,
    /// The most slots in use since that was asked for.
    most: usize,
    wheel: Wheel,
    driver: Option<Waker>,
    /// The tick for which the driver sleeps.
    driver_tick: u64,
}

#[derive(Debug, Default)]
struct Slot {
    links: Links,
    state: State,
    deadline_ms: u64,
    armed_tick: u64,
    /// From when on the connection is idle; 0 while it works on a request.
    idle_since_ms: u64,
    waker: Option<Waker>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Waiting,
    Fired,
    Told,
}

/// Why an alarm woke its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// The deadline has passed.
    Deadline,
    /// The worker wants the connection closed as soon as it is idle, to free a file descriptor.
    Shed,
}

impl Slots for Slab<Slot> {
    fn links(&mut self, slot: u32) -> &mut Links {
        &mut self[slot as usize].links
    }
}

impl Alarms {
    /// No alarms yet.
    pub fn new() -> Rc<Self> {
        let wheel = Wheel::new(Millis::now().0 / TICK_MS);
        let inner = Inner { slots: Slab::new(), most: 0, wheel, driver: None, driver_tick: u64::MAX };
        Rc::new(Self { inner: RefCell::new(inner) })
    }

    /// A new alarm without a deadline.
    pub fn register(self: &Rc<Self>) -> Alarm {
        let slot = Slot { deadline_ms: u64::MAX, armed_tick: u64::MAX, ..Slot::default() };
        let inner = &mut *self.inner.borrow_mut();
        let key = inner.slots.insert(slot);
        inner.most = inner.most.max(inner.slots.len());
        Alarm { alarms: Rc::clone(self), key: u32::try_from(key).expect("fewer than 2^32 connections") }
    }

    /// Number of alarms, which is the number of connections that the worker has.
    pub fn len(&self) -> usize {
        self.inner.borrow().slots.len()
    }

    /// The most that there were at a time since this was asked last.
    pub fn take_most(&self) -> usize {
        let inner = &mut *self.inner.borrow_mut();
        std::mem::replace(&mut inner.most, inner.slots.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Wakes every owner, so that it looks at what has changed.
    pub fn wake_all(&self) {
        let wakers: Vec<Waker> = self.inner.borrow().slots.iter().filter_map(|(_, slot)| slot.waker.clone()).collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Tells up to `count` idle connections, longest idle first, to close. Returns how many were told.
    pub fn shed_idle(&self, count: usize) -> usize {
        let now_ms = Millis::now().0;
        let mut inner = self.inner.borrow_mut();
        let mut idle: Vec<(u64, usize)> = inner
            .slots
            .iter()
            .filter(|(_, slot)| (1..=now_ms).contains(&slot.idle_since_ms) && slot.state != State::Told)
            .map(|(key, slot)| (slot.idle_since_ms, key))
            .collect();
        idle.sort_unstable();
        idle.truncate(count);
        for (_, key) in &idle {
            let slot = &mut inner.slots[*key];
            slot.state = State::Told;
            if let Some(waker) = slot.waker.take() {
                waker.wake();
            }
        }
        idle.len()
    }

    /// Delivers deadlines until the worker ends.
    pub async fn drive(self: Rc<Self>) {
        let mut sleep: Pin<&mut Sleep> = pin!(sleep_until(Instant::now()));
        poll_fn(|cx| self.poll_drive(cx, sleep.as_mut())).await
    }

    fn poll_drive(&self, cx: &mut Context<'_>, mut sleep: Pin<&mut Sleep>) -> Poll<()> {
        loop {
            let next_tick = self.deliver(Millis::now());
            let mut inner = self.inner.borrow_mut();
            if inner.driver.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
                inner.driver = Some(cx.waker().clone());
            }
            let Some(next_tick) = next_tick else {
                inner.driver_tick = u64::MAX;
                return Poll::Pending;
            };
            if inner.driver_tick != next_tick {
                inner.driver_tick = next_tick;
                let wait_ms = (next_tick * TICK_MS).saturating_sub(Millis::now().0).max(1);
                sleep.as_mut().reset(Instant::now() + Duration::from_millis(wait_ms));
            }
            drop(inner);
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            // The coarse clock may lag a tick behind the timer: sleep again until it has caught up.
            self.inner.borrow_mut().driver_tick = u64::MAX;
        }
    }

    /// Wakes the owners of passed deadlines; returns the tick of the next entry.
    fn deliver(&self, now: Millis) -> Option<u64> {
        let mut inner = self.inner.borrow_mut();
        let Inner { slots, wheel, .. } = &mut *inner;
        let now_tick = now.0 / TICK_MS;
        while let Some(key) = wheel.take_due(slots, now_tick) {
            let slot = &mut slots[key as usize];
            slot.armed_tick = u64::MAX;
            if slot.deadline_ms <= now.0 {
                if slot.state == State::Waiting {
                    slot.state = State::Fired;
                }
                if let Some(waker) = slot.waker.take() {
                    waker.wake();
                }
            } else if slot.deadline_ms != u64::MAX {
                let tick = slot.deadline_ms.div_ceil(TICK_MS);
                slots[key as usize].armed_tick = wheel.arm(slots, key, tick);
            }
        }
        wheel.next_tick()
    }
}

/// The deadline of one connection.
#[derive(Debug)]
pub struct Alarm {
    alarms: Rc<Alarms>,
    key: u32,
}

impl Alarm {
    /// Sets the deadline and forgets what the alarm has told before.
    pub fn set(&self, deadline: Millis) {
        let mut inner = self.alarms.inner.borrow_mut();
        let Inner { slots, wheel, driver, driver_tick, .. } = &mut *inner;
        let slot = &mut slots[self.key as usize];
        slot.deadline_ms = deadline.0;
        slot.state = State::Waiting;
        if deadline.0 == u64::MAX {
            return;
        }
        let tick = deadline.0.div_ceil(TICK_MS);
        if tick >= slot.armed_tick {
            return;
        }
        wheel.disarm(slots, self.key);
        let placed = wheel.arm(slots, self.key, tick);
        slots[self.key as usize].armed_tick = placed;
        if placed < *driver_tick
            && let Some(driver) = driver
        {
            driver.wake_by_ref();
        }
    }

    /// Marks the connection as idle from `since` on, which makes it one that may be shed, until [`Self::work`]. A time to
    /// come leaves it alone until then.
    pub fn rest(&self, since: Millis) {
        self.alarms.inner.borrow_mut().slots[self.key as usize].idle_since_ms = since.0.max(1);
    }

    /// Marks the connection as working on a request.
    pub fn work(&self) {
        self.alarms.inner.borrow_mut().slots[self.key as usize].idle_since_ms = 0;
    }

    /// Wakes the owner, so that it looks at what has changed.
    pub fn wake(&self) {
        let waker = self.alarms.inner.borrow_mut().slots[self.key as usize].waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Ready once the deadline has passed or the connection was told to close; else the task is woken when it does.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<Wake> {
        let mut inner = self.alarms.inner.borrow_mut();
        let slot = &mut inner.slots[self.key as usize];
        match slot.state {
            State::Fired => Poll::Ready(Wake::Deadline),
            State::Told => Poll::Ready(Wake::Shed),
            State::Waiting => {
                if slot.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
                    slot.waker = Some(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let mut inner = self.alarms.inner.borrow_mut();
        let Inner { slots, wheel, .. } = &mut *inner;
        wheel.disarm(slots, self.key);
        // The slot's waker is dropped after the borrow ends: it may free the task that owns another alarm.
        let slot = slots.remove(self.key as usize);
        drop(inner);
        drop(slot);
    }
}
