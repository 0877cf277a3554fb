//! Workers that end in every way, addresses that get in each other's way, and the last line.

use super::listeners::{Listeners, overlap};
use super::workers::{Manner, Workers};
use evener_observe::{Counters, StatusClass};
use evener_plan::{Listen, Plan};
use evener_proxy::Command;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

async fn until_stopped(mut commands: UnboundedReceiver<Command>) {
    while let Some(command) = commands.recv().await {
        if matches!(command, Command::Stop) {
            return;
        }
    }
}

#[tokio::test]
async fn the_end_of_one_worker_is_noticed_while_others_run() {
    let mut workers = Workers::new();
    workers.add(until_stopped).unwrap();
    assert_eq!(timeout(PATIENCE, workers.all_begun()).await.unwrap(), Ok(()));
    workers.add(|_| async {}).unwrap();
    let end = timeout(PATIENCE, workers.next_end()).await.unwrap();
    assert_eq!((end.index, end.manner, workers.running()), (1, Manner::Returned, 1));
    assert_eq!(end.to_string(), "worker-1 ended unasked");
    workers.tell_all(|| Command::Drain);
    assert!(timeout(Duration::from_millis(50), workers.all_ended()).await.is_err(), "one goes on");
    workers.tell_all(|| Command::Stop);
    timeout(PATIENCE, workers.all_ended()).await.unwrap();
    assert_eq!((workers.running(), workers.panicked()), (0, None));
}

#[tokio::test]
async fn a_panic_of_a_worker_is_noticed_and_remembered() {
    let mut workers = Workers::new();
    workers.add(until_stopped).unwrap();
    timeout(PATIENCE, workers.all_begun()).await.unwrap().unwrap();
    workers.add(|_| async { panic!("this panic belongs to the test") }).unwrap();
    let end = timeout(PATIENCE, workers.next_end()).await.unwrap();
    assert_eq!((end.index, end.manner), (1, Manner::Panicked));
    workers.tell_all(|| Command::Stop);
    timeout(PATIENCE, workers.all_ended()).await.unwrap();
    assert_eq!(workers.panicked().map(|end| end.to_string()).as_deref(), Some("worker-1 panicked"));
}

#[test]
fn wide_addresses_overlap_with_narrow_ones_on_their_port() {
    let listen = |text: &str| match text.strip_prefix(':') {
        Some(port) => Listen::Any(port.parse().unwrap()),
        None => Listen::At(text.parse().unwrap()),
    };
    let check = |one: &str, other: &str, expected: bool| {
        assert_eq!(overlap(listen(one), listen(other)), expected, "{one} {other}");
        assert_eq!(overlap(listen(other), listen(one)), expected, "{other} {one}");
    };
    check(":80", "127.0.0.1:80", true);
    check(":80", "[::1]:80", true);
    check(":80", "127.0.0.1:81", false);
    check(":80", ":81", false);
    check("0.0.0.0:80", "127.0.0.1:80", true);
    check("0.0.0.0:80", "[::1]:80", false);
    check("[::]:80", "0.0.0.0:80", true);
    check("[::]:80", "127.0.0.1:80", true);
    check("127.0.0.1:80", "127.0.0.2:80", false);
    check("127.0.0.1:80", "[::1]:80", false);
}

/// What the table above says is what the system does.
#[test]
fn a_port_in_use_is_told_with_who_has_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = Listeners::new(2).open(&plan(&[Listen::At(address)])).unwrap_err();
    assert!(
        error.starts_with(&format!("cannot listen on {address}: Address already in use (another program")),
        "{error}"
    );

    drop(taken);
    let both = [Listen::At(address), Listen::Any(address.port())];
    let error = Listeners::new(2).open(&plan(&both)).unwrap_err();
    assert!(error.contains(&format!("evener itself listens on {address}")), "{error}");
}

#[test]
fn an_address_of_another_machine_is_told() {
    // TEST-NET-1 belongs to nobody.
    let foreign: SocketAddr = "192.0.2.1:8080".parse().unwrap();
    let error = Listeners::new(1).open(&plan(&[Listen::At(foreign)])).unwrap_err();
    assert!(error.starts_with("cannot listen on 192.0.2.1:8080: ") && error.contains("ip addr"), "{error}");
}

#[test]
fn the_summary_counts_and_names_failures() {
    let counters = Counters::new(2, &["upstream_refused", "upstream_timeout"]);
    counters.worker(0).unwrap().connections_accepted.add(2);
    counters.worker(0).unwrap().count_request(200);
    counters.worker(1).unwrap().count_request(502);
    counters.worker(1).unwrap().count_failure(0);
    let totals = counters.totals();
    assert_eq!(totals.requests(StatusClass::Success), 1);
    let expected = "served 2 requests on 2 connections (2xx 1, 3xx 0, 4xx 0, 5xx 1); failures: upstream_refused 1";
    assert_eq!(super::report::summary(&totals), expected);
}

fn plan(listens: &[Listen]) -> Plan {
    let config = "[[site]]\nrespond = { status = 404 }\n";
    let mut plan = evener_config::load_text("made up", config, &evener_config::NoWorld).plan.unwrap();
    plan.sites[0].listen = listens.to_vec();
    plan
}
