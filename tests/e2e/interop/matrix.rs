//! Clients × servers: what each client must see of each answer.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::farm::{Entry, Farm, script};
use crate::harness::process::Process;
use crate::harness::python::python;

const LARGE_BYTES: usize = 1024 * 1024;
const STREAMED_BYTES: usize = 64 * 1024;
/// A client asks some seventy times; curl is started anew for each.
const CLIENT_TIME: Duration = Duration::from_secs(60);

/// The bytes of `contract.py`.
pub(super) fn large() -> Vec<u8> {
    (0..=250).cycle().take(LARGE_BYTES).collect()
}

pub(super) fn streamed() -> Vec<u8> {
    large()[..1024].repeat(STREAMED_BYTES / 1024)
}

#[test]
fn every_client_sees_the_same_of_every_server() {
    let farm = Farm::start();
    let (clear, secure) = (farm.clear_url(), farm.secure_url());
    let clients = [
        ("curl", &clear, "--http1.1", "HTTP/1.1"),
        ("curl", &secure, "--http1.1", "HTTP/1.1"),
        ("curl", &clear, "--http2-prior-knowledge", "HTTP/2"),
        ("curl", &secure, "--http2", "HTTP/2"),
        ("httpx", &clear, "1", "HTTP/1.1"),
        ("httpx", &clear, "2", "HTTP/2"),
        ("httpx", &secure, "2", "HTTP/2"),
        ("node", &clear, "fetch", "HTTP/1.1"),
        ("node", &secure, "fetch", "HTTP/1.1"),
        ("node", &clear, "http2", "HTTP/2"),
        ("node", &secure, "http2", "HTTP/2"),
    ];
    let (authority, names) = (Path::new(farm.authority.path()), farm.names());
    std::thread::scope(|scope| {
        let run = |(program, base, option, version): (&'static str, &String, &'static str, &'static str)| {
            let mut command = client(program, authority, base, option);
            let mut process = Process::start(command.args(&names));
            let entries = &farm.entries;
            let who = format!("{program} {option} {base}");
            scope.spawn(move || {
                let status = process.wait_exit(CLIENT_TIME);
                assert!(status.success(), "{who} ended with {status}:\n{}", process.stderr());
                check_all(&who, &process.stdout(), entries, version);
            })
        };
        let running: Vec<_> = clients.into_iter().map(run).collect();
        let failed = running.into_iter().filter_map(|client| client.join().err()).count();
        assert_eq!(failed, 0, "clients saw what they should not; evener said:\n{}", farm.evener.process.stderr());
    });
}

fn client(program: &str, authority: &Path, base: &str, option: &str) -> Command {
    let mut command = match program {
        "node" => {
            let mut command = Command::new("node");
            command.env("NODE_EXTRA_CA_CERTS", authority).arg(script("node_client.mjs")).arg(base);
            command
        }
        _ => {
            let mut command = python();
            command.arg(script(&format!("{program}_client.py"))).arg(base).arg(authority);
            command
        }
    };
    command.arg(option);
    command
}

#[track_caller]
fn check_all(who: &str, said: &str, entries: &[Entry], version: &str) {
    let seen: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    for entry in entries {
        let of_entry = seen.iter().filter(|seen| seen["entry"] == entry.name);
        let checks = of_entry.map(|seen| check(who, seen, entry, version)).count();
        assert!(checks >= 7, "{who} has only {checks} answers of {}", entry.name);
    }
}

#[track_caller]
fn check(who: &str, seen: &Value, entry: &Entry, version: &str) {
    let is = |what: &str, expected: Value| assert_eq!(seen[what], expected, "{who}: {what} of {seen}");
    let name = seen["check"].as_str().expect("a name");
    is("version", json!(version));
    is("status", json!(status_of(name, entry)));
    match name {
        "small" => is("sha256", json!(sha256(b"small"))),
        "large" | "echo" => is("sha256", json!(sha256(&large()))),
        "stream" => is("sha256", json!(sha256(&streamed()))),
        "head" => {
            is("sha256", json!(sha256(b"")));
            is("content-length", json!(LARGE_BYTES.to_string()));
        }
        "moved" => is("location", json!("/elsewhere")),
        "trailers" if entry.has_trailers => {
            is("sha256", json!(sha256(&streamed())));
            is("trailer", json!("done"));
        }
        "missing" | "trailers" => {}
        other => panic!("{who} has made up {other}"),
    }
}

fn status_of(check: &str, entry: &Entry) -> u16 {
    match check {
        "missing" => 404,
        "moved" => 302,
        "trailers" if !entry.has_trailers => 404,
        _ => 200,
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
