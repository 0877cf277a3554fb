//! More connections than may be: of everybody together, and of one address. Who is turned away is told in a way that it
//! understands, and the operator too; the others are served.

use std::io::ErrorKind;
use std::net::SocketAddr;

use rustix::process::Signal;

use crate::harness::certificates::Authority;
use crate::harness::client::{End, RawClient, get};
use crate::harness::evener::Evener;
use crate::harness::ports::free_address;
use crate::harness::socket::Secrets;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::wire::Wire;
use crate::harness::{Recorder, Step};

/// An evener with a site in the clear, one under TLS, and services over TCP, each with and without a PROXY header.
struct Crowd {
    evener: Evener,
    tls: SocketAddr,
    tcp: SocketAddr,
    told: Told,
    authority: Authority,
    server: Recorder,
}

/// Where a header tells the client.
struct Told {
    clear: SocketAddr,
    tls: SocketAddr,
    tcp: SocketAddr,
}

impl Crowd {
    fn start(limits: &str) -> Self {
        let (authority, server) = (Authority::new(), greeter());
        let (tls, tcp) = (free_address(), free_address());
        let told = Told { clear: free_address(), tls: free_address(), tcp: free_address() };
        let config = config(limits, &authority, server.address(), (tls, tcp), &told);
        Self { evener: Evener::start(&config), tls, tcp, told, authority, server }
    }

    fn reload(&self, limits: &str) {
        let before = self.evener.process.stderr().matches("reloaded").count();
        let server = self.server.address();
        let config = config(limits, &self.authority, server, (self.tls, self.tcp), &self.told);
        self.evener.rewrite_config(&config);
        self.evener.signal(Signal::HUP);
        let reloaded = || self.evener.process.stderr().matches("reloaded").count() > before;
        eventually(PATIENCE, "it has reloaded", reloaded);
    }

    /// A connection to the service, which greets; `None` if it was reset.
    fn tunnel(&self, address: SocketAddr, first: &str) -> Option<RawClient> {
        // The reset may be there before the connection was seen to stand.
        let greeted = RawClient::try_connect(address).and_then(|mut client| {
            drop(client.try_send(first));
            Ok((client.try_bytes(5)?, client))
        });
        match greeted {
            Ok((greeting, client)) => {
                assert_eq!(greeting, b"hello");
                Some(client)
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
                None
            }
        }
    }

    /// The status of an answer in the clear.
    fn ask(&self, address: SocketAddr, first: &str) -> (u16, RawClient) {
        let mut client = RawClient::connect(address);
        client.send(format!("{first}{}", get("/")));
        (client.response().status, client)
    }

    /// Whether the listener under TLS shakes hands.
    fn shakes(&self) -> bool {
        let secrets = Secrets::trusting(&self.authority, "test", "h2");
        Wire::connect_secured(self.tls, PATIENCE, &secrets).is_ok()
    }

    /// The failures of the last line, after a stop.
    fn end(mut self) -> String {
        self.evener.signal(Signal::TERM);
        assert!(self.evener.process.wait_exit(PATIENCE).success());
        self.evener.process.stderr()
    }
}

fn greeter() -> Recorder {
    Recorder::scripted(|_| vec![Step::send("hello"), Step::ReadToEnd])
}

fn config(
    limits: &str,
    authority: &Authority,
    server: SocketAddr,
    (tls, tcp): (SocketAddr, SocketAddr),
    told: &Told,
) -> String {
    let files = authority.issue("test");
    let keys = format!("redirect_from = []\ntls = {{ cert = {:?}, key = {:?} }}\n", files.cert, files.key);
    let site = |listen: &str, keys: &str| {
        format!("[[site]]\nlisten = \"{listen}\"\nrespond = {{ status = 200, body = \"here\" }}\n{keys}")
    };
    let service = |listen: SocketAddr, keys: &str| format!("[[tcp]]\nlisten = \"{listen}\"\nto = \"{server}\"\n{keys}");
    let header = |accept: &str| format!("proxy_protocol = {{ {accept}from = [\"127.0.0.1/32\"] }}\n");
    [
        format!("workers = 2\nshutdown_grace = \"20s\"\n[limits]\n{limits}\n"),
        site("{listen}", ""),
        site(&tls.to_string(), &keys),
        service(tcp, ""),
        site(&told.clear.to_string(), &header("")),
        site(&told.tls.to_string(), &format!("{keys}{}", header(""))),
        service(told.tcp, &header("accept = true, ")),
    ]
    .concat()
}

/// A PROXY header for a client of this address.
fn from(address: &str) -> String {
    let (kind, to) = if address.contains(':') { ("TCP6", "2001:db8::99") } else { ("TCP4", "192.0.2.99") };
    format!("PROXY {kind} {address} {to} 4711 443\r\n")
}

