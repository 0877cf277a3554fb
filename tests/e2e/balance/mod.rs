//! How requests are spread and what shields clients from bad servers: the balance kinds, retries, sticky cookies, tiers,
//! the queue, hedging, slow starts, and what a reload keeps of all that.
//!
//! What servers do wrong otherwise is in `faults`, active checks are in `health`. Nothing here measures speed: where a
//! share or a time is asserted, it is far from what chance or a busy machine can bring about.

mod access_log;
mod adaptive;
mod budget;
mod gate;
mod hash;
mod hedge;
mod kinds;
mod load;
mod mistakes;
mod queue;
mod queue_waits;
mod reload;
mod retry;
mod retry_answers;
mod retry_bodies;
mod slow_start;
mod spare;
mod sticky;
mod tiers;

use std::net::SocketAddr;

use rustix::process::Signal;

use crate::harness::client::{RawClient, get};
use crate::harness::evener::listed;
use crate::harness::message::Response;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, Step};

/// A site in front of the upstream `web`, for which these lines stand. Two workers, so that what they share is shared.
fn site(upstream: &str) -> String {
    format!(
        "workers = 2\n[[site]]\nlisten = \"{{listen}}\"\ntrusted_proxies = \"127.0.0.1\"\nto = \"web\"\n\
         [upstream.web]\n{upstream}\n"
    )
}

/// The servers of an upstream and further lines of it.
fn servers(addresses: &[SocketAddr], keys: &str) -> String {
    format!("servers = [{}]\n{keys}", listed(addresses))
}

/// Servers written as tables, each with further keys.
fn tables(servers: &[(SocketAddr, &str)], keys: &str) -> String {
    let table = |(address, more): &(SocketAddr, &str)| format!("{{ address = \"{address}\"{more} }}");
    let items: Vec<String> = servers.iter().map(table).collect();
    format!("servers = [{}]\n{keys}", items.join(", "))
}

/// Evener in front of these servers.
#[track_caller]
fn in_front_of(addresses: &[SocketAddr], keys: &str) -> Evener {
    Evener::start(&site(&servers(addresses, keys)))
}

/// Has evener run another config; it is in force when this returns.
#[track_caller]
fn reload(evener: &Evener, config: &str) {
    let count = || evener.process.stderr().matches("evener: reloaded").count();
    let before = count();
    evener.rewrite_config(config);
    evener.signal(Signal::HUP);
    eventually(PATIENCE, "evener says that it has reloaded", || count() > before);
}

/// A server that answers everything with its name.
fn named(name: &'static str) -> Recorder {
    Recorder::answering(ok(name))
}

/// A server that answers a request for `/503` with this status and everything else with its name.
fn failing(name: &'static str) -> Recorder {
    Recorder::per_request(move |request| vec![Step::send(status_or_ok(&request.target, name))])
}

/// The answer to a target such as `/503`, or a 200 for any other.
fn status_or_ok(target: &str, name: &str) -> String {
    match target[1..].parse::<u16>() {
        Ok(status) => answer(status, name),
        Err(_) => ok(name),
    }
}

/// An answer of this status on a connection that stays open.
fn answer(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A request of HTTP/1.1 with further lines, which have their line ends.
fn request(method: &str, target: &str, lines: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: test\r\n{lines}\r\n")
}

/// One request on a new connection and the answer to it.
#[track_caller]
fn ask(evener: &Evener, method: &str, target: &str, lines: &str) -> Response {
    evener.connect().send(request(method, target, lines)).response_to(method)
}

/// The bodies of so many answers to GETs on one connection.
#[track_caller]
fn texts(client: &mut RawClient, requests: usize) -> Vec<String> {
    (0..requests).map(|_| client.send(get("/")).response().text()).collect()
}

/// How many of them are this one.
fn count(texts: &[String], text: &str) -> usize {
    texts.iter().filter(|other| *other == text).count()
}

/// What a server has got, each as `METHOD TARGET`.
fn got(server: &Recorder) -> Vec<String> {
    server.requests().iter().map(|request| format!("{} {}", request.method, request.target)).collect()
}
