//! A server's time to the first byte as an algorithm of its own keeps it, read so that old news do not last.
//!
//! What is kept is an average of successes in milliseconds, at full precision: a server that answers in 0.2 ms differs
//! from one that takes 0.4. How samples are averaged is up to the algorithm.

use crate::ServerState;
use crate::balancer::View;
use crate::moment::age_ms;
use std::time::Duration;

/// What a server is taken to need when nothing is known of the whole group. It is the same for all then, so that the
/// number hardly matters; linkerd takes it too.
const UNKNOWN_MS: f32 = 30.0;
/// What was measured counts for less and less with this time constant.
const FADE_MS: f32 = 10_000.0;
/// An estimate that is younger is taken as it is.
const YOUNG_MS: u32 = 100;
/// Below this times are not told apart: a coarse clock shows no time at all between two readings, and what takes next to
/// nothing would get next to everything.
const LEAST_MS: f32 = 0.1;

/// What an estimate is worth when there is none: the latency by which the group is measured. So a server that is new, or
/// was not used for long, is tried like any other and neither shunned nor flooded.
#[derive(Clone, Copy)]
pub(crate) struct Neutral {
    ms: f32,
    now: u32,
}

impl Neutral {
    pub(crate) fn of(view: &View<'_>) -> Self {
        let ms = view.reference().log_latency.exp();
        Self { ms: if ms.is_nan() { UNKNOWN_MS } else { ms }, now: view.now }
    }

    /// The estimate of a server, which fades to the neutral one while nothing is heard.
    pub(crate) fn estimate_ms(self, state: &ServerState) -> f32 {
        let Some(sample) = state.own_latency.sample() else { return self.ms };
        let age_ms = age_ms(self.now, sample.at);
        // An exponential for each server would cost more than all else, and of a young estimate it takes next to nothing.
        if age_ms < YOUNG_MS { sample.value } else { self.ms + (sample.value - self.ms) * fade(age_ms) }
    }
}

/// A measured time in milliseconds; never less than can be told.
pub(crate) fn millis(time: Duration) -> f32 {
    (time.as_secs_f32() * 1000.0).max(LEAST_MS)
}

/// The part of something measured so long ago that still counts.
pub(crate) fn fade(age_ms: u32) -> f32 {
    if age_ms == 0 { 1.0 } else { (-(age_ms as f32) / FADE_MS).exp() }
}
