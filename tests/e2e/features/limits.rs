//! Limits at their edges: what still passes, what is refused, and with which status.

use std::time::{Duration, Instant};

use super::request;
use crate::harness::message::Response;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder};

fn with_limits(recorder: &Recorder, limits: &str) -> Evener {
    Evener::start(&format!(
        "workers = 1\n[log]\naccess = \"./access.log\"\nformat = \"{{method}} {{status}} {{reason}}\"\n\
         [limits]\n{limits}\n[[site]]\nlisten = \"{{listen}}\"\nto = [\"{}\"]\n",
        recorder.address()
    ))
}

/// One message on a new connection; the rest of one that is refused in the middle may not get through.
#[track_caller]
fn send(evener: &Evener, message: &str) -> Response {
    let mut client = evener.connect();
    drop(client.try_send(message));
    let response = client.response_to("POST");
    match response.field("connection") {
        Some("close") => client.expect_close(),
        // Only where it is clear where the next request begins.
        _ => assert!([200, 413].contains(&response.status), "{response:?}"),
    }
    response
}

fn log(evener: &Evener, count: usize) -> Vec<String> {
    let path = evener.config_path().with_file_name("access.log");
    let read = || std::fs::read_to_string(&path).unwrap_or_default();
    eventually(PATIENCE, "the lines of the log", || read().lines().count() >= count);
    read().lines().map(str::to_owned).collect()
}

#[test]
fn a_head_may_be_so_long_and_no_longer() {
    let recorder = Recorder::answering(ok("ok"));
    let evener = with_limits(&recorder, "head = \"1KiB\"\nfields = 6");
    let bare = request("GET", "/", "test", "X: \r\n").len();
    let head = |length: usize| request("GET", "/", "test", &format!("X: {}\r\n", "v".repeat(length - bare)));
    assert_eq!((head(1_024).len(), send(&evener, &head(1_024)).status), (1_024, 200));
    assert_eq!(send(&evener, &head(1_025)).status, 431);
    assert_eq!(send(&evener, &head(100_000)).status, 431);
    let target = |length: usize| format!("GET /{} HTTP/1.1\r\nHost: test\r\n\r\n", "t".repeat(length));
    assert_eq!(send(&evener, &target(900)).status, 200);
    assert_eq!(send(&evener, &target(1_024)).status, 414);
    assert_eq!(send(&evener, &target(100_000)).status, 414);
    let fields = |count: usize| request("GET", "/", "test", &"a: b\r\n".repeat(count - 1));
    assert_eq!(send(&evener, &fields(6)).status, 200);
    assert_eq!(send(&evener, &fields(7)).status, 431);
    assert_eq!(recorder.requests().len(), 3);
    let lines = log(&evener, 8);
    assert!(lines.iter().filter(|line| !line.contains(" 200 ")).all(|line| !line.ends_with(" -")), "{lines:#?}");
}

#[test]
fn a_body_may_be_so_long_and_no_longer() {
    let recorder = Recorder::answering(ok("ok"));
    let evener = with_limits(&recorder, "body = 10");
    let declared =
        |length: usize| request("POST", "/", "test", &format!("Content-Length: {length}\r\n")) + &"b".repeat(length);
    let chunked = |sizes: &[usize]| {
        let chunks: String = sizes.iter().map(|size| format!("{size:x}\r\n{}\r\n", "b".repeat(*size))).collect();
        request("POST", "/", "test", "Transfer-Encoding: chunked\r\n") + &chunks + "0\r\n\r\n"
    };
    for (message, status) in [
        (declared(10), 200),
        (declared(11), 413),
        (declared(1_000_000), 413),
        (chunked(&[10]), 200),
        (chunked(&[4, 6]), 200),
        (chunked(&[11]), 413),
        (chunked(&[4, 7]), 413),
        (chunked(&[1; 11]), 413),
        (request("POST", "/", "test", "Content-Length: 0\r\n"), 200),
        // Who asks before sending is told before sending.
        (request("POST", "/", "test", "Content-Length: 11\r\nExpect: 100-continue\r\n"), 413),
    ] {
        let response = send(&evener, &message);
        assert_eq!((response.status, response.interim.len()), (status, 0), "{:?}", &message[..message.len().min(150)]);
    }
    assert_eq!(recorder.requests().iter().filter(|request| request.body.len() > 10).count(), 0);
    let lines = log(&evener, 10);
    assert_eq!(lines.iter().filter(|line| *line == "POST 413 body_too_large").count(), 6, "{lines:#?}");
}

#[test]
fn a_head_has_its_time_and_an_idle_connection_another() {
    let recorder = Recorder::answering(ok("ok"));
    let evener = with_limits(&recorder, "head_timeout = \"300ms\"\nidle_timeout = \"1s\"");
    let mut client = evener.connect();
    let since = Instant::now();
    client.send("GET / HTTP/1.1\r\n");
    let response = client.response();
    assert!(since.elapsed() >= Duration::from_millis(290), "{:?}", since.elapsed());
    assert_eq!((response.status, response.field("connection")), (408, Some("close")));
    client.expect_close();

    let mut client = evener.connect();
    client.send(request("GET", "/", "test", "")).response();
    // Longer than a head may take: that time begins with its first byte.
    let since = Instant::now();
    client.expect_silence(Duration::from_millis(600));
    client.send(request("GET", "/", "test", "")).response();
    client.expect_close();
    assert!(since.elapsed() >= Duration::from_millis(1_500), "{:?}", since.elapsed());
    assert_eq!(log(&evener, 3), ["GET 408 head_timeout", "GET 200 -", "GET 200 -"]);
}
