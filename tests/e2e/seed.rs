//! The main job on real parts: aiohttp servers in turn, file servers by chance, and bodies that
//! arrive byte for byte.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::harness::client::get;
use crate::harness::content::{ContentCheck, content, sha256};
use crate::harness::evener::{Folder, listed};
use crate::harness::python::{PythonServer, run_script};
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, Step};

/// What one big body may add to the program's memory: some buffers, never the body.
const EXTRA_MEMORY_BYTES_MAX: u64 = 8 << 20;

const NAMES: [&str; 3] = ["a", "b", "c"];

#[test]
fn round_robin_lands_300_requests_100_100_100() {
    let (servers, evener) = three_servers();
    let mut counts = BTreeMap::new();
    let mut client = evener.connect();
    for _ in 0..300 {
        let response = client.send(get("/")).response();
        assert_eq!(response.status, 200);
        *counts.entry(response.text()).or_insert(0) += 1;
    }
    assert_eq!(counts, NAMES.map(|name| (name.to_owned(), 100)).into());
    drop(servers);
}

#[test]
fn round_robin_lands_300_connections_100_100_100() {
    let (servers, evener) = three_servers();
    let mut counts = BTreeMap::new();
    for _ in 0..300 {
        *counts.entry(evener.get("/").text()).or_insert(0) += 1;
    }
    assert_eq!(counts, NAMES.map(|name| (name.to_owned(), 100)).into());
    drop(servers);
}

#[test]
fn a_killed_server_costs_no_request_and_comes_back() {
    let (mut servers, evener) = three_servers();
    let (before, total) = (200, 1_200);
    let answered = AtomicUsize::new(0);
    let victim = Mutex::new(servers.remove(1));
    let late_answers = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = evener.connect();
                loop {
                    let number = answered.fetch_add(1, Ordering::Relaxed);
                    if number == before {
                        victim.lock().expect("no panic").process.kill();
                    }
                    if number >= total {
                        return;
                    }
                    let response = client.send(get("/")).response();
                    assert_eq!(response.status, 200, "request {number}: {}", response.text());
                    if number >= before + 100 {
                        let mut counts = late_answers.lock().expect("no panic");
                        *counts.entry(response.text()).or_insert(0) += 1;
                    }
                }
            });
        }
    });
    let counts: BTreeMap<String, usize> = late_answers.into_inner().expect("no panic");
    let names: Vec<&String> = counts.keys().collect();
    assert_eq!(names, ["a", "c"], "{counts:?}");

    let address = victim.into_inner().expect("no panic").address;
    let _again = PythonServer::echo_at("b", address);
    eventually(PATIENCE, "the server gets requests again", || evener.get("/").text() == "b");
}

#[test]
fn an_aiohttp_websocket_is_echoed() {
    let (servers, evener) = three_servers();
    let report = run_script("websocket.py", &[&format!("ws://{}/ws", evener.address())]);
    assert!(report.contains("\"echoed\": 5"), "{report}");
    assert!(report.contains("\"close_code\": 1000"), "{report}");
    drop(servers);
}

