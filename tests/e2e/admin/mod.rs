//! The admin listener by the real program: what it tells, whom it tells, and what becomes of it over reloads and the end.

mod certificates;
mod guards;
mod lifecycle;
mod scrape;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;

use crate::harness::client::RawClient;
use crate::harness::evener::Evener;
use crate::harness::message::Response;
use crate::harness::process::Process;
use crate::harness::python::{python, workspace_root};
use crate::harness::wait::{PATIENCE, eventually};

/// A page of metrics, as Prometheus's own reader has read it.
pub(crate) struct Page {
    families: Value,
    /// `name{label=value,label=value}` and its value.
    samples: BTreeMap<String, f64>,
}

impl Page {
    /// Fetches the page; fails on whatever a strict reader would refuse.
    #[track_caller]
    pub(crate) fn fetch(admin: SocketAddr) -> Self {
        let text = run("scrape.py", &[&format!("http://{admin}/metrics")]);
        let mut page: Value = serde_json::from_str(&text).expect("the script prints JSON");
        let samples = serde_json::from_value(page["samples"].take()).expect("names and numbers");
        Self { families: page["families"].take(), samples }
    }

    /// The value of a series; braces stand there without labels, too.
    #[track_caller]
    pub(crate) fn value(&self, series: &str) -> f64 {
        self.get(series).unwrap_or_else(|| panic!("there is no {series}: {:#?}", self.samples))
    }

    pub(crate) fn get(&self, series: &str) -> Option<f64> {
        self.samples.get(series).copied()
    }

    /// The labels of all series of a name.
    pub(crate) fn labels(&self, name: &str) -> Vec<&str> {
        let own = self.samples.keys().filter_map(|series| series.strip_prefix(name));
        own.filter(|labels| labels.starts_with('{')).collect()
    }
}

/// Runs a script of this folder to its end; gives its standard output.
#[track_caller]
fn run(script: &str, arguments: &[&str]) -> String {
    let path = workspace_root().join("tests/e2e/admin").join(script);
    let mut process = Process::start(python().arg(path).args(arguments));
    let status = process.wait_exit(PATIENCE);
    assert!(status.success(), "{script} ended with {status}:\n{}", process.stderr());
    process.stdout()
}

/// Until when the certificate that a port shows for a name is valid, in seconds since 1970.
#[track_caller]
pub(crate) fn expiry(address: SocketAddr, name: &str, authority: &Path) -> f64 {
    let authority = authority.to_str().expect("temporary folders have plain names");
    let text = run("expiry.py", &[&address.port().to_string(), name, authority]);
    text.trim().parse().expect("a number")
}

/// What a path answers to a request of this machine.
#[track_caller]
fn ask(admin: SocketAddr, path: &str) -> Response {
    RawClient::connect(admin).send(request("GET", path, "")).response()
}

/// Starts evener and waits until its admin listener says that it is ready.
#[track_caller]
pub(crate) fn start(config: &str, admin: SocketAddr) -> Evener {
    let evener = Evener::start(config);
    eventually(PATIENCE, "it is ready", || {
        let asked = RawClient::try_connect(admin).and_then(|mut client| {
            client.try_send(request("GET", "/readyz", ""))?;
            client.try_response_to("GET")
        });
        asked.is_ok_and(|response| response.status == 200)
    });
    evener
}

fn request(method: &str, path: &str, fields: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
}

/// A config with the admin listener somewhere and one site that answers by itself.
fn config(admin: impl std::fmt::Display) -> String {
    format!("admin = \"{admin}\"\n{SITE}")
}

const SITE: &str = "[[site]]\nlisten = \"{listen}\"\nrespond = { status = 200, body = \"hello\" }\n";
