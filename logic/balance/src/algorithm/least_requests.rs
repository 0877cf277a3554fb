//! `least_requests`: the server with the fewest requests in flight for its weight, join-the-shortest-queue (W. Winston
//! 1977, "Optimality of the shortest line discipline").
//!
//! Servers with equal load are drawn by weight. It looks at every server: with thousands of them another algorithm is
//! cheaper. A server that fails at once looks idle to it.

use super::scan;
use crate::Rng;
use crate::balancer::View;

/// The candidate with the least load for its weight.
pub(crate) fn pick(view: &View<'_>, rng: &mut impl Rng) -> Option<usize> {
    scan::least(view, rng, |server| view.load(server) / view.weight(server))
}
