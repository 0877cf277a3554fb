//! `cargo xtask`: the project's own tasks, the same on a desk and in CI.
//!
//! It only drives other programs and reads the tree. What the tasks verify lives in the tests
//! and in [`tidy`]; nothing here is part of the shipped binary.

mod bench;
mod check;
mod command;
mod fuzz;
mod install;
mod suites;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask TASK

  check                        formatting, lints, tidiness, documentation, config reference
  tidy                         only the rules of the house: sizes, import direction, words
  test [--unit|--e2e] [FILTER] install what the tests need, then run them
  reference                    write the generated config reference again
  bench [...]                  measure beside the peers; `cargo xtask bench --help` lists the options
  fuzz [TARGET] [--seconds N]  fuzz one target, or each in turn (60 seconds each by default)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((task, rest)) = arguments.split_first() else {
        eprint!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let outcome = match task.as_str() {
        "check" => check::run(rest),
        "tidy" => tidy::run(rest),
        "test" => suites::run(rest),
        "reference" => check::write_reference(rest),
        "bench" => bench::run(rest),
        "fuzz" => fuzz::run(rest),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        other => Err(format!("no task is named `{other}`\n\n{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
