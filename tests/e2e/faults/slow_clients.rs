//! Clients that dawdle: heads and bodies byte by byte, answers that nobody reads. They are bounded in time and memory,
//! and new clients are served meanwhile.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::harness::client::{End, RawClient, get};
use crate::harness::content::{ContentCheck, content};
use crate::harness::ports::{free_address, listen};
use crate::harness::socket::narrow_client;
use crate::harness::wait::{PATIENCE, eventually, pause_unless};

use super::traffic::{Traffic, expect_no_failure};
use super::{Trial, echo_server, expect_next_client_served, upstream};

const READERS: usize = 500;
/// What evener may hold in its own memory for one client that reads slowly.
const BYTES_PER_READER_MAX: u64 = 64 * 1024;
const DAWDLERS: usize = 200;

/// One body for all its clients, each with a thread; it writes as fast as it may.
pub(super) fn fountain(length: usize) -> SocketAddr {
    let listener = listen(free_address());
    // The test is about evener's memory, not about the kernel's: sockets that are accepted inherit this.
    socket2::SockRef::from(&listener).set_send_buffer_size(64 * 1024).expect("a size can be set");
    let address = listener.local_addr().expect("a bound socket has an address");
    let body = std::sync::Arc::new(content(0, length));
    std::thread::spawn(move || {
        for stream in listener.incoming().filter_map(Result::ok) {
            let body = std::sync::Arc::clone(&body);
            std::thread::spawn(move || pour(stream, &body));
        }
    });
    address
}

/// Answers one request; the end of the connection before that is no error here.
fn pour(mut stream: TcpStream, body: &[u8]) -> Option<()> {
    let mut seen = Vec::new();
    let mut piece = [0; 1024];
    loop {
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        seen.extend_from_slice(&piece[..count]);
        if seen.ends_with(b"\r\n\r\n") {
            let chunked = seen.starts_with(b"GET /chunked");
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
            if chunked {
                write!(stream, "{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len()).ok()?;
                stream.write_all(body).ok()?;
                return stream.write_all(b"\r\n0\r\n\r\n").ok();
            }
            write!(stream, "{head}Content-Length: {}\r\n\r\n", body.len()).ok()?;
            return stream.write_all(body).ok();
        }
    }
}

fn allow_many_files() {
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard }).expect("up to the hard limit");
}

#[test]
fn five_hundred_slow_readers_cost_little_memory_and_hold_up_nobody() {
    allow_many_files();
    const LENGTH: usize = 8 << 20;
    let (fountain, echo) = (fountain(LENGTH), echo_server());
    let route = format!("[[site.route]]\npath = \"= /big\"\nto = \"{fountain}\"\n");
    let chunked = format!("[[site.route]]\npath = \"= /chunked\"\nto = \"{fountain}\"\n");
    let site = format!("[[site]]\nlisten = \"{{listen}}\"\nto = \"{}\"\n{route}{chunked}", echo.address());
    let trial = Trial::start(&site);
    expect_next_client_served(&trial.evener, "/1");
    let before = trial.evener.process.rss_bytes();

    let mut readers: Vec<TcpStream> = (0..READERS).map(|_| narrow_client(trial.evener.address())).collect();
    for (number, reader) in readers.iter_mut().enumerate() {
        let path = if number % 2 == 0 { "/big" } else { "/chunked" };
        reader.write_all(get(path).as_bytes()).expect("a small request can be sent");
    }
    let mut first_bytes = [0; 100];
    for reader in &mut readers {
        reader.set_read_timeout(Some(PATIENCE)).expect("a time can be set");
        reader.read_exact(&mut first_bytes).expect("each gets the beginning");
    }
    let traffic = Traffic::start(trial.evener.address(), 4);
    traffic.wait_for(400);
    expect_no_failure(&traffic.end());
    let peak = trial.evener.process.peak_rss_bytes();
    let extra = peak.saturating_sub(before);
    assert!(extra < READERS as u64 * BYTES_PER_READER_MAX, "{extra} bytes more than the {before} before");

    // One that reads on gets the whole.
    let mut check = ContentCheck::default();
    let mut patient = trial.evener.connect();
    patient.send(get("/big"));
    patient.response_into(&mut |piece| check.take(piece));
    assert_eq!(check.length(), LENGTH);
    drop((readers, patient));
    trial.end(echo);
}

