//! The scenarios: which servers there are, how much is asked of them, and what befalls which of them when.
//!
//! A scenario is data; the world plays it. Moments are shares of the run, so that a run can be short or long.

use crate::demand::{MILLISECOND, SECOND, WORK_MEAN_S, nanoseconds};
use crate::server::{Change, Machine};
use evener_balance::Limit;

/// A situation that every policy meets.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) machines: Vec<Machine>,
    /// How many of the last servers are not there from the start.
    pub(crate) joining: usize,
    /// Proxies that know nothing of each other.
    pub(crate) proxies: usize,
    /// Workers of each proxy, which share what they know.
    pub(crate) workers: usize,
    /// Requests a second, each from its second on; the last entry is the end.
    pub(crate) rates: Vec<(f64, f64)>,
    pub(crate) script: Vec<Event>,
    pub(crate) limit: Limit,
}

/// A change of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event {
    pub(crate) at: u64,
    pub(crate) server: usize,
    pub(crate) change: Change,
}

impl Scenario {
    /// All servers well and alike, at this share of what they can do, for so many seconds.
    pub(crate) fn equal(name: &'static str, title: &'static str, servers: usize, load: f64, length: f64) -> Self {
        let machine = Machine { workers: WORKERS, speed: 1.0, weight: 1, tier: 0 };
        Self {
            name,
            title,
            machines: vec![machine; servers],
            joining: 0,
            proxies: 1,
            workers: 4,
            rates: Vec::new(),
            script: Vec::new(),
            limit: Limit::None,
        }
        .at_load(load, length)
    }

    /// Sets the rate to this share of what all servers can do together.
    pub(crate) fn at_load(mut self, load: f64, length: f64) -> Self {
        let able = self.capacity();
        self.rates = vec![(0.0, load * able), (length, 0.0)];
        self
    }

    /// Requests a second that all servers can do together.
    pub(crate) fn capacity(&self) -> f64 {
        self.machines.iter().map(|machine| machine.workers as f64 * machine.speed).sum::<f64>() / WORK_MEAN_S
    }

    pub(crate) fn proxies(self, proxies: usize) -> Self {
        Self { proxies, ..self }
    }

    pub(crate) fn length(&self) -> f64 {
        self.rates.last().map_or(0.0, |(end, _)| *end)
    }

    /// Adds a change of a server at a share of the run.
    pub(crate) fn with(mut self, share: f64, server: usize, change: Change) -> Self {
        self.script.push(Event { at: nanoseconds(share * self.length()), server, change });
        self.script.sort_by_key(|event| event.at);
        self
    }

    /// A change, and another one when it is over.
    fn between(self, shares: (f64, f64), server: usize, change: Change, after: Change) -> Self {
        self.with(shares.0, server, change).with(shares.1, server, after)
    }

    fn sized(mut self, speeds: &[f64], load: f64, length: f64) -> Self {
        for (machine, speed) in self.machines.iter_mut().zip(speeds) {
            machine.speed = *speed;
        }
        self.at_load(load, length)
    }

    /// A process dies, comes back after a tenth of the run, and is slow at first.
    fn restart(self, share: f64, server: usize) -> Self {
        let (open, warm) = (share + RESTART_S / self.length(), share + (RESTART_S + COLD_S) / self.length());
        let cold = self.with(share, server, Change::Kill).with(share, server, Change::Slow(COLD));
        cold.with(open, server, Change::Open).with(warm, server, Change::Slow(1.0))
    }
}

