//! Measuring: the proxies take turns, round after round.
//!
//! Turns within one run make a noisy minute hit every proxy alike. A turn that measured something
//! else than the proxy is rejected, said so, and repeated once.

use std::time::{Duration, Instant};

use super::cage::Hierarchy;
use super::install::Programs;
use super::load::Load;
use super::metric::Metric;
use super::options::Options;
use super::proxy::Proxy;
use super::quiet;
use super::scenario::{Kind, Scenario};
use super::stand::{Running, Stand};
use super::statistics::{self, Spread};

/// The figures of one turn.
pub(crate) type Sample = Vec<(Metric, f64)>;

/// What a scenario gave.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Which scenario.
    pub(crate) scenario: Scenario,
    /// One row a proxy, in the order of the options.
    pub(crate) rows: Vec<Row>,
}

/// One proxy's turns.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Which proxy.
    pub(crate) proxy: Proxy,
    /// The turns that count, each with the number of its round.
    pub(crate) samples: Vec<(usize, Sample)>,
    /// Why other turns do not count.
    pub(crate) rejected: Vec<String>,
}

impl Row {
    /// Median and range of one figure over the turns that count.
    pub(crate) fn spread(&self, metric: Metric) -> Option<Spread> {
        statistics::spread(self.by_round(metric).map(|(_, value)| value))
    }

    fn by_round(&self, metric: Metric) -> impl Iterator<Item = (usize, f64)> {
        let figures = self.samples.iter().flat_map(|(round, sample)| sample.iter().map(move |figure| (round, figure)));
        figures.filter(move |(_, (name, _))| *name == metric).map(|(round, (_, value))| (*round, *value))
    }
}

impl Table {
    /// The median of a figure of one proxy.
    pub(crate) fn median(&self, proxy: Proxy, metric: Metric) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.proxy == proxy)?;
        Some(row.spread(metric)?.median)
    }

    /// A proxy's figure divided by a peer's: the median of the ratios within a round, because what
    /// disturbs a shared machine lasts longer than a round and cancels out within one.
    pub(crate) fn ratio(&self, proxy: Proxy, peer: Proxy, metric: Metric) -> Option<f64> {
        let find = |wanted| self.rows.iter().find(|row| row.proxy == wanted);
        let (own, other) = (find(proxy)?, find(peer)?);
        let ratios = own.by_round(metric).filter_map(|(round, value)| {
            let (_, base) = other.by_round(metric).find(|(number, _)| *number == round)?;
            (base > 0.0).then(|| value / base)
        });
        Some(statistics::spread(ratios)?.median)
    }

    /// The ratio to the best of some peers: the largest of the ratios to each.
    pub(crate) fn ratio_to_best(&self, proxy: Proxy, peers: &[Proxy], metric: Metric) -> Option<f64> {
        peers.iter().filter_map(|peer| self.ratio(proxy, *peer, metric)).max_by(f64::total_cmp)
    }
}

/// Runs one scenario for every proxy.
pub(crate) fn scenario(
    scenario: Scenario,
    options: &Options,
    programs: &Programs,
    hierarchy: Option<&Hierarchy>,
) -> Result<Table, String> {
    eprintln!("bench: {}", scenario.title());
    let stand = Stand::open(programs, hierarchy, options.quota_percent, scenario.front())?;
    let mut rows = Vec::new();
    for proxy in &options.proxies {
        if proxy.templates(scenario.front()).is_empty() {
            eprintln!("bench: {} has no config for this scenario and is left out", proxy.name());
            continue;
        }
        rows.push(Row { proxy: *proxy, samples: Vec::new(), rejected: Vec::new() });
    }
    match scenario.kind() {
        Kind::Traffic(load) => {
            let quota_used_least = scenario.quota_used_least();
            Course { stand: &stand, load, quota_used_least, options }.run(&mut rows)?;
        }
        Kind::IdleConnections(count) => {
            memory(&mut rows, options.rounds.min(MEMORY_ROUNDS), |proxy| idle(&stand, proxy, count))?;
        }
        Kind::FreshStart => {
            memory(&mut rows, options.rounds.min(MEMORY_ROUNDS), |proxy| fresh(&stand, proxy))?;
        }
    }
    Ok(Table { scenario, rows })
}

/// Work under load, and when it counts.
struct Course<'a> {
    stand: &'a Stand<'a>,
    load: Load,
    quota_used_least: f64,
    options: &'a Options,
}

