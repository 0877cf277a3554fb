//! The virtual world: time in nanoseconds, a queue of events, servers and proxies. It plays one run of a scenario.
//!
//! It decides nothing that a policy should: whom a request goes to and whether it goes again is the policy's.

use crate::demand::{Arrival, Dice, MILLISECOND, SECOND};
use crate::figures::Record;
use crate::policy::{Asked, Ended, Failed, Picked, Policy, moment};
use crate::scenario::Event;
use crate::server::{Change, REFUSAL, Server};
use evener_balance::{Failure, NoPick, Tried, WaitQueue};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

/// From a proxy to a server, or back.
const WAY: u64 = MILLISECOND / 4;
/// The longest that a proxy waits for an answer.
pub(crate) const TIMEOUT: u64 = 5 * SECOND;

pub(crate) struct World<'w> {
    pub(crate) now: u64,
    arrivals: &'w [Arrival],
    servers: Vec<Server>,
    proxies: Vec<Proxy<'w>>,
    attempts: Vec<Attempt>,
    /// The requests that have failed somewhere and go on: where they were.
    tried: BTreeMap<u32, Tried>,
    agenda: BinaryHeap<Reverse<(u64, u64, Step)>>,
    steps: u64,
    timeouts: VecDeque<(u64, u32)>,
    untried: Tried,
    dice: Dice,
    pub(crate) record: Record,
}

struct Proxy<'w> {
    policy: Box<dyn Policy + 'w>,
    /// Requests that wait because every server is at its bound.
    queue: WaitQueue<u32>,
}

/// One try of a request at a server.
struct Attempt {
    request: u32,
    picked: Picked,
    sent: u64,
    stage: Stage,
    outcome: Option<Failure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Travelling,
    Queued,
    Working,
    Over,
}

/// Something that happens at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// An attempt reaches its server.
    Reach(u32),
    /// A worker is done with an attempt, if the server still lives that life.
    Done(u32, u32),
    /// An answer, or the news that there is none, reaches the proxy.
    Back(u32),
    /// A frozen server goes on.
    Thaw(u32),
    /// A request has waited at its proxy for as long as it may.
    Expire(u32),
}

/// What happens next.
enum Next {
    Arrival,
    Script,
    Timeout,
    Step,
}

/// The longest that a request waits at its proxy.
const WAIT: Duration = Duration::from_millis(50);

impl<'w> World<'w> {
    pub(crate) fn new(
        arrivals: &'w [Arrival],
        servers: Vec<Server>,
        policies: Vec<Box<dyn Policy + 'w>>,
        seed: u64,
    ) -> Self {
        let record = Record::new(servers.len(), arrivals.len());
        let proxies = policies.into_iter().map(|policy| Proxy { policy, queue: WaitQueue::default() }).collect();
        Self {
            now: 0,
            arrivals,
            servers,
            proxies,
            attempts: Vec::with_capacity(arrivals.len() + arrivals.len() / 8),
            tried: BTreeMap::new(),
            untried: Tried::new(),
            agenda: BinaryHeap::new(),
            steps: 0,
            timeouts: VecDeque::new(),
            dice: Dice::new(seed ^ 0x6661_756c),
            record,
        }
    }

    /// Lets everything happen until nothing is left to happen.
    pub(crate) fn play(&mut self, script: &[Event]) {
        let mut arrived = 0;
        let mut scripted = 0;
        loop {
            let times = [
                (self.arrivals.get(arrived).map(|arrival| arrival.at), Next::Arrival),
                (script.get(scripted).map(|event| event.at), Next::Script),
                (self.timeouts.front().map(|(at, _)| *at), Next::Timeout),
                (self.agenda.peek().map(|Reverse((at, _, _))| *at), Next::Step),
            ];
            let soonest = times.into_iter().filter_map(|(at, next)| Some((at?, next))).min_by_key(|(at, _)| *at);
            let Some((at, next)) = soonest else { break };
            self.now = at;
            match next {
                Next::Arrival => {
                    self.dispatch(arrived as u32);
                    arrived += 1;
                }
                Next::Script => {
                    self.change(&script[scripted]);
                    scripted += 1;
                }
                Next::Timeout => self.time_out(),
                Next::Step => self.step(),
            }
        }
    }

    fn later(&mut self, delay: u64, step: Step) {
        self.steps += 1;
        self.agenda.push(Reverse((self.now + delay, self.steps, step)));
    }

    fn step(&mut self) {
        let Some(Reverse((_, _, step))) = self.agenda.pop() else { return };
        match step {
            Step::Reach(attempt) => self.reach(attempt),
            Step::Done(attempt, life) => self.done(attempt, life),
            Step::Back(attempt) => self.come_back(attempt),
            Step::Thaw(server) => self.work(server as usize),
            Step::Expire(request) => {
                let proxy = usize::from(self.arrivals[request as usize].proxy);
                if self.proxies[proxy].queue.remove(&request) {
                    self.record.shed += 1;
                    self.finish(request, false);
                }
            }
        }
    }

    /// Gives a request to its proxy, for the first or the second time. False: it waits now.
    fn dispatch(&mut self, request: u32) {
        let arrival = &self.arrivals[request as usize];
        match self.send(request) {
            Ok(()) => {}
            Err(NoPick::Full) => {
                self.proxies[usize::from(arrival.proxy)].queue.push(request, moment(self.now));
                self.later(WAIT.as_nanos() as u64, Step::Expire(request));
            }
            Err(NoPick::Nobody) => self.finish(request, false),
        }
    }