#[test]
fn a_client_that_reads_nothing_is_cut_after_its_time() {
    let fountain = fountain(16 << 20);
    let config = upstream(&[fountain], "response_timeout = \"1h\"");
    let trial = Trial::start(&format!("limits = {{ send_timeout = \"1s\" }}\n{config}"));
    for path in ["/big", "/chunked"] {
        let mut reader = narrow_client(trial.evener.address());
        reader.write_all(get(path).as_bytes()).expect("a small request can be sent");
        let socket = socket2::SockRef::from(&reader);
        // Nothing is read; the reset shows as an error of the socket.
        eventually(PATIENCE, "the connection is cut", || {
            socket.take_error().expect("an open socket can be asked").is_some()
        });
    }
    trial.end(()).expect_failures(&[("client_reads_too_slowly", 2)]);
}

/// Many clients that each send a head, then one byte after the other in turn, until each connection has ended or was
/// answered. Gives what each has read, and the time from the first byte to the end of the sending.
fn dawdle(trial: &Trial, head: &str, deadline: Duration) -> Vec<RawClient> {
    let mut clients: Vec<RawClient> = (0..DAWDLERS).map(|_| trial.evener.connect()).collect();
    for client in &mut clients {
        client.send(head);
    }
    let since = Instant::now();
    while since.elapsed() < deadline {
        for client in &mut clients {
            // Evener may have closed it.
            drop(client.try_send("x"));
        }
        pause_unless(Duration::from_millis(50), || false);
    }
    clients
}

#[track_caller]
fn check_dawdlers(name: &str, limits: &str, head: &str, reason: &str) {
    allow_many_files();
    let server = echo_server();
    let config = upstream(&[server.address()], "response_timeout = \"1h\"");
    let trial = Trial::start(&format!("limits = {{ {limits} }}\n{config}"));
    let traffic = Traffic::start(trial.evener.address(), 2);
    let clients = dawdle(&trial, head, Duration::from_secs(2));
    for mut client in clients {
        match client.try_response_to("GET") {
            Ok(response) => assert_eq!(response.status, 408, "{name}"),
            Err(error) => panic!("{name}: {error}"),
        }
        assert_eq!(client.rest(), (Vec::new(), End::Close), "{name}");
    }
    expect_no_failure(&traffic.end());
    assert!(server.requests().iter().all(|request| request.target != "/slow"), "{name}: none was whole");
    trial.end(server).expect_failures(&[(reason, DAWDLERS as u64)]);
}

#[test]
fn heads_byte_by_byte_are_a_408_at_their_deadline_and_others_are_served() {
    let head = "GET /slow HTTP/1.1\r\nHost: test\r\nX: ";
    check_dawdlers("head", "head_timeout = \"1s\"", head, "head_timeout");
}

#[test]
fn bodies_byte_by_byte_are_a_408_at_their_deadline_and_others_are_served() {
    let limits = "body_rate = \"1KiB\", rate_window = \"1s\"";
    let head = "POST /slow HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n";
    check_dawdlers("body", limits, head, "body_too_slow");
    let chunked = "POST /slow HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n";
    check_dawdlers("chunked body", limits, chunked, "body_too_slow");
}

#[test]
fn a_connection_that_says_nothing_is_closed_after_its_time() {
    let server = echo_server();
    let config = upstream(&[server.address()], "");
    let trial = Trial::start(&format!("limits = {{ idle_timeout = \"1s\" }}\n{config}"));
    let mut silent = trial.evener.connect();
    let mut used = trial.evener.connect();
    assert_eq!(used.send(get("/1")).response().text(), "GET /1");
    silent.expect_close();
    used.expect_close();
    trial.end(server).expect_failures(&[]);
}
