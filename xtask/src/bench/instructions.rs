//! `cargo xtask bench instructions`: the codec's instructions per operation, guarded.
//!
//! Callgrind counts the same on a busy machine as on an idle one, so this can fail a build where a
//! timing cannot. It knows nothing of caches and of the kernel.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::options::Guard;
use crate::command::{capture, cargo, workspace_root};
use crate::install::debian;

/// Counts per case, by the case's name.
type Counts = BTreeMap<String, u64>;

/// Counts every case and compares with, or replaces, the checked-in counts.
pub(crate) fn run(guard: Guard) -> Result<(), String> {
    debian(&["valgrind"])?;
    let program = build()?;
    let mut counted = Counts::new();
    for case in cases(&program)? {
        let each = count(&program, &case)?;
        println!("{case:32} {each:>8} instructions");
        counted.insert(case, each);
    }
    let path = workspace_root().join("bench/instructions.json");
    match guard {
        Guard::Bless => bless(&path, &counted),
        Guard::Compare => {
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let Some(expected) = expected(&text, std::env::consts::ARCH)? else {
                println!("no counts are checked in for {}: nothing to compare with", std::env::consts::ARCH);
                return Ok(());
            };
            let faults = compare(&expected, &counted);
            if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
        }
    }
}

/// Builds the cases with the release settings and finds the program.
fn build() -> Result<PathBuf, String> {
    let words = ["build", "--release", "--package", "evener-http", "--bench", "instructions"];
    let output = capture(cargo(words).args(["--message-format", "json-render-diagnostics"]))?;
    executable(&output).ok_or_else(|| "cargo built no `instructions` program".to_owned())
}

/// The path of the built program in cargo's messages.
pub(crate) fn executable(messages: &str) -> Option<PathBuf> {
    messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
        let is_ours = message["target"]["name"] == "instructions";
        message["executable"].as_str().filter(|_| is_ours).map(PathBuf::from)
    })
}

/// The names of the cases: without one the program runs all and names each at the start of a line.
fn cases(program: &Path) -> Result<Vec<String>, String> {
    let said = capture(&mut Command::new(program))?;
    let names = case_names(&said);
    if names.is_empty() { Err(format!("{} names no case", program.display())) } else { Ok(names) }
}

/// The words before the colons.
pub(crate) fn case_names(said: &str) -> Vec<String> {
    said.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim().to_owned()).collect()
}

/// The difference of two runs takes start-up out of the count.
fn count(program: &Path, case: &str) -> Result<u64, String> {
    let few = total(program, case, FEW)?;
    let many = total(program, case, MANY)?;
    Ok(many.saturating_sub(few) / (MANY - FEW))
}

fn total(program: &Path, case: &str, repetitions: u64) -> Result<u64, String> {
    let out = super::folder()?.join(format!("callgrind.{case}.out"));
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .args([case, &repetitions.to_string()]);
    capture(&mut command)?;
    let text = fs::read_to_string(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    summary(&text).ok_or_else(|| format!("{} holds no summary", out.display()))
}

/// The total in a file of callgrind's.
pub(crate) fn summary(text: &str) -> Option<u64> {
    let line = |key| text.lines().find_map(|line| line.strip_prefix(key));
    line("summary:").or_else(|| line("totals:"))?.split_whitespace().next()?.parse().ok()
}

fn bless(path: &Path, counted: &Counts) -> Result<(), String> {
    let old = fs::read_to_string(path).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let mut all = old.filter(Value::is_object).unwrap_or_else(|| json!({}));
    all[std::env::consts::ARCH] = json!(counted);
    fs::write(path, format!("{all:#}\n")).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

/// The checked-in counts for a processor family, if there are any.
pub(crate) fn expected(text: &str, family: &str) -> Result<Option<Counts>, String> {
    let all: Value = serde_json::from_str(text).map_err(|error| format!("bench/instructions.json: {error}"))?;
    let Some(cases) = all[family].as_object() else { return Ok(None) };
    let pairs = cases.iter().map(|(case, count)| {
        let count = count.as_u64().ok_or_else(|| format!("bench/instructions.json: {case} is not a count"))?;
        Ok((case.clone(), count))
    });
    pairs.collect::<Result<Counts, String>>().map(Some)
}

/// One message for each case that is not as expected. A case that became cheaper is one too: the
/// checked-in count must follow, or the next loss would hide behind it.
pub(crate) fn compare(expected: &Counts, counted: &Counts) -> Vec<String> {
    let mut faults = Vec::new();
    for (case, now) in counted {
        match expected.get(case) {
            None => faults.push(format!("{case}: {now} instructions, but no count is checked in; use --bless")),
            Some(before) if now.abs_diff(*before) * 100 > before * TOLERANCE_PERCENT => {
                faults.push(format!("{case}: {now} instructions instead of {before}; if that is meant, use --bless"))
            }
            Some(_) => {}
        }
    }
    let missing = expected.keys().filter(|case| !counted.contains_key(*case));
    faults.extend(missing.map(|case| format!("{case}: checked in, but no longer a case; use --bless")));
    faults
}

/// Compilers and libraries move the count a little without a change of ours.
const TOLERANCE_PERCENT: u64 = 5;
/// Enough for every lazy initialisation to have happened.
const FEW: u64 = 200;
/// The difference makes the division exact to a fraction of an instruction.
const MANY: u64 = 1200;
