//! Upstreams: pools of servers, how requests are spread over them, and what is done about servers that fail. The
//! algorithms are in `evener-balance`.

use crate::{Protocol, ServerAddress, UpstreamTls};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// One `[upstream.NAME]`, or a list of addresses written in place of a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Upstream {
    /// The name; for a list in place the addresses joined with a comma, each with `*` and its weight unless that is 1,
    /// and with `#` and its tier unless that is 0.
    pub name: String,
    /// The servers in the order of the file. Never empty.
    pub servers: Vec<Server>,
    /// How requests are spread.
    pub balance: Balance,
    /// Active checks; without them servers are judged by the answers to requests alone.
    pub health: Option<Health>,
    /// Cookies that lead a client back to its server.
    pub sticky: Option<Sticky>,
    /// How long a server that has joined or recovered takes to reach its full share. Zero: it has it at once.
    pub slow_start: Duration,
    /// Bound on the requests that one server works on at a time.
    pub max_requests: Option<MaxRequests>,
    /// Where requests wait while every server is at its bound.
    pub queue: Queue,
    /// Which failures lead to another attempt.
    pub retry: Retry,
    /// A second copy of a request whose answer is late.
    pub hedge: Option<Hedge>,
    /// What its servers speak.
    pub protocol: Protocol,
    /// TLS towards its servers.
    pub tls: Option<UpstreamTls>,
    /// Bound on connecting to a server, the handshake of TLS included.
    pub connect_timeout: Duration,
    /// Bound on waiting for the first byte of a response, from the moment when the request was sent, and on each pause in
    /// the middle of one. A gRPC call may pause between its messages for as long as a tunnel, if that is longer.
    pub response_timeout: Duration,
    /// How long an idle pooled connection is kept.
    pub idle_timeout: Duration,
}

/// One server of an upstream.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// The address as written: `10.0.0.1:8080`, `app.local:8080` or `unix:/run/app.sock`. A name that stands for
    /// several servers has the address behind it: `app.local:8080 (10.0.0.1:8080)`. Shown in logs.
    pub label: String,
    /// Where it takes connections.
    pub address: ServerAddress,
    /// Share of requests relative to the other servers, 1 to 1000; 0 takes no new clients.
    pub weight: u16,
    /// 0 is used first; a server of a higher tier only while no server of a lower one is available. `backup` is 1.
    /// At most [`TIER_MAX`].
    pub tier: u8,
}

/// The highest tier of a server.
pub const TIER_MAX: u8 = 9;

impl Server {
    /// What a server sees as `Host` with [`crate::HostMode::Upstream`]: its name and port as written, and `localhost` on
    /// a unix socket, whose path is no host.
    pub fn host(&self) -> &str {
        match &self.address {
            ServerAddress::Unix(_) => "localhost",
            ServerAddress::Tcp(_) => self.label.split(' ').next().unwrap_or(&self.label),
        }
    }
}

/// How requests are spread over the servers of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Balance {
    /// Fewest requests in flight, times relative latency, plus a penalty for errors.
    Adaptive,
    /// Smooth weighted round robin.
    RoundRobin,
    /// Weighted random.
    Random,
    /// Fewest requests in flight for its weight; ties at random.
    LeastRequests,
    /// The one with fewer requests in flight of two drawn at random.
    TwoChoices,
    /// Least response time times requests in flight.
    LeastTime,
    /// Least exponentially weighted response time that jumps up at once and falls slowly; of two drawn at random.
    PeakEwma,
    /// The same server for the same key.
    Hash(HashKey),
    /// The first server that takes the request, in the order of the file.
    First,
}

/// What of a request is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashKey {
    /// The address of the client, as `trusted_proxies` tell it.
    ClientIp,
    /// Path and query.
    Uri,
    /// The path without the query.
    Path,
    /// The value of a field, by its name in lower case.
    Header(String),
    /// The value of a cookie.
    Cookie(String),
    /// The value of a parameter of the query.
    Query(String),
}

/// Active checks of every server of an upstream.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// What a server is asked.
    pub probe: Probe,
    /// Port to ask instead of the server's own.
    pub port: Option<u16>,
    /// Time between the checks of one server; each is moved at random by up to a tenth.
    pub every: Duration,
    /// Bound on one check, from connecting to the last byte that is looked at.
    pub timeout: Duration,
    /// Good checks in a row after which a server that is down is up again.
    pub up: u32,
    /// Bad checks in a row after which a server is down.
    pub down: u32,
}

/// What an active check asks a server.
#[derive(Debug, Clone, PartialEq)]
pub enum Probe {
    /// Whether it takes a connection.
    Tcp,
    /// A GET, in the protocol that requests to the server are sent in.
    Http {
        /// Path and query; begins with `/`.
        path: String,
        /// The `Host`; by default what [`Server::host`] gives.
        host: Option<String>,
        /// Statuses of a good answer, each within 100 to 599. Never empty.
        status: Vec<RangeInclusive<u16>>,
        /// Text that the first 64 KiB of the body must hold.
        body: Option<String>,
    },
    /// The question of the gRPC health protocol (`grpc.health.v1.Health/Check`), over HTTP/2.
    Grpc {
        /// The service that is asked for; empty: the server as a whole.
        service: String,
    },
}

/// Cookies that lead a client back to its server.
#[derive(Clone, PartialEq)]
pub struct Sticky {
    /// Name of the cookie, a token of RFC 9110.
    pub cookie: String,
    /// Key of the signature; without one evener makes one when it starts, and cookies of an earlier run are not valid.
    pub secret: Option<String>,
    /// How long a browser keeps it; without one until it is closed.
    pub max_age: Option<Duration>,
    /// Whether it is sent over TLS only.
    pub secure: bool,
}

impl fmt::Debug for Sticky {
    /// Without the secret: plans are printed into logs and test results.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cookie, secret, max_age, secure } = self;
        let secret = secret.as_ref().map(|_| "…");
        let mut sticky = f.debug_struct("Sticky");
        sticky.field("cookie", cookie).field("secret", &secret).field("max_age", max_age);
        sticky.field("secure", secure).finish()
    }
}

/// Bound on the requests that one server works on at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxRequests {
    /// So many, at least 1.
    Fixed(u32),
    /// Learned from response times.
    Auto,
}

/// Where requests wait while every server is at its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Requests that may wait; 0: none does.
    pub size: u32,
    /// How long one may wait.
    pub wait: Duration,
}

/// Which failures lead to another attempt at another server.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// Further attempts after the first, for each request; 0: none, but for what never reached a server.
    pub attempts: u32,
    /// The failures. Other than `connect` they count for idempotent requests only.
    pub on: Vec<RetryOn>,
    /// Share of requests that may be attempted again, 0 to 1; ten in a second always may.
    pub budget: f64,
}

/// A failure that leads to another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryOn {
    /// No connection could be made.
    Connect,
    /// The connection ended before an answer.
    Reset,
    /// No answer came in time.
    Timeout,
    /// An answer with this status, 400 to 599.
    Status(u16),
    /// A 500 from a server that does worse than its pool.
    WorseThanPool,
}

/// A second copy of a request whose answer is late, at another server; the first answer counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hedge {
    /// When the second copy is sent.
    pub after: HedgeAfter,
    /// Share of requests that may have a second copy, 0 to 1.
    pub budget: f64,
}

/// When a second copy is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HedgeAfter {
    /// After this time.
    Fixed(Duration),
    /// After the time within which this share of the requests was answered lately, between 0.5 and 0.999.
    Quantile(f64),
}
