//! `adaptive`: the server where one more request costs least: requests in flight, times how much slower than its group it
//! is, plus a penalty for failures. The formula stands in `balancer/reference.rs`.
//!
//! In flight alone is join-the-shortest-queue, which mistakes a server that fails at once for an idle one; latency alone
//! does too, and herds. Up to 16 servers it looks at all of them; of more it draws 6, which costs 0.02 % more requests
//! late than all (M. Mitzenmacher 2001, "The power of two choices", says why few are enough).
//!
//! Silence counts as latency: a server that answers nothing of what it was given for longer than eight of its usual
//! times is taken to be as slow as it has been silent.

use crate::balancer::{View, load_of};
use crate::moment::age_ms;
use crate::{Rng, ServerState};
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

/// What one more request costs at a server, were it not silent.
#[inline]
fn cost_if_heard(state: &ServerState) -> f32 {
    (load_of(state) + 1.0) * f32::from_bits(state.cost.load(Ordering::Relaxed))
}

/// How long a server has been silent, if that is too long.
#[inline]
fn silence_ms(view: &View<'_>, state: &ServerState) -> Option<u32> {
    if state.load.counts().awaiting() == 0 {
        return None;
    }
    let silence_ms = age_ms(view.now, state.heard.load(Ordering::Relaxed));
    (silence_ms > state.patience_ms.load(Ordering::Relaxed)).then_some(silence_ms)
}

/// What one more request costs at a server.
fn cost(view: &View<'_>, server: usize) -> f32 {
    let state = view.state(server);
    match silence_ms(view, state) {
        None => cost_if_heard(state),
        Some(silence_ms) => {
            let factor = view.reference().silent_factor(state, silence_ms, view.now);
            (load_of(state) + 1.0) * factor / view.weight(server)
        }
    }
}

/// All of a few; ties at random. Silence makes a server dearer, never cheaper: it matters only if the best is silent.
///
/// Written for speed, since these loops are most of what a pick costs: costs are positive, so that their bits compare as
/// they do, and no branch depends on which of them is the least, which nobody could predict.
fn scan_few(view: &View<'_>, rng: &mut impl Rng) -> Option<usize> {
    let is_usual = view.is_first && view.tier.is_none();
    let mut costs = [NO_COST; SCAN_MAX];
    for (server, (place, member)) in costs.iter_mut().zip(view.members).enumerate() {
        let state = &*member.state;
        let is_candidate = match is_usual {
            true => !state.gate.has(view.closed) && member.weight > 0 && !view.is_full(member),
            false => view.admits(server, member),
        };
        if is_candidate {
            *place = cost_if_heard(state).to_bits();
        }
    }
    let least = costs.iter().fold(NO_COST, |least, cost| least.min(*cost));
    if least == NO_COST {
        return None;
    }
    let ties = costs.iter().rev().fold(0_u32, |ties, cost| ties << 1 | u32::from(*cost == least));
    let best = nth_bit(ties, rng.below(u64::from(ties.count_ones())));
    if silence_ms(view, view.state(best)).is_some() { scan(view, rng) } else { Some(best) }
}

/// The place of the n-th bit that is set, counted from 0.
fn nth_bit(mut bits: u32, n: u64) -> usize {
    for _ in 0..n {
        bits &= bits - 1;
    }
    bits.trailing_zeros() as usize
}

/// More than any cost.
const NO_COST: u32 = f32::INFINITY.to_bits();

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
