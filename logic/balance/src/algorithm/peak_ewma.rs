//! `peak_ewma`: of two servers drawn by weight the one with the lesser latency times requests in flight, where a latency
//! above the average counts at once and is forgotten slowly. It is Finagle's balancer of that name (`PeakEwma.scala`),
//! which linkerd uses too.
//!
//! One thing differs: while nothing is heard the estimate fades to the group's usual latency and not to nothing, since a
//! server that costs nothing gets every request until its first answer.
//!
//! It takes one expensive request for a slow server, and failures do not enter the cost.

use super::own_latency;
use super::random::Random;
use super::two_choices::lesser_of_two;
use crate::balancer::View;
use crate::moment::age_ms;
use crate::{Rng, ServerState};
use std::time::Duration;

/// The better of two, or the only candidate.
pub(crate) fn pick(random: &Random, view: &View<'_>, rng: &mut impl Rng) -> Option<usize> {
    let neutral = own_latency::Neutral::of(view);
    lesser_of_two(random, view, rng, |server| {
        neutral.estimate_ms(view.state(server)) * (view.load(server) + 1.0) / view.weight(server)
    })
}

/// Jumps up to a sample above the average; one below draws it down with a time constant of ten seconds.
pub(crate) fn learn(state: &ServerState, time: Duration, now: u32) {
    let ms = own_latency::millis(time);
    let estimate = match state.own_latency.sample() {
        Some(last) if last.value > ms => ms + (last.value - ms) * own_latency::fade(age_ms(now, last.at)),
        Some(_) | None => ms,
    };
    state.own_latency.set(estimate, now);
}
