//! What the control thread sees to: a start that fails at once, a reload of more than routes, signals at odd times, and
//! output that nobody takes.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::client::{RawClient, get};
use crate::harness::evener::{Evener, Folder};
use crate::harness::ports::free_address;
use crate::harness::process::Process;
use crate::harness::recorder::{Recorder, Step, ok};
use crate::harness::wait::{PATIENCE, eventually};

fn in_front_of(recorder: &Recorder) -> String {
    format!("[[site]]\nlisten = \"{{listen}}\"\nto = [\"{}\"]\n", recorder.address())
}

#[test]
fn a_reload_takes_the_log_elsewhere_under_an_open_connection() {
    let recorder = Recorder::answering(ok("served"));
    let logs = Folder::new();
    let path = |name: &str| logs.0.join(name);
    let config = |name: &str, format: &str| {
        let path = path(name);
        let path = path.to_str().expect("temporary folders have plain names");
        format!("[log]\naccess = \"{path}\"\nformat = \"{format}\"\n{}", in_front_of(&recorder))
    };
    let evener = Evener::start(&config("old.log", "old {target}"));
    let mut client = evener.connect();
    client.send(get("/1")).response();
    evener.rewrite_config(&config("new.log", "new {target}"));
    evener.signal(Signal::HUP);
    eventually(PATIENCE, "it has reloaded", || evener.process.stderr().contains("evener: reloaded"));
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap_or_default();
    assert_eq!(read("old.log"), "old /1\n", "what waited was written before the old log was closed");
    client.send(get("/2")).response();
    eventually(PATIENCE, "the new log has its line", || read("new.log") == "new /2\n");
    assert_eq!(read("old.log"), "old /1\n");
}

#[test]
fn a_log_that_cannot_be_opened_stops_a_reload() {
    let recorder = Recorder::answering(ok("served"));
    let evener = Evener::start(&in_front_of(&recorder));
    evener.rewrite_config(&format!("[log]\naccess = \"/no/such/folder/a.log\"\n{}", in_front_of(&recorder)));
    evener.signal(Signal::HUP);
    let expected = "evener: cannot reload: the access log /no/such/folder/a.log cannot be opened: \
                    No such file or directory; nothing was changed";
    eventually(PATIENCE, "it says why", || evener.process.stderr().contains(expected));
    assert_eq!(evener.get("/").text(), "served");
}

#[test]
fn a_reload_says_what_needs_a_start() {
    let recorder = Recorder::answering(ok("served"));
    let evener = Evener::start(&format!("workers = 1\n{}", in_front_of(&recorder)));
    evener.rewrite_config(&format!("workers = 2\n{}", in_front_of(&recorder)));
    evener.signal(Signal::HUP);
    eventually(PATIENCE, "it has reloaded", || evener.process.stderr().contains("evener: reloaded"));
    let said = evener.process.stderr();
    assert!(said.contains("evener: the number of workers changes with the next start only\n"), "{said}");
}

#[test]
fn a_listener_that_overlaps_with_an_open_one_is_refused_and_explained() {
    let recorder = Recorder::answering(ok("served"));
    let evener = Evener::start(&in_front_of(&recorder));
    let port = evener.address().port();
    evener.rewrite_config(&in_front_of(&recorder).replace("{listen}", &format!(":{port}")));
    evener.signal(Signal::HUP);
    let expected = format!("evener itself listens on {}", evener.address());
    eventually(PATIENCE, "it says why", || evener.process.stderr().contains(&expected));
    assert_eq!(evener.get("/").text(), "served");
}

#[test]
fn a_hangup_while_it_drains_is_ignored() {
    let recorder = Recorder::per_request(|_| vec![Step::Pause(Duration::from_millis(700)), Step::send(ok("whole"))]);
    let mut evener = Evener::start(&format!("shutdown_grace = \"90s\"\n{}", in_front_of(&recorder)));
    let mut client = evener.connect();
    client.send(get("/"));
    recorder.conversation(0);
    eventually(PATIENCE, "the request is under way", || !recorder.requests().is_empty());
    evener.signal(Signal::TERM);
    let stopping = "evener: stopping; waiting up to 1m30s for requests in flight\n";
    eventually(PATIENCE, "it drains", || evener.process.stderr().contains(stopping));
    evener.signal(Signal::HUP);
    assert_eq!(client.response().text(), "whole");
    assert_eq!(evener.process.wait_exit(PATIENCE).code(), Some(0));
    assert!(!evener.process.stderr().contains("reloaded"), "{}", evener.process.stderr());
}

#[test]
fn output_that_cannot_be_written_does_not_end_it() {
    let recorder = Recorder::answering(ok("served"));
    let address = free_address();
    // Every line of the access log and every message fails to be written.
    let config = format!("[log]\naccess = \"stdout\"\n{}", in_front_of(&recorder));
    let (mut process, _folder) = run_in_shell("exec \"$0\" run \"$1\" >/dev/full 2>/dev/full", &config, address);
    process.wait_until_accepting(address);
    let mut client = RawClient::connect(address);
    for _ in 0..3 {
        process.signal(Signal::HUP);
        assert_eq!(client.send(get("/")).response().text(), "served");
    }
    process.signal(Signal::TERM);
    assert_eq!(process.wait_exit(PATIENCE).code(), Some(0));
}

/// Whatever the start lacks, it either serves or ends with an error; it does not stand there.
#[test]
fn a_start_without_enough_descriptors_ends_or_serves() {
    let recorder = Recorder::answering(ok("served"));
    let mut ended = 0;
    for limit in [8, 12, 16, 20, 24, 28, 32, 40] {
        let address = free_address();
        let config = format!("workers = 4\nshutdown_grace = \"1s\"\n{}", in_front_of(&recorder));
        let script = format!("ulimit -n {limit} && exec \"$0\" run \"$1\"");
        let (mut process, _folder) = run_in_shell(&script, &config, address);
        let has_begun = |process: &Process| process.stderr().contains("listening on");
        eventually(PATIENCE, "it ends or serves", || !process.is_running() || has_begun(&process));
        if has_begun(&process) {
            continue;
        }
        ended += 1;
        let status = process.wait_exit(PATIENCE);
        assert!(!status.success(), "limit {limit}: {}", process.stderr());
        assert!(process.stderr().contains("Too many open files"), "limit {limit}: {}", process.stderr());
    }
    assert!((1..8).contains(&ended), "{ended} of 8 limits are too low for four workers");
}

/// Runs a line of shell in which `$0` is evener and `$1` a file with this config.
fn run_in_shell(script: &str, config: &str, address: SocketAddr) -> (Process, Folder) {
    let folder = Folder::new();
    let file = folder.0.join("evener.toml");
    std::fs::write(&file, config.replace("{listen}", &address.to_string())).expect("it can be written");
    let mut command = Command::new("sh");
    (Process::start(command.args(["-c", script, env!("CARGO_BIN_EXE_evener")]).arg(&file)), folder)
}
