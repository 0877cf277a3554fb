//! The bench's own load generator, for what `wrk` and `h2load` do not do: whole TLS handshakes, one
//! for each request, and bytes through a TCP proxy. It runs as a process of its own.
//!
//! Closed loop like the others: each connection asks again as soon as it has its answer.

mod handshake;
mod round_trip;
pub(crate) mod socket;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::load::{Seen, own};
use super::options::number;

/// What it is told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    work: Work,
    port: u16,
    connections: usize,
    seconds: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Work {
    /// Connect, shake hands, GET this path, wait for the end.
    Handshake(String),
    /// Send as many bytes and take them back.
    Echo(usize),
}

/// What one connection, or one after the other, went through.
#[derive(Debug, Default)]
struct Tally {
    latencies_us: Vec<f64>,
    fault: Option<String>,
}

impl Job {
    /// Reads the words after `generate`: kind, path or size, port, connections, seconds.
    pub(crate) fn parse(words: &[String]) -> Result<Self, String> {
        let [kind, what, port, connections, seconds] = words else {
            return Err("generate: KIND PATH-OR-SIZE PORT CONNECTIONS SECONDS".to_owned());
        };
        let work = match kind.as_str() {
            "handshake" => Work::Handshake(what.clone()),
            "echo" => Work::Echo(number("size", what, 1, BYTES_MAX)?),
            other => return Err(format!("generate: `{other}` is neither handshake nor echo")),
        };
        Ok(Self {
            work,
            port: number("port", port, 1, u16::MAX)?,
            connections: number("connections", connections, 1, 10_000)?,
            seconds: number("seconds", seconds, 1, 600)?,
        })
    }
}

/// Does a job and prints its figures.
pub(crate) fn run(job: &Job) -> Result<(), String> {
    println!("{}", own::write(&play(job)?));
    Ok(())
}

fn play(job: &Job) -> Result<Seen, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no event loop: {error}"))?;
    let patience = Duration::from_secs(job.seconds) + PATIENCE;
    let crowd = async { tokio::time::timeout(patience, crowd(job)).await };
    runtime.block_on(crowd).map_err(|_| format!("a request had no answer after {} s", PATIENCE.as_secs()))?
}

/// All connections at once, until the time is over and each has its last answer.
async fn crowd(job: &Job) -> Result<Seen, String> {
    let began = Instant::now();
    let end = began + Duration::from_secs(job.seconds);
    let port = job.port;
    let mut clients = JoinSet::new();
    match &job.work {
        Work::Handshake(path) => {
            let visit = handshake::Visit::new(port, path)?;
            for _ in 0..job.connections {
                clients.spawn(handshakes(visit.clone(), end));
            }
        }
        Work::Echo(bytes) => {
            for _ in 0..job.connections {
                clients.spawn(echoes(port, *bytes, end));
            }
        }
    }
    let mut tallies = Vec::new();
    while let Some(tally) = clients.join_next().await {
        tallies.push(tally.map_err(|error| format!("a client failed: {error}"))?);
    }
    Ok(sum(tallies, began.elapsed()))
}

async fn handshakes(visit: handshake::Visit, end: Instant) -> Tally {
    let mut tally = Tally::default();
    while Instant::now() < end && tally.fault.is_none() {
        let began = Instant::now();
        let outcome = visit.pay().await;
        tally.note(began, outcome);
    }
    tally
}

async fn echoes(port: u16, bytes: usize, end: Instant) -> Tally {
    let mut tally = Tally::default();
    let mut player = match round_trip::Player::connect(port, bytes).await {
        Ok(player) => player,
        Err(fault) => return Tally { fault: Some(fault), ..tally },
    };
    while Instant::now() < end && tally.fault.is_none() {
        let began = Instant::now();
        let outcome = player.play().await;
        tally.note(began, outcome);
    }
    tally
}

impl Tally {
    /// A fault ends this client: the turn does not count anyway.
    fn note(&mut self, began: Instant, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.latencies_us.push(began.elapsed().as_secs_f64() * 1e6),
            Err(fault) => self.fault = Some(fault),
        }
    }
}

fn sum(tallies: Vec<Tally>, elapsed: Duration) -> Seen {
    let mut latencies_us = Vec::new();
    let mut errors = Vec::new();
    for tally in tallies {
        latencies_us.extend(tally.latencies_us);
        errors.extend(tally.fault);
    }
    latencies_us.sort_by(f64::total_cmp);
    let faults = errors.len();
    errors.truncate(ERRORS_SHOWN);
    if faults > errors.len() {
        errors.push(format!("{faults} such faults"));
    }
    #[expect(clippy::cast_precision_loss, reason = "a few million requests")]
    let requests = latencies_us.len() as f64;
    Seen {
        requests,
        per_second: requests / elapsed.as_secs_f64(),
        p50_us: percentile(&latencies_us, 50),
        p99_us: percentile(&latencies_us, 99),
        errors,
    }
}

/// The least value that this share of the sorted values does not exceed.
fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(10);
const ERRORS_SHOWN: usize = 3;
const BYTES_MAX: usize = 64 << 20;
