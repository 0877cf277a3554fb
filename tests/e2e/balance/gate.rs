//! A server that works on its requests until the test lets them go, or for a fixed time, and counts how many it works on
//! at once.
//!
//! It notices no client that leaves: whoever closes its connection leaves it at work.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::harness::message::Request;
use crate::harness::ports::free_address;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Recorder, Step};

/// The server. What it still works on when it is dropped is let go.
pub(super) struct Gate {
    pub(super) recorder: Recorder,
    work: Arc<Work>,
}

#[derive(Default)]
struct Work {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// How many may still go.
    passes: usize,
    is_open: bool,
    now: usize,
    most: usize,
    /// The targets in the order of their arrival.
    arrived: Vec<String>,
}

impl Gate {
    /// Lets nobody go until the test says so.
    pub(super) fn closed() -> Self {
        Self::start(PATIENCE)
    }

    /// Works on each request for so long.
    pub(super) fn timed(time: Duration) -> Self {
        Self::start(time)
    }

    fn start(time: Duration) -> Self {
        let work = Arc::new(Work::default());
        let at_work = Arc::clone(&work);
        let script = move |request: &Request| {
            at_work.perform(&request.target, time);
            vec![Step::send(ok(&request.target))]
        };
        Self { recorder: Recorder::per_request_at(free_address(), script), work }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.recorder.address()
    }

    /// Lets so many go, now or when they come.
    pub(super) fn pass(&self, requests: usize) {
        self.change(|state| state.passes += requests);
    }

    /// Lets everybody go from now on.
    pub(super) fn open(&self) {
        self.change(|state| state.is_open = true);
    }

    /// The most that it has worked on at once.
    pub(super) fn most(&self) -> usize {
        self.look(|state| state.most)
    }

    /// The targets in the order of their arrival.
    pub(super) fn arrived(&self) -> Vec<String> {
        self.look(|state| state.arrived.clone())
    }

    /// Waits until so many requests have arrived, ever.
    #[track_caller]
    pub(super) fn wait_until_arrived(&self, requests: usize) {
        eventually(PATIENCE, "the requests arrive", || self.look(|state| state.arrived.len()) >= requests);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.work.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.work.changed.notify_all();
    }

    fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.work.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

impl Work {
    fn perform(&self, target: &str, time: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.arrived.push(target.to_owned());
        state.now += 1;
        state.most = state.most.max(state.now);
        let waits = |state: &mut State| !state.is_open && state.passes == 0;
        let (mut state, _) =
            self.changed.wait_timeout_while(state, time, waits).unwrap_or_else(PoisonError::into_inner);
        state.passes = state.passes.saturating_sub(1);
        state.now -= 1;
    }
}
