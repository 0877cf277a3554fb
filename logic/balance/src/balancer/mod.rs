//! The balancer of a group of servers: who may get a request, which of them does, and what is learned from the outcome.
//!
//! It does not connect, does not wait and does not read clocks. It is shared by all threads; nothing in it locks.
//!
//! The parts: [`View`] says who is a candidate, an algorithm chooses among them, a [`Ticket`] brings the outcome back,
//! [`Reference`] is the measure by which a server is judged, and [`Budget`]s bound what is sent more than once.

mod budget;
mod ejection;
mod quantile;
mod reference;
mod settings;
mod ticket;
mod view;

pub use settings::{Kind, Limit, Member, Settings};
pub use ticket::Ticket;
pub(crate) use view::{View, busyness};

use crate::algorithm::{Algorithm, Turns, adaptive};
use crate::moment::age_ms;
use crate::server::{FAILURES_MAX, Gate, ServerState};
use crate::{Failure, Moment, Rng, SplitMix, Tried};
use budget::Budget;
use quantile::Quantile;
use reference::{Reference, SharedReference};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use ticket::Role;

/// The measure of the group is taken this often.
const TICK_MS: u64 = 100;
/// A trial that is due for this long falls to any request, not only to one that can be repeated.
const TRIAL_LATE_MS: u32 = 1_000;
/// Requests that may be repeated in a second, whatever the share.
const BUDGET_FLOOR: f64 = 10.0;
/// Shares of failures that differ by less are alike: half of what one failure counts.
const ERRORS_ALIKE: f32 = 0.05;
/// The longest time for which a server may ask to be spared.
const SPARE_MAX: Duration = Duration::from_secs(300);

/// Chooses servers of one group.
#[derive(Debug)]
pub struct Balancer {
    settings: Settings,
    slow_start_ms: u32,
    members: Box<[Member]>,
    /// The tiers in their order; empty when there is only one.
    tiers: Box<[u8]>,
    algorithm: Algorithm,
    /// No server has a bound, and all have a weight.
    is_plain_list: bool,
    group: Arc<GroupState>,
}

/// What all threads know of a group. Like the states of its servers it outlives balancers.
#[derive(Debug)]
#[repr(align(128))]
pub struct GroupState {
    tick_at: AtomicU64,
    reference: SharedReference,
    ejected: AtomicU32,
    retries: Budget,
    hedges: Budget,
    /// Requests since the last measure that had been at another server before.
    again: AtomicU64,
    answer_time: Quantile,
    turns: Turns,
}

impl Default for GroupState {
    fn default() -> Self {
        Self {
            tick_at: AtomicU64::new(0),
            reference: SharedReference::default(),
            ejected: AtomicU32::new(0),
            retries: Budget::new(BUDGET_FLOOR),
            hedges: Budget::new(0.1),
            again: AtomicU64::new(0),
            answer_time: Quantile::default(),
            turns: Turns::default(),
        }
    }
}

/// What is asked of a pick.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// Servers that have had this request.
    pub tried: &'r Tried,
    /// Hash of the key, for [`Kind::Hash`].
    pub key: u64,
    /// The server that this client should go back to.
    pub preferred: Option<usize>,
    /// Whether the request may be sent once more after a failure, so that it can serve as a trial.
    pub is_repeatable: bool,
}

impl<'r> Request<'r> {
    /// A request that has been nowhere and may go anywhere.
    pub fn new(tried: &'r Tried) -> Self {
        Self { tried, key: 0, preferred: None, is_repeatable: true }
    }
}

/// Why no server was picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPick {
    /// Each one that may have the request is at its bound: it can wait.
    Full,
    /// None may have it: all were tried or take no requests.
    Nobody,
}

/// What an outcome has changed for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It gets no more requests, but for trials.
    Ejected,
    /// It gets requests again.
    Recovered,
}

impl Balancer {
    /// A balancer for these servers. `group` is new, or that of a balancer before this one.
    ///
    /// Round robin prepares its whole cycle here, which takes memory and time in proportion to the sum of the weights
    /// after their greatest common divisor is taken out: about 1 µs and 4 bytes for each unit of weight.
    pub fn new(settings: Settings, members: Vec<Member>, group: Arc<GroupState>) -> Self {
        let mut tiers: Vec<u8> = members.iter().map(|member| member.tier).collect();
        tiers.sort_unstable();
        tiers.dedup();
        if tiers.len() == 1 {
            tiers.clear();
        }
        for member in &members {
            member.state.bound(settings.limit);
        }
        let algorithm = Algorithm::new(settings.kind, &members);
        let slow_start_ms = settings.slow_start.as_millis() as u32;
        let is_plain_list = settings.limit == Limit::None && members.iter().all(|member| member.weight > 0);
        Self { settings, slow_start_ms, members: members.into(), tiers: tiers.into(), algorithm, is_plain_list, group }
    }

