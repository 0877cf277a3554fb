//! Tables of the figures: on the terminal, in `bench/RESULTS.md` and as JSON.
//!
//! It draws no conclusion beyond the bars; a table always shows the range beside the median.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::host::Host;
use super::measure::{Row, Table};
use super::metric::Metric;
use super::options::Options;
use super::proxy::Proxy;
use super::scenario::{Against, Bar};
use crate::command::workspace_root;

/// One scenario as Markdown: its table, its bars, and what was rejected.
pub(crate) fn scenario(table: &Table) -> String {
    let metrics = table.scenario.metrics();
    let mut text = format!("\n## {}: {}\n\n| proxy |", table.scenario.name(), table.scenario.title());
    for metric in metrics {
        let _ = write!(text, " {} |", metric.title());
    }
    text.push_str(" ÷ better of nginx, HAProxy | ÷ best peer | turns |\n|---|");
    text.push_str(&"---|".repeat(metrics.len() + 3));
    text.push('\n');
    for row in &table.rows {
        let _ = write!(text, "| {} |", row.proxy.name());
        for metric in metrics {
            let _ = write!(text, " {} |", cell(row, *metric));
        }
        for peers in [&Proxy::STANDARD[..], &Proxy::ALL[1..]] {
            let ratio = table.ratio_to_best(row.proxy, peers, metrics[0]);
            let _ = write!(text, " {} |", ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}")));
        }
        let _ = writeln!(text, " {} |", row.samples.len());
    }
    let bars: Vec<String> = table.scenario.bars().iter().map(|bar| judged(table, bar)).collect();
    let rejected = table.rows.iter().filter_map(|row| {
        let last = row.rejected.last()?;
        Some(format!("- {}: {} turns rejected, the last because {last}\n", row.proxy.name(), row.rejected.len()))
    });
    text.push('\n');
    text.extend(bars.into_iter().chain(rejected));
    text
}

/// A figure with its range where the turns differ.
fn cell(row: &Row, metric: Metric) -> String {
    let Some(spread) = row.spread(metric) else { return "rejected".to_owned() };
    let (median, least, most) = (metric.show(spread.median), metric.show(spread.least), metric.show(spread.most));
    if least == most { median } else { format!("{median} ({least}..{most})") }
}

/// How evener stands against a bar: the figure to compare with the limit, if there is one.
fn measured(table: &Table, bar: &Bar) -> Option<f64> {
    match bar.against {
        Against::BestOf(peers) => table.ratio_to_best(Proxy::Evener, peers, bar.metric),
        Against::Unit(unit, _) => table.median(Proxy::Evener, bar.metric).map(|value| value / unit),
    }
}

/// Whether a bar was reached; nothing when evener or the peer was not measured.
pub(crate) fn passes(table: &Table, bar: &Bar) -> Option<bool> {
    measured(table, bar).map(|figure| figure <= bar.limit)
}

fn judged(table: &Table, bar: &Bar) -> String {
    let against = match bar.against {
        Against::BestOf(peers) => {
            let names: Vec<&str> = peers.iter().map(|peer| peer.name()).collect();
            format!(" ÷ {}", if names.len() > 1 { format!("better of {}", names.join(", ")) } else { names.join("") })
        }
        Against::Unit(_, _) => String::new(),
    };
    let aim = bar.aim.map_or_else(String::new, |aim| format!(", aim {aim:.2}"));
    let verdict = match (measured(table, bar), passes(table, bar)) {
        (Some(figure), Some(true)) => format!("{figure:.2} **pass**"),
        (Some(figure), _) => format!("{figure:.2} **MISSED**"),
        (None, _) => "not measured".to_owned(),
    };
    format!("- bar: evener's {}{against} ≤ {:.2}{aim}: {verdict}\n", bar.metric.title(), bar.limit)
}

/// Rewrites `bench/RESULTS.md`.
pub(crate) fn save_markdown(host: &Host, options: &Options, tables: &[Table]) -> Result<PathBuf, String> {
    let path = workspace_root().join("bench/RESULTS.md");
    let mut text = format!(
        "# Results\n\n\
         Written by `cargo xtask bench {}`; how it measures is told in [README.md](README.md).\n\n\
         {}, {}, {} cores, {}, loopback. {} rounds of {} s; each figure is the median (least..most).\n\
         A proxy has one worker on one core and {} % of that core.\n",
        options.typed,
        host.date,
        host.processor,
        host.cores,
        host.kernel,
        options.rounds,
        options.seconds,
        options.quota_percent,
    );
    let versions = host.versions.iter().map(|(proxy, version)| format!("{} {version}", proxy.name()));
    let _ = writeln!(text, "Versions: {}.", versions.collect::<Vec<_>>().join(", "));
    text.extend(tables.iter().map(scenario));
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

/// Writes every figure of every turn to `target/bench/results.json`.
pub(crate) fn save_json(host: &Host, options: &Options, tables: &[Table]) -> Result<PathBuf, String> {
    let path = super::folder()?.join("results.json");
    let versions: serde_json::Map<String, Value> =
        host.versions.iter().map(|(proxy, version)| (proxy.name().to_owned(), json!(version))).collect();
    let value = json!({
        "date": host.date,
        "processor": host.processor,
        "cores": host.cores,
        "kernel": host.kernel,
        "versions": versions,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "quota_percent": options.quota_percent,
        "scenarios": tables.iter().map(figures).collect::<Vec<_>>(),
    });
    fs::write(&path, format!("{value:#}\n")).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

fn figures(table: &Table) -> Value {
    let rows = table.rows.iter().map(|row| {
        let turns = row.samples.iter().map(|(round, sample)| {
            let pairs = sample.iter().map(|(metric, value)| (metric.key().to_owned(), json!(value)));
            Value::Object(pairs.chain([("round".to_owned(), json!(round))]).collect())
        });
        let metric = table.scenario.metrics()[0];
        json!({
            "proxy": row.proxy.name(),
            "turns": turns.collect::<Vec<_>>(),
            "rejected": row.rejected,
            "ratio_to_better_of_nginx_and_haproxy": table.ratio_to_best(row.proxy, &Proxy::STANDARD, metric),
            "ratio_to_best_peer": table.ratio_to_best(row.proxy, &Proxy::ALL[1..], metric),
        })
    });
    let bars = table.scenario.bars();
    let bars = bars.iter().map(|bar| {
        json!({
            "metric": bar.metric.key(),
            "measured": measured(table, bar),
            "limit": bar.limit,
            "aim": bar.aim,
            "passes": passes(table, bar),
        })
    });
    json!({
        "scenario": table.scenario.name(),
        "rows": rows.collect::<Vec<_>>(),
        "bars": bars.collect::<Vec<_>>(),
    })
}
