//! `cargo xtask fuzz`: runs the fuzz targets of `fuzz/`.
//!
//! With `cargo-fuzz` and a nightly toolchain it calls them. Without, it builds the targets with
//! the project's own toolchain and the compiler's coverage flags, which stable Rust accepts; the
//! fuzzing engine itself is C++ that `libfuzzer-sys` compiles, so a C++ compiler must be there.
//! That way has no address sanitizer, which matters little where `unsafe` is forbidden.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{capture, cargo, run as run_command, succeeds, workspace_root};

/// How long each target runs when the command line does not say.
const SECONDS_DEFAULT: u64 = 60;

/// The longest input the engine tries: above the limit of a message head.
const INPUT_BYTES_MAX: u32 = 70_000;

/// What `cargo-fuzz` passes for coverage, as flags of the stable compiler.
const COVERAGE_FLAGS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Clink-dead-code -Cdebug-assertions -Ccodegen-units=1 --cfg fuzzing";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    target: Option<String>,
    seconds: u64,
}

/// How the targets can be run on this machine.
enum Engine {
    CargoFuzz,
    OwnToolchain,
}

/// Fuzzes one target, or each in turn.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let request = parse(arguments)?;
    let folder = workspace_root().join("fuzz");
    let known = targets(&folder)?;
    let chosen = match request.target {
        None => known,
        Some(target) if known.contains(&target) => vec![target],
        Some(target) => {
            let list = known.join(", ");
            return Err(format!("no fuzz target is named `{target}`; there are {list}"));
        }
    };
    let engine = engine()?;
    for target in chosen {
        eprintln!("fuzzing {target} for {} s", request.seconds);
        match engine {
            Engine::CargoFuzz => with_cargo_fuzz(&folder, &target, request.seconds)?,
            Engine::OwnToolchain => with_own_toolchain(&folder, &target, request.seconds)?,
        }
    }
    Ok(())
}

fn parse(arguments: &[String]) -> Result<Request, String> {
    let mut request = Request { target: None, seconds: SECONDS_DEFAULT };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seconds" => {
                let value = words.next().map_or("", String::as_str);
                request.seconds = value.parse().map_err(|_| format!("--seconds wants a number, it got `{value}`"))?;
            }
            option if option.starts_with('-') => {
                return Err(format!("`fuzz` knows no option `{option}`; it has --seconds"));
            }
            target if request.target.is_none() => request.target = Some(target.to_owned()),
            extra => return Err(format!("`fuzz` takes one target, `{extra}` is one too many")),
        }
    }
    Ok(request)
}

/// The names of the files in `fuzz/fuzz_targets`, sorted.
fn targets(folder: &Path) -> Result<Vec<String>, String> {
    let sources = folder.join("fuzz_targets");
    let entries = std::fs::read_dir(&sources).map_err(|error| format!("cannot list {}: {error}", sources.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn engine() -> Result<Engine, String> {
    let has_nightly = succeeds(Command::new("rustc").args(["+nightly", "--version"]));
    if has_nightly && succeeds(Command::new("cargo").args(["fuzz", "--version"])) {
        return Ok(Engine::CargoFuzz);
    }
    if succeeds(Command::new("c++").arg("--version")) {
        return Ok(Engine::OwnToolchain);
    }
    Err("fuzzing needs a C++ compiler (Debian: apt-get install g++), \
         or cargo-fuzz and a nightly toolchain"
        .to_owned())
}

fn with_cargo_fuzz(folder: &Path, target: &str, seconds: u64) -> Result<(), String> {
    let mut command = Command::new("cargo");
    command.args(["+nightly", "fuzz", "run", target, "--"]).args(engine_options(seconds)).current_dir(folder);
    run_command(&mut command)
}

fn with_own_toolchain(folder: &Path, target: &str, seconds: u64) -> Result<(), String> {
    let platform = host_platform()?;
    let build_folder = folder.join("target");
    let mut build = cargo(["build", "--release", "--bin", target, "--target", &platform]);
    build.current_dir(folder).env("RUSTFLAGS", COVERAGE_FLAGS).env("CARGO_TARGET_DIR", &build_folder);
    run_command(&mut build)?;
    // The engine adds to the first folder and only reads the second, which is in the tree.
    let finds = build_folder.join("corpus").join(target);
    let corpus = folder.join("corpus").join(target);
    let artifacts = build_folder.join("artifacts").join(target);
    for needed in [&finds, &corpus, &artifacts] {
        make_folder(needed)?;
    }
    let program: PathBuf = build_folder.join(platform).join("release").join(target);
    let mut fuzz = Command::new(program);
    fuzz.args(engine_options(seconds)).arg(format!("-artifact_prefix={}/", artifacts.display())).args([finds, corpus]);
    run_command(&mut fuzz)
}

fn engine_options(seconds: u64) -> [String; 3] {
    [format!("-max_total_time={seconds}"), format!("-max_len={INPUT_BYTES_MAX}"), "-print_final_stats=1".to_owned()]
}

/// Building for a named platform keeps the coverage flags away from build scripts.
fn host_platform() -> Result<String, String> {
    let description = capture(Command::new("rustc").arg("-vV"))?;
    let host = description.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc -vV names no host".to_owned())
}

fn make_folder(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))
}

#[cfg(test)]
mod tests;
