//! One evener with one worker that speaks HTTP/2, in the clear unless TLS is asked for, in front of a recorder; and a
//! witness, a client with a connection of its own that must always be served.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::certificates::{Authority, Files};
use crate::harness::frames::{FramePeer, Message, Outcome};
use crate::harness::message::Request;
use crate::harness::socket::Secrets;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::wire::Wire;
use crate::harness::{Evener, Recorder, Step};

/// Paths that begin so belong to requests that must never reach the server.
const FORBIDDEN: &str = "/bad";

/// The name that clients ask for.
const NAME: &str = "test";

/// More than any test leaves under way.
const GRACE: Duration = Duration::from_secs(20);

pub(super) struct Scene {
    pub(super) evener: Evener,
    pub(super) recorder: Recorder,
    pub(super) door: Door,
    witness: FramePeer,
    /// Its files go when it is dropped.
    _authority: Option<Authority>,
}

/// What lies between HTTP/2 and TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover {
    Nothing,
    Tls,
}

/// Where clients come in, and how.
#[derive(Clone)]
pub(super) struct Door {
    address: SocketAddr,
    secrets: Option<Secrets>,
}

impl Door {
    /// A client that has said hello, with these settings.
    #[track_caller]
    pub(super) fn enter(&self, values: &[(u16, u32)]) -> FramePeer {
        match &self.secrets {
            None => FramePeer::connect_with(self.address, values),
            Some(secrets) => FramePeer::connect_secured(self.address, secrets, values),
        }
    }

    /// A client that has said nothing, and reads answers as one that has sent these settings.
    #[track_caller]
    pub(super) fn mute(&self, values: &[(u16, u32)]) -> FramePeer {
        FramePeer::mute(self.dial(), if self.secrets.is_some() { "https" } else { "http" }, values)
    }

    /// A connection on which nothing was said, after the handshake under TLS.
    #[track_caller]
    pub(super) fn dial(&self) -> Wire {
        let dialed = match &self.secrets {
            None => Wire::connect(self.address, PATIENCE),
            Some(secrets) => Wire::connect_secured(self.address, PATIENCE, secrets),
        };
        dialed.unwrap_or_else(|error| panic!("{}: {error}", self.address))
    }
}

/// What evener said of its run.
#[derive(Debug)]
pub(super) struct Account {
    /// The failures of its last line, by reason.
    pub(super) failures: BTreeMap<String, u64>,
    pub(super) stderr: String,
}

impl Scene {
    /// In front of a server that answers with the method and the target of the request.
    pub(super) fn open() -> Self {
        Self::with("")
    }

    /// The same with a `[limits]` table.
    pub(super) fn with(limits: &str) -> Self {
        Self::before(Recorder::per_request(|request| vec![Step::Send(echo(request))]), limits)
    }

    pub(super) fn before(recorder: Recorder, limits: &str) -> Self {
        Self::under(Cover::Nothing, recorder, limits)
    }

    pub(super) fn under(cover: Cover, recorder: Recorder, limits: &str) -> Self {
        Self::with_grace(GRACE, cover, recorder, limits)
    }

    /// The same with another time for what is under way when evener is stopped.
    pub(super) fn with_grace(grace: Duration, cover: Cover, recorder: Recorder, limits: &str) -> Self {
        let authority = (cover == Cover::Tls).then(Authority::new);
        let files = authority.as_ref().map(|authority| authority.issue(NAME));
        let evener = start_with(grace, files.as_ref(), recorder.address(), limits, "");
        let secrets = authority.as_ref().map(|authority| Secrets::trusting(authority, NAME, "h2"));
        let door = Door { address: evener.address(), secrets };
        let witness = door.enter(&[]);
        Self { evener, recorder, door, witness, _authority: authority }
    }

    /// A client that has said hello.
    #[track_caller]
    pub(super) fn connect(&self) -> FramePeer {
        self.door.enter(&[])
    }

    /// Stops evener, which goes in good order.
    #[track_caller]
    pub(super) fn account(self) -> Account {
        let Self { mut evener, recorder: _recorder, witness, .. } = self;
        // Evener would wait for it to leave.
        drop(witness);
        evener.signal(Signal::TERM);
        let status = evener.process.wait_exit(PATIENCE);
        let stderr = evener.process.stderr();
        assert!(status.success(), "{status}:\n{stderr}");
        let summary = stderr.lines().rfind(|line| line.starts_with("evener: served "));
        let summary = summary.unwrap_or_else(|| panic!("no summary in:\n{stderr}"));
        let listed = summary.split_once("failures: ").map_or("", |(_, listed)| listed);
        let failures = listed.split(", ").filter_map(|item| item.rsplit_once(' '));
        let failures = failures.map(|(reason, count)| (reason.to_owned(), count.parse().expect("a count"))).collect();
        Account { failures, stderr }
    }

    /// What is sent after the hello ends the connection with GOAWAY and this code.
    #[track_caller]
    pub(super) fn ends_connection(&mut self, what: &str, code: u32, bytes: impl AsRef<[u8]>) {
        self.ends_connection_as(what, &[code], bytes);
    }

    /// The same with one of those codes.
    #[track_caller]
    pub(super) fn ends_connection_as(&mut self, what: &str, codes: &[u32], bytes: impl AsRef<[u8]>) {
        let mut client = self.connect();
        // The other side may end the connection before it has taken all.
        drop(client.try_send(bytes));
        match client.rest() {
            Ok(Outcome::GoneAway(code)) if codes.contains(&code) => {}
            ended => panic!("{what}: {ended:?}"),
        }
        self.expect_well(what);
    }

