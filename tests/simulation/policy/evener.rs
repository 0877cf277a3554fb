//! The balancer of this crate in the simulation: several workers that share it, each with its random numbers and a clock
//! that lags behind by its own part of a tick.

use super::{Asked, Ended, Failed, Picked, Policy};
use crate::demand::MILLISECOND;
use crate::server::Change;
use evener_balance::{Attempted, Balancer, Failure, Moment, Next, NoPick, Request, RetryPolicy, SplitMix, Ticket};
use std::time::Duration;

/// The clock that the program reads for moments moves in steps of a kernel tick. Response times are measured exactly.
const TICK: u64 = 4 * MILLISECOND;

pub(crate) struct Evener<'b> {
    /// The balancer, and the one that takes its place when servers join.
    balancer: &'b Balancer,
    next: Option<&'b Balancer>,
    workers: Vec<Worker>,
    tickets: Vec<Option<Ticket<'b>>>,
    free: Vec<u32>,
}

struct Worker {
    rng: SplitMix,
    lag: u64,
}

impl<'b> Evener<'b> {
    pub(crate) fn new(balancer: &'b Balancer, next: Option<&'b Balancer>, workers: usize, seed: u64) -> Self {
        let worker = |number: u64| Worker {
            rng: SplitMix::new(seed.wrapping_mul(0x9e37_79b9) ^ number << 32),
            lag: number * TICK / workers as u64,
        };
        let workers = (0..workers as u64).map(worker).collect();
        Self { balancer, next, workers, tickets: Vec::new(), free: Vec::new() }
    }

    fn moment(&self, worker: u16, now: u64) -> Moment {
        let lag = self.workers[usize::from(worker) % self.workers.len()].lag;
        moment(now.saturating_sub(lag))
    }
}

/// The moment that a coarse clock shows. It has run for a while when the simulation begins.
pub(crate) fn moment(now: u64) -> Moment {
    Moment((now / TICK * TICK) / MILLISECOND + CLOCK_START_MS)
}

/// As after a day; the low bits wrap during the first run that is long enough.
const CLOCK_START_MS: u64 = 86_400_000;

impl Policy for Evener<'_> {
    fn pick(&mut self, asked: &Asked<'_>) -> Result<Picked, NoPick> {
        let now = self.moment(asked.worker, asked.now);
        let count = self.workers.len();
        let rng = &mut self.workers[usize::from(asked.worker) % count].rng;
        let ticket = self.balancer.pick(&Request::new(asked.tried), now, rng)?;
        let server = ticket.server();
        let handle = self.free.pop().unwrap_or_else(|| {
            self.tickets.push(None);
            self.tickets.len() as u32 - 1
        });
        self.tickets[handle as usize] = Some(ticket);
        Ok(Picked { server, handle })
    }

    fn end(&mut self, ended: &Ended) {
        let now = self.moment(ended.worker, ended.now);
        let ticket = self.tickets[ended.picked.handle as usize].take().expect("an attempt ends once");
        self.free.push(ended.picked.handle);
        // What has become of the server is for logs.
        let _ = match ended.failure {
            None => ticket.succeed(Duration::from_nanos(ended.now - ended.sent), now),
            Some(failure) => ticket.fail(failure, now),
        };
    }

    fn repeats(&mut self, failed: &Failed) -> bool {
        let is_untouched = failed.failure == Failure::Connect;
        let attempted = Attempted {
            failure: failed.failure,
            attempts: failed.earlier,
            is_idempotent: true,
            is_untouched,
            is_whole: true,
            is_seen: false,
            was_reused: false,
            is_worse: self.balancer.is_worse(failed.server, self.moment(failed.worker, failed.now)),
        };
        match RetryPolicy::default().next(&attempted) {
            Next::GiveUp | Next::SameServer => false,
            Next::OtherServer => true,
            Next::OtherServerInBudget => self.balancer.take_retry(),
        }
    }

    fn told(&mut self, server: usize, change: Change, _now: u64) {
        match change {
            Change::Drain(is_drained) => self.balancer.members()[server].state.drain(is_drained),
            Change::Join => self.balancer = self.next.expect("a balancer with the servers that join"),
            Change::Slow(_) | Change::Fail(..) | Change::Kill | Change::Open | Change::Freeze(_) => {}
        }
    }

    fn ejected(&self) -> usize {
        self.balancer.members().iter().filter(|member| member.state.is_ejected()).count()
    }
}
