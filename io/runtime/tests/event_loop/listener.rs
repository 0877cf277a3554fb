//! Binding, sharing and accepting.

use crate::world::{expect_pending, run, settle};
use evener_runtime::listener::{Listener, bind, bind_any};
use socket2::SockRef;
use std::collections::HashSet;
use std::future::poll_fn;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}

#[test]
fn an_address_in_use_is_refused() {
    let address = free_address();
    let first = bind(address, 2).expect("a free address");
    assert_eq!(first.len(), 2);
    assert_eq!(bind(address, 1).expect_err("in use").kind(), ErrorKind::AddrInUse);
    drop(first);
    assert_eq!(bind(address, 1).expect("free again").len(), 1);
    let foreign = TcpListener::bind(free_address()).expect("a free address");
    let taken = foreign.local_addr().expect("an address");
    assert_eq!(bind(taken, 1).expect_err("in use").kind(), ErrorKind::AddrInUse);
    assert_eq!(bind_any(taken.port(), 1).expect_err("in use").kind(), ErrorKind::AddrInUse);
}

#[test]
fn any_interface_is_reached() {
    run(async {
        let port = free_address().port();
        let sockets = bind_any(port, 1).expect("a free port");
        let listeners: Vec<Listener> = sockets.into_iter().map(|fd| Listener::new(fd).expect("room")).collect();
        let client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a connection");
        let (_, peer) = poll_fn(|cx| listeners[0].poll_accept(cx)).await.expect("a connection");
        assert_eq!(peer.port(), client.local_addr().expect("an address").port());
        assert_eq!(peer.ip().to_canonical(), Ipv4Addr::LOCALHOST);
    });
}

#[test]
fn several_sockets_share_one_port() {
    run(async {
        let address = free_address();
        let listeners: Vec<Listener> =
            bind(address, 3).expect("free").into_iter().map(|fd| Listener::new(fd).expect("room")).collect();
        let clients: Vec<TcpStream> =
            (0..90).map(|_| TcpStream::connect(address).expect("the kernel queues it")).collect();
        settle().await;
        let mut peers = HashSet::new();
        for listener in &listeners {
            let before = peers.len();
            while let Some((_, peer)) = listener.accept_now().expect("no error") {
                peers.insert(peer);
            }
            assert!(peers.len() > before, "the kernel spreads 90 connections over three sockets");
        }
        let expected: HashSet<SocketAddr> =
            clients.iter().map(|client| client.local_addr().expect("an address")).collect();
        assert_eq!(peers, expected);
    });
}

#[test]
fn a_client_that_left_before_it_was_accepted_does_no_harm() {
    run(async {
        let address = free_address();
        let listener = Listener::new(bind(address, 1).expect("free").remove(0)).expect("room");
        for _ in 0..3 {
            let gone = TcpStream::connect(address).expect("the kernel queues it");
            SockRef::from(&gone).set_linger(Some(Duration::ZERO)).expect("an open socket");
            drop(gone);
        }
        let mut stays = TcpStream::connect(address).expect("the kernel queues it");
        let own = stays.local_addr().expect("an address");
        loop {
            let (socket, peer) = poll_fn(|cx| listener.poll_accept(cx)).await.expect("no error");
            if peer == own {
                socket.write_all(b"hello").await.expect("a connection that stands");
                break;
            }
        }
        let mut hello = [0; 5];
        stays.read_exact(&mut hello).expect("a greeting");
        assert_eq!(&hello, b"hello");
        expect_pending(poll_fn(|cx| listener.poll_accept(cx))).await;
        stays.write_all(b"x").expect("a connection that stands");
    });
}

#[test]
fn all_that_wait_are_accepted_at_once_however_many() {
    run(async {
        let address = free_address();
        let listener = Listener::new(bind(address, 1).expect("free").remove(0)).expect("room");
        let clients: Vec<TcpStream> =
            (0..300).map(|_| TcpStream::connect(address).expect("the kernel queues it")).collect();
        // All in one go of the task: the event loop's budget for a task must not end it early.
        let mut count = 0;
        while listener.accept_now().expect("no error").is_some() {
            count += 1;
        }
        assert_eq!(count, clients.len());
    });
}
