//! TLS over services: passed on by its name without ending, ended here, and begun towards servers.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

use rustix::process::Signal;

use super::secure::{Hello, TlsServer, read};
use super::{Service, named, service, told};
use crate::harness::certificates::Authority;
use crate::harness::client::End;
use crate::harness::content::content;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Recorder, Step};

/// Two servers behind one address, chosen by name: `a.test`, and all names below `b.test`. What else comes goes to
/// `rest`, if there is such a server.
fn by_name(authority: &Authority, rest: Option<SocketAddr>) -> Service {
    let a = TlsServer::new("server a", &authority.issue("a.test"), &[]);
    let b = TlsServer::new("server b", &authority.issue("x.b.test"), &[]);
    Service::start(|address| {
        let one = |hosts: &str, to: SocketAddr| format!("[[tcp]]\nlisten = \"{address}\"\n{hosts}\nto = \"{to}\"\n");
        let rest = rest.map(|to| one("", to)).unwrap_or_default();
        one("hosts = \"a.test\"", a.address) + &one("hosts = \"*.b.test\"", b.address) + &rest
    })
}

/// The name that the server behind says, through a session that ends only there.
#[track_caller]
fn reached(service: &Service, hello: Hello, piece_bytes: usize) -> String {
    let mut stream = hello.send(service.address(), piece_bytes);
    let name = read(&mut stream, 8);
    stream.write_all(b"and back").expect("it is sent");
    assert_eq!(read(&mut stream, 8), b"and back");
    String::from_utf8_lossy(&name).into_owned()
}

#[test]
fn a_name_leads_to_its_server_without_ending_tls() {
    let authority = Authority::new();
    let service = by_name(&authority, None);
    // The certificates are those of the servers: evener has none.
    assert_eq!(reached(&service, Hello::new(&authority, "a.test", true, Vec::new()), 64 * 1024), "server a");
    assert_eq!(reached(&service, Hello::new(&authority, "x.b.test", true, Vec::new()), 64 * 1024), "server b");
}

#[test]
fn a_first_message_may_come_byte_by_byte() {
    let authority = Authority::new();
    let service = by_name(&authority, None);
    assert_eq!(reached(&service, Hello::new(&authority, "x.b.test", true, Vec::new()), 1), "server b");
}

#[test]
fn a_first_message_may_be_longer_than_a_packet_and_come_in_many_records() {
    let authority = Authority::new();
    let service = by_name(&authority, None);
    let protocols: Vec<Vec<u8>> = (0..50).map(|number| format!("{number:0>250}").into_bytes()).collect();
    let hello = Hello::new(&authority, "a.test", true, protocols.clone());
    assert!(hello.bytes.len() > 12_000);
    assert_eq!(reached(&service, hello, 1_400), "server a");
    let hello = Hello::new(&authority, "a.test", true, protocols).in_records(700);
    assert_eq!(reached(&service, hello, 999), "server a");
    let hello = Hello::new(&authority, "x.b.test", true, Vec::new()).in_records(40);
    assert_eq!(reached(&service, hello, 64 * 1024), "server b");
}

#[test]
fn without_a_name_or_with_an_unknown_one_a_connection_goes_to_who_takes_all() {
    let authority = Authority::new();
    let rest = TlsServer::new("the rest", &authority.issue("c.test"), &[]);
    let service = by_name(&authority, Some(rest.address));
    assert_eq!(reached(&service, Hello::new(&authority, "c.test", false, Vec::new()), 64 * 1024), "the rest");
    assert_eq!(reached(&service, Hello::new(&authority, "c.test", true, Vec::new()), 64 * 1024), "the rest");
    // The wildcard does not cover the name above it.
    let mut stream = Hello::new(&authority, "b.test", true, Vec::new()).send(service.address(), 64 * 1024);
    let error = stream.read(&mut [0; 8]).expect_err("the certificate is for another name");
    assert_eq!(error.kind(), ErrorKind::InvalidData);
}

#[test]
fn without_one_who_takes_all_such_a_connection_is_closed_and_the_reason_told() {
    let authority = Authority::new();
    let service = by_name(&authority, None);
    let strangers =
        [Hello::new(&authority, "c.test", true, Vec::new()), Hello::new(&authority, "a.test", false, Vec::new())];
    for hello in strangers {
        let mut client = service.connect();
        client.send(&hello.bytes);
        assert_eq!(client.rest().0, b"");
    }
    told(&service.evener, "tls_unknown_name");
    // What is no TLS asks for no name at all.
    let mut client = service.connect();
    assert_eq!(client.send("SSH-2.0-client\r\n").rest().0, b"");
    told(&service.evener, "tls_missing");
}

#[test]
fn a_malformed_first_message_is_refused() {
    let authority = Authority::new();
    let service = by_name(&authority, None);
    let mut bytes = Hello::new(&authority, "a.test", true, Vec::new()).bytes;
    // The message says that it is shorter than its record.
    bytes[7] -= 1;
    let mut client = service.connect();
    assert_eq!(client.send(&bytes).rest().0, b"");
    told(&service.evener, "client_hello_malformed");
}