#[test]
fn a_chunked_upload_of_100_mb_arrives_whole_in_little_memory() {
    const LENGTH: usize = 100_000_000;
    let (servers, evener) = three_servers();
    evener.get("/");
    let memory = evener.process.rss_bytes();
    let mut client = evener.connect();
    client.send("POST /upload HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    // Chunks of many sizes, from one byte to more than any buffer.
    let sizes = [1, 17, 1_000, 4_096, 65_535, 65_536, 262_144, 1_000_000];
    let pattern = content(0, 2_000_000);
    let mut offset = 0;
    for size in sizes.iter().cycle() {
        let start = offset % 65_521;
        let piece = &pattern[start..start + (*size).min(LENGTH - offset)];
        client.try_send_chunk(piece).expect("the upload goes on");
        offset += piece.len();
        if piece.is_empty() {
            break;
        }
    }
    let response = client.response_to("POST");
    assert_eq!(response.status, 200, "{}", response.text());
    let report = response.json();
    assert_eq!(report["bytes"], LENGTH);
    assert_eq!(report["sha256"], sha256(LENGTH).as_str());
    assert_eq!(report["transfer_encoding"], "chunked");
    expect_little_memory(&evener, memory);
    drop(servers);
}

#[test]
fn a_streamed_download_of_100_mb_arrives_byte_for_byte_in_little_memory() {
    const LENGTH: usize = 100_000_000;
    let (servers, evener) = three_servers();
    evener.get("/");
    let memory = evener.process.rss_bytes();
    let mut check = ContentCheck::default();
    let mut client = evener.connect();
    client.send(get(&format!("/download?bytes={LENGTH}")));
    let response = client.response_into(&mut |piece| check.take(piece));
    assert_eq!((response.status, check.length()), (200, LENGTH));
    assert_eq!(client.send(get("/")).response().status, 200, "the connection goes on");
    expect_little_memory(&evener, memory);
    drop(servers);
}

#[test]
fn a_server_that_reads_nothing_holds_the_client_back() {
    // The kernel's buffers on both connections take some; evener's own are small.
    const IN_FLIGHT_BYTES_MAX: usize = 48 << 20;
    let recorder = Recorder::scripted(|_| vec![Step::Freeze(PATIENCE)]);
    let evener = Evener::start(&site(&[recorder.address()]));
    let memory = evener.process.rss_bytes();
    let mut client = evener.connect().with_patience(Duration::from_secs(1));
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000000\r\n\r\n");
    let mebibyte = content(0, 1 << 20);
    let accepted = (0..1_000).take_while(|_| client.try_send(&mebibyte).is_ok()).count() << 20;
    assert!(accepted < IN_FLIGHT_BYTES_MAX, "{accepted} bytes went nowhere");
    expect_little_memory(&evener, memory);
}

#[test]
fn random_spreads_3000_requests_as_chance_does() {
    const SERVERS: usize = 5;
    const REQUESTS: usize = 3_000;
    let bodies: Vec<Vec<u8>> = (0..SERVERS).map(file_of).collect();
    let folders: Vec<Folder> = bodies.iter().map(|_| Folder::new()).collect();
    for (folder, body) in folders.iter().zip(&bodies) {
        std::fs::write(folder.0.join("data"), body).expect("a file can be written");
    }
    let servers: Vec<_> = folders.iter().map(|folder| PythonServer::files(&folder.0)).collect();
    let addresses: Vec<SocketAddr> = servers.iter().map(|server| server.address).collect();
    let evener = Evener::start(&format!(
        "[[site]]\nlisten = \"{{listen}}\"\nto = \"files\"\n\
         [upstream.files]\nservers = [{}]\nbalance = \"random\"\n",
        listed(&addresses)
    ));

    let mut counts = [0_usize; SERVERS];
    let mut client = evener.connect();
    for number in 0..REQUESTS {
        let response = client.send(get("/data")).response();
        assert_eq!((response.status, response.version.as_str()), (200, "HTTP/1.1"));
        let server = bodies.iter().position(|body| *body == response.body);
        let Some(server) = server else {
            panic!("response {number} of {} bytes is not whole", response.body.len());
        };
        counts[server] += 1;
    }
    expect_chance(&counts);
}

/// Each server's file begins with its number and has a length of its own.
fn file_of(server: usize) -> Vec<u8> {
    let mut body = format!("server {server}\n").into_bytes();
    body.extend(content(server, 3_000 + 4_000 * server));
    body
}

/// Pearson's chi-square for five equal shares, so four degrees of freedom. True chance leaves
/// this range once in a million runs on either side: at the upper end one server got too much,
/// at the lower end the shares are too equal to be chance.
#[track_caller]
fn expect_chance(counts: &[usize; 5]) {
    let expected = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
    let deviation = |&count: &usize| (count as f64 - expected).powi(2) / expected;
    let chi_square: f64 = counts.iter().map(deviation).sum();
    assert!((0.0028..33.4).contains(&chi_square), "chi-square {chi_square} of {counts:?}");
}

#[test]
fn the_chance_test_refuses_what_is_not_chance() {
    expect_chance(&[620, 571, 603, 588, 618]);
    for counts in [[600; 5], [720, 480, 600, 600, 600], [750, 750, 750, 750, 0]] {
        assert!(std::panic::catch_unwind(|| expect_chance(&counts)).is_err(), "{counts:?}");
    }
}

fn three_servers() -> (Vec<PythonServer>, Evener) {
    let servers: Vec<_> = NAMES.iter().map(|name| PythonServer::echo(name)).collect();
    let addresses: Vec<SocketAddr> = servers.iter().map(|server| server.address).collect();
    (servers, Evener::start(&site(&addresses)))
}

/// A site in front of one upstream with these servers, in turn.
fn site(servers: &[SocketAddr]) -> String {
    format!(
        "[[site]]\nlisten = \"{{listen}}\"\nto = \"web\"\n\
         [upstream.web]\nservers = [{}]\nbalance = \"round_robin\"\n",
        listed(servers)
    )
}

#[track_caller]
fn expect_little_memory(evener: &Evener, before: u64) {
    let peak = evener.process.peak_rss_bytes();
    let extra = peak.saturating_sub(before);
    assert!(extra < EXTRA_MEMORY_BYTES_MAX, "{extra} bytes more than the {before} before");
}
