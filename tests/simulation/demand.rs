//! What the clients ask: when each request comes, how much work it is, and which proxy and worker gets it.
//!
//! It depends on the seed alone, so every policy meets the same requests.

use evener_balance::{Rng, SplitMix};

pub(crate) const SECOND: u64 = 1_000_000_000;
pub(crate) const MILLISECOND: u64 = 1_000_000;

/// Mean work of a request: 0.5 ms and 0.9 × 4 + 0.095 × 20 + 0.005 × 100.
pub(crate) const WORK_MEAN_S: f64 = 0.0065;

/// One request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// When it comes.
    pub(crate) at: u64,
    /// How long a worker of a server of speed 1 is busy with it.
    pub(crate) work: u64,
    pub(crate) proxy: u16,
    /// A number from which a proxy with several workers tells whose it is.
    pub(crate) worker: u16,
}

/// Draws the arrivals of a run: a Poisson process that alternates between bursts and calm. `rates` are requests a
/// second, each from its second on; the last one ends the run.
pub(crate) fn arrivals(seed: u64, rates: &[(f64, f64)], proxies: usize) -> Vec<Arrival> {
    let mut times = Dice::new(seed ^ 0x7469_6d65);
    let mut works = Dice::new(seed ^ 0x776f_726b);
    let end = rates.last().map_or(0.0, |(start, _)| *start);
    let rate_at = |at: f64| rates.iter().rev().find(|(start, _)| *start <= at).map_or(0.0, |(_, rate)| *rate);
    let mut planned = Vec::new();
    let (mut at, mut is_burst) = (0.0, false);
    while at < end {
        let (factor, mean) = if is_burst { (BURST_FACTOR, BURST_S) } else { (CALM_FACTOR, CALM_S) };
        let phase_end = (at + times.exponential(mean)).min(end);
        loop {
            at += times.exponential(1.0 / (rate_at(at) * factor));
            if at >= phase_end {
                break;
            }
            planned.push(Arrival {
                at: nanoseconds(at),
                work: work(&mut works),
                proxy: works.below(proxies as u64) as u16,
                worker: works.below(1 << 16) as u16,
            });
        }
        (at, is_burst) = (phase_end, !is_burst);
    }
    planned
}

/// 0.5 ms, and on top an exponential time: mostly 4 ms, sometimes 20, rarely 100.
fn work(dice: &mut Dice) -> u64 {
    let kind = dice.unit();
    let mean_ms = match kind {
        kind if kind < 0.9 => 4.0,
        kind if kind < 0.995 => 20.0,
        _ => 100.0,
    };
    nanoseconds((0.5 + dice.exponential(mean_ms)) / 1000.0)
}

pub(crate) fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

/// Random numbers of the simulation's world; those of the balancer come from generators of their own.
#[derive(Debug, Clone)]
pub(crate) struct Dice(SplitMix);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = SplitMix::new(seed);
        // Seeds that differ in one bit only should not begin alike.
        let first = dice.next_u64();
        Self(SplitMix::new(first))
    }

    /// From 0 to just below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }
}

/// In bursts more comes by this factor...
const BURST_FACTOR: f64 = 1.7;
/// ...and so less in between that the mean is 1.
const CALM_FACTOR: f64 = (1.0 - 0.1 * BURST_FACTOR) / 0.9;
const BURST_S: f64 = 0.1;
const CALM_S: f64 = 0.9;
