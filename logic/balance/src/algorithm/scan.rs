//! A look at every candidate: the least score wins.
//!
//! With thousands of servers it is dear; algorithms that draw a few are cheaper then.

use crate::Rng;
use crate::balancer::View;

/// The candidate with the least score. Those that tie are drawn by weight, so that a group in which all are equal is used
/// like `random` and not always from the front.
pub(crate) fn least(view: &View<'_>, rng: &mut impl Rng, score: impl Fn(usize) -> f32) -> Option<usize> {
    let mut best = None;
    let mut least = f32::INFINITY;
    let mut tied_weight = 0.0;
    for server in (0..view.members.len()).filter(|server| view.may(*server)) {
        let score = score(server);
        if score > least {
            continue;
        }
        // Of those that tie each stays with the odds of its weight among those seen so far.
        let weight = view.weight(server);
        tied_weight = if score < least { weight } else { tied_weight + weight };
        if score < least || rng.fraction() * tied_weight < weight {
            (best, least) = (Some(server), score);
        }
    }
    best
}
