//! How a proxy chooses servers: the balancer of this crate, and others to compare it with.

mod evener;
mod rival;

pub(crate) use evener::{Evener, moment};
pub(crate) use rival::{Rival, Rule};

use crate::server::Change;
use evener_balance::{Failure, NoPick, Tried};

/// A proxy's way to choose.
pub(crate) trait Policy {
    /// Chooses a server for a request.
    fn pick(&mut self, asked: &Asked<'_>) -> Result<Picked, NoPick>;

    /// An attempt is over: well, or not.
    fn end(&mut self, ended: &Ended);

    /// Whether a request that failed is to be sent again, to another server.
    fn repeats(&mut self, failed: &Failed) -> bool;

    /// Something became of the group that an operator has told the proxy.
    fn told(&mut self, server: usize, change: Change, now: u64);

    /// Number of servers that get no requests because of failures.
    fn ejected(&self) -> usize;
}

/// What is asked of a pick.
pub(crate) struct Asked<'t> {
    pub(crate) tried: &'t Tried,
    pub(crate) worker: u16,
    pub(crate) now: u64,
}

/// A server, and the policy's own number for the attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Picked {
    pub(crate) server: usize,
    pub(crate) handle: u32,
}

/// How an attempt went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) picked: Picked,
    pub(crate) failure: Option<Failure>,
    pub(crate) sent: u64,
    pub(crate) worker: u16,
    pub(crate) now: u64,
}

/// A failed attempt, to be judged whether another one follows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failed {
    pub(crate) server: usize,
    pub(crate) failure: Failure,
    /// Attempts at other servers before this one.
    pub(crate) earlier: u32,
    pub(crate) worker: u16,
    pub(crate) now: u64,
}
