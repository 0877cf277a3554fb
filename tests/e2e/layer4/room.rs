//! Descriptors are for everybody: neither sessions over UDP nor connections over TCP can take those of HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::udp::{Asker, NameServer, question};
use super::{named, told};
use crate::harness::client::{End, get};
use crate::harness::ports::{free_address, listen};
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

/// Nothing that is said in HTTP would be understood there, and nothing of it counts as a request.
#[test]
fn a_connection_over_tcp_beyond_the_bound_is_reset_and_told() {
    let server = named("hello");
    let config = "[limits]\nconnections = 2\n[[tcp]]\nlisten = \"{listen}\"\nto = \"SERVER\"\n";
    let mut evener = Evener::start(&config.replace("SERVER", &server.address().to_string()));
    let mut tunnels = Vec::new();
    eventually(PATIENCE, "two tunnels", || {
        // The trial whether evener is there may still be open.
        let mut client = evener.connect();
        if client.try_bytes(5).is_ok_and(|bytes| bytes == b"hello") {
            tunnels.push(client);
        }
        tunnels.len() == 2
    });
    let before = evener.process.stderr().matches("(too_many_connections").count();
    let mut refused = evener.connect();
    assert_eq!(refused.rest(), (Vec::new(), End::Reset));
    eventually(PATIENCE, "it is told", || {
        evener.connect().rest();
        evener.process.stderr().matches("(too_many_connections").count() > before
    });
    drop(tunnels);
    evener.signal(rustix::process::Signal::TERM);
    assert!(evener.process.wait_exit(PATIENCE).success());
    let said = evener.process.stderr();
    assert!(said.contains("served 0 requests") && said.contains("5xx 0"), "{said}");
    assert!(said.contains("failures: too_many_connections "), "{said}");
}

/// A server that sends without end, `head` first, and counts the connections that have got this much.
fn flood(head: &'static str, much: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let (address, count) = (free_address(), Arc::<AtomicUsize>::default());
    let (listener, fed) = (listen(address), Arc::clone(&count));
    // All of it ends with the connections; nobody connects once the test is over.
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let fed = Arc::clone(&fed);
            thread::spawn(move || {
                let piece = vec![0; 256 * 1024];
                let mut sent = 0;
                // A request, if there is one, is in what comes first.
                if !head.is_empty() && stream.read(&mut [0; 4096]).is_err()
                    || stream.write_all(head.as_bytes()).is_err()
                {
                    return;
                }
                while let Ok(count) = stream.write(&piece) {
                    if sent < much && sent + count >= much {
                        fed.fetch_add(1, Ordering::AcqRel);
                    }
                    sent += count;
                }
            });
        }
    });
    (address, count)
}

#[test]
fn clients_that_read_nothing_of_much_leave_descriptors_to_others() {
    const READERS: usize = 20;
    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n";
    // More than what is read before a pipe is taken.
    const MUCH: usize = 512 * 1024;
    let ((bytes, fed), (site, site_fed)) = (flood("", MUCH), flood(HEAD, MUCH));
    let (small, address, second) = (Recorder::answering(ok("here")), free_address(), free_address());
    let config = format!(
        "workers = 1\n[[site]]\nlisten = \"{{listen}}\"\nto = [\"{}\"]\n\
         [[site]]\nlisten = \"{second}\"\nto = [\"{site}\"]\n[[tcp]]\nlisten = \"{address}\"\nto = \"{bytes}\"\n",
        small.address()
    );
    let evener = Evener::start_limited(&config, OPEN_FILES);
    let readers: Vec<TcpStream> = (0..2 * READERS)
        .map(|number| {
            let is_http = number % 2 == 0;
            let mut stream = TcpStream::connect(if is_http { second } else { address }).expect("evener listens");
            if is_http {
                stream.write_all(get("/").as_bytes()).expect("it is sent");
            }
            stream
        })
        .collect();
    let all_fed = || (fed.load(Ordering::Acquire), site_fed.load(Ordering::Acquire)) == (READERS, READERS);
    eventually(PATIENCE, "all have much on its way to them", all_fed);
    for _ in 0..10 {
        assert_eq!(evener.connect().send(get("/")).response().text(), "here");
    }
    // Two for each, the few that others need, and pipes for some.
    let (open, text) = (evener.process.open_fds(), evener.process.stderr());
    assert!(open < OPEN_FILES - 5, "{open}");
    assert!(!text.contains("descriptors_exhausted"), "{text}");
    drop(readers);
}
