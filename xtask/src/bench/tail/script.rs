//! The scenarios: which servers there are, and what happens to which of them when.
//!
//! A scenario is data. `desk.rs` plays a server's part, `farm.rs` gives it sockets.

use std::time::Duration;

use super::plan::{DEMAND_MEAN_S, Stretch};

/// A situation that every contestant meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    Equal,
    Slow,
    Hole,
    Flaky,
    Freeze,
    Restart,
    Mixed,
    Half,
    Overload,
}

/// The parts of a scenario: its servers and its events, in the order in which they happen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Script {
    /// Every server.
    pub(crate) roles: Vec<Role>,
    /// What happens, in order.
    pub(crate) events: Vec<Event>,
}

/// What a server is from the beginning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Role {
    /// The word for it in reports; servers with the same word are reported together.
    pub(crate) class: &'static str,
    /// How fast it works; 1 is normal.
    pub(crate) speed: f64,
}

/// A change of one server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Event {
    /// When, after the warm-up.
    pub(crate) after: Duration,
    /// Which server.
    pub(crate) server: usize,
    /// What becomes of it.
    pub(crate) change: Change,
}

/// What can happen to a server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Change {
    /// It works at this speed from now on.
    Speed(f64),
    /// It answers this share of the requests with 500 at once.
    Fail(f64),
    /// Its process dies: connections are reset, new ones refused.
    Kill,
    /// It listens again, with no request in hand.
    Open,
    /// It stands still for so long, and then goes on where it was.
    Freeze(Duration),
}

impl Scenario {
    /// Every scenario, in the order of the report.
    pub(crate) const ALL: [Self; 9] = [
        Self::Equal,
        Self::Slow,
        Self::Hole,
        Self::Flaky,
        Self::Freeze,
        Self::Restart,
        Self::Mixed,
        Self::Half,
        Self::Overload,
    ];

