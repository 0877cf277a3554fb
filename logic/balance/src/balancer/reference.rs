//! What a server is measured against: the rest of its group. From that comes the factor by which a request costs more
//! there than elsewhere.
//!
//! factor = max(1, L / (1.25 * Lref + 0.5 ms)) + 100 * max(0, errors - 2 * Eref - 0.1). L is a geometric average of the time to
//! the first byte, which fades to Lref while nothing is heard; Lref is the 25th percentile over the group, so that a third
//! of slow machines does not make slowness normal, and Eref that of the shares of failures, so that what fails everywhere is
//! nobody's fault and two of three servers that fail do not excuse each other.
//!
//! Times are in milliseconds, latencies as natural logarithms: the usual verdict, "not slow", needs no exponential.

use crate::Member;
use crate::moment::{age_ms, has_come};
use crate::server::{Gate, Sample, ServerState};
use std::sync::atomic::{AtomicU32, Ordering};

/// A server may be slower than the reference by this much before it counts: a share, and an absolute time, since what is
/// measured of very fast servers is mostly noise. The time is a guess; it should stay below what a person could notice.
const DEAD_BAND: f32 = 1.25;
const NOISE_MS: f32 = 0.5;
/// The verdict on a server of which nothing is heard fades with this time constant, and so does its share of failures.
const FADE_MS: f32 = 10_000.0;
const PENALTY: f32 = 100.0;
/// Failures that are not held against a server, beside twice the group's.
pub(crate) const ERRORS_FREE: f32 = 0.1;
/// A server is silent when something awaits its answer and nothing came for this long...
const SILENCE_MS_MIN: f32 = 50.0;
/// ...and for so many of its usual times to the first byte.
const SILENCE_TIMES: f32 = 8.0;
/// The share of a server at the beginning of its slow start.
const RAMP_MIN: f32 = 0.1;

/// The reference of a group at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reference {
    /// ln Lref; not a number while nothing was measured.
    pub(crate) log_latency: f32,
    /// ln of the latency from which on a server counts as slow; not a number while nothing was measured.
    log_slow: f32,
    /// Eref.
    pub(crate) errors: f32,
    pub(crate) slow_start_ms: u32,
}

/// The reference as all threads share it.
#[derive(Debug)]
pub(crate) struct SharedReference {
    log_latency: AtomicU32,
    log_slow: AtomicU32,
    errors: AtomicU32,
}

/// What is held against a server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Judgement {
    /// ln L; `None` while nothing was measured.
    pub(crate) log_latency: Option<f32>,
    /// At least 1.
    pub(crate) latency_factor: f32,
    /// Share of failures now.
    pub(crate) errors: f32,
    /// What failures add.
    pub(crate) penalty: f32,
}

impl Judgement {
    /// By how much a request costs more here.
    pub(crate) fn factor(&self) -> f32 {
        self.latency_factor + self.penalty
    }
}

impl Default for SharedReference {
    fn default() -> Self {
        let unknown = || AtomicU32::new(f32::NAN.to_bits());
        Self { log_latency: unknown(), log_slow: unknown(), errors: AtomicU32::new(0.0_f32.to_bits()) }
    }
}

impl SharedReference {
    pub(crate) fn reading(&self, slow_start_ms: u32) -> Reference {
        let float = |word: &AtomicU32| f32::from_bits(word.load(Ordering::Relaxed));
        Reference {
            log_latency: float(&self.log_latency),
            log_slow: float(&self.log_slow),
            errors: float(&self.errors),
            slow_start_ms,
        }
    }

    /// Takes the measure of the group anew.
    pub(crate) fn renew(&self, members: &[Member], now: u32) {
        let takers = || members.iter().filter(|member| member.weight > 0).map(|member| &*member.state);
        let log_latency =
            nearest_rank(takers().filter_map(|state| state.latency.sample()).map(|sample| sample.value), 4);
        let errors = nearest_rank(takers().map(|state| faded_errors(state, now)), 4).unwrap_or(0.0);
        let log_latency = log_latency.unwrap_or(f32::NAN);
        self.log_latency.store(log_latency.to_bits(), Ordering::Relaxed);
        let log_slow = (DEAD_BAND * log_latency.exp() + NOISE_MS).ln();
        self.log_slow.store(log_slow.to_bits(), Ordering::Relaxed);
        self.errors.store(errors.to_bits(), Ordering::Relaxed);
    }
}

/// The value below which one `part`-th of them lies. On the stack for groups of the usual size.
fn nearest_rank(values: impl Iterator<Item = f32>, part: usize) -> Option<f32> {
    const USUAL: usize = 64;
    let mut few = [0.0; USUAL];
    let mut many = Vec::new();
    let mut count = 0;
    for value in values {
        match few.get_mut(count) {
            Some(place) => *place = value,
            None if many.is_empty() => {
                many.extend_from_slice(&few);
                many.push(value);
            }
            None => many.push(value),
        }
        count += 1;
    }
    let all = if many.is_empty() { few.get_mut(..count)? } else { &mut many[..] };
    let rank = count.checked_sub(1)? / part;
    Some(*all.select_nth_unstable_by(rank, f32::total_cmp).1)
}

