//! Where connections go: over the servers, past those that take none, to their bounds, and over reloads.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Service, named, service, told};
use crate::harness::client::{End, RawClient};
use crate::harness::content::{ContentCheck, content};
use crate::harness::ports::{free_address, listen};
use crate::harness::wait::{PATIENCE, eventually, wait_for};
use crate::harness::{Recorder, Step};

const LENGTH: usize = 8 << 20;

/// A server that sends back what it gets.
fn mirror(address: SocketAddr) -> JoinHandle<()> {
    let listener = listen(address);
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut piece = vec![0; 256 * 1024];
        while let Ok(count @ 1..) = stream.read(&mut piece) {
            stream.write_all(&piece[..count]).expect("evener takes it back");
        }
    })
}

/// A new connection is reset; that may be so fast that the client sees no more of it.
#[track_caller]
fn is_reset(service: &Service) {
    if let Ok(mut client) = RawClient::try_connect(service.address()) {
        assert_eq!(client.rest(), (Vec::new(), End::Reset));
    }
}

#[test]
fn many_bytes_pass_both_ways_at_once_between_small_ones() {
    let address = free_address();
    let server = mirror(address);
    let service = service(&[address], "", "");
    let mut client = service.connect();
    for _ in 0..20 {
        assert_eq!(client.send("ping").bytes(4), b"ping");
    }
    let bytes = content(0, LENGTH);
    let mut check = ContentCheck::default();
    for piece in bytes.chunks(1 << 20) {
        check.take(&client.send(piece).bytes(piece.len()));
    }
    assert_eq!(check.length(), LENGTH);
    for _ in 0..20 {
        assert_eq!(client.send("pong").bytes(4), b"pong", "small again after the many");
    }
    client.half_close();
    client.expect_close();
    server.join().expect("the server saw the end");
}

#[test]
fn connections_are_spread_and_pass_a_server_that_takes_none() {
    let (one, two, nobody) = (named("1"), named("2"), free_address());
    let service = service(&[nobody, one.address(), two.address()], "", "balance = \"round_robin\"");
    let mut names = Vec::new();
    for _ in 0..20 {
        let mut client = service.connect();
        names.extend(client.bytes(1));
    }
    let ones = names.iter().filter(|name| **name == b'1').count();
    assert!((5..=15).contains(&ones), "{names:?}");
    told(&service.evener, "connect_refused");
}

#[test]
fn with_no_server_at_all_the_client_gets_a_reset_and_the_operator_the_reason() {
    let service = service(&[free_address(), free_address()], "", "");
    is_reset(&service);
    told(&service.evener, "connect_refused");
}

#[test]
fn a_server_that_comes_back_is_used_again_without_a_request_to_try_it() {
    let (address, other) = (free_address(), named("other"));
    let service = service(&[address, other.address()], "", "balance = \"first\"");
    for _ in 0..6 {
        assert_eq!(service.connect().bytes(5), b"other");
    }
    let back = listen(address);
    let thread = thread::spawn(move || {
        for mut stream in back.incoming().flatten() {
            if stream.write_all(b"first").is_ok() {
                let mut byte = [0];
                if stream.read(&mut byte).is_ok_and(|count| count == 1) {
                    return;
                }
            }
        }
    });
    wait_for(PATIENCE, "the first server has the connections", || {
        let mut client = service.connect();
        let name = client.bytes(5);
        (name == b"first").then(|| client.try_send("end").ok())
    });
    thread.join().expect("the server ends");
}

#[test]
fn a_connection_counts_at_its_server_for_all_of_its_life() {
    let server = named("in");
    let service = service(&[server.address()], "", "max_requests = 1\nqueue = { size = 1, wait = \"200ms\" }");
    let mut first = service.connect();
    assert_eq!(first.bytes(2), b"in");
    // Nothing is free, the time in the queue passes.
    is_reset(&service);
    told(&service.evener, "queue_timeout");
    drop(first);
    wait_for(PATIENCE, "the place is free again", || service.connect().try_bytes(2).ok());
}

#[test]
fn who_waits_in_the_queue_gets_the_place_that_becomes_free() {
    let server = named("in");
    let service = service(&[server.address()], "", "max_requests = 1\nqueue = { size = 1, wait = \"20s\" }");
    let mut first = service.connect();
    assert_eq!(first.bytes(2), b"in");
    let mut second = service.connect();
    second.expect_silence(Duration::from_millis(100));
    // The queue has one place.
    is_reset(&service);
    told(&service.evener, "queue_full");
    drop(first);
    assert_eq!(second.bytes(2), b"in");
}

#[test]
fn the_same_client_has_the_same_server_where_the_balance_says_so() {
    let servers: Vec<Recorder> = ["1", "2", "3", "4"].map(named).into();
    let addresses: Vec<_> = servers.iter().map(Recorder::address).collect();
    let service = service(&addresses, "", "balance = \"hash\"\nhash_key = \"client_ip\"");
    let first = service.connect().bytes(1);
    for _ in 0..8 {
        assert_eq!(service.connect().bytes(1), first);
    }
}

#[test]
fn a_reload_and_a_stop_leave_connections_alone_until_the_grace_is_over() {
    let server = Recorder::scripted(|_| vec![Step::ReadBytes(4), Step::send("pong"), Step::Again]);
    let config = |more: &'static str| {
        let server = server.address();
        move |address| format!("shutdown_grace = \"1s\"\n[[tcp]]\nlisten = \"{address}\"\nto = \"{server}\"\n{more}\n")
    };
    let mut service = Service::start(config(""));
    let mut client = service.connect();
    assert_eq!(client.send("ping").bytes(4), b"pong");
    service.reload(config("idle_timeout = \"10m\""));
    assert_eq!(client.send("ping").bytes(4), b"pong");
    let since = Instant::now();
    service.evener.signal(Signal::TERM);
    eventually(PATIENCE, "it takes no connection", || RawClient::try_connect(service.address()).is_err());
    assert_eq!(client.send("ping").bytes(4), b"pong");
    assert_eq!(client.rest(), (Vec::new(), End::Reset), "what is cut does not look whole");
    assert!(since.elapsed() >= Duration::from_millis(900));
    assert!(service.evener.process.wait_exit(PATIENCE).success());
}

#[test]
fn a_stop_waits_for_no_connection_that_has_ended() {
    let server = named("hi");
    let mut service = service(&[server.address()], "", "");
    let mut client = service.connect();
    assert_eq!(client.bytes(2), b"hi");
    service.evener.signal(Signal::TERM);
    drop(client);
    let since = Instant::now();
    assert!(service.evener.process.wait_exit(PATIENCE).success());
    assert!(since.elapsed() < Duration::from_secs(15), "the grace is 20 s");
}
