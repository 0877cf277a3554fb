//! HTTP/2 towards servers, seen by a server that speaks in frames: what it refuses is asked again, and only that.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::scene::start;
use crate::harness::Evener;
use crate::harness::client::{RawClient, get};
use crate::harness::frames::{
    CANCEL, DATA, END_STREAM, Event, FramePeer, INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM, frame, goaway, headers,
    rst_stream, value,
};
use crate::harness::ports::{free_address, listen};
use crate::harness::wait::{PATIENCE, eventually};

/// What a script sees of a request.
struct Asked {
    /// The number of the connection, from 0 on.
    connection: usize,
    /// The number of the request on it, from 0 on.
    turn: usize,
    stream: u32,
    path: String,
}

enum Then {
    Go,
    Close,
}

type Script = dyn Fn(&mut FramePeer, &Asked) -> Then + Send + Sync;

/// A server of HTTP/2 that leaves each answer to a script. Its threads end with their connections.
struct Server {
    address: SocketAddr,
    /// Connection and path of each request.
    seen: Arc<Mutex<Vec<(usize, String)>>>,
    open: Arc<AtomicUsize>,
}

impl Server {
    fn start(
        values: &'static [(u16, u32)],
        script: impl Fn(&mut FramePeer, &Asked) -> Then + Send + Sync + 'static,
    ) -> Self {
        let address = free_address();
        let listener = listen(address);
        let server = Self { address, seen: Arc::default(), open: Arc::default() };
        let (seen, open) = (Arc::clone(&server.seen), Arc::clone(&server.open));
        let script: Arc<Script> = Arc::new(script);
        std::thread::spawn(move || {
            let mut connection = 0;
            loop {
                // Who says no preface is the test's look whether somebody listens.
                let Ok(peer) = FramePeer::accept(&listener, values) else { continue };
                let (seen, open, script) = (Arc::clone(&seen), Arc::clone(&open), Arc::clone(&script));
                let number = connection;
                connection += 1;
                std::thread::spawn(move || {
                    open.fetch_add(1, Ordering::Relaxed);
                    serve(peer, number, &seen, script.as_ref());
                    open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        server
    }

    fn seen(&self) -> Vec<(usize, String)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(mut peer: FramePeer, connection: usize, seen: &Mutex<Vec<(usize, String)>>, script: &Script) {
    let mut turn = 0;
    loop {
        match peer.event() {
            Ok(Event::Head { stream, fields, .. }) => {
                let Some(path) = value(&fields, ":path").map(str::to_owned) else { continue };
                seen.lock().unwrap_or_else(PoisonError::into_inner).push((connection, path.clone()));
                match script(&mut peer, &Asked { connection, turn, stream, path }) {
                    Then::Go => turn += 1,
                    Then::Close => return,
                }
            }
            Ok(Event::Closed) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

fn answer(peer: &mut FramePeer, stream: u32, body: &str) {
    let head = headers(stream, 0, &[(":status", "200")]);
    // Evener may have gone since.
    drop(peer.try_send([head, frame(DATA, END_STREAM, stream, body)].concat()));
}

fn echo(peer: &mut FramePeer, asked: &Asked) -> Then {
    answer(peer, asked.stream, &asked.path);
    Then::Go
}

fn before(server: &Server) -> Evener {
    start_plain(server.address, "")
}

fn start_plain(server: SocketAddr, upstream: &str) -> Evener {
    start(server, "", &format!("protocol = \"h2c\"\n{upstream}"))
}

#[track_caller]
fn expect_served(evener: &Evener, paths: impl IntoIterator<Item = String>) {
    let mut client = FramePeer::connect(evener.address());
    for path in paths {
        let stream = client.get(&path);
        let message = client.message(stream);
        assert_eq!((message.status(), message.text()), (200, path.clone()), "{:?}", message.outcome);
    }
}

fn post(address: SocketAddr, path: &str) -> u16 {
    let mut client = RawClient::connect(address);
    client.send(format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody"));
    client.response_to("POST").status
}

/// Requests that are under way at the same time, of many clients and of one, go over one connection.
#[test]
fn requests_under_way_share_a_connection() {
    const CLIENTS: usize = 30;
    const STREAMS: usize = 100;
    let held = Mutex::new(Vec::new());
    let server = Server::start(&[(3, 1_000)], move |peer, asked| {
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        held.push((asked.stream, asked.path.clone()));
        if asked.path == "/last" {
            held.drain(..).for_each(|(stream, path)| answer(peer, stream, &path));
        }
        Then::Go
    });
    let evener = before(&server);
    let mut clients: Vec<RawClient> = (0..CLIENTS).map(|_| evener.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(get(&format!("/client/{number}")));
    }
    let mut client = FramePeer::connect(evener.address());
    let streams: Vec<u32> = (0..STREAMS).map(|number| client.get(&format!("/stream/{number}"))).collect();
    eventually(PATIENCE, "all are at the server", || server.seen().len() == CLIENTS + STREAMS);
    let seen = server.seen();
    assert!(seen.iter().all(|(connection, _)| *connection == 0), "one connection: {seen:?}");
    assert_eq!(evener.get("/last").text(), "/last");
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.response().text(), format!("/client/{number}"));
    }
    for (number, stream) in streams.into_iter().enumerate() {
        assert_eq!(client.message(stream).text(), format!("/stream/{number}"));
    }
    assert_eq!(server.open.load(Ordering::Relaxed), 1);
}

/// RFC 9113 §8.7: a stream that was refused has not been looked at, so that any method may be sent again.
#[test]
fn refused_streams_are_asked_again() {
    let server = Server::start(&[], |peer, asked| {
        if asked.turn % 2 == 0 {
            drop(peer.try_send(rst_stream(asked.stream, REFUSED_STREAM)));
            return Then::Go;
        }
        echo(peer, asked)
    });
    let evener = before(&server);
    expect_served(&evener, (0..10).map(|number| format!("/get/{number}")));
    let plain = plain(&server);
    for number in 0..5 {
        assert_eq!(post(plain.address(), &format!("/post/{number}")), 200);
    }
}

/// Evener for clients of HTTP/1 in front of the server.
fn plain(server: &Server) -> Evener {
    Evener::start(&format!(
        "workers = 1\n[[site]]\nlisten = \"{{listen}}\"\nto = \"app\"\n[upstream.app]\nservers = [\"{}\"]\nprotocol = \"h2c\"\n",
        server.address
    ))
}

/// A stream that broke may have been worked on: what is idempotent is asked again, a POST is not.
#[test]
fn broken_streams_are_asked_again_if_that_is_safe() {
    let server = Server::start(&[], |peer, asked| {
        if asked.path == "/post" || (asked.path == "/get" && asked.turn == 1) {
            drop(peer.try_send(rst_stream(asked.stream, INTERNAL_ERROR)));
            return Then::Go;
        }
        echo(peer, asked)
    });
    let evener = plain(&server);
    assert_eq!(evener.get("/first").text(), "/first");
    assert_eq!(evener.get("/get").text(), "/get");
    let before = server.seen().len();
    assert_eq!(post(evener.address(), "/post"), 502);
    assert_eq!(server.seen().len(), before + 1, "a POST was sent twice: {:?}", server.seen());
}

/// Row 36: GOAWAY with a last stream below those in flight. Those above are asked again on another connection, and nothing is
/// lost; those up to it are answered.
#[test]
fn row_36_streams_beyond_the_last_are_asked_again() {
    let server = Server::start(&[], |peer, asked| {
        if asked.connection == 0 && asked.turn == 5 {
            drop(peer.try_send(goaway(asked.stream - 2, NO_ERROR)));
            return Then::Go;
        }
        if asked.connection == 0 && asked.turn > 5 {
            // It was said that this is not looked at.
            return Then::Go;
        }
        echo(peer, asked)
    });
    let evener = before(&server);
    let mut client = FramePeer::connect(evener.address());
    let streams: Vec<(u32, String)> = (0..40)
        .map(|number| {
            let path = format!("/one/{number}");
            (client.get(&path), path)
        })
        .collect();
    for (stream, path) in streams {
        let message = client.message(stream);
        assert_eq!((message.status(), message.text()), (200, path), "{:?}", message.outcome);
    }
    assert!(server.seen().iter().any(|(connection, _)| *connection > 0), "another connection");
}

/// POSTs under a GOAWAY that comes again and again: each is executed once, none is lost.
#[test]
fn row_36_nothing_is_executed_twice() {
    let executed = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&executed);
    let server = Server::start(&[], move |peer, asked| {
        if asked.turn == 3 {
            drop(peer.try_send(goaway(asked.stream - 2, NO_ERROR)));
            return Then::Close;
        }
        list.lock().unwrap_or_else(PoisonError::into_inner).push(asked.path.clone());
        answer(peer, asked.stream, "executed");
        Then::Go
    });
    let evener = plain(&server);
    let paths: Vec<String> = (0..30).map(|number| format!("/post/{number}")).collect();
    for path in &paths {
        assert_eq!(post(evener.address(), path), 200, "{path}");
    }
    assert_eq!(*executed.lock().unwrap_or_else(PoisonError::into_inner), paths);
}

/// A server that takes one stream at a time gets a connection for each request that is under way.
#[test]
fn one_stream_at_a_time() {
    let server = Server::start(&[(3, 1)], |peer, asked| {
        if asked.path == "/slow" {
            peer.set_patience(std::time::Duration::from_millis(300));
            // Nothing else may come meanwhile.
            let next = peer.event();
            peer.set_patience(PATIENCE);
            if matches!(next, Ok(Event::Head { .. })) {
                drop(peer.try_send(goaway(0, INTERNAL_ERROR)));
                return Then::Close;
            }
        }
        echo(peer, asked)
    });
    let evener = before(&server);
    let mut client = FramePeer::connect(evener.address());
    let streams: Vec<u32> = (0..5).map(|_| client.get("/slow")).collect();
    for stream in streams {
        let message = client.message(stream);
        assert_eq!((message.status(), message.text()), (200, "/slow".into()), "{:?}", message.outcome);
    }
    let connections = server.seen().iter().map(|(connection, _)| *connection).max();
    assert!(connections >= Some(1), "{:?}", server.seen());
}

/// A server that closes its connection after each answer: the next request never fails for that.
#[test]
fn connections_closed_when_idle() {
    let server = Server::start(&[], |peer, asked| {
        answer(peer, asked.stream, &asked.path);
        Then::Close
    });
    let evener = before(&server);
    expect_served(&evener, (0..50).map(|number| format!("/get/{number}")));
    let polite = Server::start(&[], |peer, asked| {
        answer(peer, asked.stream, &asked.path);
        drop(peer.try_send(goaway(asked.stream, NO_ERROR)));
        Then::Close
    });
    let evener = before(&polite);
    expect_served(&evener, (0..50).map(|number| format!("/get/{number}")));
}

/// R rows for HTTP/2: what a server may not send is never passed on as an answer.
#[test]
fn malformed_answers_become_502() {
    let server = Server::start(&[], |peer, asked| {
        let stream = asked.stream;
        let (status, content) = ((":status", "200"), |length| ("content-length", length));
        let bytes = match asked.path.as_str() {
            "/no-status" => headers(stream, END_STREAM, &[("x", "y")]),
            "/odd-status" => headers(stream, END_STREAM, &[(":status", "abc")]),
            "/connection" => headers(stream, END_STREAM, &[status, ("connection", "close")]),
            "/coding" => headers(stream, END_STREAM, &[status, ("transfer-encoding", "chunked")]),
            "/length-alone" => headers(stream, END_STREAM, &[status, content("10")]),
            "/lengths" => headers(stream, 0, &[status, content("5"), content("6")]),
            "/line-end" => headers(stream, END_STREAM, &[status, ("x", "a\r\nset-cookie: b")]),
            "/data-first" => frame(DATA, END_STREAM, stream, b"body"),
            "/switch" => headers(stream, END_STREAM, &[(":status", "101")]),
            _ => return echo(peer, asked),
        };
        drop(peer.try_send(bytes));
        Then::Go
    });
    let evener = plain(&server);
    for path in [
        "/no-status",
        "/odd-status",
        "/connection",
        "/coding",
        "/length-alone",
        "/lengths",
        "/line-end",
        "/data-first",
        "/switch",
    ] {
        let response = evener.get(path);
        assert_eq!(response.status, 502, "{path}: {response:?}");
    }
    assert_eq!(evener.get("/fine").text(), "/fine");
    // A body that is shorter than was said never looks complete.
    let short = Server::start(&[], |peer, asked| {
        let head = headers(asked.stream, 0, &[(":status", "200"), ("content-length", "10")]);
        drop(peer.try_send([head, frame(DATA, END_STREAM, asked.stream, b"short")].concat()));
        Then::Go
    });
    let evener = plain(&short);
    let broken = RawClient::connect(evener.address()).send(get("/short")).try_response_to("GET");
    assert!(broken.as_ref().is_err() || broken.as_ref().is_ok_and(|response| response.status == 502), "{broken:?}");
}

/// The client takes its request back: the server is told so.
#[test]
fn a_cancelled_request_is_cancelled_at_the_server() {
    let cancelled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&cancelled);
    let server = Server::start(&[], move |peer, asked| {
        if asked.path != "/wait" {
            return echo(peer, asked);
        }
        if let Ok(Event::Reset { code: CANCEL, .. }) = peer.event() {
            count.fetch_add(1, Ordering::Relaxed);
        }
        Then::Go
    });
    let evener = before(&server);
    let mut client = FramePeer::connect(evener.address());
    let stream = client.get("/wait");
    eventually(PATIENCE, "the request is there", || !server.seen().is_empty());
    client.send(rst_stream(stream, CANCEL));
    eventually(PATIENCE, "it is cancelled", || cancelled.load(Ordering::Relaxed) == 1);
    expect_served(&evener, ["/after".to_owned()]);
    assert_eq!(server.open.load(Ordering::Relaxed), 1, "the connection is used on");
}
