//! Runs a scenario: everyone with every seed, a few at a time, disturbed runs once more.
//!
//! Each run gets servers and a proxy of its own, so nothing learned in one reaches the next. What
//! is computed from a run is in `figures.rs`.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use super::contestant::{Contestant, Kind};
use super::figures::{self, Figures};
use super::options::Options;
use super::plan::{self, Arrival, Stretch};
use super::priority::Priority;
use super::run::{Record, Stage};
use super::script::{CALM_RATE, Scenario, Script};
use crate::bench::install::Programs;
use crate::bench::process::{CpuTime, PROXY_CORE, Process};
use crate::bench::{folder, quiet, stand};

/// One scenario with the figures of everyone.
#[derive(Debug)]
pub(crate) struct Table {
    /// The scenario.
    pub(crate) scenario: Scenario,
    /// Requests a second.
    pub(crate) rate: f64,
    /// The contestants in the order of the options.
    pub(crate) rows: Vec<Row>,
}

/// One contestant's runs.
#[derive(Debug)]
pub(crate) struct Row {
    /// Who.
    pub(crate) contestant: &'static Contestant,
    /// The seed and the figures of each run that counts.
    pub(crate) runs: Vec<(u64, Figures)>,
    /// Why runs do not count.
    pub(crate) rejected: Vec<String>,
    /// Whether it cannot run at all, so that nothing more is tried.
    pub(crate) has_given_up: bool,
}

/// Why a run does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Objection {
    /// The proxy did not start: it never will.
    Unable(String),
    /// It was disturbed: once more.
    Disturbed(String),
}

/// What all runs of a scenario share.
struct Setting<'a> {
    script: Script,
    stretches: Vec<Stretch>,
    span: Duration,
    programs: &'a Programs,
    is_noisy: bool,
    priority: Priority,
}

/// Measures one scenario.
pub(crate) fn scenario(scenario: Scenario, options: &Options, programs: &Programs) -> Result<Table, String> {
    let span = Duration::from_secs(options.seconds);
    let rate = options.rate.unwrap_or_else(|| scenario.rate());
    let priority = Priority::take()?;
    let mut stretches = vec![Stretch { rate: CALM_RATE.min(rate), span: WARM_UP }];
    stretches.extend(scenario.stretches(rate, span));
    let script = scenario.script(span);
    let setting = Setting { script, stretches, span, programs, is_noisy: options.noisy, priority };
    // A limit per server shows something only where servers are full.
    let takes_part = |contestant: &&&Contestant| contestant.kind != Kind::Queue || scenario == Scenario::Overload;
    let contestants = options.contestants.iter().filter(takes_part);
    let mut rows: Vec<Row> = contestants
        .map(|contestant| Row { contestant, runs: Vec::new(), rejected: Vec::new(), has_given_up: false })
        .collect();
    let room = if scenario == Scenario::Overload { 1 } else { options.room };
    for seed in 1..=options.seeds {
        let mut order: Vec<usize> = (0..rows.len()).filter(|place| !rows[*place].has_given_up).collect();
        // Others are neighbours, and another one is first, with each seed.
        let turn = usize::try_from(seed).unwrap_or(0) % order.len().max(1);
        order.rotate_left(turn);
        let weight = |place: usize| rows[place].contestant.program.weight();
        for mut open in batches(&order, weight, room) {
            for _ in 0..TRIES {
                let contestants: Vec<&Contestant> = open.iter().map(|place| rows[*place].contestant).collect();
                eprintln!("{}, seed {seed}: {}", scenario.name(), names(&contestants));
                let outcomes = together(&contestants, &setting, seed);
                open = keep(&mut rows, &open, outcomes, seed);
                if open.is_empty() {
                    break;
                }
            }
        }
    }
    Ok(Table { scenario, rate, rows })
}

/// Packs places into batches whose weights together fit into `room`; what alone is heavier runs alone.
pub(crate) fn batches(places: &[usize], weight: impl Fn(usize) -> usize, room: usize) -> Vec<Vec<usize>> {
    let mut heaviest_first = places.to_vec();
    heaviest_first.sort_by_key(|place| std::cmp::Reverse(weight(*place)));
    let mut batches: Vec<(usize, Vec<usize>)> = Vec::new();
    for place in heaviest_first {
        let weight = weight(place);
        match batches.iter_mut().find(|(sum, _)| sum + weight <= room) {
            Some((sum, batch)) => {
                *sum += weight;
                batch.push(place);
            }
            None => batches.push((weight, vec![place])),
        }
    }
    batches.into_iter().map(|(_, batch)| batch).collect()
}

fn names(contestants: &[&Contestant]) -> String {
    contestants.iter().map(|contestant| contestant.name).collect::<Vec<_>>().join(", ")
}

/// Files the outcomes and gives back the places that must run again.
fn keep(rows: &mut [Row], places: &[usize], outcomes: Vec<Result<Figures, Objection>>, seed: u64) -> Vec<usize> {
    let mut again = Vec::new();
    for (place, outcome) in places.iter().zip(outcomes) {
        let row = &mut rows[*place];
        let reason = match outcome {
            Ok(figures) => {
                row.runs.push((seed, figures));
                continue;
            }
            Err(Objection::Unable(reason)) => {
                row.has_given_up = true;
                reason
            }
            Err(Objection::Disturbed(reason)) => {
                again.push(*place);
                reason
            }
        };
        eprintln!("bench: {}: rejected: {reason}", row.contestant.name);
        row.rejected.push(reason);
    }
    again
}

