//! What a run has shown, and the few numbers that it comes down to.

use crate::demand::MILLISECOND;
use crate::world::TIMEOUT;
use std::fmt;

/// A request is late after this.
const LATE: u64 = 100 * MILLISECOND;
/// Requests to servers are counted in spans of this length.
pub(crate) const SPAN: u64 = 100 * MILLISECOND;

/// Everything that is written down of one run.
#[derive(Debug)]
pub(crate) struct Record {
    servers: usize,
    /// Requests sent, by span and server.
    spans: Vec<u32>,
    /// Response times in microseconds, those of failures at the proxy or at once left out: they would look fast.
    times: Vec<u32>,
    pub(crate) requests: u64,
    pub(crate) attempts: u64,
    pub(crate) errors: u64,
    pub(crate) shed: u64,
    pub(crate) missed: u64,
    pub(crate) ejected_max: usize,
    /// Requests that were in flight when all was over.
    pub(crate) left_over: u32,
}

impl Record {
    pub(crate) fn new(servers: usize, requests: usize) -> Self {
        Self {
            servers,
            spans: Vec::new(),
            times: Vec::with_capacity(requests),
            requests: 0,
            attempts: 0,
            errors: 0,
            shed: 0,
            missed: 0,
            ejected_max: 0,
            left_over: 0,
        }
    }

    /// A request was sent to a server.
    pub(crate) fn sent(&mut self, server: usize, now: u64) {
        let place = (now / SPAN) as usize * self.servers + server;
        if self.spans.len() <= place {
            self.spans.resize(place + self.servers, 0);
        }
        self.spans[place] += 1;
        self.attempts += 1;
    }

    /// A client has its answer, or knows that there is none.
    pub(crate) fn finished(&mut self, time: u64, is_good: bool) {
        self.requests += 1;
        self.errors += u64::from(!is_good);
        self.missed += u64::from(!is_good || time > LATE);
        if is_good || time >= TIMEOUT {
            self.times.push((time / 1000) as u32);
        }
    }

    /// Requests sent to a server from one moment to another.
    pub(crate) fn sent_between(&self, server: usize, from: u64, to: u64) -> u64 {
        let spans = (from / SPAN) as usize..(to / SPAN) as usize;
        spans.filter_map(|span| self.spans.get(span * self.servers + server)).map(|count| u64::from(*count)).sum()
    }

    /// The share of all requests that went to a server from one moment to another.
    pub(crate) fn share(&self, server: usize, from: u64, to: u64) -> f64 {
        let all: u64 = (0..self.servers).map(|server| self.sent_between(server, from, to)).sum();
        self.sent_between(server, from, to) as f64 / all.max(1) as f64
    }

    pub(crate) fn figures(&mut self) -> Figures {
        let requests = self.requests.max(1) as f64;
        Figures {
            p50: self.quantile_ms(0.5),
            p99: self.quantile_ms(0.99),
            p999: self.quantile_ms(0.999),
            errors: 100.0 * self.errors as f64 / requests,
            missed: 100.0 * self.missed as f64 / requests,
            amplification: self.attempts as f64 / requests,
        }
    }

    fn quantile_ms(&mut self, quantile: f64) -> f64 {
        if self.times.is_empty() {
            return 0.0;
        }
        let rank = ((self.times.len() as f64 * quantile) as usize).min(self.times.len() - 1);
        f64::from(*self.times.select_nth_unstable(rank).1) / 1000.0
    }
}

/// The numbers of a run, or the medians of several.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figures {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    /// Share of requests without a good answer, percent.
    pub(crate) errors: f64,
    /// Share of requests without a good answer in time, percent.
    pub(crate) missed: f64,
    /// Requests sent to servers for each one that came.
    pub(crate) amplification: f64,
}

impl Figures {
    /// The median of each number by itself.
    pub(crate) fn median(runs: &[Self]) -> Self {
        let of = |number: fn(&Self) -> f64| {
            let mut numbers: Vec<f64> = runs.iter().map(number).collect();
            numbers.sort_by(f64::total_cmp);
            numbers[numbers.len() / 2]
        };
        Self {
            p50: of(|run| run.p50),
            p99: of(|run| run.p99),
            p999: of(|run| run.p999),
            errors: of(|run| run.errors),
            missed: of(|run| run.missed),
            amplification: of(|run| run.amplification),
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p99, p999, errors, missed, .. } = self;
        write!(f, "{p99:.0}/{p999:.0}/{errors:.2}/{missed:.2}")
    }
}
