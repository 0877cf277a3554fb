//! This program as a load generator, in a process of its own: how it is started, and how its
//! figures come back.
//!
//! What it does there is in `generate/`.

use serde_json::{Value, json};

use super::Seen;
use crate::bench::process;

/// The words that start it. The work is named by its kind and its size or path.
pub(crate) fn words(work: &[&str], port: u16, connections: usize, seconds: u64) -> Vec<String> {
    let mut words = vec![process::own_program(), "bench".to_owned(), "generate".to_owned()];
    words.extend(work.iter().map(|word| (*word).to_owned()));
    words.extend([port.to_string(), connections.to_string(), seconds.to_string()]);
    words
}

/// The line that it prints at its end.
pub(crate) fn write(seen: &Seen) -> String {
    json!({
        "requests": seen.requests,
        "per_second": seen.per_second,
        "p50_us": seen.p50_us,
        "p99_us": seen.p99_us,
        "errors": seen.errors,
    })
    .to_string()
}

/// Reads that line.
pub(crate) fn read(text: &str) -> Result<Seen, String> {
    let value: Value =
        serde_json::from_str(text.trim()).map_err(|error| format!("the load printed no figures: {error}"))?;
    let number = |key: &str| value.get(key).and_then(Value::as_f64);
    let errors = value.get("errors").and_then(Value::as_array).ok_or("the load does not say whether it saw errors")?;
    Ok(Seen {
        requests: number("requests").ok_or("the load counted no requests")?,
        per_second: number("per_second").ok_or("the load tells no rate")?,
        p50_us: number("p50_us"),
        p99_us: number("p99_us"),
        errors: errors.iter().filter_map(|error| error.as_str().map(str::to_owned)).collect(),
    })
}
