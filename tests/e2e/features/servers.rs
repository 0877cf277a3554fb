//! Servers and the connections to them: sockets of the file system, names, reuse, time-outs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::{ask, request};
use crate::harness::client::get;
use crate::harness::evener::Folder;
use crate::harness::ports::free_address;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, Step};

/// One worker, so that there is one pool of connections.
fn with_upstream(server: &str, keys: &str) -> Evener {
    Evener::start(&format!(
        "workers = 1\n[[site]]\nlisten = \"{{listen}}\"\nto = \"web\"\ntrusted_proxies = \"127.0.0.1\"\n\
         [upstream.web]\nservers = [\"{server}\"]\n{keys}\n"
    ))
}

/// Serves one connection of a socket: each request without a body gets its own head back.
fn serve_unix(listener: UnixListener) {
    std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket has a time-out");
        let (mut bytes, mut piece) = (Vec::new(), [0; 4_096]);
        while let Ok(count @ 1..) = stream.read(&mut piece) {
            bytes.extend_from_slice(&piece[..count]);
            if bytes.ends_with(b"\r\n\r\n") {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if stream.write_all(ok(&text).as_bytes()).is_err() {
                    return;
                }
                bytes.clear();
            }
        }
    });
}

#[test]
fn a_socket_of_the_file_system_is_a_server() {
    let folder = Folder::new();
    let path = folder.0.join("app.sock");
    let server = format!("unix:{}", path.display());
    let evener = with_upstream(&server, "");
    let missing = ask(&evener, "GET", "/", "a.test", "");
    assert_eq!((missing.status, missing.field("x-evener-reason")), (502, Some("connect_refused")));
    serve_unix(UnixListener::bind(&path).expect("a socket can be made"));
    let mut client = evener.connect();
    for target in ["/1", "/2"] {
        let text = client.send(request("GET", target, "a.test", "")).response().text();
        assert!(text.starts_with(&format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n")), "{text}");
    }
}

#[test]
fn a_server_without_a_name_sees_localhost_as_its_host() {
    let folder = Folder::new();
    let path = folder.0.join("app.sock");
    serve_unix(UnixListener::bind(&path).expect("a socket can be made"));
    let other = "[[site]]\nlisten = \"{listen}\"\nhosts = \"b.test\"\nto = \"web\"\nhost = \"upstream\"";
    let evener = with_upstream(&format!("unix:{}", path.display()), other);
    let text = ask(&evener, "GET", "/", "b.test", "").text();
    assert!(text.starts_with("GET / HTTP/1.1\r\nHost: localhost\r\n"), "{text}");
}

#[test]
fn a_server_that_has_both_families_is_one_server() {
    // Only one of the addresses of the name takes connections.
    let recorder = Recorder::answering(ok("answer"));
    let evener = with_upstream(&format!("localhost:{}", recorder.address().port()), "");
    for _ in 0..6 {
        let response = evener.get("/");
        assert_eq!((response.status, response.text().as_str()), (200, "answer"));
    }
    assert_eq!(recorder.requests().len(), 6);
}

#[test]
fn one_connection_carries_many_requests_of_many_clients() {
    let recorder = Recorder::answering(ok("answer"));
    let evener = with_upstream(&recorder.address().to_string(), "");
    for _ in 0..20 {
        assert_eq!(evener.get("/").text(), "answer");
    }
    for method in ["POST", "DELETE"] {
        ask(&evener, method, "/", "a.test", "Content-Length: 0\r\n");
    }
    assert_eq!((recorder.conversations().len(), recorder.requests().len()), (1, 22));
}

#[test]
fn a_connection_idle_for_its_time_is_closed_and_a_new_one_made() {
    let recorder = Recorder::answering(ok("answer"));
    let evener = with_upstream(&recorder.address().to_string(), "idle_timeout = \"1s\"");
    let mut client = evener.connect();
    client.send(get("/")).response();
    let since = Instant::now();
    assert!(!recorder.conversation(0).is_over());
    eventually(PATIENCE, "the idle connection is closed", || recorder.conversation(0).is_over());
    let after = since.elapsed();
    assert!((Duration::from_millis(800)..Duration::from_secs(4)).contains(&after), "{after:?}");
    assert_eq!(client.send(get("/")).response().text(), "answer");
    assert_eq!(recorder.conversations().len(), 2);
}

#[test]
fn servers_that_end_their_connections_are_asked_on_new_ones() {
    for answer in [
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nConnection: x, CLOSE\r\nContent-Length: 1\r\n\r\na",
    ] {
        // It does not close by itself: that it is not used again is evener's to know.
        let recorder = Recorder::answering(answer);
        let evener = with_upstream(&recorder.address().to_string(), "");
        let mut client = evener.connect();
        for number in 1..=3 {
            let response = client.send(get("/")).response();
            assert_eq!((response.text().as_str(), response.field("connection")), ("a", None), "{answer:?}");
            assert_eq!(recorder.conversations().len(), number, "{answer:?}");
        }
        eventually(PATIENCE, "evener ends them", || recorder.conversations().iter().all(|one| one.is_over()));
    }
    let kept = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na";
    let recorder = Recorder::answering(kept);
    let evener = with_upstream(&recorder.address().to_string(), "");
    let mut client = evener.connect();
    for _ in 0..3 {
        assert_eq!(client.send(get("/")).response().text(), "a");
    }
    assert_eq!(recorder.conversations().len(), 1);
}

#[test]
fn a_server_that_does_not_answer_in_time_is_a_504() {
    let recorder = Recorder::scripted(|_| vec![Step::ReadRequest, Step::Hold]);
    let evener = with_upstream(&recorder.address().to_string(), "response_timeout = \"300ms\"");
    let mut client = evener.connect();
    let since = Instant::now();
    let response = client.send(request("POST", "/", "a.test", "Content-Length: 2\r\n") + "ab").response();
    assert_eq!((response.status, response.field("x-evener-reason")), (504, Some("response_timeout")));
    assert!(since.elapsed() >= Duration::from_millis(290), "{:?}", since.elapsed());
    eventually(PATIENCE, "the server is let go", || recorder.conversation(0).is_over());
}

#[test]
fn a_server_that_takes_no_connection_in_time_is_a_504() {
    // The queue of its newcomers is full: the kernel answers no further one.
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be made");
    listener.set_reuse_address(true).expect("it can be set");
    let address = free_address();
    listener.bind(&address.into()).expect("the registry's port is free");
    listener.listen(0).expect("it can listen");
    let fillers: Vec<_> = (0..2).map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(200))).collect();
    let evener = with_upstream(&address.to_string(), "connect_timeout = \"300ms\"");
    let since = Instant::now();
    let response = evener.get("/");
    assert_eq!((response.status, response.field("x-evener-reason")), (504, Some("connect_timeout")));
    assert!(since.elapsed() >= Duration::from_millis(290), "{:?}", since.elapsed());
    drop(fillers);
}