    fn send(&mut self, request: u32) -> Result<(), NoPick> {
        let arrival = &self.arrivals[request as usize];
        let tried = if self.tried.is_empty() { None } else { self.tried.get(&request) };
        let asked = Asked { tried: tried.unwrap_or(&self.untried), worker: arrival.worker, now: self.now };
        let picked = self.proxies[usize::from(arrival.proxy)].policy.pick(&asked)?;
        self.record.sent(picked.server, self.now);
        let attempt = self.attempts.len() as u32;
        self.attempts.push(Attempt { request, picked, sent: self.now, stage: Stage::Travelling, outcome: None });
        self.timeouts.push_back((self.now + TIMEOUT, attempt));
        self.later(WAY, Step::Reach(attempt));
        Ok(())
    }

    fn reach(&mut self, attempt: u32) {
        let index = self.attempts[attempt as usize].picked.server;
        let server = &mut self.servers[index];
        let (share, status) = server.failing;
        let fails = share > 0.0 && self.dice.unit() < share;
        let refusal = if !server.is_open {
            Some(Failure::Connect)
        } else if server.frozen_until(self.now).is_none() && fails {
            Some(Failure::Status(status))
        } else if !server.enqueue(attempt) {
            Some(Failure::Connect)
        } else {
            None
        };
        match refusal {
            Some(failure) => {
                self.attempts[attempt as usize].outcome = Some(failure);
                self.later(REFUSAL + WAY, Step::Back(attempt));
            }
            None => {
                self.attempts[attempt as usize].stage = Stage::Queued;
                self.work(index);
            }
        }
    }

    /// Idle workers of a server take what waits.
    fn work(&mut self, index: usize) {
        loop {
            let attempts = &self.attempts;
            let is_here = |attempt: u32| attempts[attempt as usize].stage == Stage::Queued;
            let Some(attempt) = self.servers[index].next(self.now, is_here) else { return };
            self.attempts[attempt as usize].stage = Stage::Working;
            let request = self.attempts[attempt as usize].request;
            let server = &self.servers[index];
            let (effort, life) = (server.effort(&self.arrivals[request as usize]), server.life);
            self.later(effort, Step::Done(attempt, life));
        }
    }

    fn done(&mut self, attempt: u32, life: u32) {
        let index = self.attempts[attempt as usize].picked.server;
        let server = &mut self.servers[index];
        if server.life != life {
            return;
        }
        if let Some(at) = server.thawed(self.now) {
            return self.later(at - self.now, Step::Done(attempt, life));
        }
        server.done(attempt);
        self.later(WAY, Step::Back(attempt));
        self.work(index);
    }

    fn time_out(&mut self) {
        let Some((_, attempt)) = self.timeouts.pop_front() else { return };
        match self.attempts[attempt as usize].stage {
            Stage::Over => return,
            Stage::Queued => self.servers[self.attempts[attempt as usize].picked.server].leave_queue(),
            Stage::Travelling | Stage::Working => {}
        }
        self.end(attempt, Some(Failure::Timeout));
    }

    fn come_back(&mut self, attempt: u32) {
        let Attempt { stage, outcome, .. } = self.attempts[attempt as usize];
        if stage != Stage::Over {
            self.end(attempt, outcome);
        }
    }

    /// The proxy knows how an attempt went.
    fn end(&mut self, attempt: u32, failure: Option<Failure>) {
        let Attempt { request, picked, sent, .. } = self.attempts[attempt as usize];
        self.attempts[attempt as usize].stage = Stage::Over;
        let Arrival { proxy, worker, .. } = self.arrivals[request as usize];
        let policy = &mut self.proxies[usize::from(proxy)].policy;
        policy.end(&Ended { picked, failure, sent, worker, now: self.now });
        match failure {
            None => self.finish(request, true),
            Some(failure) => {
                let earlier = self.tried.get(&request).map_or(0, |tried| tried.len() as u32);
                let failed = Failed { server: picked.server, failure, earlier, worker, now: self.now };
                if policy.repeats(&failed) {
                    self.tried.entry(request).or_default().insert(picked.server);
                    self.dispatch(request);
                } else {
                    self.finish(request, false);
                }
            }
        }
        let out = self.proxies[usize::from(proxy)].policy.ejected();
        self.record.ejected_max = self.record.ejected_max.max(out);
        self.serve_queue(usize::from(proxy));
    }

    /// Requests that wait go to servers that have room again.
    fn serve_queue(&mut self, proxy: usize) {
        let now = moment(self.now);
        while let Some(request) = self.proxies[proxy].queue.next(WAIT, now, |_| true) {
            match self.send(request) {
                Ok(()) => {}
                Err(NoPick::Full) => {
                    let since = moment(self.arrivals[request as usize].at);
                    return self.proxies[proxy].queue.push(request, since);
                }
                Err(NoPick::Nobody) => self.finish(request, false),
            }
        }
    }

    fn finish(&mut self, request: u32, is_good: bool) {
        if !self.tried.is_empty() {
            self.tried.remove(&request);
        }
        self.record.finished(self.now - self.arrivals[request as usize].at, is_good);
    }

    fn change(&mut self, event: &Event) {
        let index = event.server;
        let server = &mut self.servers[index];
        match event.change {
            Change::Slow(slowness) => server.slow(slowness),
            Change::Fail(share, status) => server.failing = (share, status),
            Change::Open => server.is_open = true,
            Change::Freeze(length) => {
                server.freeze(self.now, self.now + length);
                self.later(length, Step::Thaw(index as u32));
            }
            Change::Kill => {
                for attempt in server.kill() {
                    let killed = &mut self.attempts[attempt as usize];
                    if killed.stage != Stage::Over {
                        killed.outcome = Some(Failure::Reset);
                        killed.stage = Stage::Travelling;
                        self.later(WAY, Step::Back(attempt));
                    }
                }
            }
            Change::Drain(_) | Change::Join => {}
        }
        for proxy in &mut self.proxies {
            proxy.policy.told(index, event.change, self.now);
        }
    }
}
