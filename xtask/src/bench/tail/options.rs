//! The command line of `cargo xtask bench tail`.
//!
//! It only reads words into values.

use std::path::PathBuf;

use super::contestant::{self, Contestant, Kind};
use super::script::Scenario;
use crate::bench::options::{list, number};

/// The settings of a measurement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    /// Which scenarios, in the order in which they run.
    pub(crate) scenarios: Vec<Scenario>,
    /// Who takes part.
    pub(crate) contestants: Vec<&'static Contestant>,
    /// How many runs each gets, each with other arrivals.
    pub(crate) seeds: u64,
    /// How long the measured part of a run is.
    pub(crate) seconds: u64,
    /// Requests a second, instead of the scenario's own.
    pub(crate) rate: Option<f64>,
    /// How many light proxies run at once; a heavy one counts as two.
    pub(crate) room: usize,
    /// The evener to measure, instead of a fresh build.
    pub(crate) evener: Option<PathBuf>,
    /// Whether runs count that were disturbed.
    pub(crate) noisy: bool,
    /// Whether `bench/TAIL.md` is rewritten.
    pub(crate) save: bool,
    /// Whether the plots are drawn.
    pub(crate) plots: bool,
    /// The words as typed, for the report.
    pub(crate) typed: String,
}

/// Reads the words after `cargo xtask bench tail`; none if they ask for help.
pub(crate) fn parse(words: &[String]) -> Result<Option<Options>, String> {
    let mut options = Options {
        scenarios: Scenario::ALL.to_vec(),
        contestants: of_kinds(&[Kind::Stock, Kind::Armed, Kind::Queue]),
        seeds: 5,
        seconds: 15,
        rate: None,
        room: 3,
        evener: None,
        noisy: false,
        save: false,
        plots: false,
        typed: words.join(" "),
    };
    let mut policies = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--help" | "-h" => return Ok(None),
            "--scenario" => options.scenarios = list(value()?, Scenario::parse)?,
            "--proxies" => options.contestants = list(value()?, contestant::parse)?,
            "--policies" => policies = of_kinds(&[Kind::Policy]),
            "--seeds" => options.seeds = number(word, value()?, 1, 100)?,
            "--seconds" => options.seconds = number(word, value()?, 6, 600)?,
            "--rate" => options.rate = Some(f64::from(number::<u32>(word, value()?, 10, 20_000)?)),
            "--room" => options.room = number(word, value()?, 1, 6)?,
            "--evener" => options.evener = Some(PathBuf::from(value()?)),
            "--noisy" => options.noisy = true,
            "--save" => options.save = true,
            "--plots" => options.plots = true,
            _ => return Err(format!("`{word}` is not an option of `bench tail`\n{HELP}")),
        }
    }
    policies.retain(|policy| !options.contestants.contains(policy));
    options.contestants.extend(policies);
    Ok(Some(options))
}

fn of_kinds(kinds: &[Kind]) -> Vec<&'static Contestant> {
    contestant::ALL.iter().filter(|contestant| kinds.contains(&contestant.kind)).collect()
}

/// What `cargo xtask bench tail --help` prints.
pub(crate) const HELP: &str = "\
usage: cargo xtask bench tail [options]

  --scenario LIST   equal, slow, hole, flaky, freeze, restart, mixed, half, overload (default: all)
  --proxies LIST    evener, nginx, nginx:least_conn, haproxy:armed, evener:round_robin ... (default: all but
                    evener's other algorithms; a wrong name lists them)
  --policies        evener's other algorithms as well
  --seeds N         runs of each, each with other arrivals (default 5)
  --seconds S       measured part of a run (default 15), after 2 seconds of warm-up
  --rate R          requests a second instead of the scenario's own
  --room N          proxies that run at once, heavy ones counting as two (default 3; in overload one)
  --evener PATH     measure this program instead of a fresh build
  --noisy           count runs too that were disturbed
  --save            rewrite bench/TAIL.md
  --plots           draw what happened in `mixed` into docs/plots
";
