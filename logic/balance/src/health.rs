//! Active checks of one server: how many in a row turn it up or down, and when the next one is due.
//!
//! It asks no server anything and keeps no clock; whoever does tells it what came of each check.
//!
//! LIFECYCLE: up, or down if an earlier run of checks left the server so -> so many bad checks in a row -> down -> so many
//! good ones in a row -> up.

use crate::Rng;
use std::time::Duration;

/// The thresholds of a server's checks, and how many checks in a row spoke against what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Good checks in a row that turn it up.
    up: u32,
    /// Bad checks in a row that turn it down.
    down: u32,
    is_up: bool,
    /// Checks in a row that say it is not what it is held to be; less than the threshold.
    against: u32,
    is_confirmed: bool,
}

/// What came of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The server answered as it should.
    Good,
    /// It did not.
    Bad,
}

/// A change that a check brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The server was down and is up.
    Up,
    /// It was up and is down.
    Down,
}

impl Health {
    /// Before the first check. A threshold of 0 is taken for 1. `is_up` is what the server is held to be until the checks
    /// say otherwise: true for one that is new.
    pub fn new(up: u32, down: u32, is_up: bool) -> Self {
        Self { up: up.max(1), down: down.max(1), is_up, against: 0, is_confirmed: false }
    }

    /// Takes in the outcome of a check.
    pub fn record(&mut self, check: Check) -> Option<Turn> {
        if (check == Check::Good) == self.is_up {
            self.against = 0;
            self.is_confirmed = true;
            return None;
        }
        self.against += 1;
        if self.against < if self.is_up { self.down } else { self.up } {
            return None;
        }
        self.is_up = !self.is_up;
        self.against = 0;
        self.is_confirmed = true;
        Some(if self.is_up { Turn::Up } else { Turn::Down })
    }

    /// Whether it is held to be up.
    pub fn is_up(&self) -> bool {
        self.is_up
    }

    /// Whether some check has borne out what it is held to be. Before that, what is known of it is a mere assumption,
    /// and checks may follow each other faster.
    pub fn is_confirmed(&self) -> bool {
        self.is_confirmed
    }
}

/// The time from the start of one check to that of the next: `every`, moved by up to a tenth, so that the checks of many
/// servers, or by many proxies, do not come in step.
pub fn next_check(every: Duration, rng: &mut impl Rng) -> Duration {
    every.mul_f32(0.9 + 0.2 * rng.fraction())
}

/// How long the very first check waits: soon, since a server that is dead should be known to be, but not that of every
/// server in one instant.
pub fn first_check(every: Duration, rng: &mut impl Rng) -> Duration {
    (every.min(FIRST_CHECKS_WITHIN) / 2).mul_f32(rng.fraction())
}

/// The first checks of all servers fall into half of this, or into half of their interval if that is less.
const FIRST_CHECKS_WITHIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SplitMix;

    /// The turns that checks bring about: `+` is a good one and `-` a bad one; `U` and `D` are turns, `.` is none.
    #[track_caller]
    fn check(mut health: Health, checks: &str, expected: &str) {
        let turns = checks.chars().map(|check| {
            let before = health.is_up();
            let turn = health.record(if check == '+' { Check::Good } else { Check::Bad });
            assert_eq!(turn.is_some(), before != health.is_up(), "the turn tells of every change");
            match turn {
                Some(Turn::Up) => 'U',
                Some(Turn::Down) => 'D',
                None => '.',
            }
        });
        assert_eq!(turns.collect::<String>(), expected, "{checks}");
    }

    #[test]
    fn so_many_checks_in_a_row_turn_a_server() {
        let new = || Health::new(2, 3, true);
        check(new(), "++++", "....");
        check(new(), "--", "..");
        check(new(), "----", "..D.");
        check(new(), "---++++", "..D.U..");
        check(new(), "---++---", "..D.U..D");
        check(Health::new(1, 1, true), "-+-+", "DUDU");
    }

    #[test]
    fn one_that_flaps_stays_what_it_is() {
        check(Health::new(2, 2, true), "-+-+-+-+", "........");
        check(Health::new(2, 2, false), "+-+-+-+-", "........");
        check(Health::new(3, 3, true), "--+--+--+---", "...........D");
        check(Health::new(3, 3, false), "++-++-+++", "........U");
    }

    #[test]
    fn one_that_was_down_stays_down_until_checks_say_otherwise() {
        check(Health::new(2, 2, false), "---", "...");
        check(Health::new(2, 2, false), "+", ".");
        check(Health::new(2, 2, false), "++", ".U");
    }

    #[test]
    fn a_threshold_of_zero_is_one() {
        check(Health::new(0, 0, true), "-+", "DU");
    }

    #[test]
    fn it_is_confirmed_by_the_first_check_that_agrees_or_turns_it() {
        let confirmed = |is_up: bool, checks: &[Check]| {
            let mut health = Health::new(2, 2, is_up);
            for check in checks {
                health.record(*check);
            }
            health.is_confirmed()
        };
        use Check::{Bad, Good};
        assert!(!confirmed(true, &[]));
        assert!(!confirmed(true, &[Bad]));
        assert!(!confirmed(false, &[Good]));
        assert!(confirmed(true, &[Good]));
        assert!(confirmed(false, &[Bad]));
        assert!(confirmed(true, &[Bad, Bad]));
        assert!(confirmed(true, &[Bad, Bad, Good]));
    }

    #[test]
    fn the_next_check_comes_after_the_interval_give_or_take_a_tenth() {
        let mut rng = SplitMix::new(1);
        let every = Duration::from_secs(5);
        let times: Vec<f32> = (0..2_000).map(|_| next_check(every, &mut rng).as_secs_f32()).collect();
        assert!(times.iter().all(|time| (4.5..=5.5).contains(time)));
        // Both ends are reached, and the middle is where it belongs.
        assert!(times.iter().any(|time| *time < 4.6) && times.iter().any(|time| *time > 5.4));
        let mean = times.iter().sum::<f32>() / times.len() as f32;
        assert!((mean - 5.0).abs() < 0.05, "{mean}");
    }

    #[test]
    fn first_checks_come_soon_and_not_all_at_once() {
        let within = |every: Duration, most: Duration| {
            let mut rng = SplitMix::new(2);
            let times: Vec<Duration> = (0..1_000).map(|_| first_check(every, &mut rng)).collect();
            assert!(times.iter().all(|time| *time <= most), "{every:?}");
            let early = times.iter().filter(|time| **time < most / 2).count();
            assert!((400..600).contains(&early), "{early} of 1000 in the first half for {every:?}");
        };
        within(Duration::from_secs(3_600), Duration::from_millis(500));
        within(Duration::from_millis(100), Duration::from_millis(50));
    }
}
