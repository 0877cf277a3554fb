//! What an operator does: starts it with a file or without, checks a file, reloads, stops, and
//! runs it short of file descriptors.

use std::time::Duration;

use rustix::process::Signal;

use crate::harness::client::{RawClient, get};
use crate::harness::evener::{Evener, Folder, evener};
use crate::harness::ports::free_address;
use crate::harness::recorder::{Recorder, Step, ok};
use crate::harness::wait::{PATIENCE, eventually, pause_unless};

/// A site in front of one server.
fn in_front_of(recorder: &Recorder) -> String {
    format!("[[site]]\nlisten = \"{{listen}}\"\nto = [\"{}\"]\n", recorder.address())
}

#[test]
fn proxy_needs_no_file() {
    let (first, second) = (Recorder::answering(ok("1")), Recorder::answering(ok("2")));
    let servers = [first.address(), second.address()];
    let evener = Evener::proxy(&servers, &["--balance", "round_robin"]);
    let mut client = evener.connect();
    let mut texts: Vec<String> = (0..4).map(|_| client.send(get("/")).response().text()).collect();
    texts.sort();
    assert_eq!(texts, ["1", "1", "2", "2"]);
}

#[test]
fn the_version_is_printed() {
    let finished = evener(&["--version"]);
    assert!(finished.status.success());
    assert_eq!(finished.stdout.trim(), format!("evener {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn check_accepts_a_good_file_and_shows_each_error_of_a_bad_one() {
    let folder = Folder::new();
    let path = folder.0.join("evener.toml");
    let file = path.to_str().expect("temporary folders have plain names");

    std::fs::write(&path, "[[site]]\nto = [\"127.0.0.1:1\"]\n").expect("it can be written");
    let good = evener(&["check", file]);
    assert!(good.status.success(), "{}", good.stderr);

    let bad_text = "[[site]]\nto = \"web\"\n\n[upstream.web]\nservers = [\"127.0.0.1:1\"]\n\
                    ballance = \"random\"\nconnect_timeout = \"soon\"\n";
    std::fs::write(&path, bad_text).expect("it can be written");
    let bad = evener(&["check", file]);
    assert_eq!(bad.status.code(), Some(1));
    let said = bad.stdout + &bad.stderr;
    for part in ["evener.toml:6:1", "ballance", "balance", "evener.toml:7:", "soon"] {
        assert!(said.contains(part), "`{part}` is missing in:\n{said}");
    }

    let run = evener(&["run", file]);
    assert!(!run.status.success() && run.stderr.contains("ballance"), "{}", run.stderr);
}

#[test]
fn a_reload_swaps_the_servers_under_open_connections() {
    let (old, new) = (Recorder::answering(ok("old")), Recorder::answering(ok("new")));
    let evener = Evener::start(&in_front_of(&old));
    let mut client = evener.connect();
    assert_eq!(client.send(get("/")).response().text(), "old");
    evener.rewrite_config(&in_front_of(&new));
    evener.signal(Signal::HUP);
    eventually(PATIENCE, "the new server answers", || client.send(get("/")).response().text() == "new");
    assert_eq!(evener.get("/").text(), "new");
}

#[test]
fn a_reload_of_a_broken_file_changes_nothing_and_says_why() {
    let recorder = Recorder::answering(ok("as before"));
    let mut evener = Evener::start(&in_front_of(&recorder));
    evener.rewrite_config("[[site]]\nlisten = \"{listen}\"\nforward = \"nowhere\"\n");
    evener.signal(Signal::HUP);
    eventually(PATIENCE, "the error is logged", || evener.process.stderr().contains("forward"));
    assert!(evener.process.is_running());
    assert_eq!(evener.get("/").text(), "as before");
    assert!(evener.config_path().exists());
}

#[test]
fn a_graceful_stop_lets_the_open_exchange_end_and_accepts_no_more() {
    let recorder = Recorder::per_request(|_| vec![Step::Pause(Duration::from_millis(500)), Step::send(ok("whole"))]);
    for signal in [Signal::TERM, Signal::QUIT] {
        let mut evener = Evener::start(&in_front_of(&recorder));
        let before = recorder.requests().len();
        let mut client = evener.connect();
        client.send(get("/"));
        eventually(PATIENCE, "the request is under way", || recorder.requests().len() > before);
        evener.signal(signal);
        assert_eq!(client.response().text(), "whole");
        client.expect_close();
        assert!(evener.process.wait_exit(PATIENCE).success(), "{}", evener.process.stderr());
    }
}

#[test]
fn a_second_signal_stops_at_once() {
    let recorder = Recorder::scripted(|_| vec![Step::ReadRequest, Step::Hold]);
    let mut evener = Evener::start(&in_front_of(&recorder));
    let mut client = evener.connect();
    client.send(get("/"));
    recorder.conversation(0);
    evener.signal(Signal::TERM);
    // Only when the first signal was understood is the next one the second.
    eventually(PATIENCE, "it accepts no more", || std::net::TcpStream::connect(evener.address()).is_err());
    assert!(evener.process.is_running());
    evener.signal(Signal::TERM);
    evener.process.wait_exit(Duration::from_secs(5));
    let (rest, _) = client.rest();
    let text = String::from_utf8_lossy(&rest);
    assert!(!text.starts_with("HTTP/1.1 200"), "{text}");
}

/// A worker with so many descriptors takes a few dozen connections at most.
const FEW_OPEN_FILES: usize = 256;

#[test]
fn idle_connections_make_room_for_a_crowd_beyond_the_descriptors() {
    let recorder = Recorder::answering(ok("served"));
    let config = format!("workers = 1\n{}", in_front_of(&recorder));
    let evener = Evener::start_limited(&config, FEW_OPEN_FILES);
    let mut crowd = Vec::new();
    for number in 0..FEW_OPEN_FILES {
        let mut client = evener.connect();
        let response = client.send(get("/")).response();
        assert_eq!(response.status, 200, "client {number}: {}", response.text());
        crowd.push(client);
    }
    assert!(evener.process.open_fds() < FEW_OPEN_FILES);
}

#[test]
fn a_client_beyond_the_limit_is_told_so_when_all_are_busy() {
    let recorder = Recorder::scripted(|_| vec![Step::ReadRequest, Step::Hold]);
    let config = format!("workers = 1\n{}", in_front_of(&recorder));
    let evener = Evener::start_limited(&config, FEW_OPEN_FILES);
    let mut busy: Vec<RawClient> = (0..FEW_OPEN_FILES).map(|_| evener.connect()).collect();
    for client in &mut busy {
        // Those that were refused may be gone already.
        drop(client.try_send(get("/")));
    }
    // As long as the busy ones still look for descriptors, a newcomer may be closed as an idle connection to make room.
    eventually(PATIENCE, "a newcomer is told", || {
        let mut late = evener.connect().with_patience(Duration::from_secs(1));
        let is_told = late.try_response_to("GET").is_ok_and(|response| response.status == 503);
        if is_told {
            late.expect_close();
        }
        is_told
    });
}

#[test]
fn without_descriptors_it_waits_and_then_goes_on() {
    let recorder = Recorder::answering(ok("served"));
    let evener = Evener::start(&format!("workers = 1\n{}", in_front_of(&recorder)));
    evener.get("/");
    let room = evener.process.open_fds() + 10;
    evener.process.limit_open_files(room);
    let mut crowd: Vec<RawClient> = (0..50).map(|_| evener.connect()).collect();
    for client in &mut crowd {
        // An unfinished head: not an idle connection that may be closed to make room.
        client.send("GET / HTTP/1.1\r\n");
    }
    eventually(PATIENCE, "it says so", || evener.process.stderr().contains("cannot accept"));
    let before = evener.process.processor_time();
    pause_unless(Duration::from_secs(1), || false);
    let used = evener.process.processor_time().saturating_sub(before);
    assert!(used < Duration::from_millis(300), "it spins: {used:?} in a second");
    drop(crowd);
    eventually(PATIENCE, "it serves again", || {
        let mut client = evener.connect().with_patience(Duration::from_secs(2));
        client.send(get("/")).try_response_to("GET").is_ok_and(|response| response.status == 200)
    });
}

#[test]
fn a_port_in_use_is_said_and_ends_the_start() {
    let address = free_address();
    let _taken = std::net::TcpListener::bind(address).expect("the registry's port is free");
    let folder = Folder::new();
    let path = folder.0.join("evener.toml");
    let config = format!("[[site]]\nlisten = \"{address}\"\nto = [\"127.0.0.1:1\"]\n");
    std::fs::write(&path, config).expect("it can be written");
    let finished = evener(&["run", path.to_str().expect("temporary folders have plain names")]);
    assert!(!finished.status.success());
    assert!(finished.stderr.contains(&address.to_string()), "{}", finished.stderr);
}
