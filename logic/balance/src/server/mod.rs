//! What all threads know of one server of a group. It outlives balancers: a change of the list of servers keeps the
//! states of those that stay.
//!
//! It does not know the server's address and does not decide anything; the balancer does.
//!
//! LIFECYCLE: made when the server joins, with or without a slow start. Requests come and go, verdicts move its
//! averages, its circuit opens and closes, checks say up or down. It is forgotten when the server leaves the config.

mod circuit;
mod estimate;
mod failure;
mod load;

pub use circuit::Phase;
pub(crate) use circuit::{Circuit, FAILURES_MAX};
pub(crate) use estimate::{Estimate, Sample};
pub use failure::Failure;
pub(crate) use failure::LastFailure;
pub(crate) use load::{Load, started_between};

use crate::moment::{Moment, has_come};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// The shared state of one server. Every thread writes to it, so that it has cache lines of its own. The fields stand in
/// the order in which they lie in memory: the first line holds what picks and completions touch.
#[derive(Debug)]
#[repr(C, align(128))]
pub struct ServerState {
    pub(crate) load: Load,
    /// Requests whose answer has been on its way for long: tunnels, events, downloads.
    pub(crate) streams: AtomicU32,
    /// The cost of one request here, an `f32`: the factor over the weight.
    pub(crate) cost: AtomicU32,
    pub(crate) gate: Gate,
    /// When it was heard last, or since when something awaits an answer; low bits.
    pub(crate) heard: AtomicU32,
    /// How long it may be silent while something awaits an answer.
    pub(crate) patience_ms: AtomicU32,
    /// Requests that may be in flight.
    pub(crate) limit: AtomicU32,
    /// Natural logarithm of the time to the first byte in milliseconds, an average over successes.
    pub(crate) latency: Estimate,
    /// Share of failures.
    pub(crate) errors: Estimate,
    pub(crate) circuit: Circuit,
    /// Time to the first byte in milliseconds as the algorithm wants it, if it wants it another way.
    pub(crate) own_latency: Estimate,
    /// Like `latency`, over minutes.
    pub(crate) calm_latency: Estimate,
    /// Steps that a learned bound has been learned for; `u32::MAX` once it has met the server's own.
    pub(crate) limit_steps: AtomicU32,
    pub(crate) last_failure: LastFailure,
    /// When its slow start began; low bits. It counts while the gate says so.
    pub(crate) ramp_start: AtomicU32,
    /// Until when it asked to be spared; low bits. It counts while the gate says so.
    pub(crate) spare_until: AtomicU32,
    pub(crate) started_total: AtomicU64,
    /// The wrapping count that is in the total.
    pub(crate) started_folded: AtomicU32,
    pub(crate) failed_total: AtomicU64,
    pub(crate) ejected_total: AtomicU64,
}

/// What a pick reads of each server lies in one line of 64 bytes.
const _: () = assert!(std::mem::offset_of!(ServerState, circuit) + size_of::<Circuit>() <= 64);

/// Why a server is not an ordinary candidate, as bits.
#[derive(Debug, Default)]
pub(crate) struct Gate(AtomicU32);

impl Gate {
    /// The circuit is not closed.
    pub(crate) const EJECTED: u32 = 1;
    /// The active check failed.
    pub(crate) const DOWN: u32 = 2;
    /// It was told to take no new clients.
    pub(crate) const DRAINED: u32 = 4;
    /// It is in its slow start.
    pub(crate) const RAMPING: u32 = 8;
    /// It asked to be spared.
    pub(crate) const SPARED: u32 = 16;
    /// A request costs more there than the weight alone says, because of what was measured.
    pub(crate) const DEAR: u32 = 32;
    /// What keeps requests away.
    pub(crate) const CLOSED: u32 = Self::EJECTED | Self::DOWN | Self::DRAINED;

