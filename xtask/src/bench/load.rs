//! The load generator: `wrk` with one thread on the core that is not the proxy's.
//!
//! It keeps a fixed number of requests in flight, so its latencies are those at saturation and say
//! nothing about a lightly loaded proxy.

use std::process::{Command, Stdio};

use super::process;

/// What the load generator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    /// The path of each request.
    pub(crate) path: &'static str,
    /// How many connections.
    pub(crate) connections: usize,
    /// Whether they are kept.
    pub(crate) persistence: Persistence,
}

/// Whether a connection serves more than one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// Connections are kept.
    KeepAlive,
    /// Each request says `Connection: close`.
    Close,
}

/// What the load generator saw.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Seen {
    /// Completed requests.
    pub(crate) requests: f64,
    /// Completed requests per second.
    pub(crate) per_second: f64,
    /// Median latency, microseconds.
    pub(crate) p50_us: f64,
    /// 99th percentile, microseconds.
    pub(crate) p99_us: f64,
    /// The lines that tell of errors.
    pub(crate) errors: Vec<String>,
}

impl Load {
    /// The command that applies this load to a port.
    pub(crate) fn command(self, port: u16, seconds: u64) -> Command {
        let mut words = vec![
            "wrk".to_owned(),
            "-t1".to_owned(),
            format!("-c{}", self.connections),
            format!("-d{seconds}s"),
            "--latency".to_owned(),
            "--timeout".to_owned(),
            "10s".to_owned(),
        ];
        if self.persistence == Persistence::Close {
            words.extend(["-H".to_owned(), "Connection: close".to_owned()]);
        }
        words.push(format!("http://127.0.0.1:{port}{}", self.path));
        let mut command = process::pinned(process::LOAD_CORE, &words);
        command.stdin(Stdio::null());
        command
    }

    /// Applies this load and waits for its end.
    pub(crate) fn run(self, port: u16, seconds: u64) -> Result<Seen, String> {
        let output = self.command(port, seconds).output().map_err(|error| format!("wrk: {error}"))?;
        if !output.status.success() {
            return Err(format!("wrk: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        read(&String::from_utf8_lossy(&output.stdout))
    }
}

/// Reads what `wrk` prints.
pub(crate) fn read(text: &str) -> Result<Seen, String> {
    let mut seen = Seen::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["50%", time] => seen.p50_us = microseconds(time)?,
            ["99%", time] => seen.p99_us = microseconds(time)?,
            [count, "requests", "in", ..] => seen.requests = float(count)?,
            ["Requests/sec:", rate] => seen.per_second = float(rate)?,
            ["Socket", "errors:", ..] | ["Non-2xx", ..] => seen.errors.push(line.trim().to_owned()),
            _ => {}
        }
    }
    if seen.requests < 1.0 || seen.per_second <= 0.0 {
        let errors = seen.errors.join("; ");
        return Err(format!("wrk completed no request{}{errors}", if errors.is_empty() { "" } else { ": " }));
    }
    Ok(seen)
}

fn float(word: &str) -> Result<f64, String> {
    word.parse().map_err(|_| format!("wrk printed `{word}` where a number belongs"))
}

fn microseconds(word: &str) -> Result<f64, String> {
    // The longer suffixes first: "ms" and "us" end in "s".
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 60e6)];
    for (unit, factor) in units {
        if let Some(number) = word.strip_suffix(unit) {
            return Ok(float(number)? * factor);
        }
    }
    Err(format!("wrk printed `{word}` where a time belongs"))
}
