//! Handshakes that do not end: each has a deadline, all have a bound, and nobody else waits for them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::client::{Build, ONLY_12, ONLY_13};
use super::scene::{SITE, Scene};
use crate::harness::wait::{PATIENCE, eventually, pause_unless};

/// How many connections say nothing.
const SILENT: usize = 2_000;

fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect_timeout(&address, PATIENCE).expect("it accepts");
    socket.set_read_timeout(Some(PATIENCE)).expect("an option");
    socket
}

/// Waits for the end of a connection, whichever way it comes.
fn ends(socket: &mut TcpStream) -> Duration {
    let begun = Instant::now();
    let mut rest = Vec::new();
    if let Err(error) = socket.read_to_end(&mut rest) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    }
    begun.elapsed()
}

#[test]
fn row_11_a_slow_handshake_is_closed() {
    let scene = Scene::new();
    let evener = scene.start(&format!("limits = {{ handshake_timeout = \"700ms\" }}\n{SITE}"));
    let mut silent = connect(evener.address());
    let mut half = scene.client().begin(evener.address(), "a.test");
    half.set_read_timeout(Some(PATIENCE)).expect("an option");
    // A record that announces more than ever comes, byte by byte: no byte buys time.
    let mut slow = connect(evener.address());
    let begun = Instant::now();
    for byte in [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3].into_iter().chain([0; 200]) {
        if slow.write_all(&[byte]).is_err() || begun.elapsed() > Duration::from_secs(5) {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    for socket in [&mut silent, &mut half, &mut slow] {
        assert!(ends(socket) < Duration::from_secs(5));
    }
    assert_eq!(scene.client().get(evener.address(), "a.test").status, 200);
    eventually(PATIENCE, "it is told", || {
        evener.process.stderr().contains("did not finish the handshake of TLS in time")
    });
}

#[test]
fn handshakes_under_way_are_bounded() {
    let scene = Scene::new();
    let limits = "workers = 1\nlimits = { handshakes = 2, handshake_timeout = \"30s\" }\n";
    let evener = scene.start(&format!("{limits}{SITE}"));
    let first = scene.client().begin(evener.address(), "a.test");
    let _second = scene.client().begin(evener.address(), "a.test");
    eventually(PATIENCE, "there is no room for a third", || {
        scene.client().try_get(evener.address(), "a.test").is_err()
    });
    // Who leaves makes room.
    drop(first);
    eventually(PATIENCE, "there is room again", || scene.client().try_get(evener.address(), "a.test").is_ok());
}

#[test]
fn a_handshake_that_had_begun_when_the_stop_came_leads_to_an_answer() {
    let scene = Scene::new();
    let mut evener = scene.start(&format!("workers = 1\nshutdown_grace = \"60s\"\n{SITE}"));
    for versions in [ONLY_12, ONLY_13] {
        let client = Build::trusting(&scene.servers).versions(versions).done();
        let half = client.half(evener.address(), "a.test");
        evener.signal(Signal::TERM);
        eventually(PATIENCE, "it accepts no more", || TcpStream::connect(evener.address()).is_err());
        let mut connection = half.finish().expect("the handshake ends");
        // The end of the handshake arrives before the request.
        pause_unless(Duration::from_millis(200), || false);
        let answer = connection.get("a.test", "/").expect("an answer");
        assert_eq!((answer.status, answer.field("connection")), (200, Some("close")));
        assert_eq!(connection.rest().expect("an announced end"), b"");
        assert!(evener.process.wait_exit(Duration::from_secs(8)).success());
        evener = scene.start(&format!("workers = 1\nshutdown_grace = \"60s\"\n{SITE}"));
    }
}

#[test]
fn row_39_silent_connections_stop_nobody() {
    let scene = Scene::new();
    let evener = scene.start(&format!("workers = 1\n{SITE}"));
    assert_eq!(scene.client().get(evener.address(), "a.test").status, 200);
    let before = evener.process.rss_bytes();
    let mut silent: Vec<TcpStream> = (0..SILENT).map(|_| connect(evener.address())).collect();
    eventually(PATIENCE, "all are accepted", || evener.process.sockets() > SILENT);
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(scene.client().get(evener.address(), "a.test").status, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let each = evener.process.rss_bytes().saturating_sub(before) / SILENT as u64;
    assert!(each < 4 * 1024, "{each} bytes for a connection that has said nothing");
    // They are still there, and one of them still may speak.
    let mut last = silent.pop().expect("there are many");
    last.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("it is open");
    assert!(ends(&mut last) < Duration::from_secs(5), "that was no TLS");
}
