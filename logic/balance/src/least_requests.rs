//! `least_requests`: the server with the fewest requests in flight for its weight.
//!
//! Servers with equal load are drawn by weight, so that an idle group is used like `random` and not always from the
//! front. It looks at every server: with thousands of them another algorithm is cheaper.

use crate::{Rng, ServerState, Tried};
use std::cmp::Ordering;
use std::sync::Arc;

#[derive(Debug, Clone)]
pub(crate) struct LeastRequests {
    weights: Box<[u16]>,
}

impl LeastRequests {
    pub(crate) fn new(weights: &[u16]) -> Self {
        Self { weights: weights.into() }
    }

    pub(crate) fn pick(&self, servers: &[Arc<ServerState>], tried: &Tried, rng: &mut impl Rng) -> Option<usize> {
        debug_assert_eq!(self.weights.len(), servers.len(), "one state for each weight");
        let mut loads = self.loads(servers, tried);
        let (mut first, mut least) = loads.next()?;
        let mut tied_weight = u64::from(least.weight);
        for (server, load) in loads {
            match load.compare(&least) {
                Ordering::Less => {
                    tied_weight = u64::from(load.weight);
                    (first, least) = (server, load);
                }
                Ordering::Equal => tied_weight += u64::from(load.weight),
                Ordering::Greater => {}
            }
        }
        if tied_weight == u64::from(least.weight) {
            return Some(first);
        }
        let mut point = rng.below(tied_weight);
        for (server, load) in self.loads(servers, tried) {
            if load.compare(&least) == Ordering::Equal {
                match point.checked_sub(u64::from(load.weight)) {
                    Some(rest) => point = rest,
                    None => return Some(server),
                }
            }
        }
        // Other threads gave requests to some of them in between.
        Some(first)
    }

    /// The servers that may be picked, and their loads.
    fn loads(&self, servers: &[Arc<ServerState>], tried: &Tried) -> impl Iterator<Item = (usize, Load)> {
        let is_first_try = tried.is_empty();
        let all = self.weights.iter().zip(servers).enumerate();
        all.filter(move |(server, (weight, _))| **weight > 0 && (is_first_try || !tried.contains(*server)))
            .map(|(server, (weight, state))| (server, Load { in_flight: state.in_flight(), weight: *weight }))
    }
}

/// Requests in flight for each unit of weight, as a fraction.
struct Load {
    in_flight: u32,
    weight: u16,
}

impl Load {
    /// Compares without dividing: `a/b < c/d` where `a*d < c*b`. The products need 48 bits.
    fn compare(&self, other: &Self) -> Ordering {
        let own = u64::from(self.in_flight) * u64::from(other.weight);
        let others = u64::from(other.in_flight) * u64::from(self.weight);
        own.cmp(&others)
    }
}
