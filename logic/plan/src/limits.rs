//! Bounds on what a client may ask for, how much and how slowly. Enforcement is in `evener-proxy`.

use std::time::Duration;

/// Bounds for clients of HTTP listeners. The defaults suit the open internet.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Bytes of a request head, from the first byte of the method to the empty line. Past it: 431, or 414 when the
    /// request line alone is longer.
    pub head_bytes_max: usize,
    /// Number of header fields in a request. Past it: 431.
    pub fields_max: usize,
    /// Bytes of a request body; `None` is no bound. Past it: 413.
    pub body_bytes_max: Option<u64>,
    /// Time from the first byte of a request head to its last. Past it: 408.
    pub head_timeout: Duration,
    /// Time that a kept-alive connection may stay without a request before it is closed.
    pub idle_timeout: Duration,
    /// Slowest average rate of a request body in bytes a second, measured over `rate_window`; 0 switches the bound off.
    /// Past it: 408.
    pub rate_bytes_per_second_min: u64,
    /// Window over which the rate is measured.
    pub rate_window: Duration,
    /// Time that a client may take nothing of a response that is ready for it. Past it: the connection is cut.
    pub send_timeout: Duration,
    /// Time for the handshake of TLS, from accepting the connection. Past it: the connection is closed.
    pub handshake_timeout: Duration,
    /// Handshakes of TLS that one worker has under way; the connection of a further one is closed.
    pub handshakes_max: usize,
    /// Requests that a client may have open at a time on one HTTP/2 connection. Past it: the stream is refused.
    pub streams_max: u32,
    /// Time that a tunnel (WebSocket) may pass without a byte in either direction.
    pub tunnel_idle_timeout: Duration,
    /// Number of client connections of the process; `None` derives it from the limit of open files.
    pub connections_max: Option<usize>,
    /// Number of connections that clients of one address may have, over TCP, in all the process; `None` is no bound. Of
    /// IPv6 a /64 counts as one address.
    pub connections_per_address_max: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes_max: 64 * 1024,
            fields_max: 128,
            body_bytes_max: None,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            rate_bytes_per_second_min: 240,
            rate_window: Duration::from_secs(10),
            send_timeout: Duration::from_secs(60),
            handshake_timeout: Duration::from_secs(10),
            handshakes_max: 1024,
            streams_max: 128,
            tunnel_idle_timeout: Duration::from_secs(3600),
            connections_max: None,
            connections_per_address_max: None,
        }
    }
}
