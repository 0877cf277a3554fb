//! Other policies, written anew from what is published of them: as they come, and armed with ejection after five
//! failures in a row and one repetition, the way a careful operator would set them up.
//!
//! They are idealised: they cost nothing, forget nothing and have no locks.

use super::{Asked, Ended, Failed, Picked, Policy};
use crate::demand::{Dice, SECOND};
use crate::server::Change;
use evener_balance::{Failure, NoPick, Tried};

/// By what a rival chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// In turn.
    RoundRobin,
    /// The fewest requests in flight of all; ties at random.
    LeastRequests,
    /// The fewer requests in flight of two servers.
    TwoChoices,
    /// The less of response time times requests in flight of two servers; a response time above the average replaces it.
    PeakEwma,
}

pub(crate) struct Rival {
    rule: Rule,
    is_armed: bool,
    /// Servers that are in the group now.
    count: usize,
    seats: Vec<Seat>,
    turn: usize,
    dice: Dice,
    candidates: Vec<usize>,
}

/// What is known of one server.
#[derive(Debug, Clone)]
struct Seat {
    in_flight: u32,
    /// Average of the response time in seconds, and when it was taken.
    average: (f64, u64),
    failures_in_row: u32,
    ejected_until: u64,
    ejections: u64,
}

impl Rival {
    pub(crate) fn new(rule: Rule, is_armed: bool, servers: usize, joining: usize, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let seat = Seat { in_flight: 0, average: (START_S, 0), failures_in_row: 0, ejected_until: 0, ejections: 0 };
        let turn = dice.below(servers as u64) as usize;
        let (count, seats) = (servers - joining, vec![seat; servers]);
        Self { rule, is_armed, count, seats, turn, dice, candidates: Vec::new() }
    }

    /// Fills the list of servers that may be chosen: those not tried that are not ejected, or else all not tried.
    fn list_candidates(&mut self, tried: &Tried, now: u64) {
        let seats = &self.seats;
        let untried = |server: &usize| !tried.contains(*server);
        self.candidates.clear();
        self.candidates.extend((0..self.count).filter(untried).filter(|server| seats[*server].ejected_until <= now));
        if self.candidates.is_empty() {
            self.candidates.extend((0..self.count).filter(untried));
        }
    }

    fn choose(&mut self, now: u64) -> Option<usize> {
        let count = self.candidates.len();
        if count < 2 {
            return self.candidates.first().copied();
        }
        match self.rule {
            Rule::RoundRobin => {
                self.turn = (self.turn + 1) % self.count;
                let turn = self.turn;
                let next = self.candidates.iter().copied().find(|server| *server >= turn);
                let server = next.unwrap_or(self.candidates[0]);
                self.turn = server;
                Some(server)
            }
            Rule::LeastRequests => {
                let least = self.candidates.iter().map(|server| self.seats[*server].in_flight).min()?;
                let is_least = |server: &&usize| self.seats[**server].in_flight == least;
                let ties = self.candidates.iter().filter(is_least).count();
                let skip = if ties > 1 { self.dice.below(ties as u64) as usize } else { 0 };
                self.candidates.iter().filter(is_least).nth(skip).copied()
            }
            Rule::TwoChoices => {
                let (one, other) = self.draw_two();
                Some(if self.seats[other].in_flight < self.seats[one].in_flight { other } else { one })
            }
            Rule::PeakEwma => {
                let (one, other) = self.draw_two();
                let cost = |server: usize| {
                    let seat = &self.seats[server];
                    seat.average_at(now) * f64::from(seat.in_flight + 1)
                };
                Some(if cost(other) < cost(one) { other } else { one })
            }
        }
    }

    fn draw_two(&mut self) -> (usize, usize) {
        let count = self.candidates.len() as u64;
        let one = self.dice.below(count);
        let other = (one + 1 + self.dice.below(count - 1)) % count;
        (self.candidates[one as usize], self.candidates[other as usize])
    }
}

impl Seat {
    /// The average fades while nothing is heard.
    fn average_at(&self, now: u64) -> f64 {
        let (average, at) = self.average;
        average * (-((now - at) as f64) / DECAY_NS).exp()
    }

    fn learn(&mut self, time_s: f64, now: u64) {
        let (average, at) = self.average;
        let kept = (-((now - at) as f64) / DECAY_NS).exp();
        let next = if time_s > average { time_s } else { average * kept + time_s * (1.0 - kept) };
        self.average = (next, now);
    }
}

impl Policy for Rival {
    fn pick(&mut self, asked: &Asked<'_>) -> Result<Picked, NoPick> {
        self.list_candidates(asked.tried, asked.now);
        let server = self.choose(asked.now).ok_or(NoPick::Nobody)?;
        self.seats[server].in_flight += 1;
        Ok(Picked { server, handle: 0 })
    }

    fn end(&mut self, ended: &Ended) {
        let count = self.count;
        let others_out = self.seats.iter().filter(|seat| seat.ejected_until > ended.now).count();
        let seat = &mut self.seats[ended.picked.server];
        seat.in_flight -= 1;
        if self.rule == Rule::PeakEwma {
            seat.learn((ended.now - ended.sent) as f64 / SECOND as f64, ended.now);
        }
        if ended.failure.is_none() {
            seat.failures_in_row = 0;
            return;
        }
        seat.failures_in_row += 1;
        let may_eject = seat.ejected_until <= ended.now && (others_out + 1) * 10 <= count * 6;
        if self.is_armed && seat.failures_in_row >= 5 && may_eject {
            seat.failures_in_row = 0;
            seat.ejections += 1;
            seat.ejected_until = ended.now + 30 * SECOND * seat.ejections;
        }
    }

    fn repeats(&mut self, failed: &Failed) -> bool {
        match failed.failure {
            _ if failed.earlier > 0 => false,
            Failure::Connect => true,
            Failure::Reset | Failure::Status(500..=504) => self.is_armed,
            Failure::Status(_) | Failure::Timeout | Failure::Broken => false,
        }
    }

    fn told(&mut self, _server: usize, change: Change, _now: u64) {
        if change == Change::Join {
            self.count = self.seats.len();
        }
    }

    fn ejected(&self) -> usize {
        0
    }
}

/// The response time of a server of which nothing is known.
const START_S: f64 = 0.03;
const DECAY_NS: f64 = 10e9;
