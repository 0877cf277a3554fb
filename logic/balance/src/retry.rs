//! Whether a request that failed at a server is sent again, and where.
//!
//! A request must not be executed twice unless that does no harm (RFC 9110 §9.2.2), and nothing may be repeated of which
//! a part is gone. Within that the policy decides, and the budget of the balancer, which the caller asks.

use crate::Failure;

/// Which failures lead to another attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Further attempts after the first for each request. What never reached a server does not count.
    pub attempts: u32,
    /// A server takes no connection.
    pub on_connect: bool,
    /// The connection ends before an answer, or the answer is no valid one.
    pub on_reset: bool,
    /// No answer comes in time.
    pub on_timeout: bool,
    /// A 500 from a server that does worse than its group.
    pub on_worse: bool,
    /// Answers with these statuses.
    pub on_status: Box<[u16]>,
}

impl Default for RetryPolicy {
    /// One further attempt after a failure to connect, a lost connection, 502, 503, 504, and 500 from a server that does
    /// worse than its group.
    fn default() -> Self {
        Self {
            attempts: 1,
            on_connect: true,
            on_reset: true,
            on_timeout: false,
            on_worse: true,
            on_status: Box::new([502, 503, 504]),
        }
    }
}

/// What is known of a request whose attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempted {
    /// What happened.
    pub failure: Failure,
    /// Further attempts so far.
    pub attempts: u32,
    /// Executing the request twice does no harm.
    pub is_idempotent: bool,
    /// The server got not one byte of it.
    pub is_untouched: bool,
    /// All of it is still there.
    pub is_whole: bool,
    /// The client has seen something of an answer.
    pub is_seen: bool,
    /// The connection had carried a request before, so that the server may have been closing it at that moment.
    pub was_reused: bool,
    /// The server does worse than its group.
    pub is_worse: bool,
}

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The client gets the failure.
    GiveUp,
    /// The same server over a new connection: the old one had died in the meantime, which says nothing about the server.
    SameServer,
    /// Another server.
    OtherServer,
    /// Another server, if the budget allows it.
    OtherServerInBudget,
}

impl RetryPolicy {
    /// Whether an answer with this status may lead to another attempt.
    pub fn names(&self, status: u16) -> bool {
        (status == 500 && self.on_worse) || self.on_status.contains(&status)
    }

    /// Decides.
    pub fn next(&self, attempted: &Attempted) -> Next {
        if !attempted.is_whole || attempted.is_seen {
            return Next::GiveUp;
        }
        let is_harmless = attempted.is_untouched || attempted.is_idempotent;
        match attempted.failure {
            Failure::Connect if self.on_connect => return Next::OtherServer,
            Failure::Reset if attempted.was_reused && is_harmless => return Next::SameServer,
            Failure::Reset if attempted.is_untouched && self.on_connect => return Next::OtherServer,
            Failure::Connect | Failure::Reset | Failure::Timeout | Failure::Status(_) | Failure::Broken => {}
        }
        let is_named = match attempted.failure {
            Failure::Connect | Failure::Broken => false,
            Failure::Reset => self.on_reset,
            Failure::Timeout => self.on_timeout,
            Failure::Status(500) if attempted.is_worse && self.on_worse => true,
            Failure::Status(status) => self.on_status.contains(&status),
        };
        let may = is_named && attempted.is_idempotent && attempted.attempts < self.attempts;
        if may { Next::OtherServerInBudget } else { Next::GiveUp }
    }
}
