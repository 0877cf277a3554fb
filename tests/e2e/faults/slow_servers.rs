//! Servers that are slow or hang: before the answer, in its head, in its body. Each time-out ends what it is for, and
//! everybody else is served meanwhile.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::client::{End, RawClient, get};
use crate::harness::ports::free_address;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::wire::Wire;
use crate::harness::{Recorder, Step};

use super::traffic::{Traffic, expect_no_failure};
use super::{Child, SOON, Trial, echo, echo_server, expect_next_client_served, post, upstream};

/// The time-out of the tests, and what may pass until the client hears of it.
const TIMEOUT: &str = "response_timeout = \"1s\"";
const TIMEOUT_MIN: Duration = Duration::from_millis(900);

#[test]
fn a_server_that_does_not_answer_in_time_is_a_504_and_the_others_are_served() {
    let server = Recorder::per_request(|request| match request.target.as_str() {
        "/hold" => vec![Step::Hold],
        "/freeze" => vec![Step::Freeze(PATIENCE)],
        _ => vec![Step::send(echo(request))],
    });
    let trial = Trial::in_front_of(&[server.address()], TIMEOUT);
    let traffic = Traffic::start(trial.evener.address(), 2);
    let since = Instant::now();
    let mut slow: Vec<RawClient> = (0..3).map(|_| trial.evener.connect()).collect();
    slow[0].send(get("/hold"));
    slow[1].send(get("/freeze"));
    slow[2].send(post("/hold"));
    for (client, method) in slow.iter_mut().zip(["GET", "GET", "POST"]) {
        assert_eq!(client.response_to(method).status, 504);
        assert!(since.elapsed() > TIMEOUT_MIN, "{:?}", since.elapsed());
        // The connection goes on.
        assert_eq!(client.send(get("/1")).response().text(), "GET /1");
    }
    expect_no_failure(&traffic.end());
    // Nobody else gets the answer that comes too late: that connection is gone.
    let held = |target: &str| server.requests().iter().filter(|request| request.target == target).count();
    assert_eq!((held("/hold"), held("/freeze")), (2, 1), "none was repeated");
    drop(slow);
    let account = trial.end(server);
    account.expect_failures(&[("response_timeout", 3)]);
    account.expect_line("POST /hold 504 response_timeout");
}

#[test]
fn an_answer_that_comes_too_late_reaches_nobody() {
    let server = Recorder::scripted(|number| match number {
        0 => vec![Step::ReadRequest, Step::Freeze(Duration::from_millis(1_500)), Step::send(ok("too late"))],
        _ => vec![Step::ReadRequest, Step::send(ok("in time")), Step::Again],
    });
    let trial = Trial::in_front_of(&[server.address()], TIMEOUT);
    let mut client = trial.evener.connect();
    assert_eq!(client.send(get("/1")).response().status, 504);
    eventually(PATIENCE, "the late answer was sent", || server.conversation(0).is_over());
    for _ in 0..3 {
        assert_eq!(client.send(get("/2")).response().text(), "in time");
        assert_eq!(trial.evener.get("/3").text(), "in time");
    }
    drop(client);
    trial.end(server).expect_failures(&[("response_timeout", 1)]);
}

#[test]
fn a_head_that_drips_is_a_504_when_its_time_is_over() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec();
    let server = Recorder::per_request(move |_| vec![Step::Drip(head.clone(), Duration::from_millis(100))]);
    let trial = Trial::in_front_of(&[server.address()], TIMEOUT);
    let mut client = trial.evener.connect();
    assert_eq!(client.send(get("/1")).response().status, 504);
    eventually(SOON, "the server is told", || server.conversation(0).is_over());
    drop(client);
    trial.end(server).expect_failures(&[("response_timeout", 1)]);
}

