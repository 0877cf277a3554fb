//! Whether the machine belongs to the measurement, or other programs run too.
//!
//! A compiler on the proxy's core halves its caches, and one on the other core turns the load
//! generator into the bottleneck. It cannot see a busy neighbour on the same host, except as time
//! that the hypervisor reports as stolen.

use std::fs;
use std::time::{Duration, Instant};

/// The machine's clocks at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    at: Instant,
    /// User time of every program, and stolen time, microseconds.
    everyone_us: f64,
    /// User time of this process's ended children, microseconds.
    ended_children_us: f64,
}

/// Reads the clocks.
pub(crate) fn now() -> Moment {
    let machine = fs::read_to_string("/proc/stat").unwrap_or_default();
    let own = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    Moment {
        at: Instant::now(),
        everyone_us: everyone_ticks(&machine) * TICK_US,
        ended_children_us: ended_children_ticks(&own) * TICK_US,
    }
}

impl Moment {
    /// The share of the machine that others took since then, 0 to 1. `ours_us` is the user time that
    /// our running processes used meanwhile; that of ended children is known here.
    pub(crate) fn taken_by_others(self, ours_us: f64) -> f64 {
        let now = now();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let ended = now.ended_children_us - self.ended_children_us;
        let others = now.everyone_us - self.everyone_us - ended - ours_us;
        #[expect(clippy::cast_precision_loss, reason = "no machine has that many cores")]
        let whole = (now.at - self.at).as_secs_f64() * 1e6 * cores as f64;
        (others / whole).max(0.0)
    }
}

/// Waits until nothing else runs, but not for ever: the turn finds out by itself whether it was
/// disturbed.
pub(crate) fn wait(patience: Duration) {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        let before = now();
        std::thread::sleep(WINDOW);
        if before.taken_by_others(0.0) < TAKEN_MOST {
            return;
        }
    }
}

/// User, nice and stolen ticks of the first line of `/proc/stat`.
pub(crate) fn everyone_ticks(stat: &str) -> f64 {
    let first = stat.lines().next().unwrap_or_default();
    let fields: Vec<f64> = first.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect();
    [0, 1, 7].iter().filter_map(|field| fields.get(*field)).sum()
}

/// User ticks of waited-for children in `/proc/self/stat`.
fn ended_children_ticks(stat: &str) -> f64 {
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    rest.split_whitespace().nth(13).and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

/// Above this share a turn is not ours. Compilers take half and more, idle daemons one percent.
pub(crate) const TAKEN_MOST: f64 = 0.08;
const WINDOW: Duration = Duration::from_millis(250);
const TICK_US: f64 = 10_000.0;
