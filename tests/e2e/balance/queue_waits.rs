//! Waiting for a server: in which order, how one leaves, and what a reload changes.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::gate::Gate;
use super::{named, reload, servers, site, tables};
use crate::harness::client::{RawClient, get};
use crate::harness::ports::free_address;
use crate::harness::wait::{PATIENCE, eventually, pause_unless};
use crate::harness::{Evener, Recorder, Step};

const ONE_AT_A_TIME: &str = "max_requests = 1\nqueue = { wait = \"25s\" }";

/// Waits until evener has dealt with everything that was sent to it: all its threads sleep, and still do a little later.
#[track_caller]
fn settle(evener: &Evener) {
    const LOOKS: usize = 5;
    let folder = format!("/proc/{}/task", evener.process.pid().as_raw_nonzero());
    let sleeps = |task: PathBuf| {
        let line = std::fs::read_to_string(task.join("stat")).unwrap_or_default();
        line.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('S'))
    };
    let mut quiet = 0;
    eventually(PATIENCE, "evener has nothing to do", || {
        let tasks = std::fs::read_dir(&folder).expect("a running process has threads");
        let is_quiet = tasks.filter_map(|task| Some(task.ok()?.path())).all(sleeps);
        quiet = if is_quiet { quiet + 1 } else { 0 };
        quiet >= LOOKS
    });
}

fn with_workers(gates: &[&Gate], workers: usize) -> Evener {
    let addresses: Vec<_> = gates.iter().map(|gate| gate.address()).collect();
    let config = site(&servers(&addresses, ONE_AT_A_TIME));
    Evener::start(&config.replace("workers = 2", &format!("workers = {workers}")))
}

/// The server has a request, and so many others wait, in the order of their numbers from 1 on.
#[track_caller]
fn line_up(evener: &Evener, gate: &Gate, count: usize) -> Vec<RawClient> {
    let mut clients = Vec::new();
    for number in 0..=count {
        clients.push(wait_in_line(evener, &format!("/{number}")));
        if number == 0 {
            gate.wait_until_arrived(1);
        }
    }
    clients
}

/// One more that waits.
#[track_caller]
pub(super) fn wait_in_line(evener: &Evener, target: &str) -> RawClient {
    let mut client = evener.connect();
    client.send(get(target));
    settle(evener);
    client
}

/// Lets the requests through one by one; each client gets its own answer.
#[track_caller]
fn expect_in_order(gate: &Gate, clients: &mut [RawClient]) {
    for (number, client) in clients.iter_mut().enumerate() {
        gate.wait_until_arrived(number + 1);
        gate.pass(1);
        assert_eq!(client.response().text(), format!("/{number}"));
    }
}

#[test]
fn who_came_first_is_served_first_whichever_worker_has_it() {
    for workers in [1, 4] {
        let gate = Gate::closed();
        let evener = with_workers(&[&gate], workers);
        let mut clients = line_up(&evener, &gate, 12);
        assert_eq!(gate.arrived(), ["/0"]);
        expect_in_order(&gate, &mut clients);
        let expected: Vec<String> = (0..=12).map(|number| format!("/{number}")).collect();
        assert_eq!((gate.arrived(), gate.most()), (expected, 1));
    }
}

#[test]
fn the_first_server_with_room_takes_the_next_one() {
    let (slow, quick) = (Gate::closed(), Gate::closed());
    let evener = with_workers(&[&slow, &quick], 2);
    let mut held = [wait_in_line(&evener, "/a"), wait_in_line(&evener, "/b")];
    slow.wait_until_arrived(1);
    quick.wait_until_arrived(1);
    let mut waiting: Vec<RawClient> = (0..3).map(|number| wait_in_line(&evener, &format!("/{number}"))).collect();
    quick.open();
    for (number, client) in waiting.iter_mut().enumerate() {
        assert_eq!(client.response().text(), format!("/{number}"));
    }
    assert_eq!(slow.arrived().len(), 1);
    slow.open();
    let mut texts = held.each_mut().map(|client| client.response().text());
    texts.sort();
    assert_eq!(texts, ["/a", "/b"]);
}

