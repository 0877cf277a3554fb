//! A request at a server, from the pick to its end. What becomes of it is told to the balancer through the ticket;
//! dropping it says that the client gave up, which tells nothing about the server.
//!
//! LIFECYCLE: awaiting its answer -> answered, well or badly -> perhaps streaming -> over.

use super::{Balancer, Change};
use crate::{Failure, Moment, ServerState};
use std::mem;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Why a server got a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Ordinary,
    /// To see whether an ejected server works again.
    Trial,
    /// Because no server was left that should get requests.
    Panic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Awaiting,
    /// With a status that tells of a failure.
    AnsweredBadly,
    Answered,
    Streaming,
}

/// One request in the counts of its server, for as long as the value lives.
#[derive(Debug)]
#[must_use = "a request that is dropped counts as given up"]
pub struct Ticket<'b> {
    balancer: &'b Balancer,
    server: usize,
    role: Role,
    stage: Stage,
}

impl<'b> Ticket<'b> {
    pub(super) fn new(balancer: &'b Balancer, server: usize, role: Role) -> Self {
        Self { balancer, server, role, stage: Stage::Awaiting }
    }

    /// The place of the server in the list.
    pub fn server(&self) -> usize {
        self.server
    }

    /// Whether the request tries out a server that was ejected.
    pub fn is_trial(&self) -> bool {
        self.role == Role::Trial
    }

    /// The server has begun to answer well, `time` after the request was sent. It is still busy with the rest.
    pub fn answered(&mut self, time: Duration, now: Moment) -> Option<Change> {
        if self.stage != Stage::Awaiting {
            return None;
        }
        self.state().load.answered();
        self.stage = Stage::Answered;
        self.balancer.succeeded(self.server, self.role, time, now)
    }

    /// The server has begun to answer, with a status that tells of a failure. It is still busy with the rest.
    pub fn answered_badly(&mut self, failure: Failure, now: Moment) -> Option<Change> {
        if self.stage != Stage::Awaiting {
            return None;
        }
        self.state().load.answered();
        self.stage = Stage::AnsweredBadly;
        self.balancer.failed(self.server, self.role, failure, now)
    }

    /// The answer goes on for long, so that it is a stream: it counts a fifth of a request from now on.
    pub fn streams(&mut self) {
        if self.stage == Stage::Answered {
            self.state().streams.fetch_add(1, Ordering::Relaxed);
            self.stage = Stage::Streaming;
        }
    }

    /// The whole answer is there, and it is good. `time` is that to its first byte.
    pub fn succeed(self, time: Duration, now: Moment) -> Option<Change> {
        let change = match self.stage {
            Stage::Awaiting => self.balancer.succeeded(self.server, self.role, time, now),
            Stage::AnsweredBadly | Stage::Answered | Stage::Streaming => None,
        };
        self.leave();
        if self.stage != Stage::AnsweredBadly {
            self.state().circuit.end_row();
        }
        // It has left; there is nothing for a drop to do.
        mem::forget(self);
        change
    }

    /// The request failed at the server, before or after its answer began.
    pub fn fail(self, failure: Failure, now: Moment) -> Option<Change> {
        self.leave();
        let change = self.balancer.failed(self.server, self.role, failure, now);
        mem::forget(self);
        change
    }

    fn state(&self) -> &'b ServerState {
        &self.balancer.members[self.server].state
    }

    /// Takes the request out of the counts.
    fn leave(&self) {
        let state = self.state();
        match self.stage {
            Stage::Awaiting => state.load.end(),
            Stage::AnsweredBadly | Stage::Answered => state.load.finish(),
            Stage::Streaming => {
                state.streams.fetch_sub(1, Ordering::Relaxed);
                state.load.finish();
            }
        }
    }
}

impl Drop for Ticket<'_> {
    /// Nobody says that something failed. A row of failures ends only now if the answer began well: a server whose
    /// answers all break off has not done well in between.
    fn drop(&mut self) {
        match self.stage {
            Stage::Awaiting if self.role == Role::Trial => self.state().circuit.release(),
            Stage::Awaiting | Stage::AnsweredBadly => {}
            Stage::Answered | Stage::Streaming => self.state().circuit.end_row(),
        }
        self.leave();
    }
}
