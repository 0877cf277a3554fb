//! Child processes: pinned to a core, ended with us, and read through `/proc`.
//!
//! Only processes that were started here are ever signalled.

use std::collections::HashMap;
use std::fs::{self, File};
use std::ops::Sub;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit};

use super::cage::Cage;

/// The proxy's core.
pub(crate) const PROXY_CORE: usize = 0;
/// The core of the load generator and of the servers behind the proxy.
pub(crate) const LOAD_CORE: usize = 1;

/// A running child. Dropping it ends it: first politely, then not.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    // After the child: a group can only be removed when it is empty.
    _cage: Option<Cage>,
}

/// CPU time of a process tree.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct CpuTime {
    /// In user mode, microseconds.
    pub(crate) user_us: f64,
    /// In the kernel, microseconds.
    pub(crate) system_us: f64,
}

impl Sub for CpuTime {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { user_us: self.user_us - earlier.user_us, system_us: self.system_us - earlier.system_us }
    }
}

/// A command that runs on one core and is told to end when this process dies, however it dies.
pub(crate) fn pinned(core: usize, words: &[String]) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "taskset", "-c"]).arg(core.to_string()).args(words);
    command
}

/// The program that runs here, as a child can start it even after the file was built anew.
pub(crate) fn own_program() -> String {
    format!("/proc/{}/exe", std::process::id())
}

/// Lets this process and its children hold the connections of the idle scenario.
pub(crate) fn raise_open_files() -> Result<(), String> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).map_err(|error| format!("cannot raise the open files limit: {error}"))
}

impl Process {
    /// Starts a command on a core, inside a cage if there is one, its output going to a log file.
    pub(crate) fn start(core: usize, words: &[String], cage: Option<Cage>, log: &Path) -> Result<Self, String> {
        let output = File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
        let errors = output.try_clone().map_err(|error| format!("{}: {error}", log.display()))?;
        let mut command = match &cage {
            None => pinned(core, words),
            Some(cage) => caged(core, words, cage),
        };
        let home = log.parent().unwrap_or(log);
        command
            .env("GOMAXPROCS", "1")
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home)
            .env("XDG_DATA_HOME", home)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let child = command.spawn().map_err(|error| format!("{}: {error}", words.join(" ")))?;
        Ok(Self { child, _cage: cage })
    }

    /// The number of the process at the top of the tree.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The numbers of the process and of everything below it.
    pub(crate) fn tree_ids(&self) -> Vec<u32> {
        self.tree().iter().map(|status| status.id).collect()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// CPU time that the tree has used so far.
    pub(crate) fn cpu_time(&self) -> CpuTime {
        self.tree().iter().fold(CpuTime::default(), |sum, status| CpuTime {
            user_us: sum.user_us + status.user_ticks * TICK_US,
            system_us: sum.system_us + status.system_ticks * TICK_US,
        })
    }

    /// Resident memory of the tree, bytes. Pages shared by its processes count for each.
    pub(crate) fn rss_bytes(&self) -> f64 {
        self.tree().iter().map(|status| rss_bytes(status.id)).sum()
    }

    fn tree(&self) -> Vec<Status> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let all = numbers.filter_map(|id| parse_stat(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?));
        descendants(self.id(), all.collect())
    }
}

/// A command that enters a cage before it becomes the program, so that its children are inside too.
fn caged(core: usize, words: &[String], cage: &Cage) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "TERM", "sh", "-c"])
        .arg("echo $$ > \"$1\" && shift && exec taskset -c \"$@\"")
        .arg("sh")
        .arg(cage.door())
        .arg(core.to_string())
        .args(words);
    command
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ask first: nginx's master must end its worker.
        let pid = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| !self.has_ended()) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let deadline = Instant::now() + Duration::from_secs(3);
        while !self.has_ended() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is read of `/proc/PID/stat`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Status {
    pub(crate) id: u32,
    pub(crate) parent: u32,
    pub(crate) user_ticks: f64,
    pub(crate) system_ticks: f64,
}

/// Reads `/proc/PID/stat`. The name in brackets may itself hold blanks and brackets.
pub(crate) fn parse_stat(text: &str) -> Option<Status> {
    let id = text.split_whitespace().next()?.parse().ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    Some(Status {
        id,
        parent: fields.get(1)?.parse().ok()?,
        user_ticks: fields.get(11)?.parse().ok()?,
        system_ticks: fields.get(12)?.parse().ok()?,
    })
}

/// A process and everything below it.
pub(crate) fn descendants(top: u32, all: Vec<Status>) -> Vec<Status> {
    let parents: HashMap<u32, u32> = all.iter().map(|status| (status.id, status.parent)).collect();
    let belongs = |mut id: u32| {
        // No tree is deeper than the number of processes.
        for _ in 0..=parents.len() {
            if id == top {
                return true;
            }
            let Some(parent) = parents.get(&id) else { return false };
            id = *parent;
        }
        false
    };
    all.into_iter().filter(|status| belongs(status.id)).collect()
}

fn rss_bytes(id: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) * 1024.0
}

/// `/proc` counts in USER_HZ, which is 100 for every Linux user program.
const TICK_US: f64 = 10_000.0;
