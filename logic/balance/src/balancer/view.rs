//! What an algorithm sees when it picks: which servers are candidates, and what they have to do.

use super::Balancer;
use super::reference::Reference;
use crate::server::{Gate, ServerState};
use crate::{Member, Rng, Tried};
use std::sync::atomic::Ordering;

/// The candidates of one pick.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) members: &'a [Member],
    pub(crate) tried: &'a Tried,
    /// Only servers of this tier; `None`: all have the same.
    pub(crate) tier: Option<u8>,
    /// Gates that keep a server out of this pick.
    pub(crate) closed: u32,
    pub(crate) now: u32,
    pub(crate) balancer: &'a Balancer,
    pub(crate) key: u64,
    /// Nothing was tried.
    pub(crate) is_first: bool,
}

impl View<'_> {
    /// Whether the server may be picked.
    pub(crate) fn may(&self, server: usize) -> bool {
        self.admits(server, &self.members[server])
    }

    /// The same, for one who has the member at hand.
    #[inline]
    pub(crate) fn admits(&self, server: usize, member: &Member) -> bool {
        self.is_open(server, member) && !self.is_full(member)
    }

    /// Whether a server is at its bound.
    #[inline]
    pub(crate) fn is_full(&self, member: &Member) -> bool {
        member.state.in_flight() >= member.state.limit.load(Ordering::Relaxed)
    }

    /// Whether the server may be picked but for its bound on requests.
    #[inline]
    pub(crate) fn is_open(&self, server: usize, member: &Member) -> bool {
        member.weight > 0
            && !member.state.gate.has(self.closed)
            && self.tier.is_none_or(|tier| tier == member.tier)
            && (self.is_first || !self.tried.contains(server))
    }

    /// What servers are measured against.
    pub(crate) fn reference(&self) -> Reference {
        self.balancer.reference()
    }

    /// Like [`Self::may`], but a server in its slow start takes only its share of the turns that fall on it.
    pub(crate) fn takes_turn(&self, server: usize, rng: &mut impl Rng) -> bool {
        if !self.may(server) {
            return false;
        }
        let state = &self.members[server].state;
        if !state.gate.has(Gate::RAMPING) {
            return true;
        }
        let share = self.reference().ramp(state, self.now);
        (rng.below(1 << 20) as f32) < share * (1 << 20) as f32
    }

    pub(crate) fn state(&self, server: usize) -> &ServerState {
        &self.members[server].state
    }

    /// The weight of a server, less during its slow start.
    pub(crate) fn weight(&self, server: usize) -> f32 {
        let member = &self.members[server];
        let weight = f32::from(member.weight);
        if member.state.gate.has(Gate::RAMPING) {
            weight * self.reference().ramp(&member.state, self.now)
        } else {
            weight
        }
    }

    /// Requests in flight; one whose answer has been on its way for long counts a fifth.
    pub(crate) fn load(&self, server: usize) -> f32 {
        let state = self.state(server);
        busyness(state, state.in_flight())
    }
}

/// Requests in flight at a server; one whose answer has been on its way for long counts a fifth.
#[inline]
pub(crate) fn busyness(state: &ServerState, in_flight: u32) -> f32 {
    let streams = state.streams.load(Ordering::Relaxed);
    // At most 2^20: a signed number is converted in one step.
    let in_flight = in_flight as i32 as f32;
    if streams == 0 { in_flight } else { (in_flight - STREAM_DISCOUNT * streams as f32).max(0.0) }
}

/// What is taken off for a stream, so that sockets which say little do not look like work. A guess; what it should be
/// depends on what streams cost a server.
const STREAM_DISCOUNT: f32 = 0.8;
