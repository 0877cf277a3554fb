//! Access logs that cannot be written: pipes that nobody reads, a full disk. Traffic goes on in any case.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::client::get;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder};

/// A site with a log at that place, which gets so long lines that a pipe is soon full.
fn logging_to(recorder: &Recorder, place: &str) -> String {
    let filler = "x".repeat(1_000);
    format!(
        "shutdown_grace = \"1s\"\n[log]\naccess = \"{place}\"\nformat = \"{{target}} {filler}\"\n\
         [[site]]\nlisten = \"{{listen}}\"\nto = [\"{}\"]\n",
        recorder.address()
    )
}

/// More than a pipe and the buffers of a worker hold.
const REQUESTS: usize = 500;

#[track_caller]
fn expect_served(evener: &Evener) {
    let since = Instant::now();
    let mut client = evener.connect();
    for _ in 0..REQUESTS {
        assert_eq!(client.send(get("/")).response().text(), "served");
    }
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
}

#[track_caller]
fn expect_end(mut evener: Evener) {
    evener.signal(Signal::TERM);
    evener.process.wait_exit(Duration::from_secs(10));
}

#[test]
fn a_full_disk_costs_lines_and_nothing_else() {
    let recorder = Recorder::answering(ok("served"));
    let evener = Evener::start(&logging_to(&recorder, "/dev/full"));
    expect_served(&evener);
    eventually(PATIENCE, "it says so", || evener.process.stderr().contains("lines are lost"));
    expect_end(evener);
}

#[test]
fn a_pipe_that_nobody_reads_blocks_neither_start_nor_traffic_nor_stop() {
    let recorder = Recorder::answering(ok("served"));
    let folder = crate::harness::evener::Folder::new();
    let pipe = folder.0.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()));
    let place = pipe.to_str().expect("temporary folders have plain names");
    let evener = Evener::start(&logging_to(&recorder, place));
    expect_served(&evener);
    evener.signal(Signal::USR1);
    expect_served(&evener);
    expect_end(evener);
}

#[test]
fn a_reload_to_a_pipe_that_nobody_reads_does_not_hang() {
    let recorder = Recorder::answering(ok("served"));
    let evener = Evener::start(&logging_to(&recorder, "./access.log"));
    let pipe = evener.config_path().with_file_name("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()));
    for place in ["./pipe", "./other.log", "./pipe"] {
        evener.rewrite_config(&logging_to(&recorder, place));
        let reloads = |evener: &Evener| evener.process.stderr().matches("reload").count();
        let before = reloads(&evener);
        evener.signal(Signal::HUP);
        eventually(PATIENCE, "it has reloaded, or says why not", || reloads(&evener) > before);
        expect_served(&evener);
    }
    expect_end(evener);
}
