//! The folders of `examples/`, run as their README says but on ports of the registry, so that
//! they cannot rot.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::harness::Evener;
use crate::harness::client::get;
use crate::harness::python::{PythonServer, run_script, workspace_root};

const CONFIG_LINES_MAX: usize = 5;

#[test]
fn the_aiohttp_example_spreads_requests_and_carries_websockets() {
    let folder = example("aiohttp");
    let servers: Vec<_> = (0..3).map(|_| PythonServer::script(&folder.join("app.py"))).collect();
    let addresses: Vec<SocketAddr> = servers.iter().map(|server| server.address).collect();
    let evener = Evener::start(&config(&folder, 8080, &[8081, 8082, 8083], &addresses));

    // One after the other they go to whichever server did best; all three share what comes at once.
    let names: BTreeSet<String> = addresses.iter().map(|address| format!("hello from {}\n", address.port())).collect();
    let seen = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                let mut client = evener.connect();
                for _ in 0..20 {
                    let response = client.send(get("/")).response();
                    assert_eq!(response.status, 200);
                    seen.lock().expect("no panic").insert(response.text());
                }
            });
        }
    });
    assert_eq!(seen.into_inner().expect("no panic"), names);

    let report = run_script("say.py", &[&format!("ws://{}/ws", evener.address()), "good day"]);
    assert!(report.trim().ends_with("heard good day"), "{report}");
}

#[test]
fn the_files_example_serves_the_page() {
    let folder = example("files");
    let public = folder.join("public");
    let servers: Vec<_> = (0..3).map(|_| PythonServer::files(&public)).collect();
    let addresses: Vec<SocketAddr> = servers.iter().map(|server| server.address).collect();
    let evener = Evener::start(&config(&folder, 8090, &[8091, 8092, 8093], &addresses));

    let page = std::fs::read(public.join("index.html")).expect("the example has a page");
    let mut client = evener.connect();
    for _ in 0..9 {
        let response = client.send(get("/")).response();
        assert_eq!((response.status, response.body.as_slice()), (200, page.as_slice()));
    }
}

fn example(name: &str) -> PathBuf {
    workspace_root().join("examples").join(name)
}

/// The example's config with its fixed ports replaced by those of this run.
fn config(folder: &Path, listen: u16, ports: &[u16], servers: &[SocketAddr]) -> String {
    let text = std::fs::read_to_string(folder.join("evener.toml")).expect("it has a config");
    let lines = text.lines().count();
    assert!(lines <= CONFIG_LINES_MAX, "{lines} lines, at most {CONFIG_LINES_MAX}");
    let mut text = replace(&text, listen, "{listen}");
    for (port, server) in ports.iter().zip(servers) {
        text = replace(&text, *port, &server.to_string());
    }
    text
}

#[track_caller]
fn replace(text: &str, port: u16, with: &str) -> String {
    let fixed = format!("127.0.0.1:{port}");
    assert!(text.contains(&fixed), "the config does not name {fixed}:\n{text}");
    text.replace(&fixed, with)
}
