//! Counters, histograms, the access log and diagnostics: what evener lets people see of itself.
//!
//! Workers count and write lines here without locks and without waiting for anyone. The crate does not decide what is
//! counted or logged, does not serve metrics over the network and does not keep history.

mod access;
mod counters;
mod diagnostics;
mod escape;
mod exposition;
mod histogram;
mod time;
mod writer;

pub use access::{AccessLog, AccessRecord, FIELD_NAMES};
pub use counters::{Counter, Counters, StatusClass, Totals, WorkerCounters};
pub use diagnostics::{Diagnostics, Throttle};
pub use exposition::{Exposition, Family, Kind, Series, Value};
pub use histogram::{Histogram, Latencies};
pub use writer::{LogError, LogWriter};

#[cfg(test)]
mod tests;
