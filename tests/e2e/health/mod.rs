//! Active checks with the real program: what makes a server down and up again, that clients notice nothing of it, and
//! that servers which were ejected are tried without spending requests on it.
//!
//! A [`Ward`] is an evener in front of servers under checks; a [`Patient`] is one whose checks end as the test says.

mod answers;
mod hostile;
mod reload;
mod tcp;
mod thresholds;
mod tiers;
mod trials;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::harness::client::get;
use crate::harness::evener::listed;
use crate::harness::message::Request;
use crate::harness::ports::free_address;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, Step};

const CHECKED_PATH: &str = "/healthz";

/// What a change of a server that is checked every 100 ms may take on a loaded machine.
const SOON: Duration = Duration::from_secs(10);

/// Checks at the shortest interval. The time-out is long: no server of the tests is down because the machine is slow.
const OFTEN: &str = "path = \"/healthz\", every = \"100ms\", timeout = \"20s\"";

/// A server whose checks end as the test says, and which answers all else with its name.
struct Patient {
    recorder: Recorder,
    to_checks: Arc<Mutex<Vec<Step>>>,
}

impl Patient {
    fn new(name: &'static str) -> Self {
        Self::at(free_address(), name)
    }

    fn at(address: SocketAddr, name: &'static str) -> Self {
        let to_checks = Arc::new(Mutex::new(vec![Step::send(ok("well"))]));
        let shared = Arc::clone(&to_checks);
        let script = move |request: &Request| match request.target.as_str() {
            CHECKED_PATH => shared.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            _ => vec![Step::send(ok(name))],
        };
        Self { recorder: Recorder::per_request_at(address, script), to_checks }
    }

    fn address(&self) -> SocketAddr {
        self.recorder.address()
    }

    /// From now on checks end like this.
    fn answer(&self, steps: Vec<Step>) {
        *self.to_checks.lock().unwrap_or_else(PoisonError::into_inner) = steps;
    }

    fn answer_with(&self, bytes: impl AsRef<[u8]>) {
        self.answer(vec![Step::send(bytes)]);
    }

    fn sicken(&self) {
        self.answer_with("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    }

    fn heal(&self) {
        self.answer_with(ok("well"));
    }

    /// The requests of checks.
    fn checks(&self) -> Vec<Request> {
        self.recorder.requests().into_iter().filter(|request| request.target == CHECKED_PATH).collect()
    }

    #[track_caller]
    fn wait_for_checks(&self, more: usize) {
        let wanted = self.checks().len() + more;
        eventually(PATIENCE, "there are more checks", || self.checks().len() >= wanted);
    }
}

/// A running evener in front of servers under checks.
struct Ward {
    evener: Evener,
}

impl Ward {
    /// In front of these servers with this table of `health`.
    #[track_caller]
    fn start(servers: &[SocketAddr], health: &str) -> Self {
        Self::with(&config(&listed(servers), health))
    }

    #[track_caller]
    fn with(config: &str) -> Self {
        Self { evener: Evener::start(config) }
    }

    /// How often evener has said this.
    fn said(&self, what: &str) -> usize {
        self.evener.process.stderr().matches(what).count()
    }

    #[track_caller]
    fn wait_until_said(&self, what: &str) {
        eventually(SOON, &format!("evener says {what:?}"), || self.said(what) > 0);
    }

    #[track_caller]
    fn wait_until_down(&self, server: SocketAddr, why: &str) {
        self.wait_until_said(&format!("server {server} of upstream web is down: {why}\n"));
    }

    #[track_caller]
    fn wait_until_up(&self, server: SocketAddr) {
        self.wait_until_said(&format!("server {server} of upstream web is up again\n"));
    }

    /// Texts of so many answers, each of them a 200.
    #[track_caller]
    fn texts(&self, count: usize) -> Vec<String> {
        let mut client = self.evener.connect();
        let answers = (0..count).map(|_| {
            let response = client.send(get("/")).response();
            assert_eq!(response.status, 200, "{}", response.text());
            response.text()
        });
        answers.collect()
    }

    /// All traffic goes to the servers of these names, and to each of them.
    #[track_caller]
    fn expect_served_by(&self, names: &[&str]) {
        let texts = self.texts(40);
        assert!(texts.iter().all(|text| names.contains(&text.as_str())), "{names:?}: {texts:?}");
        assert!(names.iter().all(|name| texts.iter().any(|text| text == name)), "{names:?}: {texts:?}");
    }

    /// The same, once the share of a server that has come back has grown.
    #[track_caller]
    fn wait_until_served_by(&self, names: &[&str]) {
        eventually(SOON, &format!("{names:?} serve"), || {
            let texts = self.texts(40);
            names.iter().all(|name| texts.iter().any(|text| text == name))
        });
    }
}

/// These servers in turn, under these checks.
fn config(servers: &str, health: &str) -> String {
    format!(
        "[[site]]\nlisten = \"{{listen}}\"\nto = \"web\"\n\
         [upstream.web]\nservers = [{servers}]\nbalance = \"round_robin\"\nhealth = {{ {health} }}\n"
    )
}
