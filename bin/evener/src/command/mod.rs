//! What each command does.
//!
//! Commands end in an exit code: 0, or 1 for an error, or 2 for a wrong command line. How the program runs is in
//! `control`.

mod check;
mod demo;
mod man;
mod proxy;

use crate::cli::{Cli, Command, File};
use crate::control;
use crate::operator::{fail, print, say};
use crate::source::Source;
use clap::CommandFactory;
use evener_plan::Plan;
use std::path::Path;
use std::process::ExitCode;

/// The file in the working folder, and the one of the system.
const FILES: [&str; 2] = ["evener.toml", "/etc/evener/evener.toml"];

/// Runs the command.
pub(crate) fn execute(cli: Cli) -> ExitCode {
    match (cli.test, cli.command) {
        (Some(file), None) => with_file(file, |path| check::check(path, crate::cli::Format::Text)),
        (Some(None), Some(Command::Run(File { file }))) => {
            with_file(file, |path| check::check(path, crate::cli::Format::Text))
        }
        (Some(None), Some(Command::Check(arguments))) => dispatch(Command::Check(arguments)),
        (Some(_), Some(_)) => {
            say("-t checks a config file: write `evener -t FILE` or `evener -t run FILE`");
            ExitCode::from(2)
        }
        (None, Some(command)) => dispatch(command),
        (None, None) => {
            say("say what to do: `evener --help` lists the commands");
            ExitCode::from(2)
        }
    }
}

fn dispatch(command: Command) -> ExitCode {
    match command {
        Command::Run(File { file }) => with_file(file, |path| start(Source::File(path.to_owned()))),
        Command::Proxy(options) => start(Source::Options(proxy::config(&options))),
        Command::Demo(options) => demo::demo(&options),
        Command::Check(arguments) => with_file(arguments.file.file, |path| check::check(path, arguments.format)),
        Command::Schema => print(&evener_config::schema()),
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "evener", &mut out);
            print(&String::from_utf8_lossy(&out))
        }
        Command::Man => match man::page() {
            Ok(page) => print(&page),
            Err(error) => fail(format_args!("cannot write the manual page: {error}")),
        },
    }
}

/// Goes on with the file that was named, else with the first of the usual ones that is there.
fn with_file(named: Option<String>, then: impl FnOnce(&str) -> ExitCode) -> ExitCode {
    let usual = || FILES.into_iter().find(|path| Path::new(path).exists()).map(str::to_owned);
    match named.or_else(usual) {
        Some(path) => then(&path),
        None => {
            let [here, system] = FILES;
            fail(format_args!(
                "there is neither {here} in this folder nor {system}; name a config file, or try `evener demo`"
            ))
        }
    }
}

fn start(source: Source) -> ExitCode {
    run(source, |plan| {
        let datagrams = plan.udp_listens().into_iter().map(|listen| format!("{listen} over UDP"));
        let listens: Vec<String> = plan.listens().iter().map(ToString::to_string).chain(datagrams).collect();
        let message = format!("listening on {}", listens.join(", "));
        move || say(message)
    })
}

/// Runs a config to its end. `announce` makes of the plan what is done once everything listens.
fn run<A: FnOnce()>(source: Source, announce: impl FnOnce(&Plan) -> A) -> ExitCode {
    let mut outcome = source.load();
    source.tell(&outcome);
    let Some(plan) = outcome.plan.take() else { return ExitCode::FAILURE };
    let started = announce(&plan);
    match control::run(source, plan, outcome, started) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

#[cfg(test)]
mod tests;