    /// Its servers, in the order in which they were given.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Picks the server for a request and counts the request there.
    pub fn pick(&self, request: &Request<'_>, now: Moment, rng: &mut impl Rng) -> Result<Ticket<'_>, NoPick> {
        self.tick(now);
        let ticket = self.find(request, now, rng)?;
        if !request.tried.is_empty() {
            self.group.again.fetch_add(1, Ordering::Relaxed);
        }
        Ok(ticket)
    }

    fn find(&self, request: &Request<'_>, now: Moment, rng: &mut impl Rng) -> Result<Ticket<'_>, NoPick> {
        let view = self.view(request, now);
        if let Some(server) = request.preferred.filter(|server| self.takes_back(*server, &view)) {
            return self.start(server, Role::Ordinary, now).ok_or(NoPick::Full);
        }
        if self.group.ejected.load(Ordering::Relaxed) > 0
            && let Some(ticket) = self.trial(request, &view, now)
        {
            return Ok(ticket);
        }
        loop {
            let (server, role) = self.choose(&view, rng)?;
            // Another thread may have taken the last place in between; then there is another choice.
            if let Some(ticket) = self.start(server, role, now) {
                return Ok(ticket);
            }
        }
    }

    fn view<'v>(&'v self, request: &Request<'v>, now: Moment) -> View<'v> {
        View {
            members: &self.members,
            tried: request.tried,
            tier: None,
            closed: Gate::CLOSED,
            now: now.low(),
            balancer: self,
            key: request.key,
            is_first: request.tried.is_empty(),
        }
    }

    pub(crate) fn is_plain_list(&self) -> bool {
        self.is_plain_list
    }

    pub(crate) fn reference(&self) -> Reference {
        self.group.reference.reading(self.slow_start_ms)
    }

    /// Whether a server takes a client back. One without weight, or one that is drained, does: it takes no new clients
    /// only.
    fn takes_back(&self, server: usize, view: &View<'_>) -> bool {
        let Some(member) = self.members.get(server) else { return false };
        !view.tried.contains(server) && !member.state.gate.has(Gate::EJECTED | Gate::DOWN)
    }

    /// Gives the request to a server whose trial is due.
    fn trial(&self, request: &Request<'_>, view: &View<'_>, now: Moment) -> Option<Ticket<'_>> {
        let late_ms = if request.is_repeatable { 0 } else { TRIAL_LATE_MS };
        let open = View { closed: Gate::DOWN | Gate::DRAINED, ..*view };
        let mut ejected = (0..self.members.len()).filter(|server| open.state(*server).gate.has(Gate::EJECTED));
        let server = ejected.find(|server| {
            self.is_in_use(*server) && open.may(*server) && open.state(*server).circuit.claim(now.low(), late_ms)
        })?;
        let ticket = self.start(server, Role::Trial, now);
        if ticket.is_none() {
            self.members[server].state.circuit.release();
        }
        ticket
    }

    /// Whether the server's tier is the one that gets requests; others get no trials either.
    fn is_in_use(&self, server: usize) -> bool {
        let Some(first) = self.tiers.first() else { return true };
        let tier = self.members[server].tier;
        let is_better = |other: &Member| other.tier < tier && other.weight > 0 && !other.state.gate.has(Gate::CLOSED);
        tier == *first || !self.members.iter().any(is_better)
    }

    /// The algorithm's choice in the first tier that has candidates; if none has, the least cost among all servers that
    /// were not tried, ejected and failing checks or not: a bad server is better than none.
    fn choose(&self, view: &View<'_>, rng: &mut impl Rng) -> Result<(usize, Role), NoPick> {
        if self.tiers.is_empty() {
            if let Some(server) = self.algorithm.pick(view, &self.group.turns, rng) {
                return Ok((server, Role::Ordinary));
            }
            if self.has_open(view) {
                return Err(NoPick::Full);
            }
        }
        for tier in &self.tiers {
            let view = View { tier: Some(*tier), ..*view };
            if let Some(server) = self.algorithm.pick(&view, &self.group.turns, rng) {
                return Ok((server, Role::Ordinary));
            }
            if self.has_open(&view) {
                return Err(NoPick::Full);
            }
        }
        let view = View { closed: Gate::DRAINED, ..*view };
        match adaptive::scan(&view, rng) {
            Some(server) => Ok((server, Role::Panic)),
            None if self.has_open(&view) => Err(NoPick::Full),
            None => Err(NoPick::Nobody),
        }
    }

    /// Whether some server would be a candidate but for its bound.
    fn has_open(&self, view: &View<'_>) -> bool {
        self.members.iter().enumerate().any(|(server, member)| view.is_open(server, member))
    }

    /// Counts the request at the server, unless that is at its bound.
    fn start(&self, server: usize, role: Role, now: Moment) -> Option<Ticket<'_>> {
        let state = &self.members[server].state;
        let before = match state.limit.load(Ordering::Relaxed) {
            u32::MAX => state.load.start(),
            limit => state.load.start_below(limit)?,
        };
        if before.awaiting() == 0 {
            state.heard.store(now.low(), Ordering::Relaxed);
        }
        Some(Ticket::new(self, server, role))
    }

