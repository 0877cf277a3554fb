//! Clients that vanish: in the middle of their request, while they wait, and in the middle of the answer. The server is
//! told soon, its slot is free, and nobody blames it.

use std::time::Duration;

use crate::harness::client::{RawClient, get};
use crate::harness::content::content;
use crate::harness::recorder::{Conversation, ok};
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Recorder, Step};

use super::{SOON, Trial, expect_next_client_served, upstream};

/// How a client goes.
#[derive(Debug, Clone, Copy)]
enum Leave {
    /// It closes in an orderly way.
    Close,
    Reset,
}

/// A client sends this, waits for so many bytes of the answer, and leaves.
#[track_caller]
fn check_server_is_told(name: &str, request: &[u8], server_steps: &[Step], answer_bytes: usize, leave: Leave) {
    let steps = server_steps.to_vec();
    let server = Recorder::scripted(move |number| match number {
        0 => steps.clone(),
        _ => vec![Step::ReadRequest, Step::send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nGET /2"), Step::Again],
    });
    let trial = Trial::in_front_of(&[server.address()], "response_timeout = \"1h\"");
    let mut client = trial.evener.connect();
    client.send(request);
    let conversation = server.conversation(0);
    eventually(PATIENCE, "the request is under way", || !conversation.requests().is_empty());
    client.bytes(answer_bytes);
    assert!(!conversation.is_over());
    match leave {
        Leave::Close => drop(client),
        Leave::Reset => client.reset(),
    }
    eventually(SOON, &format!("{name}: the server is told"), || conversation.is_over());
    expect_next_client_served(&trial.evener, "/2");
    let account = trial.end(server);
    account.expect_failures(&[("client_gone", 1)]);
}

#[test]
fn a_client_that_vanishes_in_its_upload_ends_the_request() {
    let mut with_length = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000000\r\n\r\n".to_vec();
    with_length.extend(content(0, 100_000));
    let mut chunked = b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n".to_vec();
    chunked.extend(content(0, 50_000));
    for leave in [Leave::Close, Leave::Reset] {
        let steps = [Step::ReadHead, Step::ReadToEnd];
        check_server_is_told("with a length", &with_length, &steps, 0, leave);
        check_server_is_told("chunked", &chunked, &steps, 0, leave);
    }
}

/// The buffers are full, so that nobody reads from the client: only its reset itself can be noticed.
#[test]
fn a_client_that_vanishes_while_the_server_takes_nothing_of_its_upload_ends_the_request() {
    let server = Recorder::scripted(|_| vec![Step::ReadHead, Step::Freeze(PATIENCE)]);
    let trial = Trial::in_front_of(&[server.address()], "response_timeout = \"1h\"");
    for framing in ["Content-Length: 1000000000", "Transfer-Encoding: chunked"] {
        let mut client = trial.evener.connect().with_patience(Duration::from_millis(500));
        client.send(format!("POST / HTTP/1.1\r\nHost: test\r\n{framing}\r\n\r\n"));
        let chunk = [b"100000\r\n".as_slice(), &content(0, 0x10_0000), b"\r\n"].concat();
        let sent = (0..200).find_map(|_| client.try_send(&chunk).err());
        assert!(sent.is_some(), "everything was taken");
        let lines = || trial.evener.process.stdout().lines().count();
        let before = lines();
        client.reset();
        eventually(SOON, "the request is over", || lines() > before);
    }
    let account = trial.end(server);
    account.expect_failures(&[("client_gone", 2)]);
}

#[test]
fn a_client_that_vanishes_while_it_waits_ends_the_request() {
    check_server_is_told("waiting", get("/").as_bytes(), &[Step::ReadRequest, Step::Hold], 0, Leave::Reset);
}

#[test]
fn a_client_that_vanishes_in_its_download_ends_the_request() {
    // To a client that has closed, bytes are sent until its reset comes back.
    for leave in [Leave::Close, Leave::Reset] {
        let chunked = Step::send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n");
        let more = Step::Drip("1\r\nx\r\n".repeat(100).into_bytes(), Duration::from_millis(20));
        let steps = [Step::ReadRequest, chunked, more, Step::Hold];
        check_server_is_told("dripping", get("/").as_bytes(), &steps, 20, leave);

        let long = Step::send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        let steps = [Step::ReadRequest, long, Step::Send(content(0, 30_000_000)), Step::Hold];
        check_server_is_told("long", get("/").as_bytes(), &steps, 20, leave);
    }
}

#[test]
fn a_client_that_vanishes_while_the_server_pauses_in_its_answer_ends_the_request() {
    for head in ["Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n", "Content-Length: 1000000\r\n\r\npart"] {
        let begin = Step::send(format!("HTTP/1.1 200 OK\r\n{head}"));
        let steps = [Step::ReadRequest, begin, Step::Hold];
        check_server_is_told("pausing", get("/").as_bytes(), &steps, 20, Leave::Reset);
    }
}

#[test]
fn clients_that_vanish_free_the_slots_of_their_server() {
    let answer = |name: &'static str| {
        Recorder::per_request(move |request| match request.target.starts_with("/hold") {
            true => vec![Step::Hold],
            false => vec![Step::send(ok(name))],
        })
    };
    let (one, two) = (answer("one"), answer("two"));
    let config = upstream(&[one.address(), two.address()], "").replace("\"first\"", "\"least_requests\"");
    let trial = Trial::start(&config);
    let mut waiting: Vec<RawClient> = (0..6).map(|_| trial.evener.connect()).collect();
    for (number, client) in waiting.iter_mut().enumerate() {
        client.send(get(&format!("/hold/{number}")));
    }
    eventually(PATIENCE, "each server holds three", || (one.requests().len(), two.requests().len()) == (3, 3));
    // Only those that wait at the first server leave.
    let at_one: Vec<String> = one.requests().into_iter().map(|request| request.target).collect();
    let (leaving, staying): (Vec<_>, Vec<_>) =
        (0..).zip(waiting).partition(|(number, _)| at_one.contains(&format!("/hold/{number}")));
    leaving.into_iter().for_each(|(_, client)| client.reset());
    eventually(SOON, "the server is told", || one.conversations().iter().all(Conversation::is_over));
    // With three requests still counted, the first server would look as busy as the second and get one half.
    let mut client = trial.evener.connect();
    for _ in 0..20 {
        assert_eq!(client.send(get("/")).response().text(), "one");
    }
    drop((client, staying));
    trial.end((one, two));
}