impl Course<'_> {
    /// All proxies run side by side and are loaded one after the other.
    fn run(&self, rows: &mut [Row]) -> Result<(), String> {
        let mut running = Vec::new();
        for row in rows.iter() {
            running.push(self.stand.start_checked(row.proxy)?);
        }
        for (row, proxy) in rows.iter().zip(&running) {
            let fault = |fault| format!("{}, warming up: {fault}", row.proxy.name());
            self.load.run(proxy.port, WARM_UP_SECONDS).map_err(fault)?;
        }
        for round in 1..=self.options.rounds {
            for (row, proxy) in rows.iter_mut().zip(&running) {
                self.turn(round, proxy, row);
            }
        }
        Ok(())
    }

    /// One turn, and a second try if the first was rejected.
    fn turn(&self, round: usize, proxy: &Running, row: &mut Row) {
        for _ in 0..2 {
            eprint!("bench: round {round} of {}, {}: ", self.options.rounds, row.proxy.name());
            match self.loaded(proxy) {
                Ok(sample) => {
                    eprintln!("{}", shown(&sample));
                    row.samples.push((round, sample));
                    return;
                }
                Err(reason) => {
                    eprintln!("REJECTED: {reason}");
                    row.rejected.push(reason);
                }
            }
        }
    }

    /// Loads a proxy once. The error says why the turn does not count.
    fn loaded(&self, proxy: &Running) -> Result<Sample, String> {
        if !self.options.noisy {
            quiet::wait(QUIET_PATIENCE);
        }
        let (began, machine) = (Instant::now(), quiet::now());
        let (before, servers) = (proxy.process.cpu_time(), self.stand.servers_cpu_time());
        let seen = self.load.run(proxy.port, self.options.seconds)?;
        let (used, elapsed) = (proxy.process.cpu_time() - before, began.elapsed());
        let taken = machine.taken_by_others(used.user_us + (self.stand.servers_cpu_time() - servers).user_us);

        let granted_us = elapsed.as_secs_f64() * 1e6 * self.stand.granted();
        let quota_used = (used.user_us + used.system_us) / granted_us;
        if !seen.errors.is_empty() {
            return Err(seen.errors.join("; "));
        }
        if taken > quiet::TAKEN_MOST && !self.options.noisy {
            let percent = taken * 100.0;
            return Err(format!("other programs took {percent:.0} % of the machine"));
        }
        if quota_used < self.quota_used_least && !self.options.noisy {
            let percent = quota_used * 100.0;
            return Err(format!("the proxy used {percent:.0} % of its quota: the load side was the bottleneck"));
        }
        let mut sample = vec![
            (Metric::Cpu, (used.user_us + used.system_us) / seen.requests),
            (Metric::User, used.user_us / seen.requests),
            (Metric::System, used.system_us / seen.requests),
            (Metric::Rate, seen.per_second),
            (Metric::Rss, proxy.process.rss_bytes()),
            (Metric::QuotaUsed, quota_used * 100.0),
        ];
        sample.extend(seen.p50_us.map(|latency| (Metric::P50, latency)));
        sample.extend(seen.p99_us.map(|latency| (Metric::P99, latency)));
        Ok(sample)
    }
}

fn shown(sample: &Sample) -> String {
    let figures = sample.iter().map(|(metric, value)| format!("{} {}", metric.show(*value), metric.title()));
    figures.collect::<Vec<_>>().join(", ")
}

/// Memory is measured on a fresh process each time.
fn memory(
    rows: &mut [Row],
    rounds: usize,
    mut measure: impl FnMut(Proxy) -> Result<Sample, String>,
) -> Result<(), String> {
    for round in 1..=rounds {
        for row in rows.iter_mut() {
            let sample = measure(row.proxy)?;
            eprintln!("bench: round {round} of {rounds}, {}: {}", row.proxy.name(), shown(&sample));
            row.samples.push((round, sample));
        }
    }
    Ok(())
}

/// Opens connections with one request each, lets the proxy settle and reads what it holds.
fn idle(stand: &Stand<'_>, proxy: Proxy, count: usize) -> Result<Sample, String> {
    let running = stand.start_checked(proxy)?;
    std::thread::sleep(START_SETTLES);
    let before = running.process.rss_bytes();
    let mut clients = Vec::with_capacity(count);
    for number in 0..count {
        let fault = |fault| format!("{}, connection {number} of {count}: {fault}", proxy.name());
        let mut client = stand.client(running.port).map_err(fault)?;
        client.fetch("/128").map_err(fault)?;
        clients.push(client);
    }
    std::thread::sleep(IDLE_SETTLES);
    let held = running.process.rss_bytes() - before;
    // Every connection must still be there: closing them would be an easy way to save memory.
    for client in &mut clients {
        client.fetch("/128").map_err(|fault| format!("{} dropped an idle connection: {fault}", proxy.name()))?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a few thousand connections")]
    Ok(vec![(Metric::BytesPerConnection, held / count as f64)])
}

/// Reads the memory of a proxy that has served nothing yet.
fn fresh(stand: &Stand<'_>, proxy: Proxy) -> Result<Sample, String> {
    let running = stand.start(proxy)?;
    std::thread::sleep(START_SETTLES);
    Ok(vec![(Metric::Rss, running.process.rss_bytes())])
}

/// How long a turn waits for other programs to finish.
const QUIET_PATIENCE: Duration = Duration::from_secs(20);
const WARM_UP_SECONDS: u64 = 1;
/// Memory hardly varies, so more rounds would only take time.
const MEMORY_ROUNDS: usize = 2;
const START_SETTLES: Duration = Duration::from_secs(1);
const IDLE_SETTLES: Duration = Duration::from_secs(8);
