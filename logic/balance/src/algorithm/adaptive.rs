//! `adaptive`: the server where one more request costs least: requests in flight, times how much slower than its group it
//! is, plus a penalty for failures. The formula stands in `balancer/reference.rs`.
//!
//! In flight alone is join-the-shortest-queue, which mistakes a server that fails at once for an idle one; latency alone
//! does too, and herds. Up to 16 servers it looks at all of them; of more it draws 6, which costs 0.02 % more requests
//! late than all (M. Mitzenmacher 2001, "The power of two choices", says why few are enough).
//!
//! Silence counts as latency: a server that answers nothing of what it was given for longer than eight of its usual
//! times is taken to be as slow as it has been silent.

use crate::balancer::{View, busyness};
use crate::moment::age_ms;
use crate::{Rng, ServerState};
use std::sync::atomic::Ordering;

/// Up to so many servers all are looked at.
const SCAN_MAX: usize = 16;
/// How many are drawn of more.
const DRAWS: usize = 6;
/// How often it draws, should some not be candidates.
const DRAWS_MAX: u64 = 12;
/// How the turn and the server lie in one number with the cost; no list is longer than the mask allows.
const TURN_SHIFT: u32 = 28;
const SERVER_MASK: u64 = (1 << TURN_SHIFT) - 1;
/// If the best of those drawn is worse than this, all are looked at.
const RESCUE_FACTOR: f32 = 3.0;

/// The least cost of all candidates, or of some of them where there are many.
#[inline(never)]
pub(crate) fn pick(view: &View<'_>, rng: &mut impl Rng) -> Option<usize> {
    if view.members.len() <= SCAN_MAX {
        return scan_few(view, rng);
    }
    draw(view, rng).or_else(|| scan(view, rng))
}

/// What one more request costs at a server, were it not silent.
#[inline]
fn cost_if_heard(state: &ServerState, in_flight: u32) -> f32 {
    (busyness(state, in_flight) + 1.0) * f32::from_bits(state.cost.load(Ordering::Relaxed))
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
        None => cost_if_heard(state, state.in_flight()),
        Some(silence_ms) => {
            let factor = view.reference().silent_factor(state, silence_ms, view.now);
            (view.load(server) + 1.0) * factor / view.weight(server)
        }
    }
}

/// All of a few; ties at random. Silence makes a server dearer, never cheaper: it matters only if the best is silent.
///
/// Written for speed, since this loop is most of what a pick costs: costs are positive, so that their bits compare as
/// they do, and no branch depends on which of them is the least, which nobody could predict.
fn scan_few(view: &View<'_>, rng: &mut impl Rng) -> Option<usize> {
    match () {
        () if !view.is_first || view.tier.is_some() => scan(view, rng),
        () if view.balancer.is_plain_list() => scan_fast::<false>(view, rng),
        () => scan_fast::<true>(view, rng),
    }
}

/// `CHECKS`: some server may have a bound, or no weight.
fn scan_fast<const CHECKS: bool>(view: &View<'_>, rng: &mut impl Rng) -> Option<usize> {
    let mut least = NO_COST;
    let mut ties = 0_u32;
    let mut next = 1_u32;
    for member in view.members {
        let server = next;
        next <<= 1;
        let state = &*member.state;
        let in_flight = state.in_flight();
        let takes_none = CHECKS && (in_flight >= state.limit.load(Ordering::Relaxed) || member.weight == 0);
        if takes_none || state.gate.has(view.closed) {
            continue;
        }
        let cost = cost_if_heard(state, in_flight).to_bits();
        let kept = if cost < least { 0 } else { ties };
        let added = if cost > least { 0 } else { server };
        ties = kept | added;
        least = least.min(cost);
    }
    if ties == 0 {
        return None;
    }
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

/// The best of a few drawn at random, unless it is silent or no good. Silence is looked for only there, and no branch
/// depends on who is the best, as above: cost, turn and server make one number, so that the first of those that tie wins.
fn draw(view: &View<'_>, rng: &mut impl Rng) -> Option<usize> {
    let count = view.members.len() as u64;
    let mut best = u64::MAX;
    let mut found = 0;
    let mut random = 0;
    for turn in 0..DRAWS_MAX {
        // One random number is enough for two draws.
        random = if turn % 2 == 0 { rng.next_u64() } else { random << 32 };
        let server = (((random >> 32) * count) >> 32) as usize;
        let member = &view.members[server];
        if !view.admits(server, member) {
            continue;
        }
        let cost = cost_if_heard(&member.state, member.state.in_flight());
        best = best.min(u64::from(cost.to_bits()) << 32 | turn << TURN_SHIFT | server as u64);
        found += 1;
        if found == DRAWS {
            break;
        }
    }
    let server = (best & SERVER_MASK) as usize;
    let state = &view.members.get(server)?.state;
    let factor = f32::from_bits(state.cost.load(Ordering::Relaxed)) * view.weight(server);
    (factor <= RESCUE_FACTOR && silence_ms(view, state).is_none()).then_some(server)
}

/// All of many, with what their silence costs; ties at random.
#[inline(never)]
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
