//! Probes of servers that answer well, badly, in pieces, without end or not at all.

mod grpc;
mod http2;
mod message;
mod tls;

use super::*;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

/// A check in HTTP/1.1 without TLS.
async fn check(server: &Server, health: &Health) -> Result<(), ProbeFault> {
    probe(server, health, Protocol::Http1, None).await
}

/// A check without a PROXY header.
async fn probe(
    server: &Server,
    health: &Health,
    protocol: Protocol,
    security: Option<Security>,
) -> Result<(), ProbeFault> {
    super::check(server, health, protocol, None, security).await
}

/// A server at this address, known by that.
fn server_at(address: ServerAddress, label: &str) -> Server {
    Server { label: label.to_owned(), address, weight: 1, tier: 0 }
}

fn tcp(addresses: &[SocketAddr]) -> Server {
    server_at(ServerAddress::Tcp(addresses.to_vec()), &addresses[0].to_string())
}

fn get(path: &str) -> Health {
    let probe = Probe::Http { path: path.to_owned(), host: None, status: vec![200..=399], body: None };
    Health { probe, port: None, every: Duration::from_secs(1), timeout: Duration::from_secs(20), up: 1, down: 1 }
}

fn get_text(text: &str) -> Health {
    let status = vec![200..=200];
    Health { probe: Probe::Http { path: "/".into(), host: None, status, body: Some(text.into()) }, ..get("/") }
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Takes one connection, reads the request, and does that with it. Gives what it read.
fn serve(then: impl FnOnce(&mut TcpStream) + Send + 'static) -> (SocketAddr, JoinHandle<String>) {
    let (listener, address) = listen();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
            request.push(byte[0]);
        }
        then(&mut stream);
        String::from_utf8(request).unwrap()
    });
    (address, thread)
}

/// The outcome of a check of a server that answers with these bytes and closes.
async fn answered(answer: impl Into<Vec<u8>>, health: &Health) -> Result<(), String> {
    let answer = answer.into();
    let (address, thread) = serve(move |stream| {
        // The probe may leave before the end.
        let _left = stream.write_all(&answer);
        let _left = stream.shutdown(Shutdown::Both);
    });
    let outcome = check(&tcp(&[address]), health).await.map_err(|fault| fault.to_string());
    thread.join().unwrap();
    outcome
}

#[track_caller]
fn expect_fault(outcome: Result<(), String>, part: &str) {
    let fault = outcome.expect_err(part);
    assert!(fault.contains(part), "{fault:?} instead of {part:?}");
}

#[tokio::test]
async fn the_status_decides() {
    let plain = get("/");
    for status in [200, 204, 301, 399] {
        assert_eq!(answered(format!("HTTP/1.1 {status} X\r\n\r\n"), &plain).await, Ok(()), "{status}");
    }
    let fault = answered("HTTP/1.1 404 X\r\n\r\n", &plain).await;
    assert_eq!(fault, Err("answered 404, wanted 200-399".to_owned()));
    let narrow = Probe::Http { path: "/".into(), host: None, status: vec![200..=200, 404..=410], body: None };
    let narrow = Health { probe: narrow, ..get("/") };
    assert_eq!(answered("HTTP/1.0 404 X\r\n\r\n", &narrow).await, Ok(()));
    let fault = answered("HTTP/1.1 301 X\r\nLocation: /\r\n\r\n", &narrow).await;
    assert_eq!(fault, Err("answered 301, wanted 200,404-410".to_owned()));
}

