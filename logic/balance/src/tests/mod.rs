//! The crate through its front door, with seeds and a clock that the test moves.

mod algorithms;
mod averages;
mod budgets;
mod candidates;
mod circuits;
mod hash;
mod latency;
mod limits;
mod threads;
mod tickets;

use crate::*;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

/// A balancer with its clock and its random numbers.
struct Group {
    balancer: Balancer,
    rng: RefCell<SplitMix>,
    now: Cell<Moment>,
}

impl Group {
    /// Servers that were there from the start, with these weights.
    fn new(kind: Kind, weights: &[u16]) -> Self {
        Self::with(Settings::new(kind), members(weights))
    }

    fn with(settings: Settings, members: Vec<Member>) -> Self {
        let balancer = Balancer::new(settings, members, Arc::default());
        Self { balancer, rng: RefCell::new(SplitMix::new(1)), now: Cell::new(START) }
    }

    fn seeded(self, seed: u64) -> Self {
        self.rng.replace(SplitMix::new(seed));
        self
    }

    fn wait_ms(&self, ms: u64) {
        self.now.set(Moment(self.now.get().0 + ms));
    }

    fn ask(&self, request: &Request<'_>) -> Result<Ticket<'_>, NoPick> {
        self.balancer.pick(request, self.now.get(), &mut *self.rng.borrow_mut())
    }

    /// A request that was nowhere yet.
    fn pick(&self) -> Result<Ticket<'_>, NoPick> {
        self.ask(&Request::new(&Tried::new()))
    }

    /// The server of a request that is over at once.
    fn server(&self) -> usize {
        self.pick().unwrap().server()
    }

    /// The same after these were tried.
    fn server_after(&self, tried: &Tried) -> Option<usize> {
        self.ask(&Request::new(tried)).ok().map(|ticket| ticket.server())
    }

    fn servers(&self, count: usize) -> Vec<usize> {
        (0..count).map(|_| self.server()).collect()
    }

    /// A request that goes to this server.
    fn send(&self, server: usize) -> Ticket<'_> {
        let ticket = self.ask(&Request { preferred: Some(server), ..Request::new(&Tried::new()) }).unwrap();
        assert_eq!(ticket.server(), server, "the server does not take it");
        ticket
    }

    /// So many requests in flight at each server.
    fn load(&self, in_flight: &[usize]) -> Vec<Ticket<'_>> {
        let requests = |(server, count): (usize, &usize)| vec![server; *count];
        in_flight.iter().enumerate().flat_map(requests).map(|server| self.send(server)).collect()
    }

    /// A server answers a request after so long.
    fn succeed(&self, server: usize, ms: f64) {
        self.send(server).succeed(millis(ms), self.now.get());
    }

    /// A server loses so many connections.
    fn fail(&self, server: usize, times: usize) -> Vec<Option<Change>> {
        (0..times).map(|_| self.send(server).fail(Failure::Reset, self.now.get())).collect()
    }

    fn state(&self, server: usize) -> &ServerState {
        &self.balancer.members()[server].state
    }

    fn report(&self, server: usize) -> ServerReport {
        self.balancer.report(server, self.now.get())
    }

    /// How long a server is ejected for, still.
    fn ejected_ms(&self, server: usize) -> u64 {
        match self.report(server).standing {
            Standing::Ejected(left) => left.as_millis() as u64,
            other => panic!("server {server} is {other}"),
        }
    }
}

const START: Moment = Moment(1_000_000);

fn members(weights: &[u16]) -> Vec<Member> {
    (0..).zip(weights).map(|(id, weight)| Member { weight: *weight, ..Member::new(id) }).collect()
}

fn tried(servers: &[usize]) -> Tried {
    let mut tried = Tried::new();
    servers.iter().for_each(|server| tried.insert(*server));
    tried
}

fn tally(picks: &[usize], servers: usize) -> Vec<usize> {
    let mut counts = vec![0; servers];
    picks.iter().for_each(|server| counts[*server] += 1);
    counts
}

fn millis(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1000.0)
}

#[track_caller]
fn assert_close(actual: f64, expected: f64) {
    let tolerance = 1e-3 * expected.abs().max(1e-3);
    assert!((actual - expected).abs() <= tolerance, "{actual} instead of {expected}");
}
