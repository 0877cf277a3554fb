//! `timeout` of sites and routes: a bound on the whole exchange, before and in the middle of an answer.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use super::request;
use crate::harness::client::{End, get};
use crate::harness::message::Request;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, Step};

const TIMEOUT: Duration = Duration::from_millis(400);

/// Long enough for a busy machine, and far from any other limit.
const LATE: Duration = Duration::from_secs(5);

/// What passes between two bytes of a server that is slow but never silent.
const BETWEEN: Duration = Duration::from_millis(50);

fn slow_server() -> Recorder {
    Recorder::per_request(|request: &Request| {
        let endless = vec![b'x'; 1_000];
        let head = |framing: &str| Step::send(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n"));
        match request.target.rsplit('/').next() {
            Some("hold") => vec![Step::Hold],
            Some("length") => vec![head("Content-Length: 1000"), Step::Drip(endless, BETWEEN)],
            Some("chunked") => {
                let start = Step::send("3e8\r\n");
                vec![head("Transfer-Encoding: chunked"), start, Step::Drip(endless, BETWEEN)]
            }
            Some("slow") => vec![Step::Pause(TIMEOUT * 2), Step::send(ok("slow"))],
            _ => vec![Step::send(ok("quick"))],
        }
    })
}

/// A site with a bound, and a route whose own is longer.
fn in_front_of(recorder: &Recorder) -> Evener {
    Evener::start(&format!(
        "workers = 1\n[log]\naccess = \"./access.log\"\nformat = \"{{target}} {{status}} {{reason}}\"\n\
         [[site]]\nlisten = \"{{listen}}\"\ntrusted_proxies = \"127.0.0.1\"\nto = \"web\"\ntimeout = \"400ms\"\n\
         [[site.route]]\npath = \"/inherits/\"\nto = \"web\"\n\
         [[site.route]]\npath = \"/longer/\"\nto = \"web\"\ntimeout = \"20s\"\n\
         [upstream.web]\nservers = [\"{}\"]\n",
        recorder.address()
    ))
}

#[test]
fn an_exchange_without_an_answer_in_time_is_a_504_and_routes_have_their_own_time() {
    let recorder = slow_server();
    let evener = in_front_of(&recorder);
    let mut client = evener.connect();
    for target in ["/hold", "/inherits/hold", "/inherits/slow"] {
        let since = Instant::now();
        let response = client.send(get(target)).response();
        assert_eq!((response.status, response.field("x-evener-reason")), (504, Some("route_timeout")), "{target}");
        assert!(since.elapsed() >= TIMEOUT - Duration::from_millis(10), "{:?}", since.elapsed());
        assert!(since.elapsed() < LATE, "{:?}", since.elapsed());
        // Each request has its own time, also on the same connection.
        assert_eq!(client.send(get("/quick")).response().text(), "quick");
    }
    assert_eq!(client.send(get("/longer/slow")).response().text(), "slow");
    let held = || recorder.conversations().into_iter().filter(|one| !one.is_over()).count();
    eventually(PATIENCE, "the servers that did not answer are let go", || held() <= 1);
}

#[test]
fn an_answer_that_is_not_whole_in_time_is_cut() {
    let recorder = slow_server();
    let evener = in_front_of(&recorder);
    for target in ["/length", "/chunked"] {
        let mut client = evener.connect();
        let since = Instant::now();
        client.send(get(target));
        let error = client.try_response_to("GET").expect_err("it is not whole");
        assert!(error.kind() != ErrorKind::TimedOut, "{target}: {error}");
        assert!((TIMEOUT - Duration::from_millis(10)..LATE).contains(&since.elapsed()), "{:?}", since.elapsed());
    }
    let mut old = evener.connect();
    let (bytes, end) = old.send("GET /chunked HTTP/1.0\r\n\r\n").rest();
    assert!(bytes.ends_with(b"xx"), "{}", String::from_utf8_lossy(&bytes));
    assert_eq!(end, End::Reset, "a close would make it whole");
    let path = evener.config_path().with_file_name("access.log");
    let log = || std::fs::read_to_string(&path).unwrap_or_default();
    eventually(PATIENCE, "three lines", || log().lines().count() == 3);
    let cut = "/chunked 200 route_timeout";
    assert_eq!(log().lines().collect::<Vec<_>>(), ["/length 200 route_timeout", cut, cut]);
    eventually(PATIENCE, "the server is told", || recorder.conversations().iter().all(|one| one.is_over()));
}

#[test]
fn the_time_of_a_slow_upload_counts() {
    let recorder = slow_server();
    let evener = in_front_of(&recorder);
    let mut client = evener.connect();
    let since = Instant::now();
    client.send(request("POST", "/quick", "test", "Content-Length: 1000\r\n") + "some of it");
    let response = client.response_to("POST");
    assert!(since.elapsed() < LATE, "{:?}", since.elapsed());
    assert_eq!(response.field("connection"), Some("close"), "{response:?}");
    assert_eq!((response.status, response.field("x-evener-reason")), (504, Some("route_timeout")));
    client.expect_close();
}
