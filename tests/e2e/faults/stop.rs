//! Stopping: what is idle is closed at once, what is under way may finish, a tunnel lives until the grace is over, and
//! the end is a good one. A second signal cuts at once. What is cut has its line in the log and is counted.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::client::{End, RawClient, get};
use crate::harness::frames::{FramePeer, Outcome};
use crate::harness::ports::free_address;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, Step};

use super::{Account, SOON, upstream, with_log};

/// A server for everything that can be under way when a stop comes.
fn busy_server() -> Recorder {
    Recorder::per_request(|request| match request.target.as_str() {
        "/cut" => begun_answer(),
        "/slow" => vec![Step::Pause(Duration::from_secs(1)), Step::send(ok("slow but whole"))],
        "/streamed" => {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
            vec![Step::send(head), Step::Pause(Duration::from_secs(1)), Step::send("4\r\nlast\r\n0\r\n\r\n")]
        }
        "/hang" => vec![Step::Hold],
        _ => vec![Step::send(ok(&format!("{} bytes", request.body.len())))],
    })
}

/// An answer that does not end.
fn begun_answer() -> Vec<Step> {
    vec![Step::send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"), Step::Hold]
}

/// A server whose every connection becomes a tunnel that sends back each four bytes.
fn tunnel_server() -> Recorder {
    let switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let pair = || [Step::ReadBytes(4), Step::send("pong")];
    Recorder::scripted(move |_| {
        let mut steps = vec![Step::ReadHead, Step::send(switched)];
        steps.extend((0..100).flat_map(|_| pair()));
        steps
    })
}

#[track_caller]
fn start(busy: &Recorder, tunnels: &Recorder, grace: &str) -> Evener {
    let route = format!("[[site.route]]\npath = \"/ws\"\nto = \"{}\"\n", tunnels.address());
    let config = upstream(&[busy.address()], "").replacen("[upstream.web]", &format!("{route}[upstream.web]"), 1);
    Evener::start(&with_log(&format!("shutdown_grace = \"{grace}\"\n{config}")))
}

#[track_caller]
fn open_tunnel(evener: &Evener) -> RawClient {
    let mut client = evener.connect();
    client.send("GET /ws HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert_eq!(client.response().status, 101);
    assert_eq!(client.send("ping").bytes(4), b"pong");
    client
}

#[track_caller]
fn wait_for_requests(server: &Recorder, targets: &[&str]) {
    eventually(PATIENCE, "the requests are under way", || {
        let text = server.text();
        targets.iter().all(|target| text.contains(&format!(" {target} HTTP/1.1")))
    });
}

fn accepts_nobody(evener: &Evener) -> bool {
    TcpStream::connect(evener.address()).is_err()
}

#[track_caller]
fn check_graceful(signal: Signal) {
    const GRACE: Duration = Duration::from_secs(3);
    let (busy, tunnels) = (busy_server(), tunnel_server());
    let mut evener = start(&busy, &tunnels, "3s");
    let mut idle: Vec<RawClient> = (0..3).map(|_| evener.connect()).collect();
    // Two that have had a request, and one that has said nothing yet.
    for client in &mut idle[..2] {
        assert_eq!(client.send(get("/quick")).response().text(), "0 bytes");
    }
    let [mut slow, mut streamed, mut uploading] = std::array::from_fn(|_| evener.connect());
    slow.send(get("/slow"));
    streamed.send(get("/streamed"));
    uploading.send("POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nfirst");
    let mut tunnel = open_tunnel(&evener);
    wait_for_requests(&busy, &["/slow", "/streamed", "/upload"]);

    let since = Instant::now();
    evener.signal(signal);
    for client in &mut idle {
        client.expect_close();
    }
    assert!(since.elapsed() < GRACE, "idle connections are closed at once, not after {:?}", since.elapsed());
    eventually(SOON, "it accepts no more", || accepts_nobody(&evener));
    let response = slow.response();
    assert_eq!((response.text().as_str(), response.field("connection")), ("slow but whole", Some("close")));
    slow.expect_close();
    // Its head has gone out before the signal, so it may not say that the connection closes.
    assert_eq!(streamed.response().text(), "firstlast");
    streamed.expect_close();
    let response = uploading.send("after").response_to("POST");
    assert_eq!((response.text().as_str(), response.field("connection")), ("10 bytes", Some("close")));
    uploading.expect_close();

    assert_eq!(tunnel.send("ping").bytes(4), b"pong", "the tunnel lives");
    assert!(evener.process.is_running());
    let status = evener.process.wait_exit(PATIENCE);
    assert!(since.elapsed() > GRACE - Duration::from_millis(200), "the tunnel had {:?}", since.elapsed());
    assert!(status.success(), "{status}: {}", evener.process.stderr());
    tunnel.expect_close();
    assert!(evener.process.stderr().contains("the grace is over"), "{}", evener.process.stderr());
}

#[test]
fn term_stops_gracefully() {
    check_graceful(Signal::TERM);
}

#[test]
fn quit_stops_gracefully() {
    check_graceful(Signal::QUIT);
}

#[test]
fn it_ends_as_soon_as_the_last_request_has() {
    let (busy, tunnels) = (busy_server(), tunnel_server());
    let mut evener = start(&busy, &tunnels, "1h");
    let mut slow = evener.connect();
    slow.send(get("/slow"));
    wait_for_requests(&busy, &["/slow"]);
    let mut tunnel = open_tunnel(&evener);
    evener.signal(Signal::TERM);
    assert_eq!(slow.response().text(), "slow but whole");
    assert_eq!(tunnel.send("ping").bytes(4), b"pong");
    assert!(evener.process.is_running());
    drop((slow, tunnel));
    let status = evener.process.wait_exit(SOON);
    assert!(status.success(), "{status}");
}

#[test]
fn requests_that_follow_on_a_busy_connection_are_answered_before_the_end() {
    let (busy, tunnels) = (busy_server(), tunnel_server());
    let mut evener = start(&busy, &tunnels, "1h");
    let mut client = evener.connect();
    // The second has come with the first; after the answer that says close, nothing more may be expected.
    client.send(get("/slow") + &get("/quick"));
    wait_for_requests(&busy, &["/slow"]);
    evener.signal(Signal::TERM);
    let response = client.response();
    assert_eq!((response.text().as_str(), response.field("connection")), ("slow but whole", Some("close")));
    client.expect_close();
    assert!(evener.process.wait_exit(SOON).success());
}

#[test]
fn a_second_signal_cuts_at_once_and_nothing_cut_looks_whole() {
    let (busy, tunnels) = (busy_server(), tunnel_server());
    let mut evener = start(&busy, &tunnels, "1h");
    let [mut hanging, mut cut, mut cut_old] = std::array::from_fn(|_| evener.connect());
    hanging.send(get("/hang"));
    cut.send(get("/cut"));
    cut_old.send("GET /cut HTTP/1.0\r\n\r\n");
    let mut tunnel = open_tunnel(&evener);
    wait_for_requests(&busy, &["/hang", "/cut"]);
    // The beginning of the answer without chunks has come.
    let beginning = cut_old.bytes(20);
    assert!(beginning.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&beginning));
    evener.signal(Signal::TERM);
    eventually(SOON, "it accepts no more", || accepts_nobody(&evener));
    assert!(evener.process.is_running());
    evener.signal(Signal::TERM);
    let status = evener.process.wait_exit(SOON);
    assert!(status.success(), "{status}: {}", evener.process.stderr());
    assert_eq!(hanging.response().status, 503);
    hanging.expect_close();
    tunnel.expect_close();
    assert!(cut.try_response_to("GET").is_err(), "the body is not whole");
    assert_eq!(cut_old.rest().1, End::Reset, "without chunks, only a reset tells that the body is cut");
    assert!(evener.process.stderr().contains("asked a second time"), "{}", evener.process.stderr());
}

#[test]
fn a_grace_of_nothing_does_not_wait() {
    let (busy, tunnels) = (busy_server(), tunnel_server());
    let mut evener = start(&busy, &tunnels, "0s");
    let mut hanging = evener.connect();
    hanging.send(get("/hang"));
    wait_for_requests(&busy, &["/hang"]);
    evener.signal(Signal::QUIT);
    assert!(evener.process.wait_exit(SOON).success());
    assert_eq!(hanging.response().status, 503);
    hanging.expect_close();
    let account = Account::of(&evener.process.stdout(), &evener.process.stderr());
    account.expect_failures(&[("stopped", 1)]);
    account.expect_line("GET /hang 503 stopped");
}

/// A stream that waits for its answer, one whose answer has begun, and an upload, on one connection.
struct Streams {
    peer: FramePeer,
    hanging: u32,
    cut: u32,
}

impl Streams {
    #[track_caller]
    fn open(evener: &Evener) -> Self {
        let mut peer = FramePeer::connect(evener.address());
        let (hanging, cut) = (peer.get("/hang?2"), peer.get("/cut?2"));
        let upload = peer.request("POST", "/upload?2").map(|(name, value)| (name.to_owned(), value.to_owned()));
        peer.open(0, &upload);
        Self { peer, hanging, cut }
    }

    #[track_caller]
    fn expect_cut(&mut self) {
        let message = self.peer.message(self.hanging);
        assert_eq!((message.status(), message.outcome), (503, Some(Outcome::Ended)));
        let message = self.peer.message(self.cut);
        assert_eq!((message.status(), message.text()), (200, "part".into()));
        assert!(matches!(message.outcome, Some(Outcome::Reset(_))), "{:?}", message.outcome);
    }
}

#[test]
fn what_is_cut_has_its_line_and_is_counted() {
    let server = Recorder::per_head(|request| match request.target.split('?').next() {
        Some("/cut") => begun_answer(),
        _ => vec![Step::Hold],
    });
    let (tunnels, passage) = (tunnel_server(), free_address());
    let route = format!("http2 = true\n[[site.route]]\npath = \"/ws\"\nto = \"{}\"\n", tunnels.address());
    let config = upstream(&[server.address()], "").replacen("[upstream.web]", &format!("{route}[upstream.web]"), 1);
    let service = format!("[[tcp]]\nlisten = \"{passage}\"\nto = \"{}\"\n", server.address());
    let mut evener = Evener::start(&with_log(&format!("shutdown_grace = \"1h\"\n{config}{service}")));

    let [mut hanging, mut cut, mut uploading] = std::array::from_fn(|_| evener.connect());
    hanging.send(get("/hang?1"));
    cut.send(get("/cut?1"));
    uploading.send("POST /upload?1 HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nfirst");
    let mut streams = Streams::open(&evener);
    let mut tunnel = open_tunnel(&evener);
    let mut passing = RawClient::connect(passage);
    passing.send(get("/passed"));
    let targets = ["/hang?1", "/cut?1", "/upload?1", "/hang?2", "/cut?2", "/upload?2", "/passed"];
    wait_for_requests(&server, &targets);
    // Both answers have begun.
    assert!(cut.bytes(12).starts_with(b"HTTP/1.1 200"));
    while streams.peer.so_far(streams.cut).text().is_empty() {
        streams.peer.event().expect("the connection lives");
    }

    evener.signal(Signal::TERM);
    eventually(PATIENCE, "it accepts no more", || accepts_nobody(&evener));
    evener.signal(Signal::TERM);
    let status = evener.process.wait_exit(PATIENCE);
    assert!(status.success(), "{status}: {}", evener.process.stderr());
    assert_eq!(hanging.response().status, 503);
    hanging.expect_close();
    streams.expect_cut();
    tunnel.expect_close();
    assert_eq!(passing.rest(), (Vec::new(), End::Reset));

    let account = Account::of(&evener.process.stdout(), &evener.process.stderr());
    for line in ["GET /hang?1 503", "GET /cut?1 200", "POST /upload?1 503", "GET /ws 101"] {
        account.expect_line(&format!("{line} stopped"));
    }
    for line in ["GET /hang?2 503", "GET /cut?2 200", "POST /upload?2 503"] {
        account.expect_line(&format!("{line} stopped"));
    }
    assert!(account.stderr.contains("asked a second time; cutting what is left: 6 client connections"), "{account:?}");
    // With the tunnel, and what is passed on without being looked into, which has no line.
    let stopped = targets.len() as u64 + 1;
    assert_eq!(account.failures.get("stopped"), Some(&stopped), "{account:?}");
}
