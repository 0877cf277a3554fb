//! The page of metrics under load: it can be read by Prometheus, and it counts what was sent.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Page, SITE, ask, config, start};
use crate::harness::client::get;
use crate::harness::evener::Evener;
use crate::harness::ports::free_address;
use crate::harness::recorder::{Recorder, ok};
use crate::harness::wait::{PATIENCE, eventually, wait_for};

const CLIENTS: usize = 4;
const REQUESTS_EACH: usize = 400;

#[test]
fn a_page_under_load_counts_what_was_sent() {
    let admin = free_address();
    let recorder = Recorder::answering(ok("from the server"));
    let config = format!(
        "workers = 2\nadmin = \"{admin}\"\n[[site]]\nlisten = \"{{listen}}\"\nto = \"{}\"\n[[site.route]]\npath = \
         \"/dead\"\nto = \"{}\"\n",
        recorder.address(),
        free_address(),
    );
    let evener = start(&config, admin);
    let before = Page::fetch(admin);
    assert_eq!(before.value("evener_exchange_requests_total{class=2xx}"), 0.0);
    assert!(before.families.as_object().expect("names and types").len() > 20);

    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = || {
            let mut client = evener.connect();
            for _ in 0..REQUESTS_EACH {
                assert_eq!(client.send(get("/")).response().status, 200);
            }
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(load)).collect();
        let watcher = scope.spawn(|| {
            let (mut pages, mut last) = (0, 0.0);
            while !is_over.load(Ordering::Relaxed) {
                let page = Page::fetch(admin);
                let served = page.value("evener_exchange_requests_total{class=2xx}");
                assert!(last <= served && served <= (CLIENTS * REQUESTS_EACH) as f64, "{last} {served}");
                (pages, last) = (pages + 1, served);
            }
            pages
        });
        let ended: Vec<_> = clients.into_iter().map(|client| client.join()).collect();
        // The watcher ends also when a client has failed.
        is_over.store(true, Ordering::Relaxed);
        assert!(watcher.join().expect("every page was right") > 0);
        ended.into_iter().for_each(|client| client.expect("every request was answered"));
    });
    assert_eq!(evener.get("/dead").status, 502);

    let sent = (CLIENTS * REQUESTS_EACH) as f64;
    // A request is counted after its last byte has gone out.
    let page = wait_for(PATIENCE, "all is counted", || {
        let page = Page::fetch(admin);
        let is_all = page.value("evener_exchange_duration_seconds_count{}") == sent + 1.0
            && page.value("evener_client_connections_open{}") == 0.0;
        is_all.then_some(page)
    });
    let is = |series: &str, expected: f64| assert_eq!(page.value(series), expected, "{series}");
    is("evener_exchange_requests_total{class=2xx}", sent);
    is("evener_exchange_requests_total{class=5xx}", 1.0);
    is("evener_exchange_duration_seconds_bucket{le=+Inf}", sent + 1.0);
    is("evener_client_failures_total{reason=connect_refused}", 1.0);
    is("evener_client_failures_total{reason=no_server}", 0.0);
    // One more for the refused request, and one that only looked whether somebody accepts.
    let connections = page.value("evener_client_connections_total{}");
    assert!([1.0, 2.0].contains(&(connections - CLIENTS as f64)), "{connections}");
    is("evener_upstream_connections_total{}", recorder.conversations().len() as f64);
    is("evener_upstream_reuses_total{}", sent - recorder.conversations().len() as f64);
    assert!(page.value("evener_client_received_bytes_total{}") >= sent * get("/").len() as f64);
    assert!(page.value("evener_client_sent_bytes_total{}") >= sent * ok("from the server").len() as f64);
    let sum = page.value("evener_exchange_duration_seconds_sum{}");
    assert!(sum > 0.0 && sum < sent * 60.0, "{sum}");
}

#[test]
fn the_page_tells_of_the_process() {
    let admin = free_address();
    let now = || std::time::UNIX_EPOCH.elapsed().expect("it is later").as_secs_f64();
    let before = now();
    let _evener = start(&config(admin), admin);
    let page = Page::fetch(admin);
    let started = page.value("evener_process_start_time_seconds{}");
    assert!(before.floor() <= started && started <= now(), "{before} {started} {}", now());
    assert_eq!(page.value(&format!("evener_build_info{{version={}}}", env!("CARGO_PKG_VERSION"))), 1.0);
    // Without TLS there is nothing that could end.
    assert_eq!(page.value("evener_tls_certificates_omitted{}"), 0.0);
    assert!(page.labels("evener_tls_certificate_expiry_timestamp_seconds").is_empty());
}

#[test]
fn there_is_no_admin_listener_unless_it_is_written() {
    let admin = free_address();
    let run = |line: &str| Evener::start(&format!("workers = 1\n{line}{SITE}"));
    let (without, off, on) = (run(""), run("admin = \"off\"\n"), run(&format!("admin = \"{admin}\"\n")));
    eventually(PATIENCE, "it is served", || TcpStream::connect(admin).is_ok());
    assert_eq!(ask(admin, "/healthz").status, 200);
    // Connections that were made to look may still be open.
    eventually(PATIENCE, "one socket more listens", || {
        let count = without.process.sockets();
        off.process.sockets() == count && on.process.sockets() == count + 1
    });
}
