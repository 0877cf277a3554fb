//! A service over UDP on every address: each answer comes from the one that was asked, or its client would not take it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use super::Service;
use super::udp::{Asker, NameServer, question};
use crate::harness::wait::{PATIENCE, wait_for};

/// A service on every address, written so.
fn everywhere(server: &NameServer, host: &str) -> Service {
    let to = server.address;
    Service::start(|address| {
        let port = address.port();
        format!("workers = 2\n[[udp]]\nlisten = \"{host}:{port}\"\nto = \"{to}\"\n")
    })
}

fn has_ipv6() -> bool {
    UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

#[track_caller]
fn check_answers(host: &str, addresses: &[SocketAddr]) {
    let server = NameServer::new(7);
    let service = everywhere(&server, host);
    let of_service = |address: &SocketAddr| SocketAddr::new(address.ip(), service.address().port());
    let mut askers: Vec<Asker> = addresses.iter().map(|address| Asker::of(of_service(address))).collect();
    for _ in 0..3 {
        askers.iter_mut().for_each(|asker| assert_eq!(asker.ask(), 7));
    }
    assert_eq!(server.sessions(), addresses.len());
}

fn loopback() -> Vec<SocketAddr> {
    (1..=4).map(|last| SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0))).collect()
}

#[test]
fn answers_come_from_the_address_that_was_asked() {
    check_answers("0.0.0.0", &loopback());
}

#[test]
fn so_they_do_on_a_listener_for_both_kinds_of_addresses() {
    let mut addresses = loopback();
    if has_ipv6() {
        addresses.push(SocketAddr::from((Ipv6Addr::LOCALHOST, 0)));
    }
    check_answers("", &addresses);
}

#[test]
fn so_they_do_on_every_address_of_ipv6() {
    if has_ipv6() {
        check_answers("[::]", &[loopback()[1], SocketAddr::from((Ipv6Addr::LOCALHOST, 0))]);
    }
}

#[test]
fn one_client_may_ask_at_two_addresses() {
    let server = NameServer::new(7);
    let service = everywhere(&server, "");
    let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    client.set_read_timeout(Some(PATIENCE)).expect("an option can be set");
    let addresses = [1, 2].map(|last| SocketAddr::from(([127, 0, 0, last], service.address().port())));
    let mut buffer = [0; 512];
    for id in 1..=3 {
        for address in addresses {
            client.send_to(&question(id), address).expect("a datagram can be sent");
            let (_, from) = client.recv_from(&mut buffer).expect("an answer");
            assert_eq!((from, &buffer[..2]), (address, &id.to_be_bytes()[..]));
        }
    }
    assert_eq!(server.sessions(), 2, "each address has a session of its own");
}

/// Where there is but one address nothing has to be told.
#[test]
fn a_listener_on_one_address_answers_from_there() {
    let server = NameServer::new(7);
    let to = server.address;
    let service =
        Service::start(|address| format!("[[udp]]\nlisten = \"127.0.0.3:{}\"\nto = \"{to}\"\n", address.port()));
    let asked = SocketAddr::from(([127, 0, 0, 3], service.address().port()));
    let mut asker = Asker::of(asked);
    wait_for(PATIENCE, "an answer", || asker.try_ask());
}
