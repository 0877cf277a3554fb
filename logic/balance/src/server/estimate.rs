//! A moving average with the time of its last sample, in one word.
//!
//! Two threads that update it at once may lose one of their samples, which is harmless.

use std::sync::atomic::{AtomicU64, Ordering};

/// An average that many threads read and update.
#[derive(Debug)]
pub(crate) struct Estimate(AtomicU64);

/// An average and when it was last updated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    pub(crate) value: f32,
    /// Low bits of the moment.
    pub(crate) at: u32,
}

impl Default for Estimate {
    fn default() -> Self {
        Self(AtomicU64::new(pack(f32::NAN, 0)))
    }
}

impl Estimate {
    /// `None` as long as there was no sample.
    pub(crate) fn sample(&self) -> Option<Sample> {
        let word = self.0.load(Ordering::Relaxed);
        let value = f32::from_bits((word >> 32) as u32);
        (!value.is_nan()).then_some(Sample { value, at: word as u32 })
    }

    pub(crate) fn set(&self, value: f32, at: u32) {
        self.0.store(pack(value, at), Ordering::Relaxed);
    }

    pub(crate) fn forget(&self) {
        self.set(f32::NAN, 0);
    }
}

fn pack(value: f32, at: u32) -> u64 {
    u64::from(value.to_bits()) << 32 | u64::from(at)
}
