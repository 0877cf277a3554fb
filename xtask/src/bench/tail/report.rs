//! Tables of the figures: on the terminal, in `bench/TAIL.md` and as JSON.
//!
//! It draws no conclusion; a table shows the range beside the median.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::contestant::{Kind, Program};
use super::figures::{Figures, LEVELS, THRESHOLDS_MS};
use super::measure::{CPU_MOST, LATE_MS_MOST, Row, Table};
use super::options::Options;
use crate::bench::folder;
use crate::bench::host::Host;
use crate::bench::statistics::{Spread, spread};
use crate::command::workspace_root;

/// One scenario as Markdown.
pub(crate) fn scenario(table: &Table) -> String {
    let mut text = format!("\n## {}: {}\n\n", table.scenario.name(), table.scenario.title());
    let _ = writeln!(text, "{}\n", ground(table));
    text.push_str(
        "| proxy | miss % | errors % | p50 ms | p99 ms | p99.9 ms | slowest ms | requests by class of server, % \
         | to servers ÷ from clients | CPU % | runs |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in &table.rows {
        text.push_str(&line(row));
    }
    let rejected = table.rows.iter().filter_map(|row| {
        let last = row.rejected.last()?;
        let first_line = last.lines().next().unwrap_or_default();
        Some(format!(
            "- {}: {} runs rejected, the last because {first_line}\n",
            row.contestant.name,
            row.rejected.len()
        ))
    });
    let busy =
        table.rows.iter().filter(|row| row.spread(|figures| figures.cpu).is_some_and(|cpu| cpu.median > CPU_MOST));
    let busy = busy
        .map(|row| format!("- {}: more than half of its core, so its speed was measured too\n", row.contestant.name));
    text.push('\n');
    text.extend(busy.chain(rejected));
    text
}

/// The load, and what no proxy can help.
fn ground(table: &Table) -> String {
    let floor = table.rows.iter().find_map(|row| row.spread(|figures| figures.floor));
    let floor = floor.map_or_else(|| "–".to_owned(), |floor| range(floor, 2));
    let excess = table.scenario.excess(table.rate);
    let excess = if excess > 0.0 {
        format!(" {:.1} % of the requests are more than the servers can do.", excess * 100.0)
    } else {
        String::new()
    };
    format!(
        "{:.0} requests/s. In {floor} % of the requests the work alone takes more than 100 ms on the fastest server.{excess}",
        table.rate
    )
}

fn line(row: &Row) -> String {
    let name = row.contestant.name;
    let cell = |figure: fn(&Figures) -> f64, digits| {
        row.spread(figure).map_or_else(|| "rejected".to_owned(), |spread| range(spread, digits))
    };
    let median = |figure: fn(&Figures) -> f64, digits| {
        row.spread(figure).map_or_else(|| "–".to_owned(), |spread| format!("{:.digits$}", spread.median))
    };
    format!(
        "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
        cell(|figures| figures.missed, 2),
        cell(Figures::errors, 2),
        median(|figures| figures.latency_ms(50.0), 1),
        cell(|figures| figures.latency_ms(99.0), 0),
        cell(|figures| figures.latency_ms(99.9), 0),
        median(|figures| figures.latency_ms(100.0), 0),
        shares(row),
        median(|figures| figures.amplification, 3),
        median(|figures| figures.cpu, 1),
        counted(row),
    )
}

/// How many runs there are, and how many of them only count because the user allows it.
fn counted(row: &Row) -> String {
    let late = row.runs.iter().filter(|(_, figures)| figures.late_ms > LATE_MS_MOST).count();
    let all = row.runs.len();
    if late == 0 { format!("{all}") } else { format!("{all}, {late} disturbed") }
}

/// The median share of each class of servers.
fn shares(row: &Row) -> String {
    let Some((_, first)) = row.runs.first() else { return "–".to_owned() };
    if first.shares.len() == 1 {
        return "all alike".to_owned();
    }
    let cells = first.shares.iter().enumerate().filter_map(|(place, (class, _))| {
        let values = row.runs.iter().filter_map(|(_, figures)| figures.shares.get(place).map(|(_, share)| *share));
        spread(values).map(|spread| format!("{class} {:.1}", spread.median))
    });
    cells.collect::<Vec<_>>().join(", ")
}

