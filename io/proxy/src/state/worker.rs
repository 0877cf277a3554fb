//! What the connections of one worker share. The worker's life is told in `crate::worker`.

use super::{Session, Snapshot};
use evener_balance::SplitMix;
use evener_observe::{AccessLog, Diagnostics, WorkerCounters};
use evener_runtime::Alarms;
use evener_runtime::buffer::Buffers;
use evener_runtime::pipe::Pipes;
use evener_upstream::Pools;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::Notify;

/// Sessions and buffers of each size that a worker keeps for reuse however little there is to do. A guess: 400 KB.
const STOCK_MIN: usize = 16;
/// Sessions that a worker keeps for reuse.
const SESSIONS_MAX: usize = 256;
/// Connections of a worker that may keep the room for their next request, 3 KB each.
const WARM_MAX: usize = 128;

/// How far a worker is from its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Serving,
    /// Nothing new; what is under way may finish.
    Draining,
    /// What is under way is cut.
    Stopping,
}

/// What the connections of one worker share.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) alarms: Rc<Alarms>,
    pub(crate) buffers: Buffers,
    pub(crate) pipes: Pipes,
    pub(crate) pools: Pools,
    pub(crate) counters: Arc<WorkerCounters>,
    pub(crate) diagnostics: Arc<Diagnostics>,
    pub(crate) log: RefCell<AccessLog>,
    pub(crate) rng: RefCell<SplitMix>,
    pub(crate) snapshot: RefCell<Rc<Snapshot>>,
    #[expect(clippy::vec_box, reason = "a session is large and moves from here into a burst and back")]
    pub(crate) sessions: RefCell<Vec<Box<Session>>>,
    pub(crate) life: Cell<Life>,
    /// Newcomers beyond the limit that wait for room.
    pub(crate) waiting: Cell<usize>,
    /// Number of connections that stay warm.
    pub(crate) warm: Cell<usize>,
    /// Open client connections of all workers, and the bound on them.
    pub(crate) connections: Arc<AtomicUsize>,
    /// Asks every worker to close an idle connection.
    pub(crate) pressure: Arc<Notify>,
    pub(crate) connections_max: Cell<usize>,
    /// Handshakes of TLS under way.
    pub(crate) handshakes: Cell<usize>,
    /// The most connections, streams and sessions at a time since the control thread has looked.
    pub(crate) load: Arc<AtomicUsize>,
}

impl Worker {
    /// The snapshot for a request that begins now.
    pub(crate) fn snapshot(&self) -> Rc<Snapshot> {
        Rc::clone(&self.snapshot.borrow())
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.life.get() != Life::Serving
    }

    /// What is under way is to end where it stands.
    pub(crate) fn is_stopping(&self) -> bool {
        self.life.get() == Life::Stopping
    }

    /// What comes of `work`, or nothing if the worker stops first. It is looked at whenever the work is, and stopping wakes
    /// all that have an alarm.
    pub(crate) async fn unless_stopped<F: Future>(&self, mut work: Pin<&mut F>) -> Option<F::Output> {
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if self.is_stopping() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    pub(crate) fn take_session(&self) -> Box<Session> {
        let idle = self.sessions.borrow_mut().pop();
        idle.unwrap_or_default()
    }

    pub(crate) fn give_back_session(&self, session: Box<Session>) {
        let mut sessions = self.sessions.borrow_mut();
        if sessions.len() < SESSIONS_MAX {
            sessions.push(session);
        }
    }

    /// Brings what is kept for reuse to the measure of what there was to do lately, and tells the control thread of it.
    pub(crate) fn take_stock(&self) {
        let load = self.alarms.take_most();
        let kept = load.max(STOCK_MIN);
        self.buffers.keep(kept);
        self.sessions.borrow_mut().truncate(kept);
        self.load.fetch_max(load, Ordering::Relaxed);
    }

    /// Counts one more client connection; `None` when the process has as many as it may.
    pub(crate) fn admit(self: &Rc<Self>) -> Option<Admission> {
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        // Dropping it takes the count back.
        let admission = Admission { worker: Rc::clone(self) };
        (before < self.connections_max.get()).then_some(admission)
    }

    /// Leave to stay warm, for one of the first connections that ask.
    pub(crate) fn warmth(self: &Rc<Self>) -> Option<Warmth> {
        let count = self.warm.get();
        (count < WARM_MAX).then(|| {
            self.warm.set(count + 1);
            Warmth(Rc::clone(self))
        })
    }

    /// How long a connection may rest.
    pub(crate) fn idle_timeout(&self) -> Duration {
        self.snapshot.borrow().plan().limits.idle_timeout
    }

    /// Frees descriptors: idle connections of clients, oldest first, and those to servers.
    pub(crate) fn shed(&self, count: usize) -> usize {
        self.alarms.shed_idle(count) + self.pools.close_idle()
    }
}

/// One connection that stays warm, see `crate::client`.
#[derive(Debug)]
pub(crate) struct Warmth(Rc<Worker>);

impl Drop for Warmth {
    fn drop(&mut self) {
        self.0.warm.set(self.0.warm.get() - 1);
    }
}

/// One client connection in the count of the process.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) worker: Rc<Worker>,
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.worker.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
