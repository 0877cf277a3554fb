//! Many clients at once, each with a connection of its own and one request after the other.
//!
//! A client that gets no whole answer fails the test; what the answers mean is for the test to judge.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use crate::harness::Evener;
use crate::harness::client::{RawClient, get};
use crate::harness::wait::{PATIENCE, eventually};

/// An answer: its status and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) text: String,
}

/// Has so many clients send so many GETs altogether.
#[track_caller]
pub(super) fn crowd(evener: &Evener, clients: usize, requests: usize) -> Vec<Answered> {
    let load = Load::until(evener.address(), clients, requests);
    load.wait_for(requests);
    load.end()
}

/// How many answers of this status there are.
pub(super) fn with_status(answers: &[Answered], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// How many answers each body has among those with a 200.
pub(super) fn shares(answers: &[Answered]) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        *shares.entry(answer.text.clone()).or_insert(0) += 1;
    }
    shares
}

/// Every request was answered with a 200.
#[track_caller]
pub(super) fn expect_no_failure(answers: &[Answered]) {
    let failed: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(failed.is_empty(), "{} of {} failed: {failed:#?}", failed.len(), answers.len());
}

/// Clients that send GETs until they are told to stop.
pub(super) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Vec<Answered>>>,
}

struct Shared {
    is_over: AtomicBool,
    sent: AtomicUsize,
    answered: AtomicUsize,
    most: usize,
}

impl Load {
    pub(super) fn start(address: SocketAddr, clients: usize) -> Self {
        Self::until(address, clients, usize::MAX)
    }

    /// They also stop when so many requests were sent.
    fn until(address: SocketAddr, clients: usize, most: usize) -> Self {
        let (is_over, sent, answered) = Default::default();
        let shared = Arc::new(Shared { is_over, sent, answered, most });
        let threads = (0..clients).map(|_| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || run(address, &shared))
        });
        Self { threads: threads.collect(), shared }
    }

    /// Waits until so many more requests were answered.
    #[track_caller]
    pub(super) fn wait_for(&self, more: usize) {
        let answered = || self.shared.answered.load(Ordering::Relaxed);
        let wanted = answered().saturating_add(more).min(self.shared.most);
        let is_alone = || self.threads.iter().all(JoinHandle::is_finished);
        eventually(PATIENCE, "more requests are answered", || answered() >= wanted || is_alone());
    }

    /// Lets every client finish its request and gives all answers.
    #[track_caller]
    pub(super) fn end(mut self) -> Vec<Answered> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let threads = std::mem::take(&mut self.threads);
        threads.into_iter().flat_map(|thread| thread.join().expect("every client gets whole answers")).collect()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }
}

fn run(address: SocketAddr, shared: &Shared) -> Vec<Answered> {
    let mut client = RawClient::connect(address);
    let mut answers = Vec::new();
    while !shared.is_over.load(Ordering::Relaxed) {
        let number = shared.sent.fetch_add(1, Ordering::Relaxed);
        if number >= shared.most {
            break;
        }
        let response = client.send(get(&format!("/{number}/"))).response();
        shared.answered.fetch_add(1, Ordering::Relaxed);
        answers.push(Answered { status: response.status, text: response.text() });
        if response.field("connection") == Some("close") {
            client = RawClient::connect(address);
        }
    }
    answers
}
