//! What the access log says when more than one server was asked: the one that answered, and how often it was tried.

use super::gate::Gate;
use super::{answer, failing, named, request, servers, site};
use crate::harness::client::get;
use crate::harness::ports::free_address;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, wait_for};
use crate::harness::{Evener, Recorder, Step};

const LOG: &str = "workers = 1\nlog = { access = \"./access.log\", \
                   format = \"{method} {target} {status} {server} {retries} {reason}\" }";

fn logging(addresses: &[std::net::SocketAddr], keys: &str) -> Evener {
    Evener::start(&site(&servers(addresses, keys)).replace("workers = 2", LOG))
}

/// The lines of the log, once there are so many.
#[track_caller]
fn lines(evener: &Evener, count: usize) -> Vec<String> {
    let path = evener.config_path().with_file_name("access.log");
    wait_for(PATIENCE, "the lines of the log", || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        (lines.len() >= count && text.ends_with('\n')).then_some(lines)
    })
}

#[test]
fn the_server_is_the_one_that_answered() {
    let (first, second) = (failing("first"), named("second"));
    let evener = logging(&[first.address(), second.address()], "balance = \"first\"");
    let mut client = evener.connect();
    for message in [get("/well"), get("/503"), request("POST", "/503", ""), request("PUT", "/504", ""), get("/404")] {
        let method = message.split(' ').next().expect("split gives at least one").to_owned();
        client.send(&message).response_to(&method);
    }
    let (one, two) = (first.address(), second.address());
    assert_eq!(
        lines(&evener, 5),
        [
            format!("GET /well 200 {one} 0 -"),
            format!("GET /503 200 {two} 1 -"),
            format!("POST /503 503 {one} 0 -"),
            format!("PUT /504 200 {two} 1 -"),
            format!("GET /404 404 {one} 0 -"),
        ]
    );
}

#[test]
fn every_further_attempt_counts() {
    let (refusing, lost, busy, last) = (
        free_address(),
        Recorder::per_request(|_| vec![Step::Reset]),
        Recorder::answering(answer(503, "busy")),
        Recorder::answering(answer(504, "last")),
    );
    let addresses = [refusing, lost.address(), busy.address(), last.address()];
    let evener = logging(&addresses, "balance = \"first\"\nretry = { attempts = 3 }");
    assert_eq!(evener.get("/").text(), "last");
    assert_eq!(lines(&evener, 1), [format!("GET / 504 {} 3 -", last.address())]);
}

#[test]
fn when_nobody_answers_it_is_the_last_one_that_was_tried() {
    let dead = [free_address(), free_address()];
    let evener = logging(&dead, "balance = \"first\"");
    assert_eq!(evener.get("/").status, 502);
    assert_eq!(lines(&evener, 1), [format!("GET / 502 {} 1 connect_refused", dead[1])]);
}

#[test]
fn who_has_not_left_the_line_was_at_no_server() {
    let gate = Gate::closed();
    let keys = "max_requests = 1\nqueue = { size = 1, wait = \"100ms\" }";
    let evener = logging(&[gate.address()], keys);
    let mut held = evener.connect();
    held.send(get("/held"));
    gate.wait_until_arrived(1);
    assert_eq!(evener.get("/waits").status, 503);
    gate.open();
    assert_eq!(held.response().status, 200);
    let expected = ["GET /waits 503 - 0 queue_timeout".to_owned(), format!("GET /held 200 {} 0 -", gate.address())];
    assert_eq!(lines(&evener, 2), expected);
}

#[test]
fn a_copy_that_was_faster_is_the_server_that_answered() {
    let (first, second) = (Recorder::per_request(|_| vec![Step::Hold]), Recorder::answering(ok("second")));
    let keys = "balance = \"first\"\nhedge = { after = \"50ms\", budget = \"100%\" }";
    let evener = logging(&[first.address(), second.address()], keys);
    assert_eq!(evener.get("/").text(), "second");
    // It is no repetition: nothing had failed.
    assert_eq!(lines(&evener, 1), [format!("GET / 200 {} 0 -", second.address())]);
}
