//! The algorithms, one file each. They choose among the candidates of a [`View`] and know nothing of circuits, checks,
//! bounds and tiers, which decide who is a candidate.

pub(crate) mod adaptive;
mod first;
mod hash;
mod least_requests;
mod least_time;
mod own_latency;
mod peak_ewma;
mod random;
mod round_robin;
mod scan;
mod two_choices;

use crate::balancer::View;
use crate::{Kind, Member, Rng, ServerState};
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

/// Number of turns that were taken. One for each group of servers, shared by all threads, so that shares are exact
/// however many threads there are.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Turns(pub(crate) AtomicUsize);

/// An algorithm with what it has prepared for its servers.
#[derive(Debug, Clone)]
pub(crate) enum Algorithm {
    Adaptive,
    RoundRobin(round_robin::RoundRobin),
    Random(random::Random),
    LeastRequests,
    TwoChoices(random::Random),
    LeastTime,
    PeakEwma(random::Random),
    Hash(hash::Hash),
    First,
}

impl Algorithm {
    pub(crate) fn new(kind: Kind, members: &[Member]) -> Self {
        match kind {
            Kind::Adaptive => Self::Adaptive,
            Kind::RoundRobin => Self::RoundRobin(round_robin::RoundRobin::new(members)),
            Kind::Random => Self::Random(random::Random::new(members)),
            Kind::LeastRequests => Self::LeastRequests,
            Kind::TwoChoices => Self::TwoChoices(random::Random::new(members)),
            Kind::LeastTime => Self::LeastTime,
            Kind::PeakEwma => Self::PeakEwma(random::Random::new(members)),
            Kind::Hash => Self::Hash(hash::Hash::new(members)),
            Kind::First => Self::First,
        }
    }

    pub(crate) fn pick(&self, view: &View<'_>, turns: &Turns, rng: &mut impl Rng) -> Option<usize> {
        match self {
            Self::Adaptive => adaptive::pick(view, rng),
            Self::RoundRobin(round_robin) => round_robin.pick(view, turns, rng),
            Self::Random(random) => random.pick(view, rng),
            Self::LeastRequests => least_requests::pick(view, rng),
            Self::TwoChoices(random) => two_choices::pick(random, view, rng),
            Self::LeastTime => least_time::pick(view, rng),
            Self::PeakEwma(random) => peak_ewma::pick(random, view, rng),
            Self::Hash(hash) => hash.pick(view, rng),
            Self::First => first::pick(view),
        }
    }

    /// Keeps what this algorithm wants to know of a success beyond the balancer's own averages.
    pub(crate) fn learn(&self, state: &ServerState, time: Duration, now: u32) {
        match self {
            Self::LeastTime => least_time::learn(state, time, now),
            Self::PeakEwma(_) => peak_ewma::learn(state, time, now),
            Self::Adaptive
            | Self::RoundRobin(_)
            | Self::Random(_)
            | Self::LeastRequests
            | Self::TwoChoices(_)
            | Self::Hash(_)
            | Self::First => {}
        }
    }
}
