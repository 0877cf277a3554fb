//! `cargo xtask bench`: evener beside its peers, measured in one run on one machine.
//!
//! It installs the peers, builds evener, checks that every proxy does the same work, lets them take
//! turns, and prints and saves a table. It does not judge a change by itself: a missed bar is
//! printed, not turned into a failing exit code, because a busy machine can miss one too. The guard
//! for CI is `bench instructions`, which counts instead of timing.

mod cage;
mod client;
mod echo;
mod front;
mod generate;
mod host;
mod install;
mod instructions;
mod load;
mod measure;
mod metric;
mod options;
mod process;
mod profile;
mod proof;
mod proxy;
mod quiet;
mod report;
mod scenario;
mod stand;
mod statistics;
mod tail;
mod tls;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::PathBuf;

use options::{Command, Options};

/// Runs the benchmark command line that follows `cargo xtask bench`.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    match options::parse(arguments)? {
        Command::Help => {
            print!("{}", options::HELP);
            Ok(())
        }
        Command::Compare(options) => alone(|| compare(&options)),
        Command::Profile(options) => alone(|| profile::run(&options)),
        Command::TailHelp => {
            print!("{}", tail::HELP);
            Ok(())
        }
        Command::Tail(options) => alone(|| tail::run(&options)),
        Command::Instructions(mode) => instructions::run(mode),
        Command::Generate(job) => generate::run(&job),
        Command::Echo(ports) => echo::serve(&ports),
    }
}

/// Two measurements at once would measure each other.
fn alone(measure: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let path = folder()?.join("lock");
    let lock = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    if lock.try_lock().is_err() {
        eprintln!("bench: waiting for the end of another measurement");
        lock.lock().map_err(|error| format!("{}: {error}", path.display()))?;
    }
    measure()
}

/// The whole comparison: prepare, measure each scenario, report.
fn compare(options: &Options) -> Result<(), String> {
    let programs = install::prepare(options)?;
    let host = host::describe(&programs, &options.proxies);
    let hierarchy = cage::find_or_explain();
    process::raise_open_files()?;

    let mut results = Vec::new();
    for scenario in &options.scenarios {
        let table = measure::scenario(*scenario, options, &programs, hierarchy.as_ref())?;
        println!("{}", report::scenario(&table));
        results.push(table);
    }
    let saved = report::save_json(&host, options, &results)?;
    println!("figures: {}", saved.display());
    if options.save {
        let path = report::save_markdown(&host, options, &results)?;
        println!("table: {}", path.display());
    }
    Ok(())
}

/// Where everything that a run makes is kept: `target/bench`.
fn folder() -> Result<PathBuf, String> {
    let path = crate::command::target_folder().join("bench");
    std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}
