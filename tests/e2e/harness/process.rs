//! A program that a test started: its output, its signals, its end, what it uses.
//!
//! It ends only the process it started, by its number.

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

use super::output::Output;
use super::wait::{PATIENCE, wait_for};

/// How much of its standard error a failing test shows.
const COMPLAINT_BYTES_MAX: usize = 4_000;

/// Linux counts a process's time in hundredths of a second on every platform we run on.
const TICKS_PER_SECOND: u32 = 100;

/// A running program with its output caught. It is killed when this is dropped.
pub(crate) struct Process {
    name: String,
    child: Child,
    stdout: Arc<Output>,
    stderr: Arc<Output>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    #[track_caller]
    pub(crate) fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("cannot start {name}: {error}"),
        };
        let stdout = Output::of(child.stdout.take().expect("a pipe was asked for"));
        let stderr = Output::of(child.stderr.take().expect("a pipe was asked for"));
        let readers = [&stdout, &stderr].map(|output| Arc::clone(output).read_to_end()).into();
        Self { name, child, stdout, stderr, readers }
    }

    /// Waits until something accepts connections at the address; fails when the program ends.
    #[track_caller]
    pub(crate) fn wait_until_accepting(&mut self, address: SocketAddr) {
        wait_for(PATIENCE, &format!("{} accepts on {address}", self.name), || {
            if let Ok(Some(status)) = self.child.try_wait() {
                self.join_readers();
                panic!("{} ended with {status}:\n{}", self.name, self.stderr());
            }
            TcpStream::connect_timeout(&address, PATIENCE).ok()
        });
    }

    /// All that it has written to its standard output until now.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout.bytes()).into_owned()
    }

    /// All that it has written to its standard error until now.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.bytes()).into_owned()
    }

    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.pid();
        if let Err(error) = kill_process(pid, signal) {
            panic!("cannot send {signal:?} to {}: {error}", self.name);
        }
    }

    /// Waits for the end; afterwards all its output is there.
    #[track_caller]
    pub(crate) fn wait_exit(&mut self, time: Duration) -> ExitStatus {
        let what = format!("{} ends", self.name);
        let status = wait_for(time, &what, || self.child.try_wait().expect("a child can be waited for"));
        self.join_readers();
        status
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Whether a signal has stopped it and it has not gone on.
    pub(crate) fn is_stopped(&self) -> bool {
        let path = format!("/proc/{}/stat", self.child.id());
        let line = std::fs::read_to_string(path).expect("a running process has a file in /proc");
        line.rsplit(')').next().is_some_and(|after_name| after_name.trim_start().starts_with('T'))
    }

    /// Ends the program without asking.
    pub(crate) fn kill(&mut self) {
        if self.is_running() {
            self.child.kill().expect("an own child can be killed");
        }
        self.child.wait().expect("an own child can be waited for");
    }

    /// Memory in RAM now.
    pub(crate) fn rss_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    /// The most memory in RAM so far.
    pub(crate) fn peak_rss_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    /// How many file descriptors are open.
    pub(crate) fn open_fds(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(folder).expect("a running process has a folder in /proc").count()
    }

    /// From now on it may have at most so many files open.
    pub(crate) fn limit_open_files(&self, most: usize) {
        let most = Some(most as u64);
        let limit = Rlimit { current: most, maximum: most };
        prlimit(Some(self.pid()), Resource::Nofile, limit).expect("an own child can be limited");
    }

    /// The numbers of the open file descriptors.
    pub(crate) fn open_numbers(&self) -> Vec<usize> {
        let folder = format!("/proc/{}/fd", self.child.id());
        let entries = std::fs::read_dir(folder).expect("a running process has a folder in /proc");
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
    }

    /// How many sockets are open.
    pub(crate) fn sockets(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id());
        let entries = std::fs::read_dir(folder).expect("a running process has a folder in /proc");
        let targets = entries.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }

    /// Processor time used so far, user and system.
    pub(crate) fn processor_time(&self) -> Duration {
        let path = format!("/proc/{}/stat", self.child.id());
        let line = std::fs::read_to_string(path).expect("a running process has a file in /proc");
        // The name in brackets may hold blanks; user and system time are fields 14 and 15.
        let after_name = line.rsplit(')').next().unwrap_or_default();
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_secs(ticks) / TICKS_PER_SECOND
    }

    /// Its number.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn status_bytes(&self, key: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(path).expect("a running process has a file in /proc");
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        number.expect("the kernel tells the memory in kB") * 1024
    }

    fn join_readers(&mut self) {
        for reader in self.readers.drain(..) {
            reader.join().expect("a reader does not panic");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        self.join_readers();
        if std::thread::panicking() {
            let text = self.stderr.bytes();
            let start = text.len().saturating_sub(COMPLAINT_BYTES_MAX);
            eprintln!("--- {} said:\n{}", self.name, String::from_utf8_lossy(&text[start..]));
        }
    }
}