    /// Reads a scenario's name.
    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scenario| scenario.name() == word);
        let names: Vec<&str> = Self::ALL.iter().map(|scenario| scenario.name()).collect();
        found.ok_or_else(|| format!("`{word}` is not a scenario of `bench tail`: {}", names.join(", ")))
    }

    /// The word for it on the command line and in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Slow => "slow",
            Self::Hole => "hole",
            Self::Flaky => "flaky",
            Self::Freeze => "freeze",
            Self::Restart => "restart",
            Self::Mixed => "mixed",
            Self::Half => "half",
            Self::Overload => "overload",
        }
    }

    /// What happens, in a sentence.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Equal => "ten servers, all well",
            Self::Slow => "one of ten becomes 10 × slower",
            Self::Hole => "one of ten answers 500 at once",
            Self::Flaky => "one of ten fails 30 % of its requests, the others 1 %",
            Self::Freeze => "three of ten stand still for a second, one after the other",
            Self::Restart => "one of ten is killed for a sixth of the run and comes back 5 × slower for 2 s",
            Self::Mixed => {
                "three at half speed, three at double speed, one becomes 10 × slower, one answers 500 at once, \
                 one is killed for a sixth of the run, one stands still for a second"
            }
            Self::Half => "five of ten answer 500 at once",
            Self::Overload => "1.3 × what ten servers can do for half of the run, then 1200 requests/s again",
        }
    }

    /// Requests a second, unless the user says otherwise.
    pub(crate) fn rate(self) -> f64 {
        match self {
            Self::Half => 800.0,
            Self::Overload => 1.3 * capacity(),
            _ => CALM_RATE,
        }
    }

    /// The share of the requests that healthy servers cannot work off as they come, 0 to 1.
    pub(crate) fn excess(self, rate: f64) -> f64 {
        let stretches = self.stretches(rate, Duration::from_secs(2));
        let requests = |rate: f64, span: Duration| rate * span.as_secs_f64();
        let all: f64 = stretches.iter().map(|stretch| requests(stretch.rate, stretch.span)).sum();
        let beyond = |stretch: &Stretch| requests((stretch.rate - capacity()).max(0.0), stretch.span);
        stretches.iter().map(beyond).sum::<f64>() / all
    }

    /// The load of a measured part of this length, with this rate.
    pub(crate) fn stretches(self, rate: f64, span: Duration) -> Vec<Stretch> {
        let half = span / 2;
        match self {
            Self::Overload => {
                vec![Stretch { rate, span: half }, Stretch { rate: CALM_RATE.min(rate), span: span - half }]
            }
            _ => vec![Stretch { rate, span }],
        }
    }

    /// The scenario for a measured part of this length.
    pub(crate) fn script(self, span: Duration) -> Script {
        let at = |share: f64| span.mul_f64(share);
        let start = Duration::ZERO;
        match self {
            Self::Equal | Self::Overload => script(&[("well", 10, 1.0)], &[]),
            Self::Slow => script(&[("well", 9, 1.0), ("slow", 1, 1.0)], &[(start, 9, Change::Speed(0.1))]),
            Self::Hole => script(&[("well", 9, 1.0), ("failing", 1, 1.0)], &[(start, 9, Change::Fail(1.0))]),
            Self::Flaky => {
                let share = |server| if server == 9 { 0.3 } else { 0.01 };
                let events: Vec<Told> = (0..10).map(|server| (start, server, Change::Fail(share(server)))).collect();
                script(&[("1 % failing", 9, 1.0), ("30 % failing", 1, 1.0)], &events)
            }
            Self::Freeze => {
                let freeze = Change::Freeze(Duration::from_secs(1));
                let events = [(at(1.0 / 6.0), 7, freeze), (at(0.5), 8, freeze), (at(5.0 / 6.0), 9, freeze)];
                script(&[("well", 7, 1.0), ("freezing", 3, 1.0)], &events)
            }
            Self::Restart => {
                let back = at(0.5);
                let events = [
                    (at(1.0 / 3.0), 9, Change::Kill),
                    (back, 9, Change::Speed(0.2)),
                    (back, 9, Change::Open),
                    (back + Duration::from_secs(2), 9, Change::Speed(1.0)),
                ];
                script(&[("well", 9, 1.0), ("restarted", 1, 1.0)], &events)
            }
            Self::Mixed => mixed(span),
            Self::Half => {
                let events: Vec<Told> = (5..10).map(|server| (start, server, Change::Fail(1.0))).collect();
                script(&[("well", 5, 1.0), ("failing", 5, 1.0)], &events)
            }
        }
    }
}

fn mixed(span: Duration) -> Script {
    let roles = [
        ("half", 3, 0.5),
        ("slow", 1, 1.0),
        ("failing", 1, 1.0),
        ("double", 3, 2.0),
        ("killed", 1, 1.0),
        ("frozen", 1, 1.0),
    ];
    let events = [
        (Duration::ZERO, 3, Change::Speed(0.1)),
        (Duration::ZERO, 4, Change::Fail(1.0)),
        (span.mul_f64(1.0 / 3.0), 8, Change::Kill),
        (span.mul_f64(0.5), 8, Change::Open),
        (span.mul_f64(2.0 / 3.0), 9, Change::Freeze(Duration::from_secs(1))),
    ];
    script(&roles, &events)
}

/// Requests a second that ten healthy servers can do.
fn capacity() -> f64 {
    f64::from(SERVERS * WORKERS) / DEMAND_MEAN_S
}

/// When, which server, what.
type Told = (Duration, usize, Change);

fn script(groups: &[(&'static str, usize, f64)], events: &[Told]) -> Script {
    let roles = groups.iter().flat_map(|&(class, count, speed)| std::iter::repeat_n(Role { class, speed }, count));
    let events = events.iter().map(|&(after, server, change)| Event { after, server, change });
    Script { roles: roles.collect(), events: events.collect() }
}

/// Requests a second in the warm-up, and wherever nothing else is said.
pub(crate) const CALM_RATE: f64 = 1200.0;
/// How many servers there are.
pub(crate) const SERVERS: u32 = 10;
/// How many requests a server works on at once; further ones wait in its queue.
pub(crate) const WORKERS: u32 = 2;
