//! What each command does.

use crate::cli::{Cli, Command, File, Format, Proxy};
use crate::control::{self, Source};
use clap::CommandFactory;
use evener_config::Outcome;
use std::io::{IsTerminal, Write as _};
use std::path::Path;
use std::process::ExitCode;

/// The file in the working folder, and the one of the system.
const FILES: [&str; 2] = ["evener.toml", "/etc/evener/evener.toml"];

/// Runs the command and tells whether it went well: 0, or 1 for an error, or 2 for a wrong command line.
pub(crate) fn execute(cli: Cli) -> ExitCode {
    match (cli.test, cli.command) {
        (true, None) => check(&path_of(None), Format::Text),
        (true, Some(Command::Run(file))) => check(&path_of(file.file), Format::Text),
        (true, Some(_)) => {
            eprintln!("evener: -t checks a config file; use it alone or with `run FILE`");
            ExitCode::from(2)
        }
        (false, Some(command)) => dispatch(command),
        (false, None) => ExitCode::from(2),
    }
}

fn dispatch(command: Command) -> ExitCode {
    match command {
        Command::Run(File { file }) => run(Source::File(path_of(file))),
        Command::Proxy(proxy) => run(Source::Text(config_of(&proxy))),
        Command::Demo(_) => ExitCode::FAILURE,
        Command::Check(check_args) => check(&path_of(check_args.file.file), check_args.format),
        Command::Schema => print(&evener_config::schema()),
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "evener", &mut out);
            print(&String::from_utf8_lossy(&out))
        }
        Command::Man => {
            let mut out = Vec::new();
            match clap_mangen::Man::new(Cli::command()).render(&mut out) {
                Ok(()) => print(&String::from_utf8_lossy(&out)),
                Err(error) => fail(&format!("cannot write the manual page: {error}")),
            }
        }
    }
}

/// The file that was named, else the first of the usual ones that is there, else the first of them, which is then
/// missed by its name.
fn path_of(named: Option<String>) -> String {
    named.unwrap_or_else(|| {
        let found = FILES.into_iter().find(|path| Path::new(path).exists());
        found.unwrap_or(FILES[0]).to_owned()
    })
}

fn run(source: Source) -> ExitCode {
    let outcome = source.load();
    print_findings(&outcome);
    let Some(plan) = outcome.plan else { return ExitCode::FAILURE };
    let listens: Vec<String> = plan.listens().iter().map(ToString::to_string).collect();
    let started = || eprintln!("evener: listening on {}", listens.join(", "));
    match control::run(source, plan, started) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

fn check(path: &str, format: Format) -> ExitCode {
    let outcome = Source::File(path.to_owned()).load();
    let is_good = outcome.plan.is_some();
    match format {
        Format::Json => {
            print(&outcome.to_json());
        }
        Format::Text => {
            print_findings(&outcome);
            if is_good {
                print(&format!("{path} is good\n"));
            }
        }
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print_findings(outcome: &Outcome) {
    let findings = outcome.render(std::io::stderr().is_terminal());
    if !findings.is_empty() {
        eprint!("{findings}");
    }
}

/// Prints to standard output; a reader that has gone away (`| head`) is no error.
fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => fail(&format!("cannot write: {error}")),
        _ => ExitCode::SUCCESS,
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("evener: {message}");
    ExitCode::FAILURE
}

/// The config that the options of `evener proxy` stand for.
fn config_of(proxy: &Proxy) -> String {
    let quote = |text: &str| serde_json::Value::from(text).to_string();
    let servers: Vec<String> = proxy.to.iter().map(|server| quote(server)).collect();
    format!(
        "[log]\naccess = {}\n[[site]]\nlisten = {}\nto = \"servers\"\n[upstream.servers]\nservers = [{}]\nbalance = {}\n",
        quote(&proxy.access_log),
        quote(&proxy.listen),
        servers.join(", "),
        quote(&proxy.balance),
    )
}
