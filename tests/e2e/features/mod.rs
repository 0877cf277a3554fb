//! Each feature of the config and of HTTP as its user would use it, against the running program.
//!
//! What goes wrong on purpose is in `faults`, what nobody should send in `malformed`.

use crate::harness::Evener;
use crate::harness::message::Response;

mod access_log;
mod answers;
mod bodies;
mod forwarded;
mod hosts;
mod includes;
mod interim;
mod limits;
mod log_targets;
mod messages;
mod onward;
mod routes;
mod servers;
mod shares;
mod timeouts;
mod tunnels;

/// A request of HTTP/1.1 with further lines, which have their line ends.
fn request(method: &str, target: &str, host: &str, lines: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n")
}

/// One request on a new connection and the answer to it.
#[track_caller]
fn ask(evener: &Evener, method: &str, target: &str, host: &str, lines: &str) -> Response {
    evener.connect().send(request(method, target, host, lines)).response_to(method)
}
