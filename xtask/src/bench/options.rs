//! The command line of `cargo xtask bench`.
//!
//! It only reads words into values; what they lead to is told in `mod.rs`.

use std::path::PathBuf;

use super::generate::Job;
use super::proxy::Proxy;
use super::scenario::Scenario;
use super::tail;

/// What the user asked for.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    /// Print the help text.
    Help,
    /// Measure proxies beside each other.
    Compare(Options),
    /// Record where one proxy spends its time.
    Profile(Options),
    /// Print the help text of `tail`.
    TailHelp,
    /// Measure how well proxies spread requests over sick servers.
    Tail(tail::Options),
    /// Count the codec's instructions.
    Instructions(Guard),
    /// Be the load generator of a turn.
    Generate(Job),
    /// Be the echo servers, on these ports.
    Echo(Vec<u16>),
}

/// What `bench instructions` does with what it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Compare with the checked-in counts.
    Compare,
    /// Make the counts the new checked-in ones.
    Bless,
}

/// The settings of a measurement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    /// Which scenarios, in the order in which they run.
    pub(crate) scenarios: Vec<Scenario>,
    /// Which proxies take turns.
    pub(crate) proxies: Vec<Proxy>,
    /// How many turns each proxy gets.
    pub(crate) rounds: usize,
    /// How long one turn lasts.
    pub(crate) seconds: u64,
    /// The proxy's share of its core, in percent.
    pub(crate) quota_percent: u32,
    /// Whether `bench/RESULTS.md` is rewritten.
    pub(crate) save: bool,
    /// Whether turns count that other programs disturbed.
    pub(crate) noisy: bool,
    /// The evener to measure, instead of a fresh build.
    pub(crate) evener: Option<PathBuf>,
    /// Whether a profile records call chains.
    pub(crate) chains: bool,
    /// The words as typed, for the report.
    pub(crate) typed: String,
}

/// Reads the words after `cargo xtask bench`.
pub(crate) fn parse(arguments: &[String]) -> Result<Command, String> {
    match arguments.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        Some(("instructions", rest)) => parse_guard(rest),
        // The bench starts itself with these, so the help does not list them.
        Some(("generate", rest)) => Job::parse(rest).map(Command::Generate),
        Some(("echo", rest)) => {
            rest.iter().map(|word| number("echo", word, 1, u16::MAX)).collect::<Result<_, _>>().map(Command::Echo)
        }
        Some(("tail", rest)) => Ok(tail::parse(rest)?.map_or(Command::TailHelp, Command::Tail)),
        Some(("profile", rest)) => {
            let mut options = parse_options(rest, &[Proxy::Evener], &[Scenario::Small])?;
            options.proxies.truncate(1);
            options.scenarios.truncate(1);
            Ok(Command::Profile(options))
        }
        _ if arguments.iter().any(|word| word == "--help" || word == "-h") => Ok(Command::Help),
        _ => parse_options(arguments, &Proxy::QUICK, &Scenario::ALL).map(Command::Compare),
    }
}

fn parse_guard(words: &[String]) -> Result<Command, String> {
    match words {
        [] => Ok(Command::Instructions(Guard::Compare)),
        [word] if word == "--bless" => Ok(Command::Instructions(Guard::Bless)),
        [word, ..] => Err(format!("`{word}` is not an option of `bench instructions`: only --bless is")),
    }
}

fn parse_options(words: &[String], proxies: &[Proxy], scenarios: &[Scenario]) -> Result<Options, String> {
    let mut options = Options {
        scenarios: scenarios.to_vec(),
        proxies: proxies.to_vec(),
        rounds: 9,
        seconds: 2,
        quota_percent: 50,
        save: false,
        noisy: false,
        evener: None,
        chains: false,
        typed: words.join(" "),
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--scenario" => options.scenarios = list(value()?, Scenario::parse)?.concat(),
            "--proxies" => options.proxies = list(value()?, Proxy::parse)?,
            "--all" => options.proxies = Proxy::ALL.to_vec(),
            "--rounds" => options.rounds = number(word, value()?, 1, 100)?,
            "--seconds" => options.seconds = number(word, value()?, 1, 600)?,
            "--quota" => options.quota_percent = number(word, value()?, 20, 100)?,
            "--quick" => (options.rounds, options.seconds) = (3, 1),
            "--save" => options.save = true,
            "--evener" => options.evener = Some(PathBuf::from(value()?)),
            "--noisy" => options.noisy = true,
            "--chains" => options.chains = true,
            _ => return Err(format!("`{word}` is not an option\n{HELP}")),
        }
    }
    Ok(options)
}

/// Reads words that are separated by commas.
pub(crate) fn list<T>(words: &str, parse: fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    words.split(',').map(|word| parse(word.trim())).collect()
}

/// Reads a number between two bounds.
pub(crate) fn number<T>(option: &str, word: &str, least: T, most: T) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    match word.parse() {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ => Err(format!("{option} needs a number from {least} to {most}, not `{word}`")),
    }
}

/// What `cargo xtask bench --help` prints.
pub(crate) const HELP: &str = "\
usage: cargo xtask bench [tail | profile | instructions] [options]

  --scenario LIST   128, 10k, 1m, connect, idle, start (together: http1),
                    tls-128, tls-1m, tls-handshake, tls-idle (tls),
                    h2-128, h2-10k, h2-1m (h2), tcp-pingpong, tcp-1m (tcp) (default: all)
  --proxies LIST    evener, nginx, haproxy, envoy, traefik, caddy (default: the first three,
                    which are also all that take part in tls, h2 and tcp)
  --all             all six proxies
  --evener PATH     measure this program instead of a fresh build
  --rounds N        turns for each proxy (default 9)
  --seconds S       length of a turn (default 2)
  --quick           three rounds of one second
  --quota PERCENT   share of its core that a proxy may use (default 50)
  --noisy           count turns too that other programs disturbed
  --save            rewrite bench/RESULTS.md

  tail              latency over unequal and sick servers; `bench tail --help` lists its options
  profile           perf record of the first proxy in the first scenario (--chains: with call chains)
  instructions      instructions per operation of the codec against bench/instructions.json (--bless: rewrite it)
";
