//! The figures of a run, computed from its record.
//!
//! Percentiles are those of requests that were served or never answered (these count as the
//! time-out). Failures that came quickly do not make them look better: they are errors, and misses.

use std::time::Duration;

use super::load::{End, Fate};
use super::plan::Arrival;
use super::run::Record;
use super::script::Role;

/// What one run says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figures {
    /// How many requests were measured.
    pub(crate) requests: usize,
    /// Latencies of [`LEVELS`], ms.
    pub(crate) latencies_ms: Vec<f64>,
    /// Share of the requests without a good answer after each of [`THRESHOLDS_MS`], %.
    pub(crate) unserved: Vec<f64>,
    /// Answers of 500 and above, %.
    pub(crate) statuses: f64,
    /// Connections that were refused, reset or ended, %.
    pub(crate) broken: f64,
    /// Requests without an answer, %.
    pub(crate) timed_out: f64,
    /// Errors, and answers slower than [`SLOW`], %.
    pub(crate) missed: f64,
    /// What would miss alone on the fastest server, because the work itself takes that long, %.
    pub(crate) floor: f64,
    /// Share of the requests that reached a server, by class, %.
    pub(crate) shares: Vec<(&'static str, f64)>,
    /// Requests that servers got for each that a client sent.
    pub(crate) amplification: f64,
    /// Share of its core that the proxy used, %.
    pub(crate) cpu: f64,
    /// By how much the load was late, ms: the 99.9th percentile.
    pub(crate) late_ms: f64,
    /// Requests that waited because all clients' connections were in use.
    pub(crate) crowded: usize,
    /// Requests and misses of each 100 ms.
    pub(crate) timeline: Vec<(u32, u32)>,
}

impl Figures {
    /// Every kind of error, %.
    pub(crate) fn errors(&self) -> f64 {
        self.statuses + self.broken + self.timed_out
    }

    /// The latency at a level of [`LEVELS`], ms.
    pub(crate) fn latency_ms(&self, level: f64) -> f64 {
        let place = LEVELS.iter().position(|known| (known - level).abs() < 1e-9);
        place.and_then(|place| self.latencies_ms.get(place)).copied().unwrap_or(f64::NAN)
    }
}

/// Computes the figures of what came after the warm-up. `cpu` is the proxy's share of its core, %.
pub(crate) fn figures(record: &Record, roles: &[Role], warm_up: Duration, cpu: f64) -> Result<Figures, String> {
    let from_ns = u64::try_from(warm_up.as_nanos()).unwrap_or(u64::MAX);
    let clients = &record.clients;
    let all = clients.plan.iter().zip(&clients.fates);
    let measured: Vec<_> = all.filter(|(arrival, _)| arrival.at_ns >= from_ns).collect();
    if measured.is_empty() {
        return Err("no request was measured".to_owned());
    }
    let end_ns = measured.last().map_or(0, |(arrival, _)| arrival.at_ns);
    let share = |count: usize| percent(count, measured.len());
    let fates = || measured.iter().map(|(_, fate)| **fate);
    let fastest = roles.iter().map(|role| role.speed).fold(0.0, f64::max);
    let work_ns = nanoseconds(SLOW.mul_f64(fastest));
    let counts: Vec<usize> = record.servers.iter().map(|times| count_between(times, from_ns, end_ns)).collect();
    let reached: usize = counts.iter().sum();

    Ok(Figures {
        requests: measured.len(),
        latencies_ms: latencies_ms(fates()),
        unserved: THRESHOLDS_MS
            .iter()
            .map(|limit| share(fates().filter(|fate| is_unserved(fate, *limit)).count()))
            .collect(),
        statuses: share(fates().filter(|fate| matches!(fate.end, End::Answered(500..))).count()),
        broken: share(fates().filter(|fate| fate.end == End::Broken).count()),
        timed_out: share(fates().filter(|fate| fate.end == End::TimedOut).count()),
        missed: share(fates().filter(is_miss).count()),
        floor: share(measured.iter().filter(|(arrival, _)| arrival.demand_ns > work_ns).count()),
        shares: by_class(roles, &counts).into_iter().map(|(class, count)| (class, percent(count, reached))).collect(),
        amplification: percent(reached, measured.len()) / 100.0,
        cpu,
        late_ms: late_ms(clients.late_ns.clone()),
        crowded: clients.crowded,
        timeline: timeline(&measured, from_ns),
    })
}

