//! Load balancing algorithms without sockets, clocks or locks.
//!
//! A [`Balancer`] is built once from the weights of some servers and then asked for an index, again and again, from as
//! many threads as one likes. What changes from pick to pick stands outside of it: [`Turns`] and [`ServerState`] are
//! shared by all threads, [`Tried`] belongs to one request, and randomness is an argument.
//!
//! This crate does not know what a server is, does not connect, does not measure time and does not check health.
//!
//! ```
//! use evener_balance::{Balancer, Kind, ServerState, SplitMix, Tried, Turns};
//! use std::sync::Arc;
//!
//! let weights = [2, 1];
//! let balancer = Balancer::new(Kind::RoundRobin, &weights);
//! let servers: Vec<Arc<ServerState>> = weights.iter().map(|_| Arc::default()).collect();
//! let turns = Turns::default();
//! let mut rng = SplitMix::new(42);
//!
//! let mut counts = [0, 0];
//! for _ in 0..300 {
//!     let server = balancer.pick(&turns, &servers, &Tried::new(), &mut rng).expect("nothing was tried");
//!     counts[server] += 1;
//! }
//! assert_eq!(counts, [200, 100]);
//! ```

mod first;
mod least_requests;
mod random;
mod rng;
mod round_robin;
mod server;
mod tried;

pub use rng::{Rng, SplitMix};
pub use server::ServerState;
pub use tried::Tried;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How requests are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In turn, each server as often as its weight says and as evenly spaced as can be.
    RoundRobin,
    /// At random, in proportion to the weights.
    Random,
    /// The fewest requests in flight for the weight; ties at random.
    LeastRequests,
    /// The first server in the list.
    First,
}

/// Number of turns that round robin has taken. One for each group of servers, shared by all threads, so that shares are
/// exact however many threads there are.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Turns(AtomicUsize);

impl Turns {
    fn take(&self) -> usize {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// Chooses one of a fixed list of servers.
#[derive(Debug, Clone)]
pub struct Balancer {
    algorithm: Algorithm,
}

#[derive(Debug, Clone)]
enum Algorithm {
    RoundRobin(round_robin::RoundRobin),
    Random(random::Random),
    LeastRequests(least_requests::LeastRequests),
    First(first::First),
}

impl Balancer {
    /// Makes a balancer for servers with these weights. A server of weight 0 is never picked. Round robin prepares its
    /// whole cycle here, which takes memory and time in proportion to the sum of the weights after their greatest
    /// common divisor is taken out: at most 1 µs or so and 4 bytes for each unit of weight.
    pub fn new(kind: Kind, weights: &[u16]) -> Self {
        let algorithm = match kind {
            Kind::RoundRobin => Algorithm::RoundRobin(round_robin::RoundRobin::new(weights)),
            Kind::Random => Algorithm::Random(random::Random::new(weights)),
            Kind::LeastRequests => Algorithm::LeastRequests(least_requests::LeastRequests::new(weights)),
            Kind::First => Algorithm::First(first::First::new(weights)),
        };
        Self { algorithm }
    }

    /// The index of the server that should take the request; `None` when every server with a weight was tried.
    ///
    /// `servers` stands in the same order as the weights did. A retry asks again with the same `tried`, to which the
    /// caller added the server that failed; it takes a turn of its own, so that the share of a dead server is spread
    /// over all others and does not fall on its neighbour.
    pub fn pick(
        &self,
        turns: &Turns,
        servers: &[Arc<ServerState>],
        tried: &Tried,
        rng: &mut impl Rng,
    ) -> Option<usize> {
        match &self.algorithm {
            Algorithm::RoundRobin(round_robin) => round_robin.pick(turns.take(), tried),
            Algorithm::Random(random) => random.pick(tried, rng),
            Algorithm::LeastRequests(least_requests) => least_requests.pick(servers, tried, rng),
            Algorithm::First(first) => first.pick(tried),
        }
    }
}

#[cfg(test)]
mod tests;

/// Runs the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
