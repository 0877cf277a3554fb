//! A real browser: a page over HTTP/2 that loads, posts, and talks over WebSockets on the same connection.

use std::process::Command;

use serde_json::{Value, json};

use super::farm::Farm;
use crate::harness::evener::Folder;
use crate::harness::process::Process;
use crate::harness::wait::{PATIENCE, wait_for};

/// What keeps it from looking for its maker's hosts, and from a sandbox that root cannot have.
const OPTIONS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-certificate-errors",
];

#[test]
fn chromium_loads_a_page_and_talks_over_http_2() {
    let farm = Farm::start();
    let folder = Folder::new();
    let mut command = Command::new("chromium");
    command.args(OPTIONS).arg(format!("--user-data-dir={}", folder.0.display()));
    command.arg("--remote-debugging-port=0").arg(format!("{}/aiohttp/page", farm.secure_url()));
    let _browser = Process::start(&mut command);
    let report =
        wait_for(PATIENCE, "the page reports", || farm.aiohttp.process.stdout().lines().next().map(str::to_owned));
    let report: Value = serde_json::from_str(&report).expect("the report is JSON");
    // Over HTTP/2 the browser and hypercorn each wait for the other to end the stream after their words of goodbye.
    let (to_the_end, talk) = (json!({"heard": [3, 70_000], "clean": true}), json!({"heard": [3, 70_000]}));
    let expected = json!({
        "lengths": 20 * 1024 * 1024,
        "posted": 300_000,
        "sockets": [to_the_end, talk],
        "protocols": ["h2"],
    });
    assert_eq!(report, expected);
    // The WebSockets were streams of the same connection (RFC 8441): to a server of HTTP/1 and to one of HTTP/2.
    for path in ["/aiohttp/ws", "/hypercorn-h2c/ws"] {
        wait_for(PATIENCE, &format!("the log tells of {path} over HTTP/2"), || {
            let text = farm.evener.process.stdout();
            let mut lines = text.lines().filter(|line| line.contains(path));
            lines.any(|line| line.contains("HTTP/2.0") && line.contains("101")).then_some(())
        });
    }
}
