//! What outlives snapshots: the shared state of servers and of their groups, and the requests that wait for them. The
//! control thread keeps it, so that servers which stay in the config keep what is known of them over reloads.

use super::address::Addresses;
use super::line::Line;
use super::seat::SeatCounts;
use evener_balance::{GroupState, Moment, ServerState};
use evener_plan::{ServerAddress, Upstream};
use std::sync::Arc;

/// The shared states of all upstreams.
#[derive(Debug, Default)]
pub struct ServerStates {
    upstreams: Vec<Arc<Standing>>,
    /// The sessions over UDP.
    pub(crate) seats: SeatCounts,
    /// The connections of each client's address.
    pub(crate) addresses: Arc<Addresses>,
    /// Signs the cookies of upstreams that have no secret of their own.
    pub(crate) secret: [u8; 32],
}

/// What is known of one upstream, whatever snapshot it is used by.
#[derive(Debug)]
pub(crate) struct Standing {
    name: String,
    pub(crate) group: Arc<GroupState>,
    pub(crate) line: Arc<Line>,
    pub(crate) servers: Vec<(ServerAddress, Arc<ServerState>)>,
}

impl ServerStates {
    /// No states yet. `secret` is random; cookies signed with it are valid as long as these states live.
    pub fn new(secret: [u8; 32]) -> Self {
        Self { secret, ..Self::default() }
    }

    /// The states for the upstreams of a new plan. A server keeps its state if an upstream of the same name had it, or
    /// one whose name is gone, as that of a list in place is once the list has changed.
    pub(crate) fn renew(&mut self, upstreams: &[Upstream], now: Moment) -> Vec<Arc<Standing>> {
        let old = std::mem::take(&mut self.upstreams);
        let renewed = upstreams.iter().map(|upstream| {
            let same = old.iter().find(|standing| standing.name == upstream.name);
            let is_gone = |standing: &&Arc<Standing>| upstreams.iter().all(|other| other.name != standing.name);
            let gone: Vec<&Arc<Standing>> = old.iter().filter(is_gone).collect();
            Arc::new(Standing::new(upstream, same, &gone, now))
        });
        self.upstreams = renewed.collect();
        self.upstreams.clone()
    }
}

impl Standing {
    fn new(upstream: &Upstream, same: Option<&Arc<Self>>, gone: &[&Arc<Self>], now: Moment) -> Self {
        let sources = || same.into_iter().chain(gone.iter().copied());
        let kept = |address: &ServerAddress| sources().find_map(|standing| standing.state(address));
        let states: Vec<Option<Arc<ServerState>>> =
            upstream.servers.iter().map(|server| kept(&server.address)).collect();
        // A server that joins others at work gets a slow start; those of a new upstream begin together.
        let is_at_work = states.iter().any(Option::is_some);
        let fresh = || Arc::new(if is_at_work { ServerState::joining(now) } else { ServerState::new() });
        let mut servers: Vec<(ServerAddress, Arc<ServerState>)> = Vec::with_capacity(states.len());
        for (server, state) in upstream.servers.iter().zip(states) {
            // An address that stands in the list twice is one server.
            let twin = servers.iter().find(|(address, _)| *address == server.address);
            let state = twin.map(|(_, state)| Arc::clone(state)).or(state).unwrap_or_else(fresh);
            if upstream.health.is_none() {
                // Nobody would take back what a check of an earlier config has said.
                state.checked(true, now);
            }
            servers.push((server.address.clone(), state));
        }
        Self {
            name: upstream.name.clone(),
            group: same.map(|standing| Arc::clone(&standing.group)).unwrap_or_default(),
            line: same.map(|standing| Arc::clone(&standing.line)).unwrap_or_default(),
            servers,
        }
    }

    fn state(&self, address: &ServerAddress) -> Option<Arc<ServerState>> {
        self.servers.iter().find(|(own, _)| own == address).map(|(_, state)| Arc::clone(state))
    }
}