#[test]
fn a_client_that_leaves_the_line_frees_its_place() {
    let gate = Gate::closed();
    let config = site(&servers(&[gate.address()], "max_requests = 1\nqueue = { size = 1, wait = \"25s\" }"));
    let evener = Evener::start(&config);
    let mut clients = line_up(&evener, &gate, 1);
    assert_eq!(evener.get("/full").status, 503);
    clients.pop().expect("it waits").reset();
    settle(&evener);
    let mut next = wait_in_line(&evener, "/next");
    gate.open();
    assert_eq!(clients[0].response().text(), "/0");
    assert_eq!(next.response().text(), "/next");
    assert_eq!(gate.arrived(), ["/0", "/next"]);
}

#[test]
fn when_a_client_leaves_a_server_the_next_one_in_line_goes_there() {
    // This server notices when it is left.
    let server = Recorder::per_request(|request| match request.target.as_str() {
        "/hold" => vec![Step::Hold],
        target => vec![Step::send(crate::harness::recorder::ok(target))],
    });
    let evener = Evener::start(&site(&servers(&[server.address()], ONE_AT_A_TIME)));
    let mut held = evener.connect();
    held.send(get("/hold"));
    eventually(PATIENCE, "it is busy", || server.requests().len() == 1);
    let mut waiting = [wait_in_line(&evener, "/1"), wait_in_line(&evener, "/2")];
    held.reset();
    assert_eq!(waiting.each_mut().map(|client| client.response().text()), ["/1", "/2"]);
}

#[test]
fn a_reload_loses_nobody_who_waits_and_keeps_the_order() {
    let gate = Gate::closed();
    let evener = with_workers(&[&gate], 2);
    let mut clients = line_up(&evener, &gate, 4);
    let config = site(&servers(&[gate.address()], &format!("{ONE_AT_A_TIME}\nconnect_timeout = \"1s\"")));
    reload(&evener, &config);
    settle(&evener);
    assert_eq!((gate.arrived().len(), gate.most()), (1, 1), "what is in flight still counts");
    for number in 5..=6 {
        clients.push(wait_in_line(&evener, &format!("/{number}")));
    }
    expect_in_order(&gate, &mut clients);
    assert_eq!(gate.most(), 1);
}

#[test]
fn a_server_that_a_reload_adds_takes_requests_though_others_wait_for_the_old_one() {
    let (gate, new) = (Gate::closed(), named("new"));
    let evener = with_workers(&[&gate], 2);
    let mut clients = line_up(&evener, &gate, 2);
    reload(&evener, &site(&servers(&[gate.address(), new.address()], ONE_AT_A_TIME)));
    // Who comes now does not wait behind those that may only go to the old server.
    let since = Instant::now();
    assert_eq!(evener.get("/3").text(), "new");
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    gate.open();
    for client in &mut clients {
        assert_eq!(client.response().status, 200);
    }
}

#[test]
fn a_bound_that_a_reload_takes_away_holds_nobody_up() {
    let gate = Gate::closed();
    let evener = with_workers(&[&gate], 2);
    let mut clients = line_up(&evener, &gate, 2);
    reload(&evener, &site(&servers(&[gate.address()], "")));
    let mut free = evener.connect();
    free.send(get("/free"));
    eventually(PATIENCE, "it need not wait", || gate.arrived().contains(&"/free".to_owned()));
    gate.open();
    for client in clients.iter_mut().chain([&mut free]) {
        assert_eq!(client.response().status, 200);
    }
}

#[test]
fn a_request_whose_server_is_lost_waits_for_another_one_like_all() {
    let (mut dying, standing) = (Recorder::per_request(|_| vec![Step::Hold]), Gate::closed());
    let config = site(&servers(&[dying.address(), standing.address()], ONE_AT_A_TIME));
    let evener = Evener::start(&config);
    let mut held = [wait_in_line(&evener, "/a"), wait_in_line(&evener, "/b")];
    standing.wait_until_arrived(1);
    eventually(PATIENCE, "both are busy", || dying.requests().len() == 1);
    dying.stop();
    settle(&evener);
    assert_eq!(standing.arrived().len(), 1, "there is no room yet");
    standing.open();
    let mut texts = held.each_mut().map(|client| client.response().text());
    texts.sort();
    assert_eq!((texts, standing.most()), (["/a".to_owned(), "/b".to_owned()], 1));
}

