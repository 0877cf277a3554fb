//! What a balancer is told: the algorithm, the bounds and who the servers are.

use crate::ServerState;
use std::sync::Arc;
use std::time::Duration;

/// How requests are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Requests in flight times relative latency plus a penalty for errors.
    Adaptive,
    /// In turn, each server as often as its weight says and as evenly spaced as can be.
    RoundRobin,
    /// At random, in proportion to the weights.
    Random,
    /// The fewest requests in flight for the weight; ties at random.
    LeastRequests,
    /// The fewer requests in flight of two servers drawn by weight.
    TwoChoices,
    /// The least mean response time times requests in flight.
    LeastTime,
    /// The least response time, peaks counting at once, times requests in flight, of two servers drawn by weight.
    PeakEwma,
    /// The same server for the same key, as long as it does well.
    Hash,
    /// The first server in the list.
    First,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Adaptive,
        Self::RoundRobin,
        Self::Random,
        Self::LeastRequests,
        Self::TwoChoices,
        Self::LeastTime,
        Self::PeakEwma,
        Self::Hash,
        Self::First,
    ];
}

/// What holds for a whole group of servers.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How requests are spread.
    pub kind: Kind,
    /// How long a server that has joined or recovered takes to reach its full share; zero: it has it at once.
    pub slow_start: Duration,
    /// Bound on the requests that one server works on at a time.
    pub limit: Limit,
    /// Share of requests that may be attempted again, 0 to 1; ten in a second always may.
    pub retry_budget: f64,
    /// Share of requests that may be sent twice at once, 0 to 1.
    pub hedge_budget: f64,
    /// A second copy is worth sending when this share of the requests is answered sooner, 0.5 to 0.999. `None`: the
    /// caller has a time of its own, or sends none.
    pub hedge_quantile: Option<f64>,
}

/// Bound on the requests that one server works on at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// There is none.
    None,
    /// So many; at least 1.
    Fixed(u32),
    /// Learned from response times, see [`crate::Kind::Adaptive`] for what is measured.
    Learned,
}

impl Settings {
    /// The defaults with this algorithm: a slow start of ten seconds, no bound, a retry budget of a fifth.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            slow_start: Duration::from_secs(10),
            limit: Limit::None,
            retry_budget: 0.2,
            hedge_budget: 0.0,
            hedge_quantile: None,
        }
    }
}

/// A server of the group.
#[derive(Debug, Clone)]
pub struct Member {
    /// What all threads, and balancers before and after this one, know of it.
    pub state: Arc<ServerState>,
    /// Share relative to the other servers; 0 takes no new clients.
    pub weight: u16,
    /// Servers of a higher tier are used only while none of a lower one is available.
    pub tier: u8,
    /// What it is known by when keys are hashed: the same in every process and after every change of the list.
    pub id: u64,
}

impl Member {
    /// A new server of weight 1 in the first tier, hashed by its place in the list.
    pub fn new(id: u64) -> Self {
        Self { state: Arc::default(), weight: 1, tier: 0, id }
    }
}