    pub(crate) fn bits(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn has(&self, bits: u32) -> bool {
        self.bits() & bits != 0
    }

    pub(crate) fn set(&self, bits: u32) {
        self.0.fetch_or(bits, Ordering::Relaxed);
    }

    pub(crate) fn clear(&self, bits: u32) {
        self.0.fetch_and(!bits, Ordering::Relaxed);
    }
}

impl Default for ServerState {
    fn default() -> Self {
        Self {
            load: Load::default(),
            streams: AtomicU32::new(0),
            cost: AtomicU32::new(1.0_f32.to_bits()),
            gate: Gate::default(),
            heard: AtomicU32::new(0),
            patience_ms: AtomicU32::new(u32::MAX),
            limit: AtomicU32::new(u32::MAX),
            limit_steps: AtomicU32::new(0),
            latency: Estimate::default(),
            errors: Estimate::default(),
            own_latency: Estimate::default(),
            calm_latency: Estimate::default(),
            circuit: Circuit::default(),
            last_failure: LastFailure::default(),
            ramp_start: AtomicU32::new(0),
            spare_until: AtomicU32::new(0),
            started_total: AtomicU64::new(0),
            started_folded: AtomicU32::new(0),
            failed_total: AtomicU64::new(0),
            ejected_total: AtomicU64::new(0),
        }
    }
}

impl ServerState {
    /// A server that was there from the start: it gets its full share at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// A server that joins others that are at work: its share grows over the slow start.
    pub fn joining(now: Moment) -> Self {
        let state = Self::default();
        state.begin_ramp(now, Duration::ZERO);
        state
    }

    /// Number of requests that were given to it and are not over.
    pub fn in_flight(&self) -> u32 {
        self.load.counts().in_flight()
    }

    /// What an active check found out. A server that comes up again gets a slow start, and what it did wrong before
    /// is forgotten.
    pub fn checked(&self, is_up: bool, now: Moment) {
        match (is_up, self.gate.has(Gate::DOWN)) {
            (true, true) => {
                self.circuit.close();
                self.errors.forget();
                self.begin_ramp(now, Duration::ZERO);
                self.gate.clear(Gate::DOWN | Gate::EJECTED);
            }
            (false, false) => self.gate.set(Gate::DOWN),
            (true, false) | (false, true) => {}
        }
    }

    /// Whether the last active check said that it is up; also without checks.
    pub fn is_up(&self) -> bool {
        !self.gate.has(Gate::DOWN)
    }

    /// Whether it gets no requests because of failures.
    pub fn is_ejected(&self) -> bool {
        self.gate.has(Gate::EJECTED)
    }

    /// Tells it to take no new clients, or takes that back.
    pub fn drain(&self, is_drained: bool) {
        match is_drained {
            true => self.gate.set(Gate::DRAINED),
            false => self.gate.clear(Gate::DRAINED),
        }
    }

    /// Whether it is ejected because no connection could be made, so that one that can be made would tell something. Not
    /// once its trial is due: then the next request tells.
    pub fn awaits_connection(&self, now: Moment) -> bool {
        let reading = self.circuit.reading();
        let is_ejected = reading.phase == Phase::Open && !has_come(now.low(), reading.until);
        is_ejected && matches!(self.last_failure.reading(now), Some((Failure::Connect, _)))
    }

    /// What a connection without a request told of a server that [`Self::awaits_connection`]: if it was taken, the
    /// next request may try; if not, none does before `next`.
    pub fn probed(&self, is_reachable: bool, now: Moment, next: Moment) {
        match is_reachable {
            true => self.circuit.hasten(now.low()),
            false => self.circuit.defer(next.low()),
        }
    }

    pub(crate) fn begin_ramp(&self, now: Moment, done: Duration) {
        let done = done.as_millis() as u32;
        self.ramp_start.store(now.low().wrapping_sub(done), Ordering::Relaxed);
        self.gate.set(Gate::RAMPING);
    }

    /// Makes the gate say what the circuit says. They are changed one after the other, so that two threads which open and
    /// close the circuit at once may leave them apart.
    pub(crate) fn align_gate(&self) {
        let is_closed = self.circuit.reading().phase == Phase::Closed;
        match (is_closed, self.is_ejected()) {
            (true, true) => self.gate.clear(Gate::EJECTED),
            (false, false) => self.gate.set(Gate::EJECTED),
            (true, false) | (false, true) => {}
        }
    }

    /// Adds what was started since the last time to the total.
    pub(crate) fn fold_started(&self) -> u64 {
        let now = self.load.counts().started();
        let before = self.started_folded.swap(now, Ordering::Relaxed);
        let new = u64::from(started_between(before, now));
        self.started_total.fetch_add(new, Ordering::Relaxed);
        new
    }

    /// Number of requests that were given to it, ever.
    pub(crate) fn started(&self) -> u64 {
        let folded = self.started_folded.load(Ordering::Relaxed);
        let new = started_between(folded, self.load.counts().started());
        self.started_total.load(Ordering::Relaxed) + u64::from(new)
    }
}
