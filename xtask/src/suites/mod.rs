//! `cargo xtask test`: installs what the tests need, then runs them.
//!
//! Without options it also counts the instructions of the codec. `--unit` leaves that and the end-to-end suite out, `--e2e` runs nothing else. Everything else on the
//! command line is cargo's test filter.

use crate::bench;
use crate::command::{cargo, run as run_command};
use crate::install;

/// What one call of `cargo xtask test` runs.
#[derive(Debug, PartialEq, Eq)]
enum Suite {
    Everything,
    Unit,
    EndToEnd,
}

/// Parses the arguments, installs, tests.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let (suite, filter) = parse(arguments)?;
    let python = match suite {
        Suite::Unit => None,
        Suite::Everything | Suite::EndToEnd => {
            install::test_programs()?;
            Some(install::test_python()?)
        }
    };
    let mut failures = Vec::new();
    // The codec must not grow more expensive unnoticed. Instructions are counted, not time, so that it can be a test.
    if suite == Suite::Everything && filter.is_empty() {
        failures.extend(bench::run(&["instructions".to_owned()]).err());
    }
    for cargo_arguments in invocations(&suite) {
        let mut command = cargo(cargo_arguments);
        if let Some(python) = &python {
            command.env("EVENER_TEST_PYTHON", python);
        }
        failures.extend(run_command(command.args(&filter)).err());
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

fn parse(arguments: &[String]) -> Result<(Suite, Vec<String>), String> {
    let mut suite = Suite::Everything;
    let mut filter = Vec::new();
    for argument in arguments {
        let wanted = match argument.as_str() {
            "--unit" => Suite::Unit,
            "--e2e" => Suite::EndToEnd,
            other if other.starts_with('-') => {
                return Err(format!("`test` knows no option `{other}`; it has --unit and --e2e"));
            }
            other => {
                filter.push(other.to_owned());
                continue;
            }
        };
        if suite != Suite::Everything {
            return Err("`test` takes one of --unit and --e2e".to_owned());
        }
        suite = wanted;
    }
    Ok((suite, filter))
}

/// The cargo calls of a suite. All test binaries run even when one fails, so that one run
/// shows everything that is broken.
fn invocations(suite: &Suite) -> Vec<Vec<&'static str>> {
    match suite {
        Suite::Everything => vec![vec!["test", "--workspace", "--no-fail-fast"]],
        Suite::Unit => vec![
            vec!["test", "--workspace", "--exclude", "evener", "--no-fail-fast"],
            vec!["test", "--package", "evener", "--bins"],
        ],
        Suite::EndToEnd => vec![vec!["test", "--package", "evener", "--test", "e2e"]],
    }
}

#[cfg(test)]
mod tests;
