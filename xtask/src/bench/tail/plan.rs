//! What the clients ask, decided before the run: when each request is sent and how much work it is.
//!
//! Everything comes from the seed, so every contestant of a seed meets the same requests. Nothing
//! is sent here.

use std::time::Duration;

/// One request of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// When it is to be sent, nanoseconds after the start.
    pub(crate) at_ns: u64,
    /// How long a worker of a server with speed 1 is busy with it.
    pub(crate) demand_ns: u64,
}

/// A stretch of a run with a rate of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stretch {
    /// Requests a second, on average.
    pub(crate) rate: f64,
    /// How long.
    pub(crate) span: Duration,
}

/// Draws the arrivals of a run, one stretch after the other.
pub(crate) fn arrivals(seed: u64, stretches: &[Stretch]) -> Vec<Arrival> {
    let mut times = Random::new(seed ^ TIMES);
    let mut demands = Random::new(seed ^ DEMANDS);
    let mut planned = Vec::new();
    let mut start = 0.0;
    for stretch in stretches {
        let moments = moments(&mut times, *stretch);
        planned.extend(moments.iter().map(|moment| Arrival {
            at_ns: nanoseconds(start + moment),
            demand_ns: nanoseconds(demand(&mut demands)),
        }));
        start += stretch.span.as_secs_f64();
    }
    planned
}

/// A Poisson process whose rate alternates between bursts and calm, stretched so that exactly the
/// wanted number of requests falls into the time: otherwise the luck of a seed would be a load.
fn moments(random: &mut Random, stretch: Stretch) -> Vec<f64> {
    let wanted = whole(stretch.rate * stretch.span.as_secs_f64());
    let mut moments = Vec::with_capacity(wanted);
    let (mut phase_start, mut in_burst) = (0.0, false);
    while moments.len() <= wanted {
        let (factor, mean_length) = if in_burst { (BURST_FACTOR, BURST_S) } else { (calm_factor(), CALM_S) };
        let phase_end = phase_start + random.exponential(mean_length);
        let mut at = phase_start + random.exponential(1.0 / (stretch.rate * factor));
        while at < phase_end {
            moments.push(at);
            at += random.exponential(1.0 / (stretch.rate * factor));
        }
        phase_start = phase_end;
        in_burst = !in_burst;
    }
    let scale = stretch.span.as_secs_f64() / moments[wanted];
    moments.truncate(wanted);
    moments.iter().map(|moment| moment * scale).collect()
}

/// The rate between bursts that makes the mean come out at 1.
fn calm_factor() -> f64 {
    let burst_share = BURST_S / (BURST_S + CALM_S);
    (1.0 - BURST_FACTOR * burst_share) / (1.0 - burst_share)
}

/// Seconds: 0.5 ms, and on top an exponential time, mostly of 4 ms, sometimes of 20, rarely of 100.
fn demand(random: &mut Random) -> f64 {
    let kind = random.unit();
    let mean_ms = match () {
        () if kind < 0.9 => 4.0,
        () if kind < 0.995 => 20.0,
        () => 100.0,
    };
    (0.5 + random.exponential(mean_ms)) / 1000.0
}

/// The mean of [`demand`], seconds.
pub(crate) const DEMAND_MEAN_S: f64 = 0.0065;

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "times of a run, which are minutes")]
fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "requests of a run")]
fn whole(number: f64) -> usize {
    number as usize
}

/// A small generator of random numbers (`SplitMix64`), the same on every machine.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// A generator whose numbers follow from the seed alone.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Even over 0 to 1, without 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Exponential with this mean.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }
}

/// How much more comes in a burst than on average.
const BURST_FACTOR: f64 = 1.7;
const BURST_S: f64 = 0.1;
const CALM_S: f64 = 0.9;
/// The two streams of a seed must not be the same numbers.
const TIMES: u64 = 0x7469_6d65_0000_0000;
const DEMANDS: u64 = 0x776f_726b_0000_0000;
