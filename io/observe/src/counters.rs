//! Counters of the hot path: a block for each worker, summed by whoever reads.
//!
//! Sums are not a snapshot: counters go on while they are read. They are never reset.
//!
//! LIFECYCLE: [`Counters`] is made once for the process, with the blocks of all workers; a worker keeps its block for
//! life, over reloads too.

use crate::histogram::{Histogram, Latencies};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that one thread changes and any thread reads.
///
/// It is read and written in two steps, which costs a fraction of an atomic addition. Two threads that change the same
/// counter lose counts.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds a number.
    pub fn add(&self, count: u64) {
        self.0.store(self.value().wrapping_add(count), Ordering::Relaxed);
    }

    /// Takes one away, in counters of what is open.
    pub fn decrement(&self) {
        debug_assert!(self.value() > 0, "something closed that was never opened");
        self.0.store(self.value().saturating_sub(1), Ordering::Relaxed);
    }

    /// The number now.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The first digit of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusClass {
    /// 1xx: 101, since interim responses do not end a request.
    Informational,
    /// 2xx.
    Success,
    /// 3xx.
    Redirect,
    /// 4xx.
    ClientError,
    /// 5xx, and what is no status at all.
    ServerError,
}

impl StatusClass {
    /// The class of a status.
    pub fn of(status: u16) -> Self {
        match status / 100 {
            1 => Self::Informational,
            2 => Self::Success,
            3 => Self::Redirect,
            4 => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}

/// The counters of one worker. No other thread changes them.
#[derive(Debug)]
#[repr(align(64))]
pub struct WorkerCounters {
    /// Connections that clients opened.
    pub connections_accepted: Counter,
    /// Client connections that are open now.
    pub connections_open: Counter,
    /// Handshakes of TLS with clients that came to their end.
    pub handshakes_done: Counter,
    /// Handshakes of TLS with clients that failed, whosever fault it was.
    pub handshakes_failed: Counter,
    /// Bytes that clients sent.
    pub bytes_in: Counter,
    /// Bytes that were sent to clients.
    pub bytes_out: Counter,
    /// Requests that were sent to a server a second time or more often, each time.
    pub retries: Counter,
    /// Connections that were opened to servers.
    pub upstream_connects: Counter,
    /// Requests that went over a pooled connection.
    pub upstream_reuses: Counter,
    /// Attempts at a server that failed before it answered, whether or not another server took the request.
    pub upstream_failures: Counter,
    /// Requests that waited because every server was at its bound.
    pub queued: Counter,
    /// Requests of which a second copy was sent because the answer was late.
    pub hedges: Counter,
    /// Times that a server was ejected.
    pub ejections: Counter,
    /// Lines that were missing in the access log because its writer did not keep up.
    pub log_lines_dropped: Counter,
    /// Time from the first byte of a request to the last of its response.
    pub latency: Histogram,
    requests: [Counter; 5],
    failures: Box<[Counter]>,
}

impl WorkerCounters {
    fn new(reasons: usize) -> Self {
        Self {
            connections_accepted: Counter::default(),
            connections_open: Counter::default(),
            handshakes_done: Counter::default(),
            handshakes_failed: Counter::default(),
            bytes_in: Counter::default(),
            bytes_out: Counter::default(),
            retries: Counter::default(),
            upstream_connects: Counter::default(),
            upstream_reuses: Counter::default(),
            upstream_failures: Counter::default(),
            queued: Counter::default(),
            hedges: Counter::default(),
            ejections: Counter::default(),
            log_lines_dropped: Counter::default(),
            latency: Histogram::new(),
            requests: Default::default(),
            failures: std::iter::repeat_with(Counter::default).take(reasons).collect(),
        }
    }

    /// Counts a request that was answered with this status.
    pub fn count_request(&self, status: u16) {
        self.requests[StatusClass::of(status) as usize].increment();
    }

    /// Counts a failure by the index of its reason in the list that [`Counters::new`] was given.
    pub fn count_failure(&self, reason: usize) {
        debug_assert!(reason < self.failures.len(), "the reason {reason} is not in the list");
        if let Some(counter) = self.failures.get(reason) {
            counter.increment();
        }
    }
}

/// The counters of all workers.
#[derive(Debug)]
pub struct Counters {
    workers: Box<[Arc<WorkerCounters>]>,
    reasons: &'static [&'static str],
}

impl Counters {
    /// Makes the blocks of so many workers. `reasons` names every kind of failure that will be counted.
    pub fn new(workers: usize, reasons: &'static [&'static str]) -> Self {
        let blocks = std::iter::repeat_with(|| Arc::new(WorkerCounters::new(reasons.len())));
        Self { workers: blocks.take(workers).collect(), reasons }
    }

    /// The block of a worker, counted from 0; `None` if there is no such worker.
    pub fn worker(&self, worker: usize) -> Option<&Arc<WorkerCounters>> {
        self.workers.get(worker)
    }

    /// The sums over all workers.
    pub fn totals(&self) -> Totals {
        let sum = |read: fn(&WorkerCounters) -> &Counter| self.sum(|worker| read(worker));
        let requests = std::array::from_fn(|class| self.sum(|worker| &worker.requests[class]));
        let failures = self.reasons.iter().enumerate();
        Totals {
            connections_accepted: sum(|worker| &worker.connections_accepted),
            connections_open: sum(|worker| &worker.connections_open),
            handshakes_done: sum(|worker| &worker.handshakes_done),
            handshakes_failed: sum(|worker| &worker.handshakes_failed),
            bytes_in: sum(|worker| &worker.bytes_in),
            bytes_out: sum(|worker| &worker.bytes_out),
            retries: sum(|worker| &worker.retries),
            upstream_connects: sum(|worker| &worker.upstream_connects),
            upstream_reuses: sum(|worker| &worker.upstream_reuses),
            upstream_failures: sum(|worker| &worker.upstream_failures),
            queued: sum(|worker| &worker.queued),
            hedges: sum(|worker| &worker.hedges),
            ejections: sum(|worker| &worker.ejections),
            log_lines_dropped: sum(|worker| &worker.log_lines_dropped),
            latency: Latencies::of(self.workers.iter().map(|worker| &worker.latency)),
            requests,
            failures: failures.map(|(index, name)| (*name, self.sum(|worker| &worker.failures[index]))).collect(),
        }
    }

    fn sum<'a>(&'a self, read: impl Fn(&'a WorkerCounters) -> &'a Counter) -> u64 {
        self.workers.iter().map(|worker| read(worker).value()).fold(0, u64::wrapping_add)
    }
}

/// Sums over all workers; the fields are those of [`WorkerCounters`].
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are documented where they are counted")]
pub struct Totals {
    pub connections_accepted: u64,
    pub connections_open: u64,
    pub handshakes_done: u64,
    pub handshakes_failed: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub retries: u64,
    pub upstream_connects: u64,
    pub upstream_reuses: u64,
    pub upstream_failures: u64,
    pub queued: u64,
    pub hedges: u64,
    pub ejections: u64,
    pub log_lines_dropped: u64,
    pub latency: Latencies,
    requests: [u64; 5],
    failures: Vec<(&'static str, u64)>,
}

impl Totals {
    /// Number of requests that were answered with a status of this class.
    pub fn requests(&self, class: StatusClass) -> u64 {
        self.requests[class as usize]
    }

    /// Number of requests that were answered.
    pub fn requests_all(&self) -> u64 {
        self.requests.iter().sum()
    }

    /// Number of failures for each reason, in the order of the list that [`Counters::new`] was given.
    pub fn failures(&self) -> &[(&'static str, u64)] {
        &self.failures
    }
}