    /// What is sent after the hello ends the stream with this code, and the connection lives on.
    #[track_caller]
    pub(super) fn resets_stream(&mut self, what: &str, stream: u32, code: u32, bytes: impl AsRef<[u8]>) {
        let mut client = self.connect();
        client.send(bytes);
        let message = client.message(stream);
        assert_eq!(message.outcome, Some(Outcome::Reset(code)), "{what}: {message:?}");
        client.next_stream = 101;
        let stream = client.get("/after");
        assert_eq!(client.message(stream).status(), 200, "{what}: another stream");
        self.expect_well(what);
    }

    /// What is sent after the hello changes nothing: the client goes on, and stream 101 is served.
    #[track_caller]
    pub(super) fn ignores(&mut self, what: &str, bytes: impl AsRef<[u8]>) {
        let mut client = self.connect();
        client.send(bytes);
        client.next_stream = 101;
        let stream = client.get("/after");
        let message = client.message(stream);
        assert_eq!((message.status(), message.text()), (200, "GET /after".into()), "{what}: {message:?}");
        self.expect_well(what);
    }

    /// The witness is served, and the server has seen nothing that is forbidden.
    #[track_caller]
    pub(super) fn expect_well(&mut self, what: &str) {
        self.expect_served(what);
        let forbidden = self.requests_to(FORBIDDEN);
        assert!(forbidden.is_empty(), "{what}: {forbidden:?}");
    }

    #[track_caller]
    pub(super) fn expect_served(&mut self, what: &str) {
        let stream = self.witness.get("/witness");
        let message = match self.witness.try_message(stream) {
            Ok(message) => message,
            Err(error) => panic!("{what}: the witness: {error}"),
        };
        assert_eq!((message.status(), message.text()), (200, "GET /witness".into()), "{what}: {message:?}");
    }

    /// How long the witness waits for an answer.
    #[track_caller]
    pub(super) fn time_witness(&mut self, what: &str) -> Duration {
        let begun = Instant::now();
        self.expect_served(what);
        begun.elapsed()
    }

    /// Evener, which stops now, has counted so many connections under that reason, and said so at most once a second.
    #[track_caller]
    pub(super) fn expect_counted(self, what: &str, reason: &str, count: u64, begun: Instant) {
        self.expect_counted_as(what, &[reason], count, begun);
    }

    /// The same under some of those reasons.
    #[track_caller]
    pub(super) fn expect_counted_as(self, what: &str, reasons: &[&str], count: u64, begun: Instant) {
        let account = self.account();
        let seconds = begun.elapsed().as_secs() + 2;
        let counted: u64 = reasons.iter().filter_map(|reason| account.failures.get(*reason)).sum();
        assert_eq!(counted, count, "{what}: {account:#?}");
        let most = seconds * reasons.len() as u64;
        let is_told = |line: &&str| reasons.iter().any(|reason| line.contains(&format!("({reason}")));
        let lines = account.stderr.lines().filter(is_told).count();
        assert!((1..=most).contains(&(lines as u64)), "{what}: {lines} lines in {seconds} s: {account:#?}");
    }

    /// The requests that the server has got for paths with that beginning.
    pub(super) fn requests_to(&self, beginning: &str) -> Vec<Request> {
        let mut requests = self.recorder.requests();
        requests.retain(|request| request.target.starts_with(beginning));
        requests
    }

    /// The only request for that path, once it is there.
    #[track_caller]
    pub(super) fn only_request_to(&self, path: &str) -> Request {
        eventually(PATIENCE, &format!("a request for {path}"), || !self.requests_to(path).is_empty());
        let mut requests = self.requests_to(path);
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests.swap_remove(0)
    }
}

/// Evener in front of one server, with a `[limits]` table and further keys of the upstream.
pub(super) fn start(server: SocketAddr, limits: &str, upstream: &str) -> Evener {
    start_with(GRACE, None, server, limits, upstream)
}

fn start_with(grace: Duration, files: Option<&Files>, server: SocketAddr, limits: &str, upstream: &str) -> Evener {
    let protocol = files.map_or_else(
        || "http2 = true".to_owned(),
        |Files { cert, key }| format!("redirect_from = []\ntls = {{ cert = {cert:?}, key = {key:?} }}"),
    );
    Evener::start(&format!(
        "workers = 1\nshutdown_grace = \"{}ms\"\n{limits}\n[[site]]\nlisten = \"{{listen}}\"\n{protocol}\nto = \"app\"\n\
         [upstream.app]\nservers = [\"{server}\"]\n{upstream}\n",
        grace.as_millis()
    ))
}

/// Method and target of a request, as its answer.
pub(super) fn echo(request: &Request) -> Vec<u8> {
    let body: Vec<u8> = format!("{} {}", request.method, request.target).chars().map(|one| one as u8).collect();
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    if request.method != "HEAD" {
        answer.extend(body);
    }
    answer
}

/// One request with these fields, and what comes of it.
#[track_caller]
pub(super) fn ask<N: AsRef<[u8]>, V: AsRef<[u8]>>(client: &mut FramePeer, fields: &[(N, V)]) -> io::Result<Message> {
    let stream = client.open(crate::harness::frames::END_STREAM, fields);
    client.try_message(stream)
}
