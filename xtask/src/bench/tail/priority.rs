//! Makes a shared, virtual machine quiet enough: the load, the servers and the proxies go before
//! everything else, and the cores never sleep.
//!
//! It changes nothing but priorities. What is not allowed is said once and left; then a busy machine
//! disturbs the runs, and they are rejected.

use std::fs;
use std::num::NonZeroU64;
use std::process::Command;

use rustix::thread::{CpuSet, gettid, sched_setaffinity, set_current_timer_slack};

use crate::bench::folder;
use crate::bench::process::{self, CpuTime, LOAD_CORE, PROXY_CORE, Process};
use crate::command::succeeds;

/// How this machine lets programs go before others.
#[derive(Debug)]
pub(crate) struct Priority {
    is_real_time: bool,
    awake: Vec<Process>,
}

impl Priority {
    /// Finds out what is allowed, and keeps both cores awake from now on with programs that run only
    /// when nothing else wants to. Waking a sleeping virtual core takes up to milliseconds, which would
    /// be added to every latency.
    pub(crate) fn take() -> Result<Self, String> {
        let is_real_time = succeeds(Command::new("chrt").args(["--rr", "1", "true"]));
        if !is_real_time {
            eprintln!("bench: no real-time priority: other programs disturb the runs");
        }
        let words = ["chrt", "--idle", "0", "sh", "-c", "while :; do :; done"].map(str::to_owned);
        let start = |core: usize| Process::start(core, &words, None, &folder()?.join(format!("awake-{core}.log")));
        let awake = [PROXY_CORE, LOAD_CORE].into_iter().map(start).collect::<Result<_, _>>()?;
        Ok(Self { is_real_time, awake })
    }

    /// Whether other programs cannot take the cores away.
    pub(crate) fn is_real_time(&self) -> bool {
        self.is_real_time
    }

    /// A command that goes before others.
    pub(crate) fn prefer(&self, words: Vec<String>) -> Vec<String> {
        let before: &[&str] = if self.is_real_time { &["nice", "-n", "-19"] } else { &[] };
        before.iter().map(|word| (*word).to_owned()).chain(words).collect()
    }

    /// Lets the calling thread go before others, on the load's core, and wakes it on time.
    pub(crate) fn prefer_this_thread(&self) {
        let mut cores = CpuSet::new();
        cores.set(LOAD_CORE);
        let _ = sched_setaffinity(None, &cores);
        let _ = set_current_timer_slack(NonZeroU64::new(1));
        if self.is_real_time {
            let thread = gettid().as_raw_nonzero().to_string();
            let _ = succeeds(Command::new("chrt").args(["--rr", "--pid", "1", &thread]));
        }
    }

    /// User time of this process, which plays the load and the servers, and of what keeps the cores
    /// awake, microseconds.
    pub(crate) fn own_user_us(&self) -> f64 {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let own = process::parse_stat(&stat).map_or(0.0, |status| status.user_ticks * 10_000.0);
        own + self.awake.iter().map(Process::cpu_time).map(|time: CpuTime| time.user_us).sum::<f64>()
    }
}
