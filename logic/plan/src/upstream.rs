//! Upstreams: pools of servers and how requests are spread over them. The algorithms are in `evener-balance`.

use crate::ServerAddress;
use std::time::Duration;

/// One `[upstream.NAME]`, or a list of addresses written in place of a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Upstream {
    /// The name; for a list in place the addresses joined with a comma, each with `*` and its weight unless that is 1.
    pub name: String,
    /// The servers in the order of the file. Never empty.
    pub servers: Vec<Server>,
    /// How requests are spread.
    pub balance: Balance,
    /// Bound on connecting to a server.
    pub connect_timeout: Duration,
    /// Bound on waiting for the first byte of a response, from the moment when the request was sent.
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
    /// Share of requests relative to the other servers, 1 to 1000; 0 takes none.
    pub weight: u16,
}

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// Smooth weighted round robin.
    RoundRobin,
    /// Weighted random.
    Random,
    /// Fewest requests in flight for its weight; ties at random.
    LeastRequests,
    /// The first server that takes the request, in the order of the file.
    First,
}
