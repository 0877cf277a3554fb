//! The running program while something goes wrong: servers that die, hang or lie, clients that leave or dawdle, reloads
//! and stops under load, and no descriptors.
//!
//! What holds whatever the fault is: no answer reaches the wrong client (requests are numbered and the answer names the
//! number), no cut body looks complete, no POST is executed twice, every failure is counted and has one log line, and
//! afterwards connections and memory are back where they were. [`Trial`] sees to the last two.

mod crowd;
mod descriptors;
mod early;
mod garbage;
mod halves;
mod leaving;
mod loss;
mod memory;
mod refusal;
mod reload;
mod silent;
mod slow_clients;
mod slow_servers;
mod stop;
mod traffic;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::evener::listed;
use crate::harness::message::Request;
use crate::harness::python::{PythonServer, workspace_root};
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually, wait_for};
use crate::harness::{Evener, Recorder, Step};

/// What must follow within a second, and has some more time because a loaded machine is slow. It is far below the
/// time-outs of the configs in the tests that use it, so that none of those can be what made it happen.
const SOON: Duration = Duration::from_secs(4);

/// What a fault may leave behind in the program's memory: buffers that are kept for reuse, and the allocator's slack.
const MEMORY_LEFT_BYTES_MAX: u64 = 16 << 20;

/// A running evener that is about to see a fault, and what it used before.
struct Trial {
    evener: Evener,
    sockets_before: usize,
    memory_before: u64,
}

impl Trial {
    /// Starts evener with one worker, an access log, and this config.
    #[track_caller]
    fn start(config: &str) -> Self {
        let evener = Evener::start(&with_log(config));
        let sockets_before = settled(|| evener.process.sockets());
        let memory_before = evener.process.rss_bytes();
        Self { evener, sockets_before, memory_before }
    }

    /// In front of these servers, the first one first, with further settings of the upstream.
    #[track_caller]
    fn in_front_of(servers: &[SocketAddr], settings: &str) -> Self {
        Self::start(&upstream(servers, settings))
    }

    /// Stops the servers and evener: what was used is free again, and evener ends well.
    #[track_caller]
    fn end<S>(mut self, servers: S) -> Account {
        drop(servers);
        let process = &self.evener.process;
        eventually(PATIENCE, "every connection is closed", || process.sockets() <= self.sockets_before);
        let bound = self.memory_before + MEMORY_LEFT_BYTES_MAX;
        eventually(PATIENCE, "the memory is free again", || process.rss_bytes() < bound);
        self.evener.signal(Signal::TERM);
        let status = self.evener.process.wait_exit(PATIENCE);
        let (stdout, stderr) = (self.evener.process.stdout(), self.evener.process.stderr());
        assert!(status.success(), "{status}:\n{stderr}");
        Account::of(&stdout, &stderr)
    }
}

/// What evener said of its run: the failures of its last line, and its access log.
#[derive(Debug)]
struct Account {
    failures: BTreeMap<String, u64>,
    /// `METHOD TARGET STATUS REASON` of each request.
    lines: Vec<String>,
    stderr: String,
}

impl Account {
    #[track_caller]
    fn of(stdout: &str, stderr: &str) -> Self {
        let summary = stderr.lines().rfind(|line| line.starts_with("evener: served "));
        let summary = summary.unwrap_or_else(|| panic!("no summary in:\n{stderr}"));
        let listed = summary.split_once("failures: ").map_or("", |(_, listed)| listed);
        let failures = listed.split(", ").filter_map(|item| item.rsplit_once(' '));
        let failures = failures.map(|(reason, count)| (reason.to_owned(), count.parse().expect("a count"))).collect();
        let lines = stdout.lines().map(|line| line.trim_end().to_owned()).collect();
        Self { failures, lines, stderr: stderr.to_owned() }
    }

    /// Exactly these failures were counted, and each has one line in the log.
    #[track_caller]
    fn expect_failures(&self, expected: &[(&str, u64)]) {
        let expected = expected.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
        assert_eq!(self.failures, expected, "{self:#?}");
        for (reason, count) in &expected {
            let lines = self.lines.iter().filter(|line| line.rsplit(' ').next() == Some(reason)).count();
            assert_eq!(lines as u64, *count, "lines with {reason} in {self:#?}");
        }
    }

    /// The log has this line once.
    #[track_caller]
    fn expect_line(&self, line: &str) {
        assert_eq!(self.lines.iter().filter(|other| *other == line).count(), 1, "{line:?} in {self:#?}");
    }
}

fn with_log(config: &str) -> String {
    let log = "log = { access = \"stdout\", format = \"{method} {target} {status} {reason}\" }";
    format!("workers = 1\n{log}\n{config}")
}

/// A site in front of these servers, the first one first, with further settings of the upstream.
fn upstream(servers: &[SocketAddr], settings: &str) -> String {
    let servers = listed(servers);
    format!(
        "[[site]]\nlisten = \"{{listen}}\"\nto = \"web\"\n\
         [upstream.web]\nservers = [{servers}]\nbalance = \"first\"\n{settings}\n"
    )
}

/// A number that has been the same for some looks.
fn settled(mut look: impl FnMut() -> usize) -> usize {
    let (mut last, mut same) = (usize::MAX, 0);
    wait_for(PATIENCE, "a number that stays", || {
        let now = look();
        same = if now == last { same + 1 } else { 0 };
        last = now;
        (same >= 10).then_some(now)
    })
}

/// A POST of HTTP/1.1 with a short body.
fn post(target: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody")
}

/// The answer that names its request, so that a mix-up shows.
fn echo(request: &Request) -> String {
    ok(&format!("{} {}", request.method, request.target))
}

/// A server that answers every request with its method and target.
fn echo_server() -> Recorder {
    Recorder::per_request(|request| vec![Step::send(echo(request))])
}

/// What a server has got, each as `METHOD TARGET`.
fn executed_by(server: &Recorder) -> Vec<String> {
    server.requests().iter().map(|request| format!("{} {}", request.method, request.target)).collect()
}

/// The next client gets the answer to its own request.
#[track_caller]
fn expect_next_client_served(evener: &Evener, target: &str) {
    let response = evener.get(target);
    assert_eq!((response.status, response.text()), (200, format!("GET {target}")));
}

/// A server in a process of its own, to be killed and stopped; see `server.py`.
struct Child(PythonServer);

impl Child {
    #[track_caller]
    fn start() -> Self {
        Self(PythonServer::script(&workspace_root().join("tests/e2e/faults/server.py")))
    }

    fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Kills it; afterwards all that it has said is there.
    #[track_caller]
    fn kill(&mut self) {
        self.0.process.kill();
        self.0.process.wait_exit(PATIENCE);
    }

    /// The requests that it has got, each as `METHOD TARGET`.
    fn executed(&self) -> Vec<String> {
        self.0.process.stdout().lines().map(str::to_owned).collect()
    }

    #[track_caller]
    fn wait_until_executed(&self, request: &str) {
        eventually(PATIENCE, request, || self.executed().iter().any(|line| line == request));
    }
}
