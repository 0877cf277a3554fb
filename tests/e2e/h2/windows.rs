//! Windows of a connection that carries many streams: what some streams hold back must leave room for the others, in
//! either direction.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::scene::{Cover, Scene, echo, start};
use crate::harness::client::get;
use crate::harness::content::content;
use crate::harness::frames::{CANCEL, Event, FramePeer, headers, rst_stream, value};
use crate::harness::ports::{free_address, listen};
use crate::harness::recorder::ok;
use crate::harness::socket::narrow_client;
use crate::harness::wait::{PATIENCE, eventually, pause_unless};
use crate::harness::{Recorder, Step};

over_both!(uploads_that_a_server_does_not_read);

/// How long an answer may take that waits for nothing.
const SOON: Duration = Duration::from_secs(8);

/// A number that has not moved for so long does not move any more.
const STILL: Duration = Duration::from_millis(500);

/// A server of HTTP/2 that sends without end to whoever asks for `/large`, as much as the windows admit, and answers
/// anything else with its path. Its threads end with their connections.
struct Fountain {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    /// Requests for `/large`, and what was sent for all of them.
    asked: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
}

impl Fountain {
    fn start() -> Self {
        let address = free_address();
        let listener = listen(address);
        let fountain = Self { address, connections: Arc::default(), asked: Arc::default(), sent: Arc::default() };
        let [connections, asked, sent] = [&fountain.connections, &fountain.asked, &fountain.sent].map(Arc::clone);
        std::thread::spawn(move || {
            loop {
                let Ok(peer) = FramePeer::accept(&listener, &[(3, 1_000)]) else { continue };
                connections.fetch_add(1, Ordering::Relaxed);
                let (asked, sent) = (Arc::clone(&asked), Arc::clone(&sent));
                // An error is the end of the connection.
                std::thread::spawn(move || drop(pour(peer, &asked, &sent)));
            }
        });
        fountain
    }

    /// Waits until nothing more goes out to so many who have asked.
    #[track_caller]
    fn wait_until_stuck(&self, asked: usize) {
        eventually(PATIENCE, "all have asked", || self.asked.load(Ordering::Relaxed) == asked);
        wait_until_still(|| self.sent.load(Ordering::Relaxed));
    }
}

fn pour(mut peer: FramePeer, asked: &AtomicUsize, sent: &AtomicUsize) -> io::Result<()> {
    let piece = vec![b'z'; 1 << 20];
    let mut streams = Vec::new();
    loop {
        match peer.next_frame_noted()? {
            Some(Event::Head { stream, fields, .. }) => match value(&fields, ":path") {
                Some("/large") => {
                    peer.try_send(headers(stream, 0, &[(":status", "200")]))?;
                    streams.push(stream);
                    asked.fetch_add(1, Ordering::Relaxed);
                }
                path => {
                    peer.try_send(headers(stream, 0, &[(":status", "200")]))?;
                    peer.try_send_body(stream, path.unwrap_or_default().as_bytes(), true)?;
                }
            },
            Some(Event::Reset { stream, .. }) => streams.retain(|other| *other != stream),
            Some(Event::Closed) => return Ok(()),
            _ => {}
        }
        for stream in &streams {
            let (count, _) = peer.try_send_admitted(*stream, &piece, false)?;
            sent.fetch_add(count, Ordering::Relaxed);
        }
    }
}

/// Looks at a number again and again until it stays.
#[track_caller]
fn wait_until_still(mut number: impl FnMut() -> usize) {
    let (begun, mut since, mut last) = (Instant::now(), Instant::now(), number());
    while since.elapsed() < STILL {
        pause_unless(Duration::from_millis(10), || false);
        let now = number();
        if now != last {
            (since, last) = (Instant::now(), now);
        }
        assert!(begun.elapsed() < PATIENCE, "{now} and still more");
    }
}

/// Fault row 9: clients that do not read hold what the server may send them ahead, and nobody else on the connection with it.
#[test]
fn answers_that_are_not_read_leave_room_for_others() {
    let fountain = Fountain::start();
    let evener = start(fountain.address, "", "protocol = \"h2c\"");
    let quick = |what: &str| {
        let answer = evener.connect().with_patience(SOON).send(get("/quick")).try_response_to("GET");
        assert_eq!(answer.expect(what).text(), "/quick", "{what}");
        assert_eq!(fountain.connections.load(Ordering::Relaxed), 1, "{what}: all of it is on one connection");
    };
    quick("nothing is held");
    let mut readers: Vec<TcpStream> = (0..8).map(|_| narrow_client(evener.address())).collect();
    for reader in &mut readers {
        reader.write_all(get("/large").as_bytes()).expect("a small request can be sent");
    }
    fountain.wait_until_stuck(8);
    quick("8 clients do not read");
    let mut client = FramePeer::connect_with(evener.address(), &[(4, 0)]);
    client.manners.grants = false;
    for _ in 0..100 {
        client.get("/large");
    }
    client.expect_alive("streams that are not read");
    fountain.wait_until_stuck(108);
    quick("8 clients and 100 streams do not read");
}

/// The same for what clients send: uploads that a server does not take hold their windows, and none of the others.
fn uploads_that_a_server_does_not_read(cover: Cover) {
    let recorder = Recorder::narrow_per_head(|request| match request.target.as_str() {
        "/hold" => vec![Step::Freeze(PATIENCE)],
        "/taken" => vec![Step::ReadBody, Step::send(ok("all of it"))],
        _ => vec![Step::Send(echo(request))],
    });
    let mut scene = Scene::under(cover, recorder, "");
    let mut client = scene.connect();
    client.set_patience(SOON);
    client.expect_alive("settings");
    let head = client.request("POST", "/hold");
    let streams: Vec<u32> = (0..15).map(|_| client.open(0, &head)).collect();
    let body = content(0, 1 << 20);
    let sent = upload_until_still(&mut client, &streams, &body);
    let head = client.request("POST", "/taken");
    let stream = client.open(0, &head);
    client.try_send_body(stream, &body, true).unwrap_or_else(|error| panic!("{error} after {sent} bytes were held"));
    let message = client.message(stream);
    assert_eq!((message.status(), message.text()), (200, "all of it".into()), "{:?}", message.outcome);
    scene.expect_well("uploads that stand still");
}

/// Fault row 8, with full buffers: nobody reads from the stream any more.
#[test]
fn an_upload_that_a_server_does_not_read_ends_when_it_is_taken_back() {
    let recorder = Recorder::narrow_per_head(|_| vec![Step::Freeze(PATIENCE)]);
    let scene = Scene::before(recorder, "log = { access = \"stdout\", format = \"{target} {reason}\" }");
    let mut client = scene.connect();
    client.expect_alive("settings");
    let head = client.request("POST", "/hold");
    let stream = client.open(0, &head);
    upload_until_still(&mut client, &[stream], &content(0, 1 << 20));
    client.send(rst_stream(stream, CANCEL));
    eventually(SOON, "the request is over", || scene.evener.process.stdout().contains("/hold client_gone"));
    client.expect_alive("a reset");
}

/// Sends these bytes again and again on each stream, until no window has room any more; how many went.
#[track_caller]
pub(super) fn upload_until_still(client: &mut FramePeer, streams: &[u32], bytes: &[u8]) -> usize {
    let mut sent = 0;
    wait_until_still(|| {
        for stream in streams {
            sent += client.try_send_admitted(*stream, bytes, false).expect("the connection lives").0;
        }
        // With the answer to a PING it is known what was given back.
        client.expect_alive("uploads");
        sent
    });
    sent
}
