//! `wrk`: HTTP/1.1, in the clear or under TLS.
//!
//! Not for handshakes: it resumes the session of the connection before.

use super::{Persistence, Seen, float};

/// The words that start it.
pub(crate) fn words(url: &str, connections: usize, seconds: u64, persistence: Persistence) -> Vec<String> {
    let mut words = vec![
        "wrk".to_owned(),
        "-t1".to_owned(),
        format!("-c{connections}"),
        format!("-d{seconds}s"),
        "--latency".to_owned(),
        "--timeout".to_owned(),
        "10s".to_owned(),
    ];
    if persistence == Persistence::Close {
        words.extend(["-H".to_owned(), "Connection: close".to_owned()]);
    }
    words.push(url.to_owned());
    words
}

/// Reads what it prints.
pub(crate) fn read(text: &str) -> Result<Seen, String> {
    let mut seen = Seen::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["50%", time] => seen.p50_us = Some(microseconds(time)?),
            ["99%", time] => seen.p99_us = Some(microseconds(time)?),
            [count, "requests", "in", ..] => seen.requests = float("wrk", count)?,
            ["Requests/sec:", rate] => seen.per_second = float("wrk", rate)?,
            ["Socket", "errors:", ..] | ["Non-2xx", ..] => seen.errors.push(line.trim().to_owned()),
            _ => {}
        }
    }
    Ok(seen)
}

fn microseconds(word: &str) -> Result<f64, String> {
    // The longer suffixes first: "ms" and "us" end in "s".
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 60e6)];
    for (unit, factor) in units {
        if let Some(number) = word.strip_suffix(unit) {
            return Ok(float("wrk", number)? * factor);
        }
    }
    Err(format!("wrk printed `{word}` where a time belongs"))
}