/// Those who wait sleep: in half a second evener uses next to no processor time.
#[track_caller]
fn expect_rest(evener: &Evener) {
    settle(evener);
    let before = evener.process.processor_time();
    pause_unless(Duration::from_millis(500), || false);
    let used = evener.process.processor_time() - before;
    assert!(used < Duration::from_millis(150), "{used:?} of processor time for waiting");
}

#[test]
fn room_at_a_server_that_is_out_keeps_nobody_awake() {
    let (refusing, standing) = (free_address(), Gate::closed());
    let keys = format!("{ONE_AT_A_TIME}\nbalance = \"first\"");
    let evener = Evener::start(&site(&servers(&[refusing, standing.address()], &keys)));
    standing.pass(8);
    for number in 0..8 {
        assert_eq!(evener.get("/out").status, 200, "request {number}");
    }
    eventually(PATIENCE, "the server that refuses is out", || evener.process.stderr().contains("is ejected"));
    let mut clients = [wait_in_line(&evener, "/0"), wait_in_line(&evener, "/1"), wait_in_line(&evener, "/2")];
    standing.wait_until_arrived(9);
    expect_rest(&evener);
    standing.open();
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.response().text(), format!("/{number}"));
    }
}

#[test]
fn a_backup_is_no_way_around_the_line_and_keeps_nobody_awake() {
    let (gate, backup) = (Gate::closed(), named("backup"));
    let both = tables(&[(gate.address(), ""), (backup.address(), ", backup = true")], ONE_AT_A_TIME);
    let evener = Evener::start(&site(&both));
    let mut clients = line_up(&evener, &gate, 2);
    expect_rest(&evener);
    expect_in_order(&gate, &mut clients);
    assert_eq!(backup.conversations().len(), 0);
}

#[test]
fn a_client_whose_own_server_is_busy_waits_for_it_asleep_or_goes_elsewhere() {
    let (gate, other) = (Gate::closed(), named("other"));
    let keys = format!("{ONE_AT_A_TIME}\nbalance = \"first\"\nsticky = \"evener\"");
    let evener = Evener::start(&site(&servers(&[gate.address(), other.address()], &keys)));
    gate.pass(1);
    let first = evener.get("/0");
    let cookie = first.field("set-cookie").and_then(|value| value.split(';').next()).expect("a cookie").to_owned();
    let mut held = wait_in_line(&evener, "/held");
    gate.wait_until_arrived(2);
    let mut own = evener.connect();
    own.send(super::request("GET", "/own", &format!("Cookie: {cookie}\r\n")));
    expect_rest(&evener);
    gate.open();
    let response = own.response();
    assert!(["/own", "other"].contains(&response.text().as_str()), "{response:?}");
    assert_eq!(held.response().text(), "/held");
}

#[test]
fn who_may_not_go_to_the_free_server_holds_up_nobody_who_may() {
    let gate = Gate::closed();
    let free = Recorder::per_request(|request| match request.target.as_str() {
        "/lost" => vec![Step::Reset],
        _ => vec![Step::send(crate::harness::recorder::ok("free"))],
    });
    let keys = format!("{ONE_AT_A_TIME}\nbalance = \"first\"");
    let evener = Evener::start(&site(&servers(&[free.address(), gate.address()], &keys)));
    // This one was lost at the first server, so it waits for the second one, which is busy.
    let mut held = evener.connect();
    held.send(get("/lost"));
    gate.wait_until_arrived(1);
    let mut waiting = wait_in_line(&evener, "/lost");
    let since = Instant::now();
    assert_eq!(evener.get("/well").text(), "free");
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    gate.open();
    for client in [&mut held, &mut waiting] {
        assert_eq!(client.response().text(), "/lost");
    }
}

#[test]
fn when_the_line_does_not_move_the_newest_goes_first() {
    let gate = Gate::closed();
    let config = site(&servers(&[gate.address()], "max_requests = 1\nqueue = { wait = \"3s\" }"));
    let evener = Evener::start(&config);
    let mut clients = line_up(&evener, &gate, 1);
    // More than half of what one may wait is over for the first in line.
    pause_unless(Duration::from_millis(1_600), || false);
    clients.push(wait_in_line(&evener, "/2"));
    gate.pass(1);
    gate.wait_until_arrived(2);
    assert_eq!(gate.arrived(), ["/0", "/2"]);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.response().status, 200);
    }
}
