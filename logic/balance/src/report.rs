//! Why a server is picked, or not: what the balancer knows of it, in words and numbers. Logs, explanations and live views
//! all show this one structure.

use crate::moment::{age_ms, has_come};
use crate::server::Gate;
use crate::{Balancer, Failure, Moment, Phase};
use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What the balancer knows of a server at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerReport {
    /// Its place in the list.
    pub server: usize,
    /// Whether it gets requests, and if not, why.
    pub standing: Standing,
    /// Requests that it works on.
    pub in_flight: u32,
    /// Those of them whose answer has not begun.
    pub awaiting: u32,
    /// Those of them whose answer has been on its way for long; each counts a fifth.
    pub streams: u32,
    /// Requests that may be in flight, if there is a bound.
    pub limit: Option<u32>,
    /// Its share as it was set.
    pub weight: u16,
    /// The part of its share that it has: less than 1 during its slow start.
    pub ramp: f32,
    /// Servers of a higher tier are used only while none of a lower one is available.
    pub tier: u8,
    /// Average time to the first byte over its successes; it fades to that of the group while nothing is heard.
    pub latency: Option<Duration>,
    /// The latency that it is compared with.
    pub latency_of_group: Option<Duration>,
    /// Share of failures of late.
    pub errors: f32,
    /// The share of failures in the group.
    pub errors_of_group: f32,
    /// By how much latency makes a request cost more here; at least 1.
    pub latency_factor: f32,
    /// What failures add to that.
    pub error_penalty: f32,
    /// How long it has been silent while something awaits its answer, if that is too long.
    pub silence: Option<Duration>,
    /// What one more request costs here compared with the others: the least is picked.
    pub cost: f32,
    /// What went wrong last, and how long ago.
    pub last_failure: Option<(Failure, Duration)>,
    /// Requests that it was given, ever.
    pub requests: u64,
    /// Failures that it had, ever.
    pub failures: u64,
    /// How often it was ejected.
    pub ejections: u64,
}

/// Whether a server gets requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Standing {
    /// It does.
    Active,
    /// It is at its bound.
    Full,
    /// It failed too often; the next trial may come after so long.
    Ejected(Duration),
    /// The same, and a trial is due or running.
    OnTrial,
    /// Its active check fails.
    Down,
    /// It takes no new clients, because it was told so or has no weight.
    Draining,
}

impl Balancer {
    /// What is known of a server.
    ///
    /// # Panics
    /// If there is no such server.
    pub fn report(&self, server: usize, now: Moment) -> ServerReport {
        let member = &self.members()[server];
        let state = &*member.state;
        let reference = self.reference();
        let judgement = reference.judge(state, now.low());
        let counts = state.load.counts();
        let silence_ms = age_ms(now.low(), state.heard.load(Ordering::Relaxed));
        let is_silent = counts.awaiting() > 0 && silence_ms > state.patience_ms.load(Ordering::Relaxed);
        let factor = match is_silent {
            true => reference.silent_factor(state, silence_ms, now.low()),
            false => judgement.factor(),
        };
        let ramp = if state.gate.has(Gate::RAMPING) { reference.ramp(state, now.low()) } else { 1.0 };
        let limit = Some(state.limit.load(Ordering::Relaxed)).filter(|limit| *limit != u32::MAX);
        let weight = f32::from(member.weight) * ramp;
        ServerReport {
            server,
            standing: self.standing(server, now),
            in_flight: counts.in_flight(),
            awaiting: counts.awaiting(),
            streams: state.streams.load(Ordering::Relaxed),
            limit,
            weight: member.weight,
            ramp,
            tier: member.tier,
            latency: judgement.log_latency.and_then(duration_of_log),
            latency_of_group: duration_of_log(reference.log_latency),
            errors: judgement.errors,
            errors_of_group: reference.errors,
            latency_factor: judgement.latency_factor,
            error_penalty: judgement.penalty,
            silence: is_silent.then(|| Duration::from_millis(u64::from(silence_ms))),
            cost: (crate::balancer::busyness(state, state.in_flight()) + 1.0) * factor / weight,
            last_failure: state.last_failure.reading(now),
            requests: state.started(),
            failures: state.failed_total.load(Ordering::Relaxed),
            ejections: state.ejected_total.load(Ordering::Relaxed),
        }
    }

    fn standing(&self, server: usize, now: Moment) -> Standing {
        let member = &self.members()[server];
        let gate = &member.state.gate;
        let circuit = member.state.circuit.reading();
        if gate.has(Gate::DOWN) {
            return Standing::Down;
        }
        if member.weight == 0 || gate.has(Gate::DRAINED) {
            return Standing::Draining;
        }
        match circuit.phase {
            Phase::Open if !has_come(now.low(), circuit.until) => {
                let left_ms = circuit.until.wrapping_sub(now.low());
                Standing::Ejected(Duration::from_millis(u64::from(left_ms)))
            }
            Phase::Open | Phase::HalfOpen | Phase::Trial => Standing::OnTrial,
            Phase::Closed if member.state.in_flight() >= member.state.limit.load(Ordering::Relaxed) => Standing::Full,
            Phase::Closed => Standing::Active,
        }
    }
}

fn duration_of_log(log_ms: f32) -> Option<Duration> {
    let seconds = log_ms.exp() / 1000.0;
    // Not a number while nothing was measured.
    Duration::try_from_secs_f32(seconds).ok()
}

impl fmt::Display for ServerReport {
    /// One line, the reasons first: `active, cost 2.5 = (1 in flight + 1) x factor 1.25 (latency 12.5ms of 8.0ms) ...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, cost {:.2}, in flight {}", self.standing, self.cost, self.in_flight)?;
        if let Some(limit) = self.limit {
            write!(f, " of {limit}")?;
        }
        if self.streams > 0 {
            write!(f, " ({} streams)", self.streams)?;
        }
        write!(f, ", factor {:.2}", self.latency_factor + self.error_penalty)?;
        if let Some(latency) = self.latency {
            write!(f, ", latency {}", Tenths(latency))?;
        }
        if let Some(latency) = self.latency_of_group {
            write!(f, " (group {})", Tenths(latency))?;
        }
        if self.errors > 0.0 {
            write!(f, ", failures {:.1}% (group {:.1}%)", 100.0 * self.errors, 100.0 * self.errors_of_group)?;
        }
        if let Some(silence) = self.silence {
            write!(f, ", silent for {}", Tenths(silence))?;
        }
        if self.ramp < 1.0 {
            write!(f, ", slow start at {:.0}%", 100.0 * self.ramp)?;
        }
        if let Some((failure, age)) = self.last_failure {
            write!(f, ", last failure {failure} {:.0}s ago", age.as_secs_f32())?;
        }
        Ok(())
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active => f.write_str("active"),
            Self::Full => f.write_str("full"),
            Self::Ejected(left) => write!(f, "ejected for {:.1}s", left.as_secs_f32()),
            Self::OnTrial => f.write_str("on trial"),
            Self::Down => f.write_str("down"),
            Self::Draining => f.write_str("draining"),
        }
    }
}

/// A time in milliseconds with one digit behind the point.
struct Tenths(Duration);

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}ms", 1000.0 * self.0.as_secs_f32())
    }
}
