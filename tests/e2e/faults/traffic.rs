//! Steady traffic during a fault: numbered requests, some on connections that stay and some on new ones, each answer
//! checked for its number.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use super::post;
use crate::harness::client::{RawClient, get};
use crate::harness::wait::{PATIENCE, eventually};

/// Requests on one connection before the next one is opened, for the clients that keep connections.
const REQUESTS_PER_CONNECTION: usize = 25;

/// Clients that send one request after the other until they are told to stop.
pub(super) struct Traffic {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Vec<Outcome>>>,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    sent: AtomicUsize,
    answered: AtomicUsize,
}

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    /// `METHOD TARGET`
    pub(super) request: String,
    /// The status, or why there was no whole answer of its own.
    pub(super) status: Result<u16, String>,
}

impl Traffic {
    /// Every third request is a POST; every second client opens a connection for each request.
    pub(super) fn start(address: SocketAddr, clients: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let threads = (0..clients).map(|client| {
            let shared = Arc::clone(&shared);
            let requests_per_connection = if client % 2 == 0 { REQUESTS_PER_CONNECTION } else { 1 };
            std::thread::spawn(move || run(address, &shared, requests_per_connection))
        });
        Self { threads: threads.collect(), shared }
    }

    /// Waits until so many more requests were answered.
    #[track_caller]
    pub(super) fn wait_for(&self, more: usize) {
        let wanted = self.shared.answered.load(Ordering::Relaxed) + more;
        eventually(PATIENCE, "more requests are answered", || self.shared.answered.load(Ordering::Relaxed) >= wanted);
    }

    /// Lets every client finish its request and tells what happened.
    pub(super) fn end(mut self) -> Vec<Outcome> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let threads = std::mem::take(&mut self.threads);
        threads.into_iter().flat_map(|thread| thread.join().expect("a client does not panic")).collect()
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }
}

/// Every request was answered with 200.
#[track_caller]
pub(super) fn expect_no_failure(outcomes: &[Outcome]) {
    let failed: Vec<_> = outcomes.iter().filter(|outcome| outcome.status != Ok(200)).collect();
    assert!(failed.is_empty(), "{} of {} failed: {failed:#?}", failed.len(), outcomes.len());
}

/// Every GET was answered with 200; a POST may have failed with 502, but none was executed twice, and one that was
/// answered with 200 was executed.
#[track_caller]
pub(super) fn expect_no_post_twice(outcomes: &[Outcome], executed: &[String]) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for request in executed {
        *counts.entry(request).or_default() += 1;
    }
    for outcome in outcomes {
        let count = counts.get(outcome.request.as_str()).copied().unwrap_or(0);
        let is_post = outcome.request.starts_with("POST ");
        let is_right = match (&outcome.status, is_post) {
            (Ok(200), true) => count == 1,
            (Ok(502), true) => count <= 1,
            (Ok(200), false) => count >= 1,
            _ => false,
        };
        assert!(is_right, "{outcome:?} was executed {count} times");
    }
}

fn run(address: SocketAddr, shared: &Shared, requests_per_connection: usize) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    while !shared.is_over.load(Ordering::Relaxed) {
        let mut client = None;
        for _ in 0..requests_per_connection {
            if shared.is_over.load(Ordering::Relaxed) {
                break;
            }
            let number = shared.sent.fetch_add(1, Ordering::Relaxed);
            let method = if number.is_multiple_of(3) { "POST" } else { "GET" };
            let request = format!("{method} /{number}");
            let status = exchange(&mut client, address, method, &format!("/{number}"));
            shared.answered.fetch_add(1, Ordering::Relaxed);
            let has_failed = status.is_err();
            outcomes.push(Outcome { request, status });
            if has_failed {
                break;
            }
        }
    }
    outcomes
}

fn exchange(client: &mut Option<RawClient>, address: SocketAddr, method: &str, target: &str) -> Result<u16, String> {
    let mut open = match client.take() {
        Some(open) => open,
        None => RawClient::try_connect(address).map_err(|error| format!("cannot connect: {error}"))?,
    };
    let request = if method == "POST" { post(target) } else { get(target) };
    open.try_send(request).map_err(|error| format!("cannot send: {error}"))?;
    let response = open.try_response_to(method).map_err(|error| error.to_string())?;
    if response.field("connection") != Some("close") {
        *client = Some(open);
    }
    if response.status == 200 && response.text() != format!("{method} {target}") {
        return Err(format!("the answer of another request: {:?}", response.text()));
    }
    Ok(response.status)
}
