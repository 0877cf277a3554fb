//! Connections that say nothing, or not all of what must come first: whatever they came for, they keep nobody out and hold
//! no stop up. Idle connections of HTTP/2 neither.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::certificates::Authority;
use crate::harness::client::{RawClient, get};
use crate::harness::evener::Evener;
use crate::harness::frames::{FramePeer, NO_ERROR, Outcome, settings};
use crate::harness::ports::free_address;
use crate::harness::socket::Secrets;
use crate::harness::wait::{PATIENCE, eventually, pause_unless};
use crate::harness::wire::Wire;

use super::settled;

/// So many connections are all that evener takes.
const PLACES: usize = 20;

/// Far below the time-outs of the config, so that none of those can be what made it happen.
const AT_ONCE: Duration = Duration::from_secs(8);

/// What a client of HTTP/2 says first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What waits to be said at a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// A request.
    Plain,
    /// A ClientHello.
    Tls,
    /// The preface of HTTP/2, or a request.
    Http2,
    /// A ClientHello that tells the service.
    ByName,
    /// A PROXY header, for a service and for a site.
    ToldService,
    ToldSite,
}

/// An evener with every kind of door. Nothing there ends by itself while a test lasts.
struct House {
    evener: Evener,
    doors: Vec<(Door, SocketAddr)>,
    authority: Authority,
    sockets_before: usize,
}

impl House {
    fn open() -> Self {
        let authority = Authority::new();
        let files = authority.issue("test");
        let site = "[[site]]\nrespond = { status = 200, body = \"here\" }\n";
        let service = "[[tcp]]\nto = \"127.0.0.1:9\"\n";
        let tls = format!("redirect_from = []\ntls = {{ cert = {:?}, key = {:?} }}\n", files.cert, files.key);
        let keys = [
            (Door::Tls, site, tls.as_str()),
            (Door::Http2, site, "http2 = true\n"),
            (Door::ByName, service, "hosts = [\"a.test\"]\n"),
            (Door::ToldService, service, "proxy_protocol = true\n"),
            (Door::ToldSite, site, "proxy_protocol = true\n"),
        ];
        let doors: Vec<(Door, SocketAddr)> = keys.iter().map(|(door, ..)| (*door, free_address())).collect();
        let parts =
            keys.iter().zip(&doors).map(|((_, kind, keys), (_, at))| format!("{kind}listen = \"{at}\"\n{keys}"));
        let evener = Evener::start(&format!(
            "workers = 2\nshutdown_grace = \"60s\"\n[limits]\nconnections = {PLACES}\nhandshake_timeout = \"60s\"\n\
             head_timeout = \"60s\"\n{site}listen = \"{{listen}}\"\n{}",
            parts.collect::<String>()
        ));
        let doors = [vec![(Door::Plain, evener.address())], doors].concat();
        let sockets_before = settled(|| evener.process.sockets());
        Self { evener, doors, authority, sockets_before }
    }

    fn at(&self, door: Door) -> SocketAddr {
        self.doors.iter().find(|(own, _)| *own == door).expect("every kind is there").1
    }

    fn secrets(&self, protocol: &str) -> Secrets {
        Secrets::trusting(&self.authority, "test", protocol)
    }

    /// As many connections as there is room for, each of which says this.
    #[track_caller]
    fn fill(&self, address: SocketAddr, first: &[u8]) -> Vec<RawClient> {
        let connect = || {
            let mut client = RawClient::over(TcpStream::connect_timeout(&address, PATIENCE).expect("it accepts"));
            client.send(first);
            client
        };
        let clients = (0..PLACES).map(|_| connect()).collect();
        self.expect_sockets(PLACES);
        clients
    }

    #[track_caller]
    fn expect_sockets(&self, count: usize) {
        let wanted = self.sockets_before + count;
        eventually(PATIENCE, &format!("{wanted} sockets"), || self.evener.process.sockets() == wanted);
    }

    /// Newcomers are served, each at the first try.
    #[track_caller]
    fn expect_open(&self, what: &str) {
        assert_eq!(self.evener.get("/").status, 200, "in the clear: {what}");
        let mut told = RawClient::connect(self.at(Door::ToldSite));
        told.send(format!("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n{}", get("/")));
        assert_eq!(told.response().status, 200, "behind a header: {what}");
        let mut http2 = FramePeer::connect_secured(self.at(Door::Tls), &self.secrets("h2"), &[]);
        let stream = http2.get("/");
        assert_eq!(http2.message(stream).status(), 200, "under TLS: {what}");
    }
}

#[test]
fn silent_connections_make_room_whatever_they_came_for() {
    let house = House::open();
    house.expect_open("before");
    for (door, address) in &house.doors {
        house.expect_sockets(0);
        let _silent = house.fill(*address, b"");
        house.expect_open(&format!("{door:?}"));
    }
    let said = house.evener.process.stderr();
    assert!(!said.contains("too_many_connections"), "{said}");
}

