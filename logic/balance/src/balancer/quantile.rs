//! The time within which a share of the requests of a group was answered lately: when a second copy is worth sending.
//!
//! A single number that moves with every sample: up by a fraction of the share when the sample is above it, down by a
//! fraction of the rest when it is below (Q. Ma, S. Muthukrishnan, M. Sandler 2013, "Frugal streaming for estimating
//! quantiles", with steps in proportion to the value). It forgets by itself. Lost updates of two threads do no harm.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The size of a step. A guess: it follows a change within a few hundred requests and wavers by some percent.
const STEP: f32 = 0.05;
/// Samples before it says anything.
const SAMPLES_MIN: u32 = 100;
/// Where it starts: far above the first sample is corrected slowly, far below fast.
const START: f32 = 2.0;

/// A moving quantile of times.
#[derive(Debug, Default)]
pub(crate) struct Quantile(AtomicU64);

impl Quantile {
    /// Takes a sample; `share` of all are to lie below the quantile.
    pub(crate) fn learn(&self, time: Duration, share: f64) {
        let word = self.0.load(Ordering::Relaxed);
        let (value, samples) = (f32::from_bits((word >> 32) as u32), word as u32);
        let (time, share) = (time.as_secs_f32(), share as f32);
        let next = match samples {
            0 => time * START,
            _ if time > value => value * (1.0 + STEP * share),
            _ => value * (1.0 - STEP * (1.0 - share)),
        };
        // A clock may show no time at all, and zero times anything stays zero.
        let next = next.clamp(1e-6, 1e6);
        self.0.store(u64::from(next.to_bits()) << 32 | u64::from(samples.saturating_add(1)), Ordering::Relaxed);
    }

    /// `None` before there were enough samples.
    pub(crate) fn value(&self) -> Option<Duration> {
        let word = self.0.load(Ordering::Relaxed);
        let is_known = word as u32 >= SAMPLES_MIN;
        is_known.then(|| Duration::from_secs_f32(f32::from_bits((word >> 32) as u32)))
    }
}
