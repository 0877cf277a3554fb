//! `cargo xtask bench profile`: where one proxy spends its time under load.
//!
//! It runs with the same pinning and quota as a measurement, but its figures are not comparable
//! with one: the profiler costs time itself.

use std::process::Command;
use std::time::Duration;

use super::options::Options;
use super::scenario::Kind;
use super::stand::Stand;
use super::{cage, install, process};
use crate::command::{self, capture, succeeds};

/// Records and prints a profile of the first proxy in the first scenario.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let (Some(proxy), Some(scenario)) = (options.proxies.first(), options.scenarios.first()) else {
        return Err("a profile needs a proxy and a scenario".to_owned());
    };
    let Kind::Traffic(load) = scenario.kind() else {
        return Err(format!("scenario {} has no traffic to profile", scenario.name()));
    };
    if !succeeds(Command::new("perf").arg("--version")) {
        return Err("perf is not installed (Debian: linux-perf)".to_owned());
    }
    let programs = install::prepare(options)?;
    let hierarchy = cage::find_or_explain();
    process::raise_open_files()?;
    let stand = Stand::open(&programs, hierarchy.as_ref(), options.quota_percent, scenario.front())?;
    let running = stand.start_checked(*proxy)?;
    let data = super::folder()?.join(format!("perf-{}-{}.data", proxy.name(), scenario.name()));

    // The load outlasts the recording on both sides.
    let seconds = options.seconds;
    let mut traffic = load
        .command(running.port, seconds + 2)?
        .stdout(std::process::Stdio::null())
        .spawn()
        .map_err(|error| format!("the load generator: {error}"))?;
    std::thread::sleep(Duration::from_secs(1));
    let recorded = command::run(&mut record(&running.process.tree_ids(), seconds, options, &data));
    let _ = traffic.wait();
    recorded?;

    let mut show = Command::new("perf");
    show.args(["report", "--stdio", "--no-children", "--percent-limit", "0.4", "--sort", "dso,symbol"]);
    let text = capture(show.arg("-i").arg(&data))?;
    let path = data.with_extension("txt");
    std::fs::write(&path, &text).map_err(|error| format!("{}: {error}", path.display()))?;
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    for line in lines.take(LINES_SHOWN) {
        println!("{line}");
    }
    println!("whole report: {}", path.display());
    Ok(())
}

fn record(ids: &[u32], seconds: u64, options: &Options, data: &std::path::Path) -> Command {
    let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
    let mut command = Command::new("perf");
    command.args(["record", "--quiet", "--freq", "1999"]);
    if options.chains {
        command.args(["--call-graph", "dwarf,16384"]);
    }
    command.arg("--output").arg(data).arg("--pid").arg(ids.join(","));
    command.args(["--", "sleep", &seconds.to_string()]);
    command
}

const LINES_SHOWN: usize = 70;
