//! `round_robin`: every server in turn, as often as its weight says and evenly spaced.
//!
//! The cycle is computed once. In it the k-th pick of a server of weight `w` (of a sum `W`) falls between the turns
//! `floor(k*W/w)` and `ceil((k+1)*W/w)`, and of the servers whose time has come the one with the earliest end goes first.
//! Such a plan always exists, and this rule finds it (C. L. Liu and J. W. Layland 1973; S. Baruah and others 1996, "P-fair").
//! So after any number of turns each server has had its share to within one request, and a whole cycle is exact.
//!
//! It does not look at how busy a server is.

use super::Turns;
use crate::balancer::View;
use crate::{Member, Rng};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::Ordering;

/// Turns to look ahead when the server whose turn it is cannot take it; past it the list of servers is searched in
/// order. A guess: long enough that weights still count with few servers, short enough to cost nothing.
const LOOK_AHEAD: usize = 32;

#[derive(Debug, Clone)]
pub(crate) struct RoundRobin {
    /// The server of each turn of the cycle.
    cycle: Box<[u32]>,
}

impl RoundRobin {
    pub(crate) fn new(members: &[Member]) -> Self {
        let weights: Vec<u16> = members.iter().map(|member| member.weight).collect();
        Self { cycle: cycle(&weights) }
    }

    pub(crate) fn pick(&self, view: &View<'_>, turns: &Turns, rng: &mut impl Rng) -> Option<usize> {
        if self.cycle.is_empty() {
            return None;
        }
        let start = turns.0.fetch_add(1, Ordering::Relaxed) % self.cycle.len();
        let server = self.cycle[start] as usize;
        if view.takes_turn(server, rng) { Some(server) } else { self.next(start, view, rng) }
    }

    /// The next server that takes a turn, or else the next that may.
    fn next(&self, start: usize, view: &View<'_>, rng: &mut impl Rng) -> Option<usize> {
        let ahead = self.cycle.iter().cycle().skip(start + 1).take(LOOK_AHEAD.min(self.cycle.len()));
        let soon = ahead.map(|server| *server as usize).find(|server| view.takes_turn(*server, rng));
        soon.or_else(|| {
            let count = view.members.len();
            let first = self.cycle[start] as usize;
            (0..count).map(|step| (first + step) % count).find(|server| view.may(*server))
        })
    }
}

/// The next pick of one server while the cycle is computed; ordered by the end of its time, then by the server.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    end: u64,
    server: u32,
    picks: u64,
}

fn cycle(weights: &[u16]) -> Box<[u32]> {
    let divisor = weights.iter().fold(0, |divisor, weight| common_divisor(divisor, u64::from(*weight)));
    if divisor == 0 {
        return Box::default();
    }
    let weights: Vec<u64> = weights.iter().map(|weight| u64::from(*weight) / divisor).collect();
    let sum: u64 = weights.iter().sum();
    let end = |server: u32, picks: u64| ((picks + 1) * sum).div_ceil(weights[server as usize]);

    // `waiting` holds servers whose time has not come, by the turn when it comes; `ready` those whose time has come.
    let mut ready: BinaryHeap<Reverse<Due>> = BinaryHeap::with_capacity(weights.len());
    let mut waiting: BinaryHeap<Reverse<(u64, u32, u64)>> = BinaryHeap::with_capacity(weights.len());
    waiting.extend((0..).zip(&weights).filter(|(_, weight)| **weight > 0).map(|(server, _)| Reverse((0, server, 0))));

    let mut cycle = Vec::with_capacity(usize::try_from(sum).unwrap_or(0));
    for turn in 0..sum {
        while waiting.peek().is_some_and(|Reverse((begin, _, _))| *begin <= turn) {
            let Some(Reverse((_, server, picks))) = waiting.pop() else { break };
            ready.push(Reverse(Due { end: end(server, picks), server, picks }));
        }
        let Some(Reverse(due)) = ready.pop() else { break };
        debug_assert!(turn < due.end, "a server is picked before the end of its time");
        cycle.push(due.server);
        let picks = due.picks + 1;
        waiting.push(Reverse((picks * sum / weights[due.server as usize], due.server, picks)));
    }
    debug_assert_eq!(cycle.len() as u64, sum, "some server is ready at every turn");
    cycle.into_boxed_slice()
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}
