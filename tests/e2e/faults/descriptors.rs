//! No file descriptors: idle connections make room for new clients; when there is no room to make, evener waits without
//! turning in circles, and goes on when there is some.

use std::time::Duration;

use crate::harness::client::{RawClient, get};
use crate::harness::wait::{PATIENCE, eventually, pause_unless};
use crate::harness::{Recorder, Step};

use super::{Trial, echo, expect_next_client_served};

/// Descriptors that evener may open beyond those that it has.
const ROOM: usize = 30;
/// Processor time that evener may use in a second in which it can do nothing.
const IDLE_TIME_MAX: Duration = Duration::from_millis(150);

/// From now on evener can open this many more files.
#[track_caller]
fn leave_room(trial: &Trial, room: usize) {
    let process = &trial.evener.process;
    let open = process.open_numbers();
    // The limit is on the numbers, so those that are free below it count.
    let mut free = (0..).filter(|number| !open.contains(number));
    let limit = free.nth(room).expect("numbers have no end");
    process.limit_open_files(limit);
}

fn server() -> Recorder {
    Recorder::per_request(|request| match request.target.as_str() {
        "/hold" => vec![Step::Hold],
        _ => vec![Step::send(echo(request))],
    })
}

#[test]
fn idle_connections_make_room_for_new_clients() {
    let server = server();
    let trial = Trial::in_front_of(&[server.address()], "");
    leave_room(&trial, ROOM);
    // Each one stays, so that the room is used up again and again.
    let mut idle = Vec::new();
    for number in 0..4 * ROOM {
        let mut client = trial.evener.connect();
        assert_eq!(client.send(get(&format!("/{number}"))).response().text(), format!("GET /{number}"));
        idle.push(client);
    }
    // Those that were longest idle went first; the last one is still there.
    idle[0].expect_close();
    assert_eq!(idle[4 * ROOM - 1].send(get("/last")).response().text(), "GET /last");
    drop(idle);
    let account = trial.end(server);
    account.expect_failures(&[]);
    assert!(account.stderr.contains("descriptors_exhausted"), "{}", account.stderr);
}

#[test]
fn idle_connections_make_room_for_many_new_clients_at_once() {
    let server = server();
    let trial = Trial::in_front_of(&[server.address()], "");
    leave_room(&trial, 2 * ROOM);
    let mut idle: Vec<RawClient> = (0..2 * ROOM - 5).map(|_| trial.evener.connect()).collect();
    for client in &mut idle {
        assert_eq!(client.send(get("/1")).response().text(), "GET /1");
    }
    // Each of these needs two descriptors, since all are under way at once.
    let mut busy: Vec<RawClient> = (0..20).map(|_| trial.evener.connect()).collect();
    for client in &mut busy {
        client.send(get("/hold"));
    }
    let held = || server.requests().iter().filter(|request| request.target == "/hold").count();
    pause_unless(Duration::from_secs(3), || held() == 20);
    assert_eq!(held(), 20, "all are under way: {}", trial.evener.process.stderr());
    busy.into_iter().for_each(RawClient::reset);
    drop(idle);
    trial.end(server);
}

#[test]
fn without_room_it_waits_quietly_and_recovers() {
    let server = server();
    let trial = Trial::in_front_of(&[server.address()], "");
    // A connection to a server for each that waits for its answer: none of them may be closed to make room.
    let mut busy: Vec<RawClient> = (0..10).map(|_| trial.evener.connect()).collect();
    for client in &mut busy {
        client.send(get("/hold"));
    }
    eventually(PATIENCE, "all are under way", || server.requests().len() == 10);
    leave_room(&trial, 0);
    let mut waiting: Vec<RawClient> = (0..10).map(|_| trial.evener.connect()).collect();
    for (number, client) in waiting.iter_mut().enumerate() {
        client.send(get(&format!("/{number}")));
    }
    eventually(PATIENCE, "evener says so", || trial.evener.process.stderr().contains("descriptors_exhausted"));
    let before = trial.evener.process.processor_time();
    // A second in which nothing can happen.
    waiting[0].expect_silence(Duration::from_secs(1));
    let used = trial.evener.process.processor_time().saturating_sub(before);
    assert!(used < IDLE_TIME_MAX, "{used:?} of processor time in a second of nothing");
    assert!(server.conversations().iter().all(|one| !one.is_over()), "the busy ones are left alone");

    busy.into_iter().for_each(RawClient::reset);
    for (number, client) in waiting.iter_mut().enumerate() {
        assert_eq!(client.response().text(), format!("GET /{number}"));
    }
    expect_next_client_served(&trial.evener, "/next");
    drop(waiting);
    trial.end(server).expect_failures(&[("client_gone", 10)]);
}
