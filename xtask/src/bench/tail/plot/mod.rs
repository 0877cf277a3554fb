//! Pictures of `mixed`, drawn as SVG into `docs/plots`.
//!
//! `canvas.rs` knows SVG and axes, `dots.rs` and `lines.rs` the two kinds of picture; here is what
//! is shown. No figure is computed here that the tables do not come from.

pub(crate) mod canvas;
pub(crate) mod dots;
pub(crate) mod lines;

use std::fs;
use std::path::PathBuf;

use super::contestant::Kind;
use super::figures::{Figures, SLOT, THRESHOLDS_MS, percent};
use super::measure::{Row, Table};
use super::script::{Change, Scenario};
use crate::command::workspace_root;
use dots::Dot;
use lines::{Axis, Line, Mark};

/// Draws what the tables have to show; gives the files that were written.
pub(crate) fn draw(tables: &[Table], seconds: u64) -> Result<Vec<PathBuf>, String> {
    let Some(table) = tables.iter().find(|table| table.scenario == Scenario::Mixed) else {
        return Err("--plots shows what happened in `mixed`, which was not measured".to_owned());
    };
    let folder = workspace_root().join("docs/plots");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut written = Vec::new();
    for (name, picture) in pictures(table, seconds) {
        let path = folder.join(name);
        fs::write(&path, picture).map_err(|error| format!("{}: {error}", path.display()))?;
        written.push(path);
    }
    Ok(written)
}

/// The pictures and their files' names. What was not measured is not drawn.
pub(crate) fn pictures(table: &Table, seconds: u64) -> Vec<(&'static str, String)> {
    let measured: Vec<&Row> = table.rows.iter().filter(|row| !row.runs.is_empty()).collect();
    let proxies: Vec<&Row> = measured.iter().copied().filter(|row| row.contestant.kind != Kind::Policy).collect();
    let policies: Vec<&Row> =
        measured.iter().copied().filter(|row| row.contestant.name == "evener" || is_policy(row)).collect();
    let chosen: Vec<&Row> = measured.iter().copied().filter(|row| is_chosen(row)).collect();
    let mut pictures = Vec::new();
    if proxies.len() > 1 {
        pictures.push(("tail-mixed-miss.svg", misses("Ten servers, some sick: requests that missed 100 ms", &proxies)));
    }
    if policies.len() > 1 {
        pictures.push(("tail-mixed-policies.svg", misses("evener's algorithms with the same sick servers", &policies)));
        pictures.push(("tail-mixed-policies-time.svg", timeline(&policies, seconds)));
    }
    if chosen.len() > 1 {
        pictures.push(("tail-mixed-latency.svg", latencies(&chosen)));
        pictures.push(("tail-mixed-time.svg", timeline(&chosen, seconds)));
    }
    pictures
}

fn is_policy(row: &Row) -> bool {
    row.contestant.kind == Kind::Policy && row.contestant.name != "evener:adaptive"
}

/// Lines of everybody would hide each other: evener, the armed ones, and the most common setting.
fn is_chosen(row: &Row) -> bool {
    row.contestant.kind == Kind::Armed || matches!(row.contestant.name, "evener" | "nginx" | "nginx:least_conn")
}

fn misses(title: &str, rows: &[&Row]) -> String {
    let dots = rows.iter().filter_map(|row| {
        let spread = row.spread(|figures| figures.missed)?;
        Some(Dot { label: row.contestant.name, spread, is_ours: is_ours(row) })
    });
    let mut dots: Vec<Dot<'_>> = dots.collect();
    dots.sort_by(|one, other| one.spread.median.total_cmp(&other.spread.median));
    let floor = rows.first().and_then(|row| row.spread(|figures| figures.floor));
    dots::draw(
        title,
        "errors and answers after 100 ms, % of the requests (median, least and most of the runs)",
        &dots,
        floor,
    )
}

fn latencies(rows: &[&Row]) -> String {
    let lines = rows.iter().map(|row| {
        let points = THRESHOLDS_MS.iter().enumerate().filter_map(|(place, threshold)| {
            let value = row.spread(|figures| figures.unserved.get(place).copied().unwrap_or(f64::NAN))?;
            Some((*threshold, value.median))
        });
        Line { label: row.contestant.name, points: points.collect(), is_ours: is_ours(row) }
    });
    lines::draw(
        "Ten servers, some sick: how many still wait",
        &Axis::logarithmic("ms after the request was to be sent", 1.0, 5000.0),
        &Axis::logarithmic("% of the requests without a good answer", 0.01, 100.0),
        &lines.collect::<Vec<_>>(),
        &[],
    )
}

fn timeline(rows: &[&Row], seconds: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "seconds of a run")]
    let span = seconds as f64;
    let lines = rows.iter().map(|row| Line {
        label: row.contestant.name,
        points: misses_over_time(row.runs.iter().map(|(_, figures)| figures)),
        is_ours: is_ours(row),
    });
    let script = Scenario::Mixed.script(std::time::Duration::from_secs(seconds));
    let marks = script.events.iter().filter_map(|event| {
        let label = match event.change {
            Change::Kill => "one killed",
            Change::Open => "it is back",
            Change::Freeze(_) => "one frozen for 1 s",
            Change::Speed(_) | Change::Fail(_) => return None,
        };
        Some(Mark { at: event.after.as_secs_f64(), label })
    });
    lines::draw(
        "Ten servers, some sick: misses over time",
        &Axis::linear("seconds since one became slow and one failing", 0.0, span),
        &Axis::logarithmic("% of the requests that missed 100 ms", 0.1, 100.0),
        &lines.collect::<Vec<_>>(),
        &marks.collect::<Vec<_>>(),
    )
}

/// The share of misses of half a second each, over all runs together.
fn misses_over_time<'a>(runs: impl Iterator<Item = &'a Figures>) -> Vec<(f64, f64)> {
    let mut sums: Vec<(usize, usize)> = Vec::new();
    for figures in runs {
        for (slot, (requests, misses)) in figures.timeline.iter().enumerate() {
            let group = slot / SLOTS_TOGETHER;
            if sums.len() <= group {
                sums.resize(group + 1, (0, 0));
            }
            sums[group].0 += *requests as usize;
            sums[group].1 += *misses as usize;
        }
    }
    let width = SLOT.as_secs_f64() * 5.0;
    let points = sums.iter().zip(0_u32..).filter(|((requests, _), _)| *requests > 0);
    points.map(|((requests, misses), group)| ((f64::from(group) + 0.5) * width, percent(*misses, *requests))).collect()
}

fn is_ours(row: &Row) -> bool {
    row.contestant.name == "evener"
}

/// How many slots of the timeline make a point of a line.
const SLOTS_TOGETHER: usize = 5;