#[test]
fn a_body_that_drips_arrives_whole_and_one_that_stops_is_cut() {
    let server = Recorder::per_request(|request| {
        let chunked = request.target.ends_with("chunked");
        let head = match chunked {
            true => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            false => "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
        };
        let body = if chunked { "4\r\nslow\r\n0\r\n\r\n" } else { "slow" };
        let (pause, shown) = match request.target.starts_with("/drip") {
            true => (Duration::from_millis(400 / body.len() as u64 * 4), body.len()),
            false => (Duration::ZERO, body.len() - 1),
        };
        let body_bytes = body.len();
        let body = body.as_bytes()[..shown].to_vec();
        let after = if shown == body_bytes { vec![] } else { vec![Step::Hold] };
        [vec![Step::send(head), Step::Drip(body, pause)], after].concat()
    });
    let trial = Trial::in_front_of(&[server.address()], TIMEOUT);
    for framing in ["length", "chunked"] {
        // Longer than the time-out in all, but never silent for so long.
        assert_eq!(trial.evener.get(&format!("/drip/{framing}")).text(), "slow");
        let mut stalled = trial.evener.connect();
        stalled.send(get(&format!("/stall/{framing}")));
        let error = stalled.try_response_to("GET").expect_err("the body is not whole");
        assert_ne!(error.kind(), std::io::ErrorKind::TimedOut, "{error}");
    }
    // Without chunks, only a reset tells a client that the body is not whole.
    let mut old = trial.evener.connect();
    old.send("GET /stall/chunked HTTP/1.0\r\n\r\n");
    assert_eq!(old.rest().1, End::Reset);
    let account = trial.end(server);
    account.expect_failures(&[("response_body_timeout", 3)]);
    account.expect_line("GET /stall/length 200 response_body_timeout");
}

#[test]
fn a_stopped_server_times_out_and_serves_again_when_it_goes_on() {
    let (stopping, server) = (Child::start(), Child::start());
    let config = upstream(&[stopping.address(), server.address()], TIMEOUT).replace("\"first\"", "\"round_robin\"");
    let trial = Trial::start(&config);
    let mut clients: Vec<RawClient> = (0..4).map(|_| trial.evener.connect()).collect();
    let mut ask_all = |round: usize| -> Vec<u16> {
        // All at once, so that the stopped server makes them wait once and not one after the other.
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(get(&format!("/{round}/{number}")));
        }
        let answers = clients.iter_mut().enumerate().map(|(number, client)| {
            let response = client.response();
            assert!(response.status == 504 || response.text() == format!("GET /{round}/{number}"));
            response.status
        });
        answers.collect()
    };
    assert_eq!(ask_all(1), [200; 4]);
    stopping.0.process.signal(Signal::STOP);
    eventually(PATIENCE, "it stands still", || stopping.0.process.is_stopped());
    let statuses = ask_all(2);
    assert_eq!(statuses.iter().filter(|status| **status == 504).count(), 2, "{statuses:?}");
    stopping.0.process.signal(Signal::CONT);
    assert_eq!(ask_all(3), [200; 4]);
    drop(clients);
    trial.end((stopping, server)).expect_failures(&[("response_timeout", 2)]);
}

/// A listener whose queue is full, so that the kernel drops what comes and the connecting side hears nothing.
fn black_hole() -> (SocketAddr, TcpListener, Vec<Wire>) {
    let address = free_address();
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&address.into()).expect("the registry's port is free");
    socket.listen(0).expect("a bound socket listens");
    let attempt = || Wire::connect(address, Duration::from_millis(300)).ok();
    let waiting: Vec<Wire> = std::iter::from_fn(attempt).take(10).collect();
    assert!(waiting.len() < 10, "the queue does not fill");
    (address, socket.into(), waiting)
}

#[test]
fn a_server_that_takes_no_connection_is_passed_over_in_time() {
    let (hole, listener, waiting) = black_hole();
    let standing = echo_server();
    let trial = Trial::in_front_of(&[hole, standing.address()], "connect_timeout = \"300ms\"");
    assert_eq!(trial.evener.get("/1").text(), "GET /1");
    assert_eq!(trial.evener.connect().send(post("/2")).response_to("POST").text(), "POST /2");
    let account = trial.end((standing, listener, waiting));
    account.expect_failures(&[]);

    let (hole, listener, waiting) = black_hole();
    let trial = Trial::in_front_of(&[hole], "connect_timeout = \"300ms\"");
    assert_eq!(trial.evener.get("/3").status, 504);
    trial.end((listener, waiting)).expect_failures(&[("connect_timeout", 1)]);
}

#[test]
fn the_time_of_a_route_bounds_the_whole_exchange() {
    let server = Recorder::per_request(|request| match request.target.as_str() {
        "/head" => vec![Step::Hold],
        "/body" => {
            let drip = Step::Drip(vec![b'x'; 1_000], Duration::from_millis(50));
            vec![Step::send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"), drip]
        }
        _ => vec![Step::send(echo(request))],
    });
    let config = upstream(&[server.address()], "").replace("to = \"web\"", "to = \"web\"\ntimeout = \"1s\"");
    let trial = Trial::start(&config);
    assert_eq!(trial.evener.get("/head").status, 504);
    let mut client = trial.evener.connect();
    client.send(get("/body"));
    assert!(client.try_response_to("GET").is_err(), "the body is not whole");
    expect_next_client_served(&trial.evener, "/1");
    trial.end(server).expect_failures(&[("route_timeout", 2)]);
}
