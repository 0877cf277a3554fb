//! gRPC with the client and the server that everybody uses: `grpcio`, between them evener.
//!
//! The scripts beside this file have no generated code: their messages are plain bytes. A scenario of `client.py` prints
//! what it saw, one JSON value a line.

mod calls;
mod failures;
mod health;
mod lifecycle;
mod words;

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use crate::harness::evener::listed;
use crate::harness::ports::free_address;
use crate::harness::process::Process;
use crate::harness::python::{PythonServer, python, workspace_root};
use crate::harness::wait::{PATIENCE, wait_for};
use crate::harness::{Evener, certificates};

/// A client that begins is a Python that starts.
const CALL_TIME: Duration = Duration::from_secs(30);

/// A gRPC server in the clear.
fn server(name: &str) -> PythonServer {
    server_at(name, free_address())
}

fn server_at(name: &str, address: SocketAddr) -> PythonServer {
    let script = workspace_root().join("tests/e2e/grpc/server.py");
    PythonServer::launch(python().arg(script).args([&address.port().to_string(), "--name", name]), address)
}

/// One with a certificate.
fn secure_server(name: &str, files: &certificates::Files) -> PythonServer {
    let address = free_address();
    let script = workspace_root().join("tests/e2e/grpc/server.py");
    let mut command = python();
    command.arg(script).args([&address.port().to_string(), "--name", name]);
    command.arg("--cert").arg(&files.cert).arg("--key").arg(&files.key);
    PythonServer::launch(&mut command, address)
}

/// An evener that takes HTTP/2 in the clear in front of such servers. `more` are further lines of the upstream.
fn in_front_of(servers: &[SocketAddr], more: &str) -> Evener {
    Evener::start(&config(servers, "", more))
}

fn config(servers: &[SocketAddr], of_site: &str, of_upstream: &str) -> String {
    let servers = listed(servers);
    format!(
        "workers = 1\nshutdown_grace = \"20s\"\n[log]\naccess = \"stdout\"\nformat = \"json\"\n\
         [[site]]\nlisten = \"{{listen}}\"\nhttp2 = true\nto = \"calls\"\n{of_site}\n\
         [upstream.calls]\nservers = [{servers}]\nprotocol = \"h2c\"\n{of_upstream}\n"
    )
}

/// A client in a scenario.
struct Caller(Process);

impl Caller {
    fn start(address: SocketAddr, scenario: &str, arguments: &[&str]) -> Self {
        Self::start_with(address, "-", scenario, arguments)
    }

    fn start_with(address: SocketAddr, ca: &str, scenario: &str, arguments: &[&str]) -> Self {
        let script = workspace_root().join("tests/e2e/grpc/client.py");
        let mut command = python();
        command.arg(script).arg(address.to_string()).args([ca, scenario]).args(arguments);
        Self(Process::start(&mut command))
    }

    /// Waits until it has said so many things.
    #[track_caller]
    fn wait_said(&self, count: usize) {
        wait_for(PATIENCE, "the client goes on", || (self.0.stdout().lines().count() >= count).then_some(()));
    }

    /// Waits for its end; what it has said.
    #[track_caller]
    fn finish(mut self) -> Vec<Value> {
        let status = self.0.wait_exit(CALL_TIME);
        assert!(status.success(), "the client ended with {status}:\n{}\n{}", self.0.stdout(), self.0.stderr());
        self.0.stdout().lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }
}

#[track_caller]
fn run(address: SocketAddr, scenario: &str, arguments: &[&str]) -> Vec<Value> {
    Caller::start(address, scenario, arguments).finish()
}

/// The failed call that was said.
#[track_caller]
fn check_failure(said: &Value, code: &str, seconds: std::ops::Range<f64>) {
    assert_eq!(said["code"], code, "{said}");
    let took = said["seconds"].as_f64().expect("a time");
    assert!(seconds.contains(&took), "{said}");
}

/// The value of a field in the one line of evener's log whose path is this.
#[track_caller]
fn logged(evener: &Evener, path: &str, field: &str) -> Value {
    wait_for(PATIENCE, &format!("the log tells of {path}"), || {
        let text = evener.process.stdout();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line.to_string().contains(path)).map(|line| line[field].clone()).next_back()
    })
}
