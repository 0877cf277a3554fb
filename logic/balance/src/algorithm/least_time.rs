//! `least_time`: the least mean time to the first byte times requests in flight, for the weight, over all servers. The
//! idea is that of the `least_time` methods of nginx and Traefik.
//!
//! The mean is a moving one in which each sample counts a twentieth, as in nginx, but without rounding, so that there is
//! no step below which servers look alike. A server without samples counts as one of the group's usual latency; where a
//! missing or tiny measurement made the score 0, it would get everything at once. Only successes are samples: an error
//! that comes fast does not make a server look fast.
//!
//! Failures do not enter the score either; circuits are there for them.

use super::{own_latency, scan};
use crate::balancer::View;
use crate::moment::age_ms;
use crate::{Rng, ServerState};
use std::time::Duration;

/// Weight of a new sample.
const GAIN: f32 = 0.05;

/// The candidate with the least product.
pub(crate) fn pick(view: &View<'_>, rng: &mut impl Rng) -> Option<usize> {
    let neutral = own_latency::Neutral::of(view);
    scan::least(view, rng, |server| {
        neutral.estimate_ms(view.state(server)) * (view.load(server) + 1.0) / view.weight(server)
    })
}

/// Averages a sample in. What was known before counts for less if it is old: a server that is hardly used, because it was
/// slow, shows with one request whether it still is.
pub(crate) fn learn(state: &ServerState, time: Duration, now: u32) {
    let ms = own_latency::millis(time);
    let mean = match state.own_latency.sample() {
        Some(last) => ms + (last.value - ms) * (1.0 - GAIN) * own_latency::fade(age_ms(now, last.at)),
        None => ms,
    };
    state.own_latency.set(mean, now);
}
