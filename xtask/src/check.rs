//! `cargo xtask check`: everything that needs no running program.
//!
//! Every step runs even when an earlier one failed, so that one run shows all there is to mend.

use std::path::PathBuf;

use crate::command::{capture, cargo, run as run_command, workspace_root};
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
    let (path, current) = generate_schema()?;
    std::fs::write(&path, current).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn formatting() -> Result<(), String> {
    run_command(&mut cargo(["fmt", "--all", "--check"]))
}

fn tidiness() -> Result<(), String> {
    tidy::run(&[])
}

fn lints() -> Result<(), String> {
    let arguments = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
    run_command(&mut cargo(arguments))
}

fn documentation() -> Result<(), String> {
    let mut command = cargo(["doc", "--quiet", "--workspace", "--no-deps"]);
    run_command(command.env("RUSTDOCFLAGS", "-Dwarnings"))
}

/// The JSON schema in the tree is what the program prints today.
fn reference_is_current() -> Result<(), String> {
    let (path, current) = generate_schema()?;
    let written = std::fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    if written == current {
        return Ok(());
    }
    Err(format!("{} is out of date: run `cargo xtask reference`", path.display()))
}

fn generate_schema() -> Result<(PathBuf, String), String> {
    let path = workspace_root().join("docs/config.schema.json");
    let schema = capture(&mut cargo(["run", "--quiet", "--package", "evener", "--", "schema"]))?;
    Ok((path, schema))
}

fn expect_none(task: &str, arguments: &[String]) -> Result<(), String> {
    match arguments.first() {
        None => Ok(()),
        Some(argument) => Err(format!("`{task}` takes no arguments, it got `{argument}`")),
    }
}
