//! The bound on the requests in flight at a server, when it is learned instead of given.
//!
//! While a server is not overloaded its response time does not depend on how much it has to do. So the bound grows as
//! long as the time of late stays near the one over minutes, and shrinks when it rises: the gradient algorithm of
//! Netflix's concurrency-limits (`Gradient2`), whose long-term average drifts instead of being measured by holding
//! requests back. It works on the averages that the balancer keeps anyway, ten times a second.
//!
//! Until that rises for the first time the bound doubles with every step, so that a server whose requests take long gets as
//! many side by side as it needs.
//!
//! It never learns from failures, and not while a server has less than half of what it may have: then nothing is tested.

use crate::Limit;
use crate::moment::age_ms;
use crate::server::ServerState;
use std::sync::atomic::Ordering;

const LIMIT_MIN: f32 = 4.0;
const LIMIT_MAX: f32 = 10_000.0;
/// The bound at the start. A guess: enough for any server that handles requests side by side.
const LIMIT_START: u32 = 20;
/// The time of late may be this much above the one over minutes; ln 1.5.
const LOG_TOLERANCE: f32 = 0.405_465_1;
/// A step down takes at most a half, and no step goes all the way.
const GRADIENT_MIN: f32 = 0.5;
const SMOOTHING: f32 = 0.2;
/// Requests that may wait at a server without harm.
const ALLOWANCE: f32 = 4.0;
/// Steps over which the long-term average is taken: a minute.
const STEPS: f32 = 600.0;
/// Steps before the time of late counts as the usual one: two seconds.
const STEPS_WARM: u32 = 20;
/// When the time of late is far below the long-term average, that comes down faster; ln 2.
const LOG_RECOVERED: f32 = std::f32::consts::LN_2;

impl ServerState {
    /// Sets the bound, or the start of learning it.
    pub(crate) fn bound(&self, limit: Limit) {
        match limit {
            Limit::None => self.limit.store(u32::MAX, Ordering::Relaxed),
            Limit::Fixed(most) => self.limit.store(most.max(1), Ordering::Relaxed),
            Limit::Learned => {
                let is_unbound = self.limit.load(Ordering::Relaxed) == u32::MAX;
                if is_unbound {
                    self.limit.store(LIMIT_START, Ordering::Relaxed);
                }
            }
        }
    }

    /// One step of learning.
    pub(crate) fn learn_limit(&self, now: u32) {
        let limit = self.limit.load(Ordering::Relaxed) as f32;
        let is_tested = self.in_flight() as f32 >= limit / 2.0;
        let Some(short) = self.latency.sample() else {
            // Nothing was ever answered: a bound would only keep requests from a server that takes its time.
            return self.set_limit(if is_tested { 2.0 * limit } else { limit });
        };
        if age_ms(now, short.at) >= 200 {
            return;
        }
        let steps = self.limit_steps.load(Ordering::Relaxed);
        if steps < STEPS_WARM {
            // The first answers are those to the quickest requests. The usual time is not known before others had theirs.
            self.limit_steps.store(steps + 1, Ordering::Relaxed);
            self.calm_latency.set(short.value, now);
        }
        let calm = self.calm_latency.sample().map_or(short.value, |sample| sample.value);
        let drift = if calm - short.value > LOG_RECOVERED { 0.05 } else { 1.0 / STEPS };
        self.calm_latency.set(calm + drift * (short.value - calm), now);
        if !is_tested {
            return;
        }
        let gradient = (calm + LOG_TOLERANCE - short.value).min(0.0).exp().max(GRADIENT_MIN);
        if gradient < 1.0 {
            self.limit_steps.store(u32::MAX, Ordering::Relaxed);
        } else if steps != u32::MAX {
            return self.set_limit(2.0 * limit);
        }
        let wanted = limit * gradient + ALLOWANCE;
        let next = limit + SMOOTHING * (wanted - limit);
        // Steps of less than one would never add up.
        self.set_limit(if wanted > limit { next.ceil() } else { next.floor() });
    }

    fn set_limit(&self, limit: f32) {
        self.limit.store(limit.clamp(LIMIT_MIN, LIMIT_MAX) as u32, Ordering::Relaxed);
    }
}