#[test]
fn connections_that_begin_and_do_not_go_on_make_room_too() {
    let beginnings: [(Door, &[u8]); 5] = [
        (Door::Tls, &[22, 3, 1, 2, 0, 1, 0]),
        (Door::ByName, &[22, 3, 1, 2, 0, 1, 0]),
        (Door::Http2, b"PRI * HTTP/2"),
        (Door::ToldService, b"PROXY TCP4 192."),
        (Door::ToldSite, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0"),
    ];
    let house = House::open();
    for (door, first) in beginnings {
        house.expect_sockets(0);
        let _begun = house.fill(house.at(door), first);
        // They are left alone for a moment, since they may go on.
        eventually(AT_ONCE, &format!("there is room: {door:?}"), || house.evener.get("/").status == 200);
    }
}

/// Their answer was the last one, and what they go on sending is thrown away.
#[test]
fn connections_that_linger_make_room_too() {
    let house = House::open();
    let mut lingering = house.fill(house.at(Door::Plain), b"GET / HTTP/1.1\r\nno field\r\n\r\n");
    for client in &mut lingering {
        assert_eq!(client.response().status, 400);
    }
    eventually(AT_ONCE, "there is room", || {
        for client in &mut lingering {
            // Those that were cut notice.
            drop(client.try_send("more"));
        }
        house.evener.get("/").status == 200
    });
}

#[test]
fn idle_connections_of_http2_make_room_though_they_do_not_answer() {
    let house = House::open();
    for door in [Door::Http2, Door::Tls] {
        house.expect_sockets(0);
        let connect = || {
            let mut peer = match door {
                Door::Tls => FramePeer::connect_secured(house.at(door), &house.secrets("h2"), &[]),
                _ => FramePeer::connect(house.at(door)),
            };
            let stream = peer.get("/");
            assert_eq!(peer.message(stream).status(), 200);
            peer
        };
        // They read nothing from here on, so that no PING is answered.
        let mut idle = vec![connect()];
        pause_unless(Duration::from_millis(50), || false);
        idle.extend((1..PLACES).map(|_| connect()));
        house.expect_sockets(PLACES);
        house.expect_open(&format!("{door:?}"));
        // Who was idle for longest went first, and knows that nothing it asks is being done.
        assert_eq!(idle[0].rest().expect("an announced end"), Outcome::GoneAway(NO_ERROR));
        assert_eq!(idle[0].leave(), Some((1, NO_ERROR)));
        let last = idle.last_mut().expect("there are many");
        let stream = last.get("/");
        assert_eq!(last.message(stream).status(), 200, "the last one stays");
    }
}

#[test]
fn silent_connections_hold_no_stop_up() {
    let mut house = House::open();
    let silent: Vec<TcpStream> =
        house.doors.iter().map(|(_, at)| TcpStream::connect_timeout(at, PATIENCE).expect("it accepts")).collect();
    // One whose handshake is over and which then says nothing.
    let shaken = ["h2", "http/1.1"]
        .map(|name| Wire::connect_secured(house.at(Door::Tls), PATIENCE, &house.secrets(name)).expect("a handshake"));
    house.expect_sockets(silent.len() + shaken.len());
    house.evener.signal(Signal::TERM);
    assert!(house.evener.process.wait_exit(AT_ONCE).success());
    let said = house.evener.process.stderr();
    assert!(!said.contains("failures"), "{said}");
}

#[test]
fn who_had_begun_when_the_stop_came_is_still_served() {
    let mut house = House::open();
    let mut begun = RawClient::connect(house.at(Door::ToldSite));
    begun.send("PROXY TCP4 192.0.2.1 ");
    let mut http2 = FramePeer::silent(house.at(Door::Http2));
    http2.send(&PREFACE[..8]);
    house.expect_sockets(2);
    house.evener.signal(Signal::TERM);
    eventually(PATIENCE, "it accepts no more", || TcpStream::connect(house.evener.address()).is_err());
    begun.send("192.0.2.2 1 2\r\n");
    // What was said is taken note of before the rest comes.
    begun.expect_silence(Duration::from_millis(200));
    let answer = begun.send(get("/")).response();
    assert_eq!((answer.status, answer.field("connection")), (200, Some("close")));
    begun.expect_close();
    http2.send([&PREFACE[8..], &settings(&[])].concat());
    let stream = http2.get("/");
    assert_eq!(http2.message(stream).status(), 200);
    assert_eq!(http2.rest().expect("an announced end"), Outcome::GoneAway(NO_ERROR));
    assert!(house.evener.process.wait_exit(AT_ONCE).success());
}