#[test]
fn at_the_bound_each_is_turned_away_in_a_way_that_it_understands() {
    let crowd = Crowd::start("connections = 2");
    // The trial whether evener is there may still have a place.
    let tunnels: Vec<RawClient> = std::iter::repeat_with(|| crowd.tunnel(crowd.tcp, "")).flatten().take(2).collect();
    assert_eq!(crowd.ask(crowd.evener.address(), "").0, 503);
    assert!(crowd.tunnel(crowd.tcp, "").is_none());
    let mut secured = RawClient::connect(crowd.tls);
    drop(secured.try_send([22, 3, 1]));
    assert_eq!(secured.rest(), (Vec::new(), End::Reset), "no text for who speaks TLS");
    drop(tunnels);
    let said = crowd.end();
    assert!(said.contains("served 1 requests") && said.contains("5xx 1"), "{said}");
    assert!(said.contains("was turned away: as many connections are open as may be"), "{said}");
}

#[test]
fn an_address_has_so_many_connections_and_others_are_served() {
    let crowd = Crowd::start("connections_per_address = 3");
    // The trial whether evener is there may still have a place.
    let mut own: Vec<RawClient> = std::iter::repeat_with(|| crowd.tunnel(crowd.tcp, "")).flatten().take(3).collect();
    // Over all listeners together, and whoever they lead to.
    assert!(crowd.tunnel(crowd.tcp, "").is_none());
    assert_eq!(crowd.ask(crowd.evener.address(), "").0, 503);
    assert!(!crowd.shakes());
    // Others come by way of a proxy here, whose own address does not count.
    let other = crowd.tunnel(crowd.told.tcp, &from("192.0.2.1"));
    assert!(other.is_some());
    drop(own.pop());
    eventually(PATIENCE, "a place comes back", || crowd.ask(crowd.evener.address(), "").0 == 200);
    eventually(PATIENCE, "under TLS too", || crowd.shakes());
    drop((own, other));
    let said = crowd.end();
    assert!(said.contains("(too_many_connections_of_address"), "{said}");
    assert!(said.contains("too_many_connections_of_address ") && !said.contains("too_many_connections "), "{said}");
}

#[test]
fn the_address_that_a_header_tells_is_the_one_that_counts() {
    let crowd = Crowd::start("connections_per_address = 2");
    let tunnels = [1, 2].map(|_| crowd.tunnel(crowd.told.tcp, &from("192.0.2.1")).expect("there is room for two"));
    assert!(crowd.tunnel(crowd.told.tcp, &from("192.0.2.1")).is_none());
    let (status, _client) = crowd.ask(crowd.told.clear, &from("192.0.2.1"));
    assert_eq!(status, 503);
    let mut secured = RawClient::connect(crowd.told.tls);
    secured.send(from("192.0.2.1"));
    assert_eq!(secured.rest(), (Vec::new(), End::Reset));
    // Others, and who speaks for himself, are let in.
    let others: Vec<_> = (2..8).map(|last| crowd.ask(crowd.told.clear, &from(&format!("192.0.2.{last}")))).collect();
    let own: Vec<_> = (0..4).map(|_| crowd.ask(crowd.told.clear, "PROXY UNKNOWN\r\n")).collect();
    assert!(others.iter().chain(&own).all(|(status, _)| *status == 200));
    drop(tunnels);
    eventually(PATIENCE, "places come back", || crowd.ask(crowd.told.clear, &from("192.0.2.1")).0 == 200);
}

#[test]
fn a_network_of_ipv6_counts_as_one_address() {
    let crowd = Crowd::start("connections_per_address = 1");
    let _first = crowd.tunnel(crowd.told.tcp, &from("2001:db8:0:1::1")).expect("there is room for one");
    assert!(crowd.tunnel(crowd.told.tcp, &from("2001:db8:0:1:8000::7")).is_none());
    assert!(crowd.tunnel(crowd.told.tcp, &from("2001:db8:0:2::1")).is_some());
}

#[test]
fn a_reload_changes_the_bound() {
    let crowd = Crowd::start("connections_per_address = 1");
    let first = from("192.0.2.1");
    let mut own = vec![crowd.tunnel(crowd.told.tcp, &first).expect("there is room for one")];
    assert!(crowd.tunnel(crowd.told.tcp, &first).is_none());
    crowd.reload("connections_per_address = 2");
    own.push(crowd.tunnel(crowd.told.tcp, &first).expect("there is room for two"));
    assert!(crowd.tunnel(crowd.told.tcp, &first).is_none());
    crowd.reload("");
    own.extend((0..4).map(|_| crowd.tunnel(crowd.told.tcp, &first).expect("there is no bound")));
    // Those that were made without a bound do not count.
    crowd.reload("connections_per_address = 3");
    own.push(crowd.tunnel(crowd.told.tcp, &first).expect("there is room for a third"));
    assert!(crowd.tunnel(crowd.told.tcp, &first).is_none());
}