#[tokio::test]
async fn the_request_names_the_host() {
    let host = |name: Option<&str>| {
        let status = vec![200..=200];
        Health {
            probe: Probe::Http { path: "/h?a=1".into(), host: name.map(str::to_owned), status, body: None },
            ..get("/")
        }
    };
    for (name, label, expected) in [
        (None, "app.local:8080 (127.0.0.1:8080)", "app.local:8080"),
        (Some("example.com"), "127.0.0.1:1", "example.com"),
    ] {
        let (address, thread) = serve(|stream| stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap());
        let server = server_at(ServerAddress::Tcp(vec![address]), label);
        check(&server, &host(name)).await.unwrap();
        let expected = format!(
            "GET /h?a=1 HTTP/1.1\r\nHost: {expected}\r\nUser-Agent: evener-check\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(thread.join().unwrap(), expected);
    }
}

#[tokio::test]
async fn interim_answers_are_passed_over_as_long_as_they_are_few() {
    let plain = get("/");
    let early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    assert_eq!(answered(early.repeat(3) + "HTTP/1.1 200 OK\r\n\r\n", &plain).await, Ok(()));
    expect_fault(answered(early.repeat(3) + "HTTP/1.1 500 X\r\n\r\n", &plain).await, "answered 500");
    expect_fault(answered("HTTP/1.1 101 Switching Protocols\r\n\r\n", &plain).await, "answered 101");
    expect_fault(answered(early.repeat(5_000), &plain).await, "head is too large");
}

#[tokio::test]
async fn what_is_no_answer_is_a_fault() {
    let plain = get("/");
    expect_fault(answered("SSH-2.0-OpenSSH_9.6\r\n", &plain).await, "broken answer: the version");
    expect_fault(answered("HTTP/1.1 200 OK\nX: y\n\n", &plain).await, "broken answer");
    expect_fault(answered(vec![0; 100_000], &plain).await, "broken answer");
    expect_fault(answered("", &plain).await, "connection was closed");
    expect_fault(answered("HTTP/1.1 200 OK\r\nX: ", &plain).await, "connection was closed");
    let endless_head = "HTTP/1.1 200 OK\r\nX: ".to_owned() + &"x".repeat(200_000);
    expect_fault(answered(endless_head, &plain).await, "head is too large");
    let many_fields = "HTTP/1.1 200 OK\r\n".to_owned() + &"X: y\r\n".repeat(1_000);
    expect_fault(answered(many_fields, &plain).await, "too many fields");
}

#[tokio::test]
async fn the_text_is_found_in_whatever_framing() {
    let ready = get_text("ready");
    let ok = "HTTP/1.1 200 OK\r\n";
    for body in [
        "Content-Length: 9\r\n\r\nis ready!",
        "\r\nis ready, until the end",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nis r\r\n2\r\nea\r\n2\r\ndy\r\n0\r\n\r\n",
        // It is there before the body is broken or cut.
        "Content-Length: 900\r\n\r\nready",
    ] {
        assert_eq!(answered(format!("{ok}{body}"), &ready).await, Ok(()), "{body:?}");
    }
    for (body, part) in [
        ("Content-Length: 7\r\n\r\nloading", "without \"ready\""),
        // What is behind the body does not belong to it.
        ("Content-Length: 2\r\n\r\nreready", "without"),
        ("Content-Length: 0\r\n\r\n", "without"),
        ("\r\nrea dy", "without"),
        ("Content-Length: 900\r\n\r\nrea", "broken body: the connection ended"),
        ("Transfer-Encoding: chunked\r\n\r\nzz\r\nready", "broken body: a chunk size"),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nrea", "broken body"),
    ] {
        expect_fault(answered(format!("{ok}{body}"), &ready).await, part);
    }
    expect_fault(answered("HTTP/1.1 503 X\r\n\r\nready", &ready).await, "answered 503");
}

#[tokio::test]
async fn the_text_counts_in_the_first_64_kib_only() {
    let at = |offset: usize| format!("HTTP/1.1 200 OK\r\n\r\n{}ready{}", "x".repeat(offset), "y".repeat(300_000));
    assert_eq!(answered(at(64 * 1024 - 5), &get_text("ready")).await, Ok(()));
    expect_fault(answered(at(64 * 1024 - 4), &get_text("ready")).await, "without");
    // Text as long as that is found as well.
    let long = "z".repeat(64 * 1024);
    assert_eq!(answered(format!("HTTP/1.1 200 OK\r\n\r\n{long}"), &get_text(&long)).await, Ok(()));
    let fault = answered("HTTP/1.1 200 OK\r\n\r\n", &get_text(&long)).await.unwrap_err();
    assert!(fault.len() < 100, "{fault}");
}

#[tokio::test]
async fn a_body_without_end_is_not_read() {
    for (health, most) in [(get("/"), 8 << 20), (get_text("ready"), 8 << 20)] {
        let sent = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&sent);
        let (address, thread) = serve(move |stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n").unwrap();
            while let Ok(count) = stream.write(&[b'x'; 64 * 1024]) {
                counted.fetch_add(count, Ordering::Relaxed);
            }
        });
        let outcome = check(&tcp(&[address]), &health).await;
        let has_text = matches!(health.probe, Probe::Http { body: Some(_), .. });
        assert_eq!(outcome.is_err(), has_text, "{outcome:?}");
        thread.join().unwrap();
        // What the sockets' buffers hold, and not more.
        assert!(sent.load(Ordering::Relaxed) < most, "{} bytes", sent.load(Ordering::Relaxed));
    }
}

