//! PROXY headers that evener sends: a server written by others' rules reads them.

use std::net::SocketAddr;
use std::process::Command;

use super::{Service, service};
use crate::harness::certificates::{Authority, Files};
use crate::harness::client::{RawClient, get};
use crate::harness::evener::Folder;
use crate::harness::ports::free_address;
use crate::harness::process::Process;
use crate::harness::python::{PythonServer, workspace_root};
use crate::harness::wait::{PATIENCE, eventually};

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

/// nginx that wants a PROXY header first, and TLS behind it if there is a certificate. It writes a line for each request:
/// whom the header names, and what is asked for.
struct Nginx {
    process: Process,
    address: SocketAddr,
    _folder: Folder,
}

impl Nginx {
    #[track_caller]
    fn start(files: Option<&Files>) -> Self {
        let (folder, address) = (Folder::new(), free_address());
        let (own, port) = (folder.0.display(), address.port());
        let tls = files.map(|files| (files.cert.display(), files.key.display()));
        let (word, keys) = tls.map_or((" ", String::new()), |(cert, key)| {
            (" ssl ", format!("ssl_certificate {cert}; ssl_certificate_key {key};"))
        });
        let paths =
            ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {own}/{kind};"));
        let text = format!(
            "daemon off; master_process off; pid {own}/nginx.pid; error_log stderr info; events {{}}\n\
             http {{ {} log_format told '<$proxy_protocol_addr> $request'; access_log {own}/log told;\n\
             server {{ listen 127.0.0.1:{port}{word}proxy_protocol; {keys}\n\
             location / {{ return 200 $proxy_protocol_addr; }} }} }}\n",
            paths.join(" ")
        );
        let path = folder.0.join("nginx.conf");
        std::fs::write(&path, text).expect("it can be written");
        let mut process = Process::start(Command::new("/usr/sbin/nginx").arg("-c").arg(&path).arg("-p").arg(&folder.0));
        process.wait_until_accepting(address);
        Self { process, address, _folder: folder }
    }

    /// The lines so far.
    fn log(&self) -> String {
        std::fs::read_to_string(self._folder.0.join("log")).unwrap_or_default()
    }
}

/// A service that tells nginx of the client, and whose checks nginx takes.
#[track_caller]
fn nginx_is_told(version: &str, authority: Option<&Authority>) {
    let nginx = Nginx::start(authority.map(|authority| authority.issue("a.test")).as_ref());
    let tls = authority.map(|authority| format!("tls = {{ ca = \"{}\", sni = \"a.test\" }}\n", authority.path()));
    let health = "health = { path = \"/checked\", every = \"100ms\", timeout = \"20s\", down = 1, up = 1 }\n";
    let of_upstream = tls.unwrap_or_default() + health;
    let service = service(&[nginx.address], &format!("proxy_protocol = {{ send = \"{version}\" }}"), &of_upstream);
    let checks = || nginx.log().lines().filter(|line| line.contains("<-> GET /checked HTTP")).count();
    eventually(PATIENCE, "checks are answered", || checks() >= 2);
    let response = service.connect().send(get("/")).response();
    assert_eq!((response.status, response.text().as_str()), (200, "127.0.0.1"));
    let text = service.evener.process.stderr();
    assert!(!text.contains("is down") && !text.contains("upstream_tls"), "{text}\n{}", nginx.process.stderr());
}

#[test]
fn nginx_takes_headers_of_clients_and_of_checks() {
    nginx_is_told("v1", None);
    nginx_is_told("v2", None);
}

#[test]
fn the_header_goes_before_tls() {
    let authority = Authority::new();
    nginx_is_told("v1", Some(&authority));
    nginx_is_told("v2", Some(&authority));
}
