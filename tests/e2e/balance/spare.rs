//! `Retry-After` with a 503 or a 429: the server is spared for that time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{ask, in_front_of, named, texts};
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Recorder, Step};

/// Asks once to be spared with this answer, then answers well.
fn asking(status: u16, wait: &str) -> Recorder {
    let head = format!("HTTP/1.1 {status} Busy\r\nRetry-After: {wait}\r\nContent-Length: 4\r\n\r\nbusy");
    let has_asked = Arc::new(AtomicBool::new(false));
    Recorder::per_request(move |_| match has_asked.swap(true, Ordering::Relaxed) {
        false => vec![Step::send(&head)],
        true => vec![Step::send(ok("spared"))],
    })
}

/// The server gets one request, asks to be spared, and gets no more.
#[track_caller]
fn check_spared(status: u16, seen_by_client: u16) {
    let (busy, other) = (asking(status, "60"), named("other"));
    let evener = in_front_of(&[busy.address(), other.address()], "");
    let mut seen = Vec::new();
    eventually(PATIENCE, "both are asked", || {
        seen.push(ask(&evener, "GET", "/", "").status);
        !busy.requests().is_empty()
    });
    assert_eq!(seen.last(), Some(&seen_by_client), "{seen:?}");
    assert_eq!(texts(&mut evener.connect(), 100), vec!["other"; 100]);
    assert_eq!(busy.requests().len(), 1);
}

#[test]
fn a_server_that_asks_to_be_spared_is_spared() {
    // The 503 is repeated at the other one; a 429 is the client's business.
    check_spared(503, 200);
    check_spared(429, 429);
}

#[test]
fn it_gets_requests_again_when_the_time_is_over() {
    let (busy, other) = (asking(503, "1"), named("other"));
    let evener = in_front_of(&[busy.address(), other.address()], "");
    eventually(PATIENCE, "it is asked", || {
        ask(&evener, "GET", "/", "");
        !busy.requests().is_empty()
    });
    let since = Instant::now();
    eventually(PATIENCE, "it is asked again", || {
        ask(&evener, "GET", "/", "");
        busy.requests().len() > 1
    });
    assert!(since.elapsed() > Duration::from_millis(900), "{:?}", since.elapsed());
}

#[test]
fn a_spared_server_is_better_than_none() {
    let busy = asking(503, "60");
    let evener = in_front_of(&[busy.address()], "");
    let response = ask(&evener, "GET", "/", "");
    assert_eq!((response.status, response.text().as_str(), response.field("retry-after")), (503, "busy", Some("60")));
    assert_eq!(ask(&evener, "GET", "/", "").text(), "spared");
}

#[test]
fn without_the_field_a_429_spares_nobody() {
    let busy = Recorder::answering(super::answer(429, "busy"));
    let other = named("other");
    let evener = in_front_of(&[busy.address(), other.address()], "balance = \"round_robin\"");
    let texts = texts(&mut evener.connect(), 40);
    assert_eq!(super::count(&texts, "busy"), 20, "{texts:?}");
}