/// Requests and misses of each slot.
fn timeline(measured: &[(&Arrival, &Fate)], from_ns: u64) -> Vec<(u32, u32)> {
    let mut timeline = Vec::new();
    for (arrival, fate) in measured {
        let slot = usize::try_from((arrival.at_ns - from_ns) / nanoseconds(SLOT)).unwrap_or(usize::MAX);
        if timeline.len() <= slot {
            timeline.resize(slot + 1, (0, 0));
        }
        timeline[slot].0 += 1;
        timeline[slot].1 += u32::from(is_miss(fate));
    }
    timeline
}

/// Whether the proxy worked at all before anything was done to the servers: it must serve, and
/// reach every server.
pub(crate) fn judge_warm_up(record: &Record, warm_up: Duration) -> Result<(), String> {
    let (from_ns, to_ns) = (nanoseconds(warm_up / 2), nanoseconds(warm_up));
    let clients = &record.clients;
    let all = clients.plan.iter().zip(&clients.fates);
    let fates: Vec<_> =
        all.filter(|(arrival, _)| (from_ns..to_ns).contains(&arrival.at_ns)).map(|(_, fate)| *fate).collect();
    let failed: Vec<_> = fates.iter().filter(|fate| is_error(fate)).collect();
    if failed.len() * 100 > fates.len() {
        let (count, all) = (failed.len(), fates.len());
        return Err(format!("{count} of {all} requests failed in the warm-up, the first with {:?}", failed[0].end));
    }
    match record.servers.iter().position(|times| count_between(times, 0, to_ns) == 0) {
        None => Ok(()),
        Some(server) => Err(format!("server {server} got nothing in the warm-up")),
    }
}

fn is_error(fate: &Fate) -> bool {
    !matches!(fate.end, End::Answered(..500))
}

fn is_miss(fate: &Fate) -> bool {
    is_error(fate) || fate.latency_ns > nanoseconds(SLOW)
}

fn is_unserved(fate: &Fate, after_ms: f64) -> bool {
    is_error(fate) || milliseconds(fate.latency_ns) > after_ms
}

fn latencies_ms(fates: impl Iterator<Item = Fate>) -> Vec<f64> {
    let counted = fates.filter(|fate| !is_error(fate) || fate.end == End::TimedOut);
    let mut sorted: Vec<u64> = counted.map(|fate| fate.latency_ns).collect();
    sorted.sort_unstable();
    LEVELS.iter().map(|level| milliseconds(percentile(&sorted, *level))).collect()
}

fn late_ms(mut late_ns: Vec<u64>) -> f64 {
    late_ns.sort_unstable();
    milliseconds(percentile(&late_ns, 99.9))
}

/// The value that a share (in %) of the sorted values does not exceed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "counts of a run"
)]
pub(crate) fn percentile(sorted: &[u64], level: f64) -> u64 {
    let rank = (sorted.len() as f64 * level / 100.0).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(0)
}

fn by_class(roles: &[Role], counts: &[usize]) -> Vec<(&'static str, usize)> {
    let mut classes: Vec<(&'static str, usize)> = Vec::new();
    for (role, count) in roles.iter().zip(counts) {
        match classes.iter_mut().find(|(class, _)| *class == role.class) {
            Some((_, sum)) => *sum += count,
            None => classes.push((role.class, *count)),
        }
    }
    classes
}

fn count_between(times: &[u64], from_ns: u64, to_ns: u64) -> usize {
    times.iter().filter(|time| (from_ns..=to_ns).contains(*time)).count()
}

/// A part of a whole, %.
#[expect(clippy::cast_precision_loss, reason = "counts of a run")]
pub(crate) fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

#[expect(clippy::cast_precision_loss, reason = "seconds at most")]
fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Slower answers are misses.
pub(crate) const SLOW: Duration = Duration::from_millis(100);
/// The resolution of the timeline.
pub(crate) const SLOT: Duration = Duration::from_millis(100);
/// The levels whose latencies are kept, %. 100 is the slowest.
pub(crate) const LEVELS: [f64; 16] =
    [10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 97.5, 98.0, 99.0, 99.25, 99.5, 99.75, 99.9, 99.95, 99.99, 100.0];
/// Where the share of unserved requests is kept, for the plots.
pub(crate) const THRESHOLDS_MS: [f64; 31] = [
    1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0,
    150.0, 200.0, 250.0, 300.0, 400.0, 500.0, 750.0, 1000.0, 1500.0, 2500.0, 4999.0,
];
