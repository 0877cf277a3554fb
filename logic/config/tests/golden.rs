//! Runs every file of `tests/golden/`: a config, a line of dashes, and what is said about it or made of it.
//! `EVENER_BLESS=1` writes what came out instead of comparing.
//!
//! Lines at the top that begin with `#: ` describe the world: `#: env NAME=value` and `#: dns name = address, address`.
//! A line `--- file: PATH` begins another file, for includes.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has nothing better to do than stop")]
#![expect(clippy::disallowed_methods, reason = "the cases are files")]

mod show;
mod world;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use world::Case;

#[test]
fn golden() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let bless = std::env::var_os("EVENER_BLESS").is_some();
    let mut failures = String::new();
    let mut count = 0;
    for path in cases(&folder) {
        let text = std::fs::read_to_string(&path).unwrap();
        let case = Case::read(&text);
        let outcome = evener_config::load("evener.toml", &case.world);
        let actual = describe(&outcome);
        count += 1;
        if bless {
            std::fs::write(&path, format!("{}{}\n{actual}", case.input, world::DASHES)).unwrap();
        } else if actual != case.expected {
            let name = path.file_name().unwrap().to_string_lossy();
            writeln!(failures, "== {name}\n{}", difference(&case.expected, &actual)).unwrap();
        }
    }
    assert!(count >= 50, "only {count} golden cases found");
    assert!(failures.is_empty(), "\n{failures}\nEVENER_BLESS=1 accepts what came out");
}

fn cases(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    paths.sort();
    paths
}

fn describe(outcome: &evener_config::Outcome) -> String {
    assert_eq!(outcome.plan.is_none(), outcome.errors() > 0, "there is a plan exactly if there is no error");
    let mut text = outcome.render(false);
    if let Some(plan) = &outcome.plan {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&show::plan(plan));
    }
    text
}

/// Both texts with the lines that differ marked; common lines at the beginning and the end stand once.
fn difference(expected: &str, actual: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let head = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(old, new)| old == new).count();
    let mut text = String::new();
    for line in &old[..head] {
        writeln!(text, "  {line}").unwrap();
    }
    for line in &old[head..old.len() - tail] {
        writeln!(text, "- {line}").unwrap();
    }
    for line in &new[head..new.len() - tail] {
        writeln!(text, "+ {line}").unwrap();
    }
    for line in &old[old.len() - tail..] {
        writeln!(text, "  {line}").unwrap();
    }
    text
}