    /// Takes the measure of the group, ten times a second as long as there are requests.
    fn tick(&self, now: Moment) {
        let last = self.group.tick_at.load(Ordering::Relaxed);
        if now.0 < last.saturating_add(TICK_MS) {
            return;
        }
        let is_ours = self.group.tick_at.compare_exchange(last, now.0, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if is_ours {
            self.measure(now, if last == 0 { 0 } else { now.0 - last });
        }
    }

    #[cold]
    fn measure(&self, now: Moment, passed_ms: u64) {
        let before = self.reference();
        self.group.reference.renew(&self.members, now.low());
        let reference = self.reference();
        let mut requests = 0;
        let mut ejected = 0;
        for member in &self.members {
            requests += member.state.fold_started();
            member.state.align_gate();
            ejected += u32::from(member.state.is_ejected());
            if self.settings.limit == Limit::Learned {
                member.state.learn_limit(now.low());
            }
            reference.refresh(&member.state, member.weight, now.low());
        }
        self.group.ejected.store(ejected, Ordering::Relaxed);
        self.pardon(before, reference, now.low());
        // Repetitions do not earn further ones.
        let requests = requests.saturating_sub(self.group.again.swap(0, Ordering::Relaxed));
        let seconds = passed_ms as f64 / 1000.0;
        self.group.retries.fill(self.settings.retry_budget, BUDGET_FLOOR, requests, seconds);
        self.group.hedges.fill(self.settings.hedge_budget, 0.0, requests, seconds);
    }

    /// Takes leave to send a request once more from the retry budget; false: it is used up.
    pub fn take_retry(&self) -> bool {
        self.group.retries.take()
    }

    /// Takes leave to send a second copy of a request from the hedge budget; false: it is used up.
    pub fn take_hedge(&self) -> bool {
        self.group.hedges.take()
    }

    /// When a second copy of a request is worth sending, by the quantile in the settings; `None` while too few requests
    /// were answered to tell.
    pub fn hedge_after(&self) -> Option<Duration> {
        self.group.answer_time.value()
    }

    /// Repetitions that the retry budget would allow now.
    pub fn retries_left(&self) -> u64 {
        self.group.retries.left()
    }

    /// Whether a server does worse than its group: slower, or failing more often. Asked right after a failure, which counts
    /// a tenth, this is so unless the group fails too: then it is the application, and asking another server is in vain.
    pub fn is_worse(&self, server: usize, now: Moment) -> bool {
        let reference = self.reference();
        let judgement = reference.judge(&self.members[server].state, now.low());
        judgement.latency_factor > 1.0 || judgement.errors > 2.0 * reference.errors + ERRORS_ALIKE
    }

    /// A server asked to be spared for so long (`Retry-After` with 429 or 503): until then it gets requests only if the
    /// others are a hundred times as busy. At most five minutes.
    pub fn spare(&self, server: usize, duration: Duration, now: Moment) {
        let member = &self.members[server];
        let until = now.after(duration.min(SPARE_MAX)).low();
        member.state.spare_until.store(until, Ordering::Relaxed);
        member.state.gate.set(Gate::SPARED);
        self.reference().refresh(&member.state, member.weight, now.low());
    }

    /// A server answered well, after so long.
    fn succeeded(&self, server: usize, role: Role, time: Duration, now: Moment) -> Option<Change> {
        let member = &self.members[server];
        let state = &*member.state;
        state.heard.store(now.low(), Ordering::Relaxed);
        state.learn_latency(time, now.low());
        self.algorithm.learn(state, time, now.low());
        if let Some(share) = self.settings.hedge_quantile {
            self.group.answer_time.learn(time, share);
        }
        state.learn_errors(false, now.low());
        let is_back = role != Role::Ordinary && state.circuit.good(now.low());
        if is_back {
            state.gate.clear(Gate::EJECTED);
            self.group.ejected.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1)).ok();
            state.errors.forget();
            state.begin_ramp(now, self.settings.slow_start / 2);
        }
        let reference = self.reference();
        if !reference.is_plain(state) {
            reference.refresh(state, member.weight, now.low());
        }
        is_back.then_some(Change::Recovered)
    }

    /// A server failed a request.
    fn failed(&self, server: usize, role: Role, failure: Failure, now: Moment) -> Option<Change> {
        let member = &self.members[server];
        let state = &*member.state;
        if failure != Failure::Timeout {
            state.heard.store(now.low(), Ordering::Relaxed);
        }
        state.failed_total.fetch_add(1, Ordering::Relaxed);
        state.last_failure.set(failure, now.low());
        state.learn_errors(true, now.low());
        let jitter = SplitMix::new(now.0 ^ (server as u64) << 48).fraction().mul_add(2.0, -1.0);
        let is_failed_trial = role == Role::Trial && state.circuit.bad(now.low(), jitter);
        let counts = role != Role::Panic && !is_failed_trial && failure.opens_circuit();
        let is_row = counts && state.circuit.count_failure() >= FAILURES_MAX;
        let is_ejected = is_row && self.may_eject(server, now.low()) && state.circuit.open(now.low(), jitter);
        if is_ejected {
            state.gate.set(Gate::EJECTED);
            state.ejected_total.fetch_add(1, Ordering::Relaxed);
            self.group.ejected.fetch_add(1, Ordering::Relaxed);
        }
        self.reference().refresh(state, member.weight, now.low());
        is_ejected.then_some(Change::Ejected)
    }
}

