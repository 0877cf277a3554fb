//! One scripted server as a queue: workers, those who wait, and what the script has made of it.
//!
//! It knows no sockets and no clock: it is told the time and says what is due when. It works by
//! waiting, not by computing, so ten of them fit on one core.

use std::collections::VecDeque;

use super::script::Change;

/// A request that a server holds: the connection it came on, and which request of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    /// The connection.
    pub(crate) connection: u64,
    /// The request's number on it.
    pub(crate) number: u64,
}

/// Something that a server will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Due {
    /// When, nanoseconds.
    pub(crate) at_ns: u64,
    /// For which request.
    pub(crate) ticket: Ticket,
    /// What it answers.
    pub(crate) answer: Answer,
}

/// How a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    /// 200 after the work.
    Done,
    /// 500 without work.
    Failed,
}

/// What comes of a [`Due`] whose time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Answer now.
    Send(Answer),
    /// The server stood still meanwhile: it happens later.
    Later(Due),
    /// The server died meanwhile.
    Nothing,
}

/// The state of one server.
#[derive(Debug)]
pub(crate) struct Desk {
    workers: usize,
    speed: f64,
    failing_share: f64,
    frozen_until_ns: u64,
    running: Vec<Due>,
    waiting: VecDeque<(Ticket, u64)>,
}

impl Desk {
    /// A healthy server.
    pub(crate) fn new(workers: usize, speed: f64) -> Self {
        Self { workers, speed, failing_share: 0.0, frozen_until_ns: 0, running: Vec::new(), waiting: VecDeque::new() }
    }

    /// A request has come. `draw` (0 to 1) decides whether a flaky server fails it.
    pub(crate) fn arrive(&mut self, ticket: Ticket, demand_ns: u64, draw: f64, now_ns: u64) -> Option<Due> {
        if draw < self.failing_share {
            let at_ns = now_ns.max(self.frozen_until_ns) + FAIL_NS;
            return Some(Due { at_ns, ticket, answer: Answer::Failed });
        }
        self.waiting.push_back((ticket, demand_ns));
        self.next(now_ns)
    }

    /// Lets a free worker begin with the request that has waited longest.
    pub(crate) fn next(&mut self, now_ns: u64) -> Option<Due> {
        if self.running.len() >= self.workers || now_ns < self.frozen_until_ns {
            return None;
        }
        let (ticket, demand_ns) = self.waiting.pop_front()?;
        let due = Due { at_ns: now_ns + scaled(demand_ns, self.speed), ticket, answer: Answer::Done };
        self.running.push(due);
        Some(due)
    }

    /// The time of a due has come. After [`Outcome::Send`] a worker may be free: ask for the next.
    pub(crate) fn come(&mut self, due: Due, now_ns: u64) -> Outcome {
        if due.answer == Answer::Failed {
            let frozen = now_ns < self.frozen_until_ns;
            let later = Due { at_ns: self.frozen_until_ns + FAIL_NS, ..due };
            return if frozen { Outcome::Later(later) } else { Outcome::Send(Answer::Failed) };
        }
        let Some(place) = self.running.iter().position(|running| running.ticket == due.ticket) else {
            return Outcome::Nothing;
        };
        let current = self.running[place];
        if current.at_ns > now_ns {
            return Outcome::Later(current);
        }
        self.running.swap_remove(place);
        Outcome::Send(Answer::Done)
    }

    /// A connection has gone. A request of it that waits is never begun; one that is worked on
    /// keeps its worker to the end, as in most servers.
    pub(crate) fn forget(&mut self, connection: u64) {
        self.waiting.retain(|(ticket, _)| ticket.connection != connection);
    }

    /// The script changes this server.
    pub(crate) fn change(&mut self, change: Change, now_ns: u64) {
        match change {
            Change::Speed(speed) => self.speed = speed,
            Change::Fail(share) => self.failing_share = share,
            Change::Kill | Change::Open => {
                self.running.clear();
                self.waiting.clear();
            }
            Change::Freeze(length) => {
                let length_ns = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
                self.frozen_until_ns = now_ns + length_ns;
                for due in &mut self.running {
                    due.at_ns += length_ns;
                }
            }
        }
    }

    /// When it goes on, if it stands still.
    pub(crate) fn frozen_until_ns(&self) -> u64 {
        self.frozen_until_ns
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a demand is seconds at most"
)]
fn scaled(demand_ns: u64, speed: f64) -> u64 {
    (demand_ns as f64 / speed) as u64
}

/// How quickly a failing server answers.
const FAIL_NS: u64 = 300_000;
