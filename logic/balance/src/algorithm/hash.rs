//! `hash`: the same server for the same key, as long as it does well and has not much more to do than the others.
//!
//! Up to 64 servers it is rendezvous hashing (D. Thaler and C. Ravishankar 1998; with weights: C. Schindelhauer and
//! G. Schomaker 2005): each server has a number from key and id, and the highest of -w / ln(u) wins, so that a server that
//! leaves or joins moves its own keys and no others. Of more it is Maglev's table (D. Eisenbud and others 2016, "Maglev:
//! a fast and reliable software network load balancer"), which costs one look-up and moves a few keys more.
//!
//! A server is passed over while it has a quarter more requests in flight than its share (V. Mirrokni, M. Thorup,
//! M. Zadimoghaddam 2018, "Consistent hashing with bounded loads"), or while it does three times worse than its group. A
//! key goes on to the next server in its own order, and back when all is well. If every server does badly, none is passed
//! over.
//!
//! A server in its slow start has all its keys at once: moving them twice would cost more than it saves.

use crate::balancer::View;
use crate::rng::mix;
use crate::{Member, Rng};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Up to so many servers each gets its number for each key.
const RENDEZVOUS_MAX: usize = 64;
/// Places in Maglev's table, a prime. With a hundred times as many places as servers, shares are off by 1 %.
const PLACES: u64 = 65_537;
/// A place of the table before it is filled.
const NOBODY: u32 = u32::MAX;
/// How far a key goes on in the table before all servers are looked at.
const WALK_MAX: u64 = 64;
/// What a server may have in flight, relative to its share.
const BOUND: f32 = 1.25;
/// Below so many requests in flight the bound does not count. A guess: with a few requests over all servers the share of
/// each is less than one, and without this every second request for a key would go to another server.
const FEW: f32 = 8.0;
/// How many servers of a big group are asked for what they have in flight.
const SAMPLE: usize = 32;
/// A server with a higher factor is passed over...
const FACTOR_MAX: f32 = 3.0;
/// ...if it is also slower than the group by this, or fails. A key that moves misses its cache: a few milliseconds are not
/// worth that, and of fast servers would be noise.
const SLOWER_MS_MIN: f32 = 50.0;

#[derive(Debug, Clone)]
pub(crate) struct Hash {
    /// For each server what its id brings into the number for a key.
    salts: Box<[u64]>,
    /// When every weight is the same, the numbers need no logarithm.
    is_even: bool,
    /// The server of each place; empty for a small group.
    table: Box<[u32]>,
}

impl Hash {
    pub(crate) fn new(members: &[Member]) -> Self {
        let mut weights = members.iter().map(|member| member.weight).filter(|weight| *weight > 0);
        let first = weights.next();
        Self {
            salts: members.iter().map(|member| mix(member.id)).collect(),
            is_even: weights.all(|weight| Some(weight) == first),
            table: if members.len() > RENDEZVOUS_MAX { table(members) } else { Box::default() },
        }
    }

    /// The key's first server that does well and has room in its share; or else that does well; or else the first.
    pub(crate) fn pick(&self, view: &View<'_>, rng: &mut impl Rng) -> Option<usize> {
        let own = self.first(view, |_| true)?;
        if view.load(own) < FEW && is_well(view, own) {
            return Some(own);
        }
        let crowd = Crowd::of(view, rng);
        let has_room = |server| is_well(view, server) && !crowd.is_at_bound(view, server);
        if has_room(own) {
            return Some(own);
        }
        self.first(view, has_room).or_else(|| self.first(view, |server| is_well(view, server))).or(Some(own))
    }

    /// The first candidate in the key's order that is accepted.
    fn first(&self, view: &View<'_>, accepts: impl Fn(usize) -> bool) -> Option<usize> {
        let walked = if self.table.is_empty() { None } else { self.walk(view, &accepts) };
        walked.or_else(|| self.highest(view, &accepts))
    }

    /// Goes on through the table from the key's place.
    fn walk(&self, view: &View<'_>, accepts: &impl Fn(usize) -> bool) -> Option<usize> {
        let places = self.table.len() as u64;
        let start = mix(view.key) % places;
        let mut servers = (start..start + WALK_MAX).map(|place| self.table[(place % places) as usize] as usize);
        servers.find(|server| view.may(*server) && accepts(*server))
    }

