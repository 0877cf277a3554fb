//! PROXY headers that evener is sent: believed from trusted peers only, strictly, on HTTP listeners too.

use std::time::Duration;

use crate::harness::client::{RawClient, get};
use crate::harness::evener::listed;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually, pause_unless};
use crate::harness::{Evener, Recorder};
use crate::layer4::{named, service, told};

/// An evener that is told by a proxy in front who its clients are, with an access log.
fn site(accept: &str, servers: &[std::net::SocketAddr]) -> Evener {
    Evener::start(&format!(
        "[log]\naccess = \"./access.log\"\nformat = \"{{client}}\"\n[limits]\nhandshake_timeout = \"1s\"\n\
         [[site]]\nlisten = \"{{listen}}\"\nproxy_protocol = {accept}\nto = \"all\"\n\
         [upstream.all]\nservers = [{}]\nbalance = \"hash\"\n",
        listed(servers)
    ))
}

/// A header of version 2 for a client with this IPv4 address.
fn v2(ip: [u8; 4], port: u16) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend(ip);
    header.extend([198, 51, 100, 1]);
    header.extend(port.to_be_bytes());
    header.extend(443_u16.to_be_bytes());
    header
}

#[test]
fn the_address_of_a_header_reaches_the_server_and_the_log() {
    let server = Recorder::answering(ok("x"));
    let evener = site("true", &[server.address()]);
    let headers = [b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n".to_vec(), v2([203, 0, 113, 9], 5)];
    for header in &headers {
        let mut client = evener.connect();
        client.send([&header[..], get("/").as_bytes()].concat());
        assert_eq!(client.response().status, 200);
        // What a header says holds for the whole connection.
        assert_eq!(client.send(get("/2")).response().status, 200);
    }
    let told: Vec<String> = server
        .requests()
        .iter()
        .map(|request| request.fields.get("x-forwarded-for").unwrap_or_default().to_owned())
        .collect();
    assert_eq!(told, ["192.0.2.7", "192.0.2.7", "203.0.113.9", "203.0.113.9"]);
    let path = evener.config_path().with_file_name("access.log");
    let log = || std::fs::read_to_string(&path).unwrap_or_default();
    eventually(PATIENCE, "four lines", || log().lines().count() == 4);
    let log = log();
    let mut lines: Vec<&str> = log.lines().collect();
    // Each worker writes for itself.
    lines.sort_unstable();
    assert_eq!(lines, ["192.0.2.7", "192.0.2.7", "203.0.113.9", "203.0.113.9"]);
}

#[test]
fn the_address_of_a_header_is_what_clients_are_hashed_by() {
    let servers: Vec<Recorder> = ["1", "2", "3", "4"].map(|name| Recorder::answering(ok(name))).into();
    let addresses: Vec<_> = servers.iter().map(Recorder::address).collect();
    let evener = site("true", &addresses);
    let name = |last: u8| {
        let mut client = evener.connect();
        client.send([v2([192, 0, 2, last], 7), get("/").into_bytes()].concat());
        client.response().body
    };
    let first: Vec<_> = (0..16).map(name).collect();
    let second: Vec<_> = (0..16).map(name).collect();
    assert_eq!(first, second);
    assert!(first.iter().any(|name| *name != first[0]), "sixteen clients are not all at one server");
}

#[test]
fn a_header_may_come_byte_by_byte() {
    let server = named("server");
    let service = service(&[server.address()], "proxy_protocol = true", "");
    let mut client = service.connect();
    for byte in v2([192, 0, 2, 1], 1) {
        client.send([byte]);
    }
    assert_eq!(client.bytes(6), b"server");
    client.send("after").half_close();
    eventually(PATIENCE, "nothing of the header passes", || server.conversation(0).text() == "after");
}

#[track_caller]
fn refused(bytes: &[u8], reason: &str) {
    let server = Recorder::answering(ok("x"));
    let evener = site("true", &[server.address()]);
    let mut client = evener.connect();
    client.send(bytes);
    let (rest, _) = client.rest();
    assert_eq!(rest, b"", "no word to a peer that does not speak the protocol");
    told(&evener, reason);
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn garbage_is_refused() {
    refused(b"PROXY TCP4 1.2.3 4.5.6.7 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "proxy_header_malformed");
    refused(b"PROXY TCP4 1.2.3.4 4.5.6.7 99999 2\r\n", "proxy_header_malformed");
    refused(b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c0123456789ab", "proxy_header_malformed");
    refused(&[b"PROXY ", &[b'a'; 200][..]].concat(), "proxy_header");
}

#[test]
fn a_missing_header_is_refused() {
    refused(get("/").as_bytes(), "proxy_header_missing");
}

#[test]
fn a_header_that_does_not_come_is_not_waited_for() {
    refused(b"PROXY TC", "preamble_timeout");
}

/// The end of what a client says is also the end of what it has not said.
#[test]
fn half_a_header_before_the_end_is_not_waited_for() {
    let server = named("server");
    let service = service(&[server.address()], "proxy_protocol = true", "");
    for half in ["PROXY TC", "\r\n\r\n\0\r\nQUIT"] {
        let mut client = service.connect().with_patience(Duration::from_secs(5));
        client.send(half).half_close();
        client.expect_close();
    }
    told(&service.evener, "preamble_closed");
    let before = service.evener.process.processor_time();
    pause_unless(Duration::from_millis(500), || false);
    let used = service.evener.process.processor_time().saturating_sub(before);
    assert!(used < Duration::from_millis(300), "it spins: {used:?}");
}

#[test]
fn a_peer_that_is_not_trusted_is_refused_with_and_without_a_header() {
    let server = Recorder::answering(ok("x"));
    let evener = site("{ from = [\"192.0.2.0/24\"] }", &[server.address()]);
    for first in [v2([192, 0, 2, 1], 1), get("/").into_bytes()] {
        let mut client = evener.connect();
        drop(client.try_send(&first));
        assert_eq!(client.rest().0, b"");
    }
    told(&evener, "proxy_untrusted");
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_trusted_peer_is_believed() {
    let server = named("hello");
    let keys = "proxy_protocol = { accept = true, from = [\"127.0.0.0/8\"] }";
    let service = service(&[server.address()], keys, "");
    let mut client = service.connect();
    client.send(v2([192, 0, 2, 1], 1));
    assert_eq!(client.bytes(5), b"hello");
    let mut slow = RawClient::connect(service.address());
    slow.expect_silence(Duration::from_millis(100));
    slow.send("PROXY UNKNOWN\r\n");
    assert_eq!(slow.bytes(5), b"hello");
}