/// A service that ends TLS for `a.test`.
fn ending(authority: &Authority, to: SocketAddr) -> Service {
    let files = authority.issue("a.test");
    let tls = format!("tls = {{ cert = \"{}\", key = \"{}\" }}", files.cert.display(), files.key.display());
    service(&[to], &tls, "")
}

#[test]
fn tls_ends_here_and_plain_bytes_go_on() {
    let authority = Authority::new();
    let server = Recorder::scripted(|_| {
        vec![Step::ReadBytes(1 << 20), Step::Send(content(7, 1 << 20)), Step::ReadToEnd, Step::send("bye"), Step::Close]
    });
    let service = ending(&authority, server.address());
    let mut stream = Hello::new(&authority, "a.test", true, Vec::new()).send(service.address(), 64 * 1024);
    stream.write_all(&content(3, 1 << 20)).expect("it is sent");
    stream.flush().expect("it is sent");
    assert!(read(&mut stream, 1 << 20) == content(7, 1 << 20));
    assert!(server.conversation(0).bytes() == content(3, 1 << 20));
    // An announced end is passed on as one direction's only.
    stream.conn.send_close_notify();
    stream.flush().expect("it is sent");
    assert_eq!(read(&mut stream, 3), b"bye");
    assert_eq!(stream.read(&mut [0; 8]).expect("the end is announced"), 0);
}

#[test]
fn a_cut_under_tls_is_a_reset_for_the_server() {
    let authority = Authority::new();
    let server = Recorder::scripted(|_| vec![Step::send("hi"), Step::Hold]);
    let mut service = ending(&authority, server.address());
    let mut stream = Hello::new(&authority, "a.test", true, Vec::new()).send(service.address(), 64 * 1024);
    assert_eq!(read(&mut stream, 2), b"hi");
    // Without an announced end.
    drop(stream);
    eventually(PATIENCE, "the server knows", || server.conversation(0).is_over());
    service.evener.signal(Signal::TERM);
    assert!(service.evener.process.wait_exit(PATIENCE).success());
    let summary = service.evener.process.stderr();
    assert!(summary.contains("failures: tunnel_client_reset 1"), "{summary}");
}

#[test]
fn a_reset_of_the_server_does_not_look_like_an_end_under_tls() {
    let authority = Authority::new();
    let server = Recorder::scripted(|_| vec![Step::send("half an ans"), Step::ReadBytes(1), Step::Reset]);
    let service = ending(&authority, server.address());
    let mut stream = Hello::new(&authority, "a.test", true, Vec::new()).send(service.address(), 64 * 1024);
    assert_eq!(read(&mut stream, 11), b"half an ans");
    stream.write_all(b"?").expect("it is sent");
    let error = stream.read(&mut [0; 8]).expect_err("no announced end");
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof), "{error}");
}

#[test]
fn servers_are_met_with_tls_and_no_protocol_of_http_is_offered() {
    let authority = Authority::new();
    // A strict server refuses a client that offers only what it does not speak.
    let server = TlsServer::new("server a", &authority.issue("a.test"), &[b"postgresql"]);
    let tls = format!("tls = {{ ca = \"{}\", sni = \"a.test\" }}", authority.path());
    let service = service(&[server.address], "", &tls);
    let mut client = service.connect();
    assert_eq!(client.bytes(8), b"server a");
    client.send(content(0, 300_000));
    assert!(client.bytes(300_000) == content(0, 300_000));
    client.half_close();
    assert_eq!(client.rest(), (Vec::new(), End::Close));
}

#[test]
fn a_server_with_another_name_is_passed_over() {
    let authority = Authority::new();
    let wrong = TlsServer::new("server b", &authority.issue("b.test"), &[]);
    let right = TlsServer::new("server a", &authority.issue("a.test"), &[]);
    let tls = format!("balance = \"first\"\ntls = {{ ca = \"{}\", sni = \"a.test\" }}", authority.path());
    let service = service(&[wrong.address, right.address], "", &tls);
    assert_eq!(service.connect().bytes(8), b"server a");
    told(&service.evener, "upstream_tls");
}

#[test]
fn a_server_in_the_clear_behind_a_name_gets_what_the_client_says() {
    let authority = Authority::new();
    let server = named("plain");
    let service = Service::start(|address| {
        format!("[[tcp]]\nlisten = \"{address}\"\nhosts = \"a.test\"\nto = \"{}\"\n", server.address())
    });
    let hello = Hello::new(&authority, "a.test", true, Vec::new());
    let mut client = service.connect();
    client.send(&hello.bytes);
    assert_eq!(client.bytes(5), b"plain");
    client.half_close();
    eventually(PATIENCE, "every byte of it", || server.conversation(0).bytes() == hello.bytes);
}
