//! Latencies in buckets that grow with the value: a quantile is wrong by at most 1.6 %, or 128 ns.
//!
//! It keeps no single values and does not forget; whoever wants the last minute subtracts two readings.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bits below which values are told apart: buckets of the smallest size are 256 ns wide.
const UNIT_BITS: u32 = 8;
/// Each doubling is divided into 2 to this power buckets.
const PART_BITS: u32 = 5;
const PARTS: usize = 1 << PART_BITS;
/// Values of 2 to this power ns (73 min) and above share the last bucket.
const VALUE_BITS_MAX: u32 = 42;
const BUCKETS: usize = (VALUE_BITS_MAX - UNIT_BITS - PART_BITS + 1) as usize * PARTS;

/// Latencies of one worker. Like [`crate::Counter`] it is changed by one thread and read by any.
#[derive(Debug)]
pub struct Histogram {
    buckets: Box<[AtomicU64]>,
    sum_ns: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// An empty histogram; it takes 7.5 kB.
    pub fn new() -> Self {
        let buckets = std::iter::repeat_with(AtomicU64::default).take(BUCKETS).collect();
        Self { buckets, sum_ns: AtomicU64::new(0) }
    }

    /// Adds a value in nanoseconds.
    pub fn record(&self, ns: u64) {
        let bucket = &self.buckets[bucket(ns)];
        bucket.store(bucket.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        self.sum_ns.store(self.sum_ns.load(Ordering::Relaxed).wrapping_add(ns), Ordering::Relaxed);
    }
}

/// A reading of one or more histograms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latencies {
    buckets: Vec<u64>,
    count: u64,
    sum_ns: u64,
}

impl Latencies {
    pub(crate) fn of<'a>(histograms: impl Iterator<Item = &'a Histogram>) -> Self {
        let mut buckets = vec![0; BUCKETS];
        let mut sum_ns: u64 = 0;
        for histogram in histograms {
            for (sum, bucket) in buckets.iter_mut().zip(&histogram.buckets) {
                *sum += bucket.load(Ordering::Relaxed);
            }
            sum_ns = sum_ns.wrapping_add(histogram.sum_ns.load(Ordering::Relaxed));
        }
        Self { count: buckets.iter().sum(), buckets, sum_ns }
    }

    /// What was added between an earlier reading and this one.
    pub fn since(&self, earlier: &Self) -> Self {
        let pairs = self.buckets.iter().zip(&earlier.buckets);
        let buckets: Vec<u64> = pairs.map(|(now, before)| now.saturating_sub(*before)).collect();
        Self { count: buckets.iter().sum(), buckets, sum_ns: self.sum_ns.wrapping_sub(earlier.sum_ns) }
    }

    /// Number of values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Sum of all values, exact.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_ns)
    }

    /// Number of values up to this one. Values that differ from it by less than 1.6 % may be counted on either side.
    pub fn at_most(&self, value: Duration) -> u64 {
        let value_ns = u64::try_from(value.as_nanos()).unwrap_or(u64::MAX);
        let within = self.buckets.iter().enumerate().take_while(|(bucket, _)| middle_ns(*bucket) <= value_ns);
        within.map(|(_, count)| count).sum()
    }

    /// The value that a share of all values does not exceed, such as 0.99; zero if there are no values.
    pub fn quantile(&self, share: f64) -> Duration {
        if self.count == 0 {
            return Duration::ZERO;
        }
        // The cast saturates, so that a share outside of 0 to 1 means the least or the greatest value.
        let rank = ((share * self.count as f64).ceil() as u64).clamp(1, self.count);
        let mut seen = 0;
        let reaches_rank = |count: &u64| {
            seen += count;
            seen >= rank
        };
        let bucket = self.buckets.iter().position(reaches_rank).unwrap_or(BUCKETS - 1);
        Duration::from_nanos(middle_ns(bucket))
    }
}

/// The bucket of a value: the first 32 are one unit wide each, then every 32 are twice as wide as those before.
fn bucket(ns: u64) -> usize {
    let units = ns.min((1 << VALUE_BITS_MAX) - 1) >> UNIT_BITS;
    let doublings = (units >> PART_BITS).checked_ilog2().map_or(0, |log| log + 1);
    let part = units >> doublings.saturating_sub(1);
    // From the first doubling on `part` has its highest bit set, which stands for one row of buckets.
    let row = doublings.saturating_sub(1) as usize;
    row * PARTS + part as usize
}

/// The middle of the values of a bucket.
fn middle_ns(bucket: usize) -> u64 {
    let row = (bucket / PARTS).saturating_sub(1);
    let part = (bucket - row * PARTS) as u64;
    let low = (part << row) << UNIT_BITS;
    low + (1 << row << UNIT_BITS) / 2
}
