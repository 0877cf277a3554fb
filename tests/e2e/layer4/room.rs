//! Descriptors are for everybody: neither sessions over UDP nor connections over TCP can take those of HTTP.

use std::thread;

use super::udp::{Asker, NameServer, question};
use super::{named, told};
use crate::harness::client::get;
use crate::harness::ports::free_address;
use crate::harness::wait::{PATIENCE, eventually, wait_for};
use crate::harness::{Evener, Recorder, recorder::ok};

/// Of this many files a quarter stays free, and a quarter of the rest is for sessions.
const OPEN_FILES: usize = 128;
const SESSIONS: usize = 24;
const CONNECTIONS: usize = 30;

#[test]
fn sessions_over_udp_leave_the_descriptors_of_http_alone() {
    let (server, site) = (NameServer::new(1), Recorder::answering(ok("here")));
    let address = free_address();
    let config = format!(
        "workers = 1\n[[site]]\nlisten = \"{{listen}}\"\nto = [\"{}\"]\n\
         [[udp]]\nlisten = \"{address}\"\nto = \"{}\"\nidle_timeout = \"1m\"\n",
        site.address(),
        server.address
    );
    let evener = Evener::start_limited(&config, OPEN_FILES);
    let bound = format!("`max_sessions` of the service on {address} is {SESSIONS} instead of 10000");
    assert!(evener.process.stderr().contains(&bound), "{}", evener.process.stderr());

    // More clients than the program may have files.
    let askers: Vec<Asker> = (0..2 * OPEN_FILES).map(|_| Asker::of(address)).collect();
    for asker in &askers {
        asker.socket.send(&question(1)).expect("a datagram can be sent");
    }
    told(&evener, "udp_sessions_full");
    eventually(PATIENCE, "all places are taken", || server.sessions() >= SESSIONS);

    let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| evener.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.send(get("/")).response().text(), "here");
    }
    // All at once, each with a connection to the server.
    thread::scope(|scope| {
        for client in &mut clients {
            scope.spawn(|| assert_eq!(client.send(get("/")).response().text(), "here"));
        }
    });
    let text = evener.process.stderr();
    assert!(!text.contains("descriptors_exhausted") && !text.contains("udp_no_socket"), "{text}");
    // Idle sessions make room for new ones.
    let mut newcomer = Asker::of(address);
    wait_for(PATIENCE, "an answer", || newcomer.try_ask());
}

#[test]
fn connections_over_tcp_and_http_share_one_bound() {
    let (server, address) = (named("hello"), free_address());
    let config = format!(
        "workers = 1\n[limits]\nconnections = 3\n[[site]]\nlisten = \"{{listen}}\"\nrespond = {{ status = 200 }}\n\
         [[tcp]]\nlisten = \"{address}\"\nto = \"{}\"\n",
        server.address()
    );
    let evener = Evener::start(&config);
    let connect = || {
        let mut client = crate::harness::client::RawClient::connect(address);
        assert_eq!(client.bytes(5), b"hello");
        client
    };
    let mut tunnels = Vec::from([(); 3].map(|()| connect()));
    // Tunnels are not idle: nothing makes room for a further connection.
    let refused = evener.connect().send(get("/")).response();
    assert_eq!(refused.status, 503);
    drop(tunnels.pop());
    eventually(PATIENCE, "there is room", || evener.connect().send(get("/")).response().status == 200);
}
