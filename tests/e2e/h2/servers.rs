//! HTTP/2 towards servers: what becomes of a connection that many requests share when one of them ends badly, late, or not
//! at all.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::SockRef;

use super::scene::echo;
use crate::harness::certificates::{Authority, Files};
use crate::harness::client::get;
use crate::harness::content::content;
use crate::harness::frames::{
    CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, Event, FRAME_BYTES, FramePeer, HEADERS, INTERNAL_ERROR,
    NO_ERROR, Outcome, REFUSED_STREAM, frame, goaway, headers, rst_stream, settings, value, window_update,
};
use crate::harness::ports::{free_address, listen};
use crate::harness::wait::{PATIENCE, eventually, pause_unless};
use crate::harness::{Evener, Recorder, Step};

/// What a script has seen and remembers, of all connections.
#[derive(Default)]
struct Book {
    /// Connection and path of each request.
    seen: Vec<(usize, String)>,
    /// Codes with which streams were reset, with their connection.
    resets: Vec<(usize, u32)>,
    /// Streams that the script has something to do with later.
    held: Vec<u32>,
    /// How often each path was asked for.
    turns: BTreeMap<String, usize>,
}

impl Book {
    /// How often the path was asked for before.
    fn turn(&mut self, path: &str) -> usize {
        let count = self.turns.entry(path.to_owned()).or_default();
        *count += 1;
        *count - 1
    }
}

type Script = dyn Fn(&mut FramePeer, &mut Book, Asked<'_>) + Send + Sync;

struct Asked<'a> {
    connection: usize,
    stream: u32,
    path: &'a str,
    fields: &'a [(String, String)],
}

/// A server that leaves each answer to a script. Its threads end with their connections.
struct Server {
    address: SocketAddr,
    book: Arc<Mutex<Book>>,
    open: Arc<AtomicUsize>,
}

/// How a server takes connections.
#[derive(Clone, Copy, Default)]
struct Ways {
    settings: &'static [(u16, u32)],
    /// It says hello so much later, and takes so much longer for each request.
    delay: Duration,
    pause: Duration,
}