#[tokio::test]
async fn silence_and_trickle_end_with_the_time_out() {
    let timeout = Duration::from_millis(200);
    let hasty = Health { timeout, ..get("/") };
    for is_trickling in [false, true] {
        let (address, thread) = serve(move |stream| {
            let mut answer = b"HTTP/1.1 200 OK\r\nX: ".iter().chain(std::iter::repeat(&b'x'));
            stream.set_nodelay(true).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
            // Until the probe closes.
            while stream.read(&mut [0; 1]).is_err() {
                if is_trickling && stream.write_all(&[*answer.next().unwrap()]).is_err() {
                    return;
                }
            }
        });
        let begun = Instant::now();
        let fault = check(&tcp(&[address]), &hasty).await.unwrap_err();
        assert!(begun.elapsed() >= timeout, "{:?}", begun.elapsed());
        assert_eq!(fault.to_string(), "got no answer within 200ms");
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn time_in_which_this_thread_did_not_run_does_not_count() {
    let timeout = Duration::from_millis(500);
    let (address, thread) = serve(|stream| {
        std::thread::sleep(Duration::from_millis(150));
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    });
    let health = Health { timeout, ..get("/") };
    let server = tcp(&[address]);
    let late = async {
        // The connection is under way, and nothing has been sent on it.
        std::thread::sleep(timeout * 2);
        std::future::pending::<()>().await;
    };
    let outcome = tokio::select! {
        biased;
        outcome = check(&server, &health) => outcome,
        () = late => unreachable!("it never ends"),
    };
    assert!(outcome.is_ok(), "{outcome:?}");
    thread.join().unwrap();
}

#[tokio::test]
async fn a_connection_is_enough_without_a_path() {
    let connect = Health { probe: Probe::Tcp, ..get("/") };
    let (listener, address) = listen();
    assert!(check(&tcp(&[address]), &connect).await.is_ok());
    assert!(reach(&ServerAddress::Tcp(vec![address]), connect.timeout).await.is_ok());
    drop(listener);
    for fault in [
        check(&tcp(&[address]), &connect).await.unwrap_err(),
        reach(&ServerAddress::Tcp(vec![address]), connect.timeout).await.unwrap_err(),
    ] {
        assert_eq!(fault.to_string(), "took no connection");
        assert_eq!(fault.cause().map(io::Error::kind), Some(io::ErrorKind::ConnectionRefused));
        assert!(fault.is_of_connecting());
    }
    assert!(reach(&ServerAddress::Tcp(Vec::new()), connect.timeout).await.is_err());
}

#[tokio::test]
async fn the_first_address_that_connects_is_asked() {
    let (refusing, gone) = listen();
    drop(refusing);
    let (address, thread) = serve(|stream| stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap());
    assert!(check(&tcp(&[gone, address]), &get("/")).await.is_ok());
    thread.join().unwrap();
}

#[tokio::test]
async fn an_address_that_keeps_silent_leaves_time_for_the_next() {
    let (full, silent) = listen();
    // Its queue of newcomers is full, so that the kernel answers no further one.
    rustix::net::listen(&full, 0).unwrap();
    let fillers: Vec<_> = (0..2).map(|_| TcpStream::connect_timeout(&silent, Duration::from_millis(100))).collect();
    let connect = Health { probe: Probe::Tcp, timeout: Duration::from_millis(400), ..get("/") };
    let fault = check(&tcp(&[silent]), &connect).await.unwrap_err();
    assert_eq!(fault.to_string(), "took no connection within 400ms");
    let (_listener, address) = listen();
    assert!(check(&tcp(&[silent, address]), &connect).await.is_ok());
    drop(fillers);
}

#[tokio::test]
async fn a_port_of_its_own_is_asked() {
    let (refusing, gone) = listen();
    drop(refusing);
    let (_listener, address) = listen();
    let health = Health { probe: Probe::Tcp, port: Some(address.port()), ..get("/") };
    assert!(check(&tcp(&[gone]), &health).await.is_ok());
}

#[tokio::test]
async fn a_unix_socket_is_asked() {
    let path = std::env::temp_dir().join(format!("evener-probe-{}.sock", std::process::id()));
    let _not_there = std::fs::remove_file(&path);
    let address = ServerAddress::Unix(path.display().to_string());
    let server = server_at(address.clone(), "unix");
    let fault = check(&server, &get("/")).await.unwrap_err();
    assert_eq!(fault.cause().map(io::Error::kind), Some(io::ErrorKind::NotFound));
    let listener = UnixListener::bind(&path).unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1_024];
        let count = stream.read(&mut request).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        String::from_utf8_lossy(&request[..count]).into_owned()
    });
    assert!(check(&server, &get("/")).await.is_ok());
    assert!(thread.join().unwrap().starts_with("GET / HTTP/1.1\r\nHost: localhost\r\n"));
    std::fs::remove_file(&path).unwrap();
}