    /// The highest number for the key.
    fn highest(&self, view: &View<'_>, accepts: &impl Fn(usize) -> bool) -> Option<usize> {
        let candidates = (0..view.members.len()).filter(|server| view.may(*server) && accepts(*server));
        let number = |server: usize| mix(view.key ^ self.salts[server]);
        if self.is_even {
            return candidates.max_by_key(|server| (number(*server), Reverse(*server)));
        }
        let score = |server: usize| {
            // Strictly between 0 and 1: 53 bits and a half.
            let part = ((number(server) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
            -f64::from(view.members[server].weight) / part.ln()
        };
        let scored = candidates.map(|server| (server, score(server)));
        scored.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(server, _)| server)
    }
}

fn is_well(view: &View<'_>, server: usize) -> bool {
    let judgement = view.reference().judge(view.state(server), view.now);
    if judgement.penalty > FACTOR_MAX - 1.0 {
        return false;
    }
    let slower_ms = judgement.log_latency.map_or(0.0, |log| log.exp() - view.reference().log_latency.exp());
    judgement.latency_factor <= FACTOR_MAX || slower_ms < SLOWER_MS_MIN
}

/// What the candidates, or a sample of them, have in flight and weigh together.
struct Crowd {
    load: f32,
    weight: f32,
}

impl Crowd {
    fn of(view: &View<'_>, rng: &mut impl Rng) -> Self {
        let count = view.members.len();
        let mut crowd = Self { load: 0.0, weight: 0.0 };
        if count <= RENDEZVOUS_MAX {
            (0..count).for_each(|server| crowd.add(view, server));
        } else {
            (0..SAMPLE).for_each(|_| crowd.add(view, rng.below(count as u64) as usize));
        }
        crowd
    }

    fn add(&mut self, view: &View<'_>, server: usize) {
        if view.may(server) {
            self.load += view.load(server);
            self.weight += f32::from(view.members[server].weight);
        }
    }

    /// Whether a server has what it may have, with one more request in the group.
    fn is_at_bound(&self, view: &View<'_>, server: usize) -> bool {
        let share = f32::from(view.members[server].weight) / self.weight;
        // False as well if nobody was in the sample.
        view.load(server) >= FEW.max((BOUND * (self.load + 1.0) * share).ceil())
    }
}

/// Fills the table: the servers take turns, as often as their weights say, and each takes the next free place in an order
/// of its own. It depends on ids and weights and not on the order of the list. Takes some milliseconds.
fn table(members: &[Member]) -> Box<[u32]> {
    let mut takers: Vec<Taker> = (0..).zip(members).filter(|(_, member)| member.weight > 0).map(Taker::new).collect();
    if takers.is_empty() {
        return Box::default();
    }
    takers.sort_by_key(|taker| taker.id);
    let mut table = vec![NOBODY; PLACES as usize];
    let mut turns: BinaryHeap<_> =
        takers.iter().enumerate().map(|(rank, taker)| Reverse((taker.due(), rank))).collect();
    for _ in 0..PLACES {
        let Some(Reverse((_, rank))) = turns.pop() else { break };
        let taker = &mut takers[rank];
        taker.take(&mut table);
        turns.push(Reverse((taker.due(), rank)));
    }
    table.into_boxed_slice()
}

/// A server while the table is filled.
struct Taker {
    id: u64,
    server: u32,
    weight: u64,
    /// The next place in its order, and the step to the one after that. As the number of places is prime, it comes by all.
    place: u64,
    step: u64,
    /// Places that it has.
    taken: u64,
}

impl Taker {
    fn new((server, member): (u32, &Member)) -> Self {
        let salt = mix(member.id);
        let step = mix(salt.wrapping_add(1)) % (PLACES - 1) + 1;
        Self { id: member.id, server, weight: u64::from(member.weight), place: salt % PLACES, step, taken: 0 }
    }

    /// When its next turn is: the k-th of a server of weight w at k / w.
    fn due(&self) -> u64 {
        ((self.taken + 1) << 32) / self.weight
    }

    fn take(&mut self, table: &mut [u32]) {
        while table[self.place as usize] != NOBODY {
            self.place = (self.place + self.step) % PLACES;
        }
        table[self.place as usize] = self.server;
        self.taken += 1;
    }
}
