//! `adaptive`: the server where one more request costs least: requests in flight, times how much slower than its group it
//! is, plus a penalty for failures. The formula stands in `balancer/reference.rs`.
//!
//! In flight alone is join-the-shortest-queue, which mistakes a server that fails at once for an idle one; latency alone
//! does too, and herds. Up to 16 servers it looks at all of them; of more it draws 6, which costs 0.02 % more requests
//! late than all (M. Mitzenmacher 2001, "The power of two choices", says why few are enough).
//!
//! Silence counts as latency: a server that answers nothing of what it was given for longer than eight of its usual
//! times is taken to be as slow as it has been silent.

use crate::Rng;
use crate::balancer::{View, load_of};
use crate::moment::age_ms;
use std::sync::atomic::Ordering;

/// Up to so many servers all are looked at.
const SCAN_MAX: usize = 16;
/// How many are drawn of more.
const DRAWS: usize = 6;
/// How often it draws, should some not be candidates.
const DRAWS_MAX: usize = 12;
/// If the best of those drawn is worse than this, all are looked at.
const RESCUE_FACTOR: f32 = 3.0;

/// The least cost of all candidates, or of some of them where there are many.
pub(crate) fn pick(view: &View<'_>, rng: &mut impl Rng) -> Option<usize> {
    if view.members.len() <= SCAN_MAX {
        return scan_few(view, rng);
    }
    match draw(view, rng) {
        Some((server, factor)) if factor <= RESCUE_FACTOR => Some(server),
        _ => scan(view, rng),
    }
}

/// What one more request costs at a server.
fn cost(view: &View<'_>, server: usize) -> f32 {
    let state = view.state(server);
    let cost = f32::from_bits(state.cost.load(Ordering::Relaxed));
    let counts = state.load.counts();
    if counts.awaiting() > 0 {
        let silence_ms = age_ms(view.now, state.heard.load(Ordering::Relaxed));
        if silence_ms > state.patience_ms.load(Ordering::Relaxed) {
            return (load_of(state) + 1.0) * view.reference.silent_factor(state, silence_ms, view.now)
                / view.weight(server);
        }
    }
    (load_of(state) + 1.0) * cost
}

/// All of a few, without memory of its own; ties at random.
fn scan_few(view: &View<'_>, rng: &mut impl Rng) -> Option<usize> {
    let mut costs = [f32::INFINITY; SCAN_MAX];
    let mut least = f32::INFINITY;
    let mut ties = 0;
    for (server, place) in costs.iter_mut().enumerate().take(view.members.len()) {
        if !view.may(server) {
            continue;
        }
        let cost = cost(view, server);
        *place = cost;
        if cost < least {
            (least, ties) = (cost, 1);
        } else if cost == least {
            ties += 1;
        }
    }
    let skip = if ties > 1 { rng.below(ties) as usize } else { 0 };
    let mut tied = costs.iter().enumerate().filter(|(_, cost)| **cost == least && ties > 0);
    tied.nth(skip).map(|(server, _)| server)
}

/// The best of a few drawn at random, and its factor.
fn draw(view: &View<'_>, rng: &mut impl Rng) -> Option<(usize, f32)> {
    let count = view.members.len() as u64;
    let mut best: Option<(usize, f32)> = None;
    let mut found = 0;
    for _ in 0..DRAWS_MAX {
        let server = rng.below(count) as usize;
        if !view.may(server) {
            continue;
        }
        let cost = cost(view, server);
        if best.is_none_or(|(_, least)| cost < least) {
            best = Some((server, cost));
        }
        found += 1;
        if found == DRAWS {
            break;
        }
    }
    let (server, cost) = best?;
    Some((server, cost * view.weight(server) / (view.load(server) + 1.0)))
}

/// All of many; ties at random.
pub(crate) fn scan(view: &View<'_>, rng: &mut impl Rng) -> Option<usize> {
    let mut best: Option<(usize, f32)> = None;
    let mut ties = 0;
    for server in (0..view.members.len()).filter(|server| view.may(*server)) {
        let cost = cost(view, server);
        match best {
            Some((_, least)) if cost > least => {}
            Some((_, least)) if cost == least => {
                ties += 1;
                if rng.below(ties) == 0 {
                    best = Some((server, cost));
                }
            }
            Some(_) | None => (best, ties) = (Some((server, cost)), 1),
        }
    }
    best.map(|(server, _)| server)
}