impl Reference {
    /// Judges a server.
    pub(crate) fn judge(&self, state: &ServerState, now: u32) -> Judgement {
        let log_latency = state.latency.sample().map(|sample| self.faded_latency(sample, now));
        // False as well if one of them is not a number.
        let over = log_latency.map_or(0.0, |log_latency| log_latency - self.log_slow);
        let latency_factor = if over > 0.0 { over.exp() } else { 1.0 };
        let errors = faded_errors(state, now);
        let mut penalty = PENALTY * (errors - 2.0 * self.errors - ERRORS_FREE).max(0.0);
        if state.gate.has(Gate::SPARED) {
            penalty += PENALTY;
        }
        Judgement { log_latency, latency_factor, errors, penalty }
    }

    /// ln L of a server of which nothing was heard since the sample.
    fn faded_latency(&self, sample: Sample, now: u32) -> f32 {
        let idle = age_ms(now, sample.at) as f32;
        // Within a tick the difference is below what a float tells apart from noise.
        if idle < 100.0 || self.log_latency.is_nan() {
            return sample.value;
        }
        self.log_latency + (sample.value - self.log_latency) * (-idle / FADE_MS).exp()
    }

    /// The factor of a server that has been silent for so long while something awaits its answer: as if that were its
    /// latency.
    pub(crate) fn silent_factor(&self, state: &ServerState, silence_ms: u32, now: u32) -> f32 {
        let judgement = self.judge(state, now);
        if self.log_latency.is_nan() {
            return judgement.factor();
        }
        let factor = silence_ms as f32 / self.log_slow.exp();
        factor.max(judgement.latency_factor) + judgement.penalty
    }

    /// The part of its weight that a server in its slow start has.
    pub(crate) fn ramp(&self, state: &ServerState, now: u32) -> f32 {
        let age = age_ms(now, state.ramp_start.load(Ordering::Relaxed));
        if age >= self.slow_start_ms { 1.0 } else { (age as f32 / self.slow_start_ms as f32).max(RAMP_MIN) }
    }

    /// Whether nothing is held against a server that has just answered, and nothing was before: the usual case, in which
    /// the precomputed parts are up to date but for the patience, which can wait for the next measure.
    #[inline]
    pub(crate) fn is_plain(&self, state: &ServerState) -> bool {
        let is_slow = state.latency.sample().is_some_and(|sample| sample.value > self.log_slow);
        let has_errors = state.errors.sample().is_some_and(|sample| sample.value > 0.0);
        state.gate.bits() == 0 && !is_slow && !has_errors
    }

    /// Brings the precomputed parts of a state up to date.
    pub(crate) fn refresh(&self, state: &ServerState, weight: u16, now: u32) {
        let gate = state.gate.bits();
        let mut weight = f32::from(weight.max(1));
        if gate & Gate::RAMPING != 0 {
            let ramp = self.ramp(state, now);
            weight *= ramp;
            if ramp >= 1.0 {
                state.gate.clear(Gate::RAMPING);
            }
        }
        if gate & Gate::SPARED != 0 && has_come(now, state.spare_until.load(Ordering::Relaxed)) {
            state.gate.clear(Gate::SPARED);
        }
        let judgement = self.judge(state, now);
        let patience_ms = match judgement.log_latency {
            Some(log_latency) => (SILENCE_TIMES * log_latency.exp()).max(SILENCE_MS_MIN) as u32,
            None => SILENCE_MS_MIN as u32,
        };
        let factor = judgement.factor();
        match (factor > 1.0, gate & Gate::DEAR != 0) {
            (true, false) => state.gate.set(Gate::DEAR),
            (false, true) => state.gate.clear(Gate::DEAR),
            (true, true) | (false, false) => {}
        }
        set(&state.cost, (factor / weight).to_bits());
        set(&state.patience_ms, patience_ms);
    }
}

/// Writes only what has changed: a line that is merely read stays with every core.
fn set(word: &AtomicU32, value: u32) {
    if word.load(Ordering::Relaxed) != value {
        word.store(value, Ordering::Relaxed);
    }
}

/// The share of failures, which fades while nothing is heard.
fn faded_errors(state: &ServerState, now: u32) -> f32 {
    match state.errors.sample() {
        Some(Sample { value, at }) if value > 0.0 => value * fade(age_ms(now, at)),
        Some(_) | None => 0.0,
    }
}

/// What is left after so long of something that fades.
pub(crate) fn fade(age_ms: u32) -> f32 {
    if age_ms == 0 { 1.0 } else { (-(age_ms as f32) / FADE_MS).exp() }
}