/// A proxy that is ready, its servers, and where it listens.
struct Ready {
    stage: Stage,
    proxy: Process,
    port: u16,
}

/// Runs some contestants at the same time with the same arrivals.
fn together(contestants: &[&Contestant], setting: &Setting<'_>, seed: u64) -> Vec<Result<Figures, Objection>> {
    let ready: Vec<Result<Ready, String>> =
        contestants.iter().map(|contestant| prepare(contestant, setting, seed)).collect();
    thread::sleep(SETTLE);
    let plan = plan::arrivals(seed, &setting.stretches);
    let start = Instant::now() + Duration::from_millis(200);
    thread::scope(|scope| {
        let mut proxies = Vec::new();
        let mut players = Vec::new();
        for ready in ready {
            players.push(ready.map(|ready| {
                let plan: Vec<Arrival> = plan.clone();
                proxies.push(ready.proxy);
                scope.spawn(move || {
                    setting.priority.prefer_this_thread();
                    ready.stage.play(start, ready.port, plan)
                })
            }));
        }
        let usage = watch(&proxies, &setting.priority, start, setting.span);
        let mut cpu = usage.cpu.iter();
        let outcomes = players.into_iter().map(|player| {
            let player = player.map_err(Objection::Unable)?;
            let cpu = cpu.next().copied().unwrap_or(0.0);
            let played = player.join().unwrap_or_else(|_| Err("the load panicked".to_owned()));
            played.and_then(|record| judge(&record, setting, cpu, usage.others)).map_err(Objection::Disturbed)
        });
        outcomes.collect()
    })
}

/// Opens the servers and starts the proxy in front of them.
fn prepare(contestant: &Contestant, setting: &Setting<'_>, seed: u64) -> Result<Ready, String> {
    let stage = Stage::open(setting.script.clone(), seed, WARM_UP)?;
    let folder = folder()?.join("run/tail").join(contestant.file_name());
    let port = free_port()?;
    let words = contestant.prepare(setting.programs, &folder, port, &stage.ports())?;
    let log = folder.join("log");
    let mut proxy = Process::start(PROXY_CORE, &setting.priority.prefer(words), None, &log)?;
    stand::wait_for(port, &mut proxy, &log)?;
    Ok(Ready { stage, proxy, port })
}

/// What the machine did during the measured part.
struct Usage {
    /// Each proxy's share of its core, %.
    cpu: Vec<f64>,
    /// What other programs took of the machine, 0 to 1.
    others: f64,
}

fn watch(proxies: &[Process], priority: &Priority, start: Instant, span: Duration) -> Usage {
    sleep_until(start + WARM_UP);
    let times = || proxies.iter().map(Process::cpu_time).collect::<Vec<CpuTime>>();
    let (moment, own, before, begin) = (quiet::now(), priority.own_user_us(), times(), Instant::now());
    sleep_until(start + WARM_UP + span);
    let used: Vec<CpuTime> = times().iter().zip(before).map(|(after, before)| *after - before).collect();
    let elapsed_us = begin.elapsed().as_secs_f64() * 1e6;
    let ours_us = used.iter().map(|time| time.user_us).sum::<f64>() + priority.own_user_us() - own;
    Usage {
        cpu: used.iter().map(|time| 100.0 * (time.user_us + time.system_us) / elapsed_us).collect(),
        others: moment.taken_by_others(ours_us),
    }
}

/// The figures of a run, or why it does not count.
fn judge(record: &Record, setting: &Setting<'_>, cpu: f64, others: f64) -> Result<Figures, String> {
    figures::judge_warm_up(record, WARM_UP)?;
    let figures = figures::figures(record, &setting.script.roles, WARM_UP, cpu)?;
    if !setting.is_noisy && figures.late_ms > LATE_MS_MOST {
        return Err(format!("the load was {:.1} ms late at p99.9", figures.late_ms));
    }
    let is_exposed = !setting.is_noisy && !setting.priority.is_real_time();
    if is_exposed && others > quiet::TAKEN_MOST {
        return Err(format!("other programs took {:.0} % of the machine", others * 100.0));
    }
    Ok(figures)
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| format!("no free port: {error}"))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| format!("no free port: {error}"))
}

fn sleep_until(moment: Instant) {
    thread::sleep(moment.saturating_duration_since(Instant::now()));
}

/// Without faults, and not counted.
pub(crate) const WARM_UP: Duration = Duration::from_secs(2);
/// Some proxies listen before they are ready.
const SETTLE: Duration = Duration::from_millis(800);
/// How often a run that was disturbed is begun.
const TRIES: usize = 4;
/// Above this the load, not the proxy, was measured.
pub(crate) const LATE_MS_MOST: f64 = 1.0;
/// Above this, %, a proxy's speed was measured and not only where it sends requests.
pub(crate) const CPU_MOST: f64 = 50.0;
