//! `round_robin`: every server in turn, as often as its weight says and evenly spaced.
//!
//! The cycle is computed once. In it the k-th pick of a server of weight `w` (of a sum `W`) falls between the turns
//! `floor(k*W/w)` and `ceil((k+1)*W/w)`, and of the servers whose time has come the one with the earliest end goes first.
//! Such a plan always exists, and this rule finds it (C. L. Liu and J. W. Layland 1973; S. Baruah and others 1996, "P-fair").
//! So after any number of turns each server has had its share to within one request, and a whole cycle is exact.
//!
//! It does not look at how busy a server is.

use crate::Tried;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Turns to look ahead when the server whose turn it is was tried; past it the list of servers is searched in order.
/// A guess: long enough that weights still count with few servers, short enough to cost nothing.
const LOOK_AHEAD: usize = 32;

#[derive(Debug, Clone)]
pub(crate) struct RoundRobin {
    /// The server of each turn of the cycle.
    cycle: Box<[u32]>,
    /// Whether each server has a weight.
    takes: Box<[bool]>,
}

impl RoundRobin {
    pub(crate) fn new(weights: &[u16]) -> Self {
        Self { cycle: cycle(weights), takes: weights.iter().map(|weight| *weight > 0).collect() }
    }

    pub(crate) fn pick(&self, turn: usize, tried: &Tried) -> Option<usize> {
        if self.cycle.is_empty() {
            return None;
        }
        let start = turn % self.cycle.len();
        let server = self.cycle[start] as usize;
        if tried.contains(server) { self.next_untried(start, tried) } else { Some(server) }
    }

    fn next_untried(&self, start: usize, tried: &Tried) -> Option<usize> {
        let ahead = self.cycle.iter().cycle().skip(start + 1).take(LOOK_AHEAD.min(self.cycle.len()));
        let soon = ahead.map(|server| *server as usize).find(|server| !tried.contains(*server));
        soon.or_else(|| {
            let count = self.takes.len();
            let first = self.cycle[start] as usize;
            let in_order = (1..count).map(|step| (first + step) % count);
            in_order.into_iter().find(|server| self.takes[*server] && !tried.contains(*server))
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
