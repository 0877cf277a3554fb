//! A request at a server, from the pick to its end. What becomes of it is told to the balancer through the ticket;
//! dropping it says that the client gave up, which tells nothing about the server.
//!
//! LIFECYCLE: awaiting its answer -> answered -> perhaps streaming -> over.

use super::{Balancer, Change};
use crate::{Failure, Moment};
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
    Answered,
    Streaming,
    Over,
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
        self.stage = Stage::Answered;
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
    pub fn succeed(mut self, time: Duration, now: Moment) -> Option<Change> {
        let is_new = self.stage == Stage::Awaiting;
        self.leave();
        if is_new { self.balancer.succeeded(self.server, self.role, time, now) } else { None }
    }

    /// The request failed at the server, before or after its answer began.
    pub fn fail(mut self, failure: Failure, now: Moment) -> Option<Change> {
        self.leave();
        self.balancer.failed(self.server, self.role, failure, now)
    }

    fn state(&self) -> &'b crate::ServerState {
        &self.balancer.members[self.server].state
    }

    /// Takes the request out of the counts.
    fn leave(&mut self) {
        let state = self.state();
        match self.stage {
            Stage::Awaiting => state.load.end(),
            Stage::Answered => state.load.finish(),
            Stage::Streaming => {
                state.streams.fetch_sub(1, Ordering::Relaxed);
                state.load.finish();
            }
            Stage::Over => {}
        }
        self.stage = Stage::Over;
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.stage == Stage::Awaiting && self.role == Role::Trial {
            self.state().circuit.release();
        }
        self.leave();
    }
}