impl Server {
    fn start(ways: Ways, script: impl Fn(&mut FramePeer, &mut Book, Asked<'_>) + Send + Sync + 'static) -> Self {
        let server = Self { address: free_address(), book: Arc::default(), open: Arc::default() };
        let listener = listen(server.address);
        let (book, open, script): (_, _, Arc<Script>) =
            (Arc::clone(&server.book), Arc::clone(&server.open), Arc::new(script));
        std::thread::spawn(move || {
            let numbers = Arc::new(AtomicUsize::new(0));
            while let Ok((stream, _)) = listener.accept() {
                let (book, open, script) = (Arc::clone(&book), Arc::clone(&open), Arc::clone(&script));
                let numbers = Arc::clone(&numbers);
                std::thread::spawn(move || {
                    pause_unless(ways.delay, || false);
                    // Who says no preface is the test's look whether somebody listens.
                    let Ok(peer) = FramePeer::serve(stream, ways.settings) else { return };
                    open.fetch_add(1, Ordering::Relaxed);
                    let number = numbers.fetch_add(1, Ordering::Relaxed);
                    serve(peer, number, ways.pause, &book, script.as_ref());
                    open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        server
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of connections on which something was asked.
    fn connections(&self) -> usize {
        self.book().seen.iter().map(|(connection, _)| connection + 1).max().unwrap_or(0)
    }

    fn times_seen(&self, path: &str) -> usize {
        self.book().seen.iter().filter(|(_, seen)| seen == path).count()
    }
}

fn serve(mut peer: FramePeer, connection: usize, pause: Duration, book: &Mutex<Book>, script: &Script) {
    let book = || book.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        match peer.event() {
            Ok(Event::Head { stream, fields, .. }) => {
                let Some(path) = value(&fields, ":path") else { continue };
                pause_unless(pause, || false);
                let mut book = book();
                book.seen.push((connection, path.to_owned()));
                script(&mut peer, &mut book, Asked { connection, stream, path, fields: &fields });
            }
            Ok(Event::Reset { code, .. }) => book().resets.push((connection, code)),
            Ok(Event::Closed) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// Evener may have gone since.
fn say(peer: &mut FramePeer, frames: &[Vec<u8>]) {
    drop(peer.try_send(frames.concat()));
}

fn answer(peer: &mut FramePeer, stream: u32, body: &str) {
    say(peer, &[headers(stream, 0, &[(":status", "200")]), frame(DATA, END_STREAM, stream, body)]);
}

/// Evener for clients of both versions in front of the server, which tells them reasons.
fn before(server: SocketAddr, upstream: &str) -> Evener {
    Evener::start(&format!(
        "workers = 1\n[[site]]\nlisten = \"{{listen}}\"\nhttp2 = true\ntrusted_proxies = [\"127.0.0.1\"]\nto = \"app\"\n\
         [upstream.app]\nservers = [\"{server}\"]\n{upstream}\n"
    ))
}

fn start(server: &Server) -> Evener {
    before(server.address, "protocol = \"h2c\"")
}

#[track_caller]
fn expect_refused(evener: &Evener, request: &str, status: u16, reason: &str) {
    let response = evener.connect().send(request).response();
    assert_eq!((response.status, response.field("x-evener-reason")), (status, Some(reason)), "{request}: {response:?}");
}

/// An answer that is whole by its length, whose stream the server ends in a frame of its own when something else happens.
fn ends_late(peer: &mut FramePeer, book: &mut Book, asked: &Asked<'_>) {
    let end = book.held.pop().map(|stream| frame(DATA, END_STREAM, stream, ""));
    let head = headers(asked.stream, 0, &[(":status", "200"), ("content-length", "2")]);
    say(peer, &[end.unwrap_or_default(), head, frame(DATA, 0, asked.stream, "ok")]);
    book.held.push(asked.stream);
}

#[test]
fn a_whole_answer_is_not_cancelled() {
    let server = Server::start(Ways::default(), |peer, book, asked| ends_late(peer, book, &asked));
    let evener = start(&server);
    let mut client = evener.connect();
    for number in 0..30 {
        assert_eq!(client.send(get(&format!("/{number}"))).response().text(), "ok");
    }
    assert_eq!((server.connections(), server.book().resets.len()), (1, 0));
}

/// Until its end has come a stream has its place; one that is never ended is cancelled in the end.
#[test]
fn a_stream_that_is_not_ended_has_its_place_for_a_while() {
    let ways = Ways { settings: &[(3, 1)], ..Ways::default() };
    let server = Server::start(ways, |peer, _, asked| {
        let head = headers(asked.stream, 0, &[(":status", "200"), ("content-length", "2")]);
        say(peer, &[head, frame(DATA, 0, asked.stream, "ok")]);
    });
    let evener = start(&server);
    assert_eq!(evener.get("/first").text(), "ok");
    assert_eq!(evener.get("/second").text(), "ok");
    assert_eq!(server.connections(), 2, "the first has no room");
    eventually(PATIENCE, "both are cancelled", || server.book().resets.len() == 2);
    server.book().resets.sort_unstable();
    assert_eq!(server.book().resets, [(0, CANCEL), (1, CANCEL)]);
    assert_eq!(evener.get("/third").text(), "ok");
    assert_eq!(server.connections(), 2, "there is room again");
}

/// What cannot be said in HTTP/2 is no server's fault, and opens no connections.
#[test]
fn requests_without_a_form_reach_no_server() {
    let server = Server::start(Ways::default(), |peer, _, asked| answer(peer, asked.stream, asked.path));
    let evener = start(&server);
    let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for _ in 0..20 {
        expect_refused(&evener, "GET /a<b HTTP/1.1\r\nHost: test\r\n\r\n", 400, "no_form_in_h2");
        expect_refused(&evener, "GET /a`b HTTP/1.1\r\nHost: test\r\n\r\n", 400, "no_form_in_h2");
        expect_refused(&evener, "GET /old HTTP/1.0\r\n\r\n", 400, "no_form_in_h2");
        let chunked = "POST /a<b HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
        expect_refused(&evener, chunked, 400, "no_form_in_h2");
        let switch = format!("GET /ws HTTP/1.1\r\nHost: test\r\n{upgrade}\r\n");
        expect_refused(&evener, &switch, 502, "upstream_no_websocket");
    }
    assert_eq!(evener.get("/good").text(), "/good");
    assert_eq!(server.times_seen("/good"), 1);
    assert_eq!(server.book().seen.len(), 1, "a request without a form was sent");
    assert_eq!(server.open.load(Ordering::Relaxed), 1);
    let stderr = evener.process.stderr();
    assert!(!stderr.contains("closed the connection") && !stderr.contains("ejected"), "{stderr}");
}

/// To a server that speaks HTTP/1.1 as well it is said so.
#[test]
fn requests_without_a_form_go_over_http_1_if_they_can() {
    let recorder = Recorder::per_request(|request| vec![Step::Send(echo(request))]);
    let authority = Authority::new();
    let Files { cert, key } = authority.issue("localhost");
    let server = Evener::start(&format!(
        "[[site]]\nlisten = \"{{listen}}\"\nhosts = [\"localhost\"]\nredirect_from = []\n\
         tls = {{ cert = {cert:?}, key = {key:?} }}\nto = [\"{}\"]\n",
        recorder.address()
    ));
    let name = format!("localhost:{}", server.address().port());
    let evener = Evener::start(&format!(
        "workers = 1\n[[site]]\nlisten = \"{{listen}}\"\nhttp2 = true\nto = \"app\"\n\
         [[site.route]]\npath = \"/\"\nto = \"app\"\nhost = \"upstream\"\n\
         [upstream.app]\nservers = [\"{name}\"]\nprotocol = \"auto\"\ntls = {{ ca = {:?} }}\n",
        authority.path()
    ));
    for _ in 0..3 {
        assert_eq!(evener.get("/good").text(), "GET /good");
        assert_eq!(evener.get("/a<b").text(), "GET /a<b");
        let mut client = FramePeer::connect(evener.address());
        let stream = client.open(0, &client.request("POST", "/a`b"));
        client.try_send_body(stream, b"body", true).expect("evener takes it");
        let message = client.message(stream);
        // What comes from a client of HTTP/2 has been refused there already, if at all.
        assert!(message.text() == "POST /a`b" || message.outcome != Some(Outcome::Ended) || message.status() == 400);
    }
}

/// A server that resets streams keeps its connection.
#[test]
fn resets_open_no_connections() {
    let server = Server::start(Ways::default(), |peer, _, asked| match asked.path {
        "/panic" => say(peer, &[rst_stream(asked.stream, INTERNAL_ERROR)]),
        path => answer(peer, asked.stream, path),
    });
    let evener = start(&server);
    assert_eq!(evener.get("/good").text(), "/good");
    for _ in 0..20 {
        expect_refused(&evener, "GET /panic HTTP/1.1\r\nHost: test\r\n\r\n", 502, "upstream_reset_stream");
    }
    assert_eq!(evener.get("/good").text(), "/good");
    assert_eq!((server.connections(), server.open.load(Ordering::Relaxed)), (1, 1));
    assert!(server.times_seen("/panic") <= 40, "each is asked for twice at most");
    let words = "reset the stream before it answered (INTERNAL_ERROR)";
    eventually(PATIENCE, words, || evener.process.stderr().contains(words));
}

/// What is wrong with an answer is said, and its connection is used on.
#[test]
fn a_bad_head_is_told_as_such() {
    let server = Server::start(Ways::default(), |peer, _, asked| match asked.path {
        "/malformed" => say(peer, &[headers(asked.stream, END_STREAM, &[("x", "y")])]),
        "/large" => {
            let long = "v".repeat(15_000);
            let fields: Vec<(String, &str)> = (0..6).map(|number| (format!("x-{number}"), long.as_str())).collect();
            let head = [vec![(":status".to_owned(), "200")], fields].concat();
            say(peer, &[in_pieces(&headers(asked.stream, END_STREAM, &head), asked.stream)]);
        }
        path => answer(peer, asked.stream, path),
    });
    let evener = start(&server);
    for path in ["/malformed", "/large"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
        expect_refused(&evener, &request, 502, "upstream_malformed_h2");
    }
    assert_eq!(evener.get("/good").text(), "/good");
    assert_eq!(server.connections(), 1);
}

/// A head that is too long for one frame, in several.
fn in_pieces(head: &[u8], stream: u32) -> Vec<u8> {
    let pieces: Vec<&[u8]> = head[9..].chunks(FRAME_BYTES).collect();
    let (first, rest) = pieces.split_first().expect("a head");
    let (last, middle) = rest.split_last().expect("a long head");
    let middle = middle.iter().map(|piece| frame(CONTINUATION, 0, stream, piece));
    let first = frame(HEADERS, END_STREAM, stream, first);
    [vec![first], middle.collect(), vec![frame(CONTINUATION, END_HEADERS, stream, last)]].concat().concat()
}

/// Readers of small messages that stand still cost nobody else the connection.
#[test]
fn slow_readers_of_small_messages() {
    const READERS: usize = 20;
    /// What a stream admits, in messages of 25 bytes.
    const MESSAGES: usize = 256 * 1024 / 25;
    let server = Server::start(Ways::default(), |peer, _, asked| match asked.path {
        "/small" => {
            let message = frame(DATA, 0, asked.stream, [b'm'; 25]);
            say(peer, &[headers(asked.stream, 0, &[(":status", "200")]), message.repeat(MESSAGES)]);
        }
        path => answer(peer, asked.stream, path),
    });
    let evener = start(&server);
    let mut reader = FramePeer::connect(evener.address());
    reader.manners.grants = false;
    for number in 1..=READERS {
        reader.get("/small");
        eventually(PATIENCE, "it is there", || server.times_seen("/small") == number);
        assert_eq!(evener.get("/other").text(), "/other");
    }
    assert_eq!(server.connections(), 1, "the connection has ended");
}

/// Frames for streams that were given up long ago are no offence, however many.
#[test]
fn late_frames_are_no_offence() {
    const GIVEN_UP: usize = 1_100;
    const AT_ONCE: usize = 20;
    let server = Server::start(Ways::default(), |peer, book, asked| match asked.path {
        "/given-up" => {
            say(peer, &[headers(asked.stream, 0, &[(":status", "200")])]);
            book.held.push(asked.stream);
        }
        "/late" => {
            let late: Vec<Vec<u8>> = book.held.iter().map(|stream| frame(DATA, 0, *stream, "late")).collect();
            say(peer, &late);
            answer(peer, asked.stream, asked.path);
        }
        path => answer(peer, asked.stream, path),
    });
    let evener = start(&server);
    for _ in 0..GIVEN_UP / AT_ONCE {
        let mut client = FramePeer::connect(evener.address());
        let streams: Vec<u32> = (0..AT_ONCE).map(|_| client.get("/given-up")).collect();
        for stream in streams {
            while client.so_far(stream).status() != 200 {
                client.event().expect("evener answers");
            }
            client.send(rst_stream(stream, CANCEL));
        }
        client.expect_alive("a client that takes its requests back");
    }
    eventually(PATIENCE, "all are given up", || server.book().resets.len() == GIVEN_UP);
    // The first of them are forgotten by then.
    pause_unless(Duration::from_millis(1_200), || false);
    assert_eq!(evener.get("/good").text(), "/good");
    for _ in 0..3 {
        assert_eq!(evener.get("/late").text(), "/late");
    }
    assert_eq!(evener.get("/good").text(), "/good");
    assert_eq!(server.connections(), 1, "the connection has ended");
}

/// A connection on which nothing is heard any more gets no further requests.
#[test]
fn a_silent_connection_is_left() {
    let server = Server::start(Ways::default(), |peer, book, asked| {
        if asked.connection > 0 || book.seen.len() == 1 {
            answer(peer, asked.stream, asked.path);
        }
    });
    let evener = before(server.address, "protocol = \"h2c\"\nresponse_timeout = \"1s\"");
    assert_eq!(evener.get("/first").text(), "/first");
    expect_refused(&evener, "GET /lost HTTP/1.1\r\nHost: test\r\n\r\n", 504, "response_timeout");
    for _ in 0..3 {
        assert_eq!(evener.get("/after").text(), "/after");
    }
    assert_eq!(server.connections(), 2);
}

/// As many connections are opened at a time as the requests that wait need.
#[test]
fn connections_are_opened_together() {
    const REQUESTS: usize = 40;
    let pause = Duration::from_secs(2);
    let ways = Ways { settings: &[(3, 1)], delay: Duration::from_millis(300), pause };
    let server = Server::start(ways, |peer, _, asked| answer(peer, asked.stream, asked.path));
    let evener = before(server.address, "protocol = \"h2c\"\nconnect_timeout = \"5s\"");
    let mut clients: Vec<_> = (0..REQUESTS).map(|_| evener.connect()).collect();
    for client in &mut clients {
        client.send(get("/"));
    }
    for client in &mut clients {
        let response = client.response();
        assert_eq!(response.status, 200, "{response:?}");
    }
}

/// RFC 9113 §8.7 for bodies that clients of HTTP/2 send: what was refused is sent again, whatever the method.
#[test]
fn bodies_are_sent_again_to_who_has_refused_them() {
    let server = Server::start(Ways::default(), |peer, book, asked| match (asked.path, book.turn(asked.path)) {
        ("/refused" | "/call", 0) => say(peer, &[rst_stream(asked.stream, REFUSED_STREAM)]),
        ("/gone", 0) => say(peer, &[goaway(asked.stream - 2, NO_ERROR)]),
        (path, _) => answer(peer, asked.stream, path),
    });
    let evener = start(&server);
    let mut client = FramePeer::connect(evener.address());
    for path in ["/first", "/refused", "/gone", "/call"] {
        let head = client.request("POST", path);
        let kind = if path == "/call" { "application/grpc" } else { "text/plain" };
        let fields = [&head[..], &[("content-type", kind), ("te", "trailers")]].concat();
        let stream = client.open(0, &fields);
        client.try_send_body(stream, b"\0\0\0\0\0", true).expect("evener takes it");
        let message = client.message(stream);
        assert_eq!((message.status(), message.text()), (200, path.into()), "{path}: {message:?}");
    }
}

/// RFC 9113 §8.3.1: the target of a request to the server as a whole.
#[test]
fn an_asterisk_stays_one() {
    let server = Server::start(Ways::default(), |peer, _, asked| {
        let method = value(asked.fields, ":method").unwrap_or_default();
        answer(peer, asked.stream, &format!("{method} {}", asked.path));
    });
    let evener = start(&server);
    let mut client = evener.connect();
    client.send("OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.response_to("OPTIONS").text(), "OPTIONS *");
}

/// A server that admits much and takes nothing: what is left of a connection on which nobody asks any more goes.
#[test]
fn a_connection_that_takes_nothing_is_closed() {
    let address = free_address();
    let listener = listen(address);
    SockRef::from(&listener).set_recv_buffer_size(8 * 1024).expect("an option");
    let evener = before(address, "protocol = \"h2c\"\nresponse_timeout = \"1s\"\nidle_timeout = \"1s\"");
    let sockets = evener.process.sockets();
    let mut client = evener.connect();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 8000000\r\n\r\n");
    let (mut server, _) = listener.accept().expect("evener connects");
    server.write_all(&settings(&[(4, 1 << 30)])).expect("it is open");
    server.write_all(&window_update(0, 1 << 30)).expect("it is open");
    // The rest is not wanted any more at some time.
    drop(client.try_send(content(0, 8_000_000)));
    drop(client);
    eventually(PATIENCE, "nothing is left", || evener.process.sockets() <= sockets);
    drop(server);
}