/// Weight of a new sample of latency: 1 - exp(-Δ/1 s), within these bounds.
const LATENCY_GAIN: std::ops::RangeInclusive<f32> = 0.02..=0.3;
const LATENCY_MS: f32 = 1_000.0;
/// Weight of a new sample of failure.
const ERROR_GAIN: f32 = 0.1;
/// Shares of failures below this are none.
const ERRORS_MIN: f32 = 1e-3;

impl ServerState {
    /// A geometric average over successes: one slow request of a mix does not make the server slow.
    fn learn_latency(&self, time: Duration, now: u32) {
        let log = log_ms(time);
        let Some(last) = self.latency.sample() else { return self.latency.set(log, now) };
        let gain = gain(age_ms(now, last.at), LATENCY_MS, LATENCY_GAIN);
        self.latency.set(last.value + gain * (log - last.value), now);
    }

    fn learn_errors(&self, is_failure: bool, now: u32) {
        let Some(last) = self.errors.sample() else {
            if is_failure {
                self.errors.set(ERROR_GAIN, now);
            }
            return;
        };
        if !is_failure && last.value == 0.0 {
            return;
        }
        let value = last.value * reference::fade(age_ms(now, last.at));
        let value = value + ERROR_GAIN * (f32::from(u8::from(is_failure)) - value);
        self.errors.set(if value < ERRORS_MIN { 0.0 } else { value }, now);
    }
}

/// Natural logarithm of a time in milliseconds.
pub(crate) fn log_ms(time: Duration) -> f32 {
    // A clock may show no time at all between two readings.
    (time.as_secs() as f32 * 1e3 + time.subsec_nanos() as f32 * 1e-6).max(1e-3).ln()
}

/// The weight of a sample that comes so long after the one before.
fn gain(age_ms: u32, constant_ms: f32, bounds: std::ops::RangeInclusive<f32>) -> f32 {
    let share = age_ms as f32 * (1.0 / constant_ms);
    // 1 - exp(-x) lies between x - x²/2 and x: outside of these the bounds decide.
    if share <= *bounds.start() {
        return *bounds.start();
    }
    (1.0 - (-share).exp()).clamp(*bounds.start(), *bounds.end())
}