fn range(spread: Spread, digits: usize) -> String {
    let show = |value: f64| format!("{value:.digits$}");
    let (median, least, most) = (show(spread.median), show(spread.least), show(spread.most));
    if least == most { median } else { format!("{median} ({least}..{most})") }
}

impl Row {
    /// The spread of a figure over the runs.
    pub(crate) fn spread(&self, figure: impl Fn(&Figures) -> f64) -> Option<Spread> {
        spread(self.runs.iter().map(|(_, figures)| figure(figures)))
    }
}

/// Rewrites `bench/TAIL.md`.
pub(crate) fn save_markdown(host: &Host, options: &Options, tables: &[Table]) -> Result<PathBuf, String> {
    let path = workspace_root().join("bench/TAIL.md");
    let mut text = format!(
        "# Tail latency over unequal and sick servers\n\n\
         Written by `cargo xtask bench tail {}`; how it measures is told in [README.md](README.md).\n\n\
         {}, {}, {} cores, {}, loopback. {} runs of {} s each; figures are the median (least..most).\n\
         Ten servers, two workers each. A miss is an error or an answer after more than 100 ms, counted from the moment \
         the request was to be sent.\nPercentiles are those of requests that were served or timed out (5 s).\n",
        options.typed, host.date, host.processor, host.cores, host.kernel, options.seeds, options.seconds,
    );
    let mut versions: Vec<String> =
        host.versions.iter().map(|(proxy, version)| format!("{} {version}", proxy.name())).collect();
    if options.contestants.iter().any(|contestant| contestant.program == Program::NewNginx) {
        versions.push("nginx:least_time and nginx:armed: the wheel of `requirements.txt`".to_owned());
    }
    let _ = writeln!(text, "Versions: {}.", versions.join(", "));
    text.push_str(
        "\nThe settings are the files of `configs/tail`. `armed`: ejection, retries and the algorithm that suits that \
         proxy best; `queue`: a limit of requests per server besides; the others are as shipped.\n",
    );
    text.extend(tables.iter().map(scenario));
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

/// Writes the figures of every run to `target/bench/tail.json`.
pub(crate) fn save_json(host: &Host, options: &Options, tables: &[Table]) -> Result<PathBuf, String> {
    let path = folder()?.join("tail.json");
    let versions: serde_json::Map<String, Value> =
        host.versions.iter().map(|(proxy, version)| (proxy.name().to_owned(), json!(version))).collect();
    let value = json!({
        "date": host.date,
        "processor": host.processor,
        "kernel": host.kernel,
        "versions": versions,
        "typed": options.typed,
        "seconds": options.seconds,
        "scenarios": tables.iter().map(of_table).collect::<Vec<_>>(),
    });
    fs::write(&path, format!("{value:#}\n")).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

fn of_table(table: &Table) -> Value {
    let rows = table.rows.iter().map(|row| {
        let runs = row.runs.iter().map(|(seed, figures)| of_run(*seed, figures));
        json!({
            "proxy": row.contestant.name,
            "kind": match row.contestant.kind {
                Kind::Stock => "stock",
                Kind::Armed => "armed",
                Kind::Queue => "queue",
                Kind::Policy => "policy",
            },
            "runs": runs.collect::<Vec<_>>(),
            "rejected": row.rejected,
        })
    });
    json!({ "scenario": table.scenario.name(), "rate": table.rate, "rows": rows.collect::<Vec<_>>() })
}

fn of_run(seed: u64, figures: &Figures) -> Value {
    let latencies = LEVELS.iter().zip(&figures.latencies_ms).map(|(level, value)| (format!("p{level}"), json!(value)));
    let shares = figures.shares.iter().map(|(class, share)| ((*class).to_owned(), json!(share)));
    json!({
        "seed": seed,
        "requests": figures.requests,
        "miss": figures.missed,
        "floor": figures.floor,
        "errors": { "status": figures.statuses, "broken": figures.broken, "timed_out": figures.timed_out },
        "latency_ms": latencies.collect::<serde_json::Map<_, _>>(),
        "unserved_after_ms": THRESHOLDS_MS.iter().zip(&figures.unserved).collect::<Vec<_>>(),
        "shares": shares.collect::<serde_json::Map<_, _>>(),
        "amplification": figures.amplification,
        "cpu": figures.cpu,
        "late_ms": figures.late_ms,
        "crowded": figures.crowded,
        "requests_and_misses_per_100_ms": figures.timeline,
    })
}
