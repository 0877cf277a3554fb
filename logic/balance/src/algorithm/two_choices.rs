//! `two_choices`: of two servers drawn by weight the one with fewer requests in flight for its weight; the first one drawn
//! if both have the same.
//!
//! Two draws instead of one bring the longest queue from log n down to log log n; more bring little (M. Mitzenmacher 2001,
//! "The power of two choices in randomized load balancing"). The two are never the same server: with replacement a pair
//! of servers would be picked blindly half of the time.
//!
//! It costs the same for any number of servers. Of few, `least_requests` picks better. A server that fails at once looks
//! idle to it.

use super::random::Random;
use crate::Rng;
use crate::balancer::View;

/// The better of two, or the only candidate.
pub(crate) fn pick(random: &Random, view: &View<'_>, rng: &mut impl Rng) -> Option<usize> {
    lesser_of_two(random, view, rng, |server| view.load(server) / view.weight(server))
}

/// Of two candidates drawn by weight the one with the lesser score; the first one if both have the same.
pub(crate) fn lesser_of_two(
    random: &Random,
    view: &View<'_>,
    rng: &mut impl Rng,
    score: impl Fn(usize) -> f32,
) -> Option<usize> {
    let first = random.pick(view, rng)?;
    match random.another(first, view, rng) {
        Some(second) if score(second) < score(first) => Some(second),
        Some(_) | None => Some(first),
    }
}
