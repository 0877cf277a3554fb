//! PROXY headers that evener sends: a server written by others' rules reads them.

use std::net::SocketAddr;

use super::{Service, service};
use crate::harness::client::RawClient;
use crate::harness::python::{PythonServer, workspace_root};

fn server() -> PythonServer {
    PythonServer::script(&workspace_root().join("tests/e2e/python/proxy_header.py"))
}

/// What the server heard on a connection that begins with these bytes, and the client's own address.
#[track_caller]
fn heard(service: &Service, first: &[u8]) -> (String, SocketAddr) {
    let stream = std::net::TcpStream::connect(service.address()).expect("evener listens");
    let own = stream.local_addr().expect("it has an address");
    let mut client = RawClient::over(stream);
    client.send([first, b"hello\n"].concat());
    let (answer, _) = client.rest();
    (String::from_utf8_lossy(&answer).into_owned(), own)
}

#[track_caller]
fn the_real_address_is_told(version: &str) {
    let server = server();
    let service = service(&[server.address], &format!("proxy_protocol = {{ send = \"{version}\" }}"), "");
    let (text, own) = heard(&service, b"");
    let (ip, port) = (service.address().ip(), service.address().port());
    assert_eq!(text, format!("{version} {} {ip} {} {port} said hello\n", own.ip(), own.port()));
}

#[test]
fn version_1_tells_the_clients_own_address() {
    the_real_address_is_told("v1");
}

#[test]
fn version_2_tells_the_clients_own_address() {
    the_real_address_is_told("v2");
}

#[test]
fn an_address_that_was_told_is_passed_on() {
    let server = server();
    let keys = "proxy_protocol = { accept = true, send = \"v2\" }";
    let service = service(&[server.address], keys, "");
    let (text, _) = heard(&service, b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n");
    assert_eq!(text, "v2 192.0.2.7 198.51.100.1 4711 443 said hello\n");
    let (text, _) = heard(&service, b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n");
    assert_eq!(text, "v2 2001:db8::7 2001:db8::1 4711 443 said hello\n");
}

#[test]
fn a_connection_of_the_senders_own_is_told_with_its_own_addresses() {
    let server = server();
    let service = service(&[server.address], "proxy_protocol = { accept = true, send = \"v1\" }", "");
    let (ip, port) = (service.address().ip(), service.address().port());
    // LOCAL in version 2, UNKNOWN in version 1.
    for first in [&b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"[..], b"PROXY UNKNOWN\r\n"] {
        let (text, own) = heard(&service, first);
        assert_eq!(text, format!("v1 {} {ip} {} {port} said hello\n", own.ip(), own.port()));
    }
}