/// The scenarios S1 to S15, for runs of this length in seconds.
pub(crate) fn all(length: f64) -> Vec<Scenario> {
    let equal = |name, title, load| Scenario::equal(name, title, 10, load, length);
    let (hole, well) = (Change::Fail(1.0, 500), Change::Fail(0.0, 500));
    let freeze = Change::Freeze(SECOND);
    let mid = (0.15, 0.85);
    let flaky = (0..9).fold(equal("s08", "one fails 30 %, all others 1 %", MODERATE), |scenario, server| {
        scenario.with(0.0, server, Change::Fail(0.01, 500))
    });
    let half = (0..5).fold(equal("s12", "half of them answer 500 at once", 0.3), |scenario, server| {
        scenario.between((0.24, 0.76), server, hole, well)
    });
    let mut single = Scenario::equal("s09", "16 servers with one worker", 16, 0.6, length);
    single.machines.iter_mut().for_each(|machine| machine.workers = 1);
    let single = single.at_load(0.6, length);
    let joining = Scenario { joining: 2, ..equal("s13", "two cold servers join, 4 proxies", 0.55) };
    let joining = (8..10).fold(joining.proxies(4), |scenario, server| {
        let warm = 0.3 + COLD_S / length;
        scenario.with(0.0, server, Change::Slow(COLD)).with(warm, server, Change::Slow(1.0))
    });
    let many = Scenario::equal("s14", "100 servers, 50 proxies, one slow, one hole", 100, MODERATE, length / 4.0);
    let low = Scenario::equal("s15", "two holes, one slow, few requests", 10, 0.02, 3.0 * length);
    vec![
        equal("s01", "all equal, load 0.75", 0.75),
        Scenario { workers: 1, ..equal("s01b", "the same, 16 that share nothing", 0.75).proxies(16) },
        equal("s02", "half, normal and double speed", MODERATE).sized(&UNEQUAL, 0.6, length),
        equal("s03", "one 10 × slow", MODERATE).between(mid, 9, Change::Slow(10.0), Change::Slow(1.0)),
        equal("s04", "one answers 500 at once", 0.55).between(mid, 9, hole, well),
        mixed("s05", "unequal, slow, hole, restart, freeze", length),
        mixed("s06", "the same, 20 proxies", length).proxies(20),
        (1..5).fold(equal("s07", "1 s freezes", 0.5), |scenario, turn| {
            scenario.with(0.2 * turn as f64, 2 * turn, freeze)
        }),
        flaky.between(mid, 9, Change::Fail(0.3, 500), Change::Fail(0.01, 500)),
        single.clone(),
        Scenario { name: "s09b", title: "the same, 4 proxies", ..single.proxies(4) },
        overload(equal("s10", "1.3 × what they can do for a third of the run", 0.7)),
        Scenario { workers: 1, ..mixed("s11", "s05, 16 that share nothing", length).proxies(16) },
        half,
        joining.with(0.3, 8, Change::Join),
        many.proxies(50).between(mid, 98, Change::Slow(10.0), Change::Slow(1.0)).between(mid, 99, hole, well),
        low.between((0.1, 0.9), 7, Change::Slow(10.0), Change::Slow(1.0)).between((0.1, 0.9), 8, hole, well).between(
            (0.1, 0.9),
            9,
            hole,
            well,
        ),
    ]
}

/// Overload with a bound at each server, so that the rest waits and is shed at the proxy.
pub(crate) fn shed(length: f64) -> Scenario {
    let scenario = overload(Scenario::equal("s10q", "the same with a bound, a queue and shedding", 10, 0.7, length));
    Scenario { limit: Limit::Fixed(2 * WORKERS as u32), ..scenario }
}

fn overload(mut scenario: Scenario) -> Scenario {
    let (able, length) = (scenario.capacity(), scenario.length());
    scenario.rates = vec![(0.0, 0.7 * able), (0.15 * length, 1.3 * able), (0.5 * length, 0.7 * able), (length, 0.0)];
    scenario
}

fn mixed(name: &'static str, title: &'static str, length: f64) -> Scenario {
    let (hole, well) = (Change::Fail(1.0, 500), Change::Fail(0.0, 500));
    Scenario::equal(name, title, 10, MODERATE, length)
        .sized(&UNEQUAL, MIXED_LOAD, length)
        .between((0.15, 0.85), 3, Change::Slow(10.0), Change::Slow(1.0))
        .between((0.15, 0.85), 4, hole, well)
        .restart(0.4, 5)
        .with(0.6, 6, Change::Freeze(1000 * MILLISECOND))
}

/// Workers of a server.
pub(crate) const WORKERS: usize = 4;
/// Three at half speed, three at double speed.
const UNEQUAL: [f64; 10] = [0.5, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0];
const MODERATE: f64 = 0.55;
const MIXED_LOAD: f64 = 0.52;
/// How long a process that died is away.
const RESTART_S: f64 = 2.0;
/// How long it is slow after that, and by how much.
const COLD_S: f64 = 5.0;
const COLD: f64 = 5.0;
