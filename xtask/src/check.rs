//! `cargo xtask check`: everything that needs no running program.
//!
//! Every step runs even when an earlier one failed, so that one run shows all there is to mend.

use std::process::Command;

use crate::command::{capture, cargo, run as run_command};
use crate::tidy;

/// One check by the name that the summary gives it.
struct Step {
    name: &'static str,
    run: fn() -> Result<(), String>,
}

const STEPS: [Step; 5] = [
    Step { name: "formatting", run: formatting },
    Step { name: "tidiness", run: tidiness },
    Step { name: "lints", run: lints },
    Step { name: "documentation", run: documentation },
    Step { name: "config reference", run: reference_is_current },
];

/// Runs all the checks and names those that failed.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    expect_none("check", arguments)?;
    let mut failed = Vec::new();
    for step in &STEPS {
        if let Err(message) = (step.run)() {
            eprintln!("{message}");
            failed.push(step.name);
        }
    }
    if failed.is_empty() {
        eprintln!("check: all {} steps passed", STEPS.len());
        return Ok(());
    }
    Err(format!("check: failed: {}", failed.join(", ")))
}

/// `cargo xtask reference`: writes the generated files again.
pub(crate) fn write_reference(arguments: &[String]) -> Result<(), String> {
    expect_none("reference", arguments)?;
    run_command(compare_reference().env("EVENER_BLESS", "1"))
}

fn formatting() -> Result<(), String> {
    run_command(&mut cargo(["fmt", "--all", "--check"]))
}

fn tidiness() -> Result<(), String> {
    tidy::run(&[])
}

fn lints() -> Result<(), String> {
    let arguments = ["clippy", "--quiet", "--workspace", "--all-targets", "--keep-going", "--", "-D", "warnings"];
    run_command(&mut cargo(arguments))
}

fn documentation() -> Result<(), String> {
    let mut command = cargo(["doc", "--quiet", "--workspace", "--no-deps"]);
    run_command(command.env("RUSTDOCFLAGS", "-Dwarnings"))
}

/// The reference page and the schema in `docs/` are those that the program makes today.
fn reference_is_current() -> Result<(), String> {
    let outcome = capture(&mut compare_reference());
    outcome.map(drop).map_err(|message| format!("{message}\n`cargo xtask reference` writes the files again"))
}

/// The tests that compare the documents with what the program makes; their names end alike.
fn compare_reference() -> Command {
    cargo(["test", "--quiet", "--package", "evener-config", "--test", "documents", "is_current"])
}

fn expect_none(task: &str, arguments: &[String]) -> Result<(), String> {
    match arguments.first() {
        None => Ok(()),
        Some(argument) => Err(format!("`{task}` takes no arguments, it got `{argument}`")),
    }
}
