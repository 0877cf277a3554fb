//! Connections that break while nobody reads from them give their places back, and what is kept and counted for one that
//! lives on.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::{Service, told};
use crate::harness::client::{End, RawClient, get};
use crate::harness::evener::listed;
use crate::harness::ports::free_address;
use crate::harness::wait::{PATIENCE, eventually, wait_for};
use crate::harness::{Evener, Recorder, Step};

/// One connection at a time; nothing ends by silence while a test runs.
fn one_place(server: SocketAddr) -> Service {
    Service::start(|address| {
        format!(
            "workers = 1\n[limits]\nconnections = 1\n\
             [[tcp]]\nlisten = \"{address}\"\nto = \"{server}\"\nidle_timeout = \"1h\"\n"
        )
    })
}

/// The connection that has the place.
#[track_caller]
fn first(service: &Service) -> RawClient {
    wait_for(PATIENCE, "the place is free", || {
        let mut client = RawClient::try_connect(service.address()).ok()?;
        (client.try_bytes(2).ok()? == b"hi").then_some(client)
    })
}

#[track_caller]
fn a_newcomer_is_served(service: &Service) {
    drop(first(service));
}

/// Greets, hears the client out, and then keeps silent for ever.
fn silent_after_all() -> Recorder {
    Recorder::scripted(|_| vec![Step::send("hi"), Step::ReadToEnd, Step::Freeze(PATIENCE * 10)])
}

#[test]
fn a_client_that_resets_after_its_end_leaves_its_place() {
    let server = silent_after_all();
    let service = one_place(server.address());
    let mut gone = first(&service);
    gone.send("all").half_close();
    eventually(PATIENCE, "the server has it", || server.conversation(0).text() == "all");
    gone.reset();
    a_newcomer_is_served(&service);
}

#[test]
fn a_client_that_resets_while_its_bytes_wait_for_the_server_leaves_its_place() {
    let server = Recorder::scripted(|_| vec![Step::send("hi"), Step::Freeze(PATIENCE * 10)]);
    let service = one_place(server.address());
    let gone = wait_for(PATIENCE, "the place is free", || {
        let mut stream = TcpStream::connect(service.address()).ok()?;
        let mut greeting = [0; 2];
        stream.read_exact(&mut greeting).ok()?;
        Some(stream)
    });
    gone.set_write_timeout(Some(Duration::from_millis(300))).expect("an option can be set");
    let piece = vec![0; 1 << 20];
    while (&gone).write(&piece).is_ok() {}
    RawClient::over(gone).reset();
    a_newcomer_is_served(&service);
}

#[test]
fn a_server_that_resets_after_its_end_ends_the_connection_of_a_silent_client() {
    let server = Recorder::scripted(|number| match number {
        0 => vec![Step::send("hi"), Step::HalfClose, Step::ReadBytes(1), Step::Reset],
        _ => vec![Step::send("hi"), Step::ReadToEnd],
    });
    let service = one_place(server.address());
    let mut client = wait_for(PATIENCE, "the place is free", || {
        let mut client = RawClient::try_connect(service.address()).ok()?;
        (client.try_rest().ok()? == (b"hi".to_vec(), End::Close)).then_some(client)
    });
    // It never learns that nobody takes this, and says nothing more.
    client.send("?");
    a_newcomer_is_served(&service);
}

#[test]
fn a_websocket_whose_client_resets_after_its_end_leaves_its_place() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    let server = Recorder::scripted(move |_| vec![Step::ReadHead, Step::send(switch), Step::Freeze(PATIENCE * 10)]);
    let evener = Evener::start(&format!(
        "workers = 1\n[limits]\nconnections = 1\n[[site]]\nlisten = \"{{listen}}\"\nto = [{}]\n",
        listed(&[server.address()])
    ));
    let ask = "GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
               Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let mut gone = wait_for(PATIENCE, "a tunnel", || {
        let mut client = evener.connect();
        (client.send(ask).response().status == 101).then_some(client)
    });
    gone.send("all").half_close();
    gone.reset();
    wait_for(PATIENCE, "a newcomer is served", || (evener.connect().send(ask).response().status == 101).then_some(()));
}

/// The number of a line on the page of metrics.
fn metric(admin: SocketAddr, name: &str) -> u64 {
    let page = RawClient::connect(admin).send(get("/metrics").replace("Host: test", "Host: localhost")).response();
    let text = page.text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    line.unwrap_or_else(|| panic!("there is no {name}"))
}

#[test]
fn bytes_are_counted_while_they_move_and_attempts_at_further_servers_as_such() {
    let (server, admin) =
        (Recorder::scripted(|_| vec![Step::ReadBytes(4), Step::send("pong!"), Step::Again]), free_address());
    let nobody = free_address();
    let service = Service::start(|address| {
        format!(
            "admin = \"{admin}\"\n[[tcp]]\nlisten = \"{address}\"\nto = \"all\"\n\
             [upstream.all]\nservers = [{}]\nbalance = \"first\"\n",
            listed(&[nobody, server.address()])
        )
    });
    let mut client = service.connect();
    for _ in 0..10 {
        assert_eq!(client.send("ping").bytes(5), b"pong!");
    }
    eventually(PATIENCE, "what came is counted", || metric(admin, "evener_client_received_bytes_total ") >= 40);
    eventually(PATIENCE, "what went is counted", || metric(admin, "evener_client_sent_bytes_total ") >= 50);
    assert_eq!(metric(admin, "evener_upstream_retries_total "), 1);
    told(&service.evener, "connect_refused");
}

#[test]
fn connections_that_live_on_over_reloads_do_not_keep_all_that_was_configured() {
    const ROUNDS: usize = 24;
    const MIB: u64 = 1024 * 1024;
    let server = Recorder::scripted(|_| vec![Step::ReadBytes(4), Step::send("pong"), Step::Again]);
    let to = server.address();
    let config = |round: usize| {
        move |address: SocketAddr| {
            let site = |number| {
                format!(
                    "[[site]]\nlisten = \"{{listen}}\"\nhosts = [\"h{number}.test\"]\nto = [\"127.0.0.1:{}\"]\n",
                    20_000 + number
                )
            };
            let sites: String = (0..400).map(site).collect();
            let grace = 20 + round % 2;
            format!(
                "workers = 1\nshutdown_grace = \"{grace}s\"\n[[tcp]]\nlisten = \"{address}\"\nto = \"{to}\"\n{sites}"
            )
        }
    };
    let service = Service::start(config(0));
    let mut clients = Vec::new();
    let mut grow = |rounds: usize| {
        for round in 1..=rounds {
            let mut client = service.connect();
            assert_eq!(client.send("ping").bytes(4), b"pong");
            clients.push(client);
            service.reload(config(round));
        }
        service.evener.process.rss_bytes()
    };
    // The first ones fill what is kept for reuse.
    let before = grow(4);
    let after = grow(ROUNDS);
    assert!(after < before + ROUNDS as u64 * MIB / 3, "from {} to {} MiB", before / MIB, after / MIB);
    for client in &mut clients {
        assert_eq!(client.send("ping").bytes(4), b"pong");
    }
}
