//! The load: who applies it to a proxy, and what was seen. It runs on the core that is not the
//! proxy's, on one thread.
//!
//! `wrk` speaks HTTP/1.1, `h2load` HTTP/2, and this program itself does what neither can (`own`).
//! Each keeps a fixed number of requests in flight, so latencies are those at saturation and say
//! nothing about a lightly loaded proxy.

pub(crate) mod h2load;
pub(crate) mod own;
pub(crate) mod wrk;

use std::process::{Command, Stdio};

use super::{process, tls};

/// What a load generator asks for, on how many connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    /// What is asked.
    pub(crate) ask: Ask,
    /// How many connections at a time.
    pub(crate) connections: usize,
}

/// What is asked of a proxy, again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// A GET over HTTP/1.1 in the clear.
    Http1 {
        /// The path of each request.
        path: &'static str,
        /// Whether connections are kept.
        persistence: Persistence,
    },
    /// A GET over HTTP/1.1 under TLS, on kept connections.
    Https {
        /// The path of each request.
        path: &'static str,
    },
    /// A GET over HTTP/2 under TLS.
    H2 {
        /// The path of each request.
        path: &'static str,
        /// Requests in flight on each connection.
        streams: usize,
    },
    /// A connection, a whole TLS handshake and one GET.
    Handshake {
        /// The path of each request.
        path: &'static str,
    },
    /// Bytes that come back.
    Echo {
        /// How many.
        bytes: usize,
    },
}

/// Whether a connection serves more than one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// Connections are kept.
    KeepAlive,
    /// Each request says `Connection: close`.
    Close,
}

/// What the load generator saw.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Seen {
    /// Completed requests.
    pub(crate) requests: f64,
    /// Completed requests per second.
    pub(crate) per_second: f64,
    /// Median latency, microseconds, if the generator tells it.
    pub(crate) p50_us: Option<f64>,
    /// 99th percentile, microseconds, if the generator tells it.
    pub(crate) p99_us: Option<f64>,
    /// What tells of errors.
    pub(crate) errors: Vec<String>,
}

impl Load {
    /// The command that applies this load to a port.
    pub(crate) fn command(self, port: u16, seconds: u64) -> Result<Command, String> {
        let connections = self.connections;
        let words = match self.ask {
            Ask::Http1 { path, persistence } => {
                let url = format!("http://127.0.0.1:{port}{path}");
                wrk::words(&url, connections, seconds, persistence)
            }
            Ask::Https { path } => {
                let url = format!("https://127.0.0.1:{port}{path}");
                wrk::words(&url, connections, seconds, Persistence::KeepAlive)
            }
            Ask::H2 { path, streams } => {
                let url = format!("https://127.0.0.1:{port}{path}");
                h2load::words(&url, connections, streams, seconds)
            }
            Ask::Handshake { path } => own::words(&["handshake", path], port, connections, seconds),
            Ask::Echo { bytes } => own::words(&["echo", &bytes.to_string()], port, connections, seconds),
        };
        let mut command = process::pinned(process::LOAD_CORE, &words);
        if let Ask::Https { .. } = self.ask {
            command.env("OPENSSL_CONF", tls::openssl_settings()?);
        }
        command.stdin(Stdio::null());
        Ok(command)
    }

    /// Applies this load and waits for its end.
    pub(crate) fn run(self, port: u16, seconds: u64) -> Result<Seen, String> {
        let name = self.generator();
        let output = self.command(port, seconds)?.output().map_err(|error| format!("{name}: {error}"))?;
        if !output.status.success() {
            return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let seen = match self.ask {
            Ask::Http1 { .. } | Ask::Https { .. } => wrk::read(&text),
            Ask::H2 { .. } => h2load::read(&text),
            Ask::Handshake { .. } | Ask::Echo { .. } => own::read(&text),
        }?;
        seen.not_empty(name)
    }

    fn generator(self) -> &'static str {
        match self.ask {
            Ask::Http1 { .. } | Ask::Https { .. } => "wrk",
            Ask::H2 { .. } => "h2load",
            Ask::Handshake { .. } | Ask::Echo { .. } => "the load",
        }
    }
}

impl Seen {
    /// Nothing can be divided by no requests.
    pub(crate) fn not_empty(self, generator: &str) -> Result<Self, String> {
        if self.requests >= 1.0 && self.per_second > 0.0 {
            return Ok(self);
        }
        let errors = self.errors.join("; ");
        Err(format!("{generator} completed no request{}{errors}", if errors.is_empty() { "" } else { ": " }))
    }
}

fn float(generator: &str, word: &str) -> Result<f64, String> {
    word.parse().map_err(|_| format!("{generator} printed `{word}` where a number belongs"))
}
