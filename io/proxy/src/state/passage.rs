//! Why a service of layer 4 refused or lost a connection or a datagram, beyond what connecting to a server can fail with.

use std::fmt;

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PassFault {
    /// Every server was tried or takes no connections.
    NoServer,
    /// Every server is at its bound, and as many wait as may.
    QueueFull,
    /// Every server stayed at its bound for as long as one may wait.
    QueueTimeout,
    /// The client's connection broke.
    ClientReset,
    /// The server's connection broke.
    ServerReset,
    /// Nothing was said for too long.
    Idle,
    /// As many sessions are open as may be.
    TooManySessions,
    /// An idle session had to make room for a new one.
    Evicted,
    /// The server has told that nobody takes its datagrams.
    Refused,
    /// No socket could be had for a session.
    NoSocket,
    /// The kernel did not take a datagram.
    Unsent,
    /// The program ended.
    Stopped,
}

impl PassFault {
    /// All of them.
    pub(crate) const ALL: [Self; 12] = [
        Self::NoServer,
        Self::QueueFull,
        Self::QueueTimeout,
        Self::ClientReset,
        Self::ServerReset,
        Self::Idle,
        Self::TooManySessions,
        Self::Evicted,
        Self::Refused,
        Self::NoSocket,
        Self::Unsent,
        Self::Stopped,
    ];

    /// The reason code.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::NoServer => "no_server",
            Self::QueueFull => "queue_full",
            Self::QueueTimeout => "queue_timeout",
            Self::ClientReset => "tunnel_client_reset",
            Self::ServerReset => "tunnel_server_reset",
            Self::Idle => "tunnel_idle",
            Self::TooManySessions => "udp_sessions_full",
            Self::Evicted => "udp_session_evicted",
            Self::Refused => "udp_refused",
            Self::NoSocket => "udp_no_socket",
            Self::Unsent => "udp_unsent",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for PassFault {
    /// For a sentence that names the service before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoServer => "no server takes it",
            Self::QueueFull => "every server is at its bound and the queue is full",
            Self::QueueTimeout => "every server stayed at its bound",
            Self::ClientReset => "the client broke the connection",
            Self::ServerReset => "broke the connection",
            Self::Idle => "nothing was said for too long",
            Self::TooManySessions => "as many sessions are open as may be, and none of them is idle",
            Self::Evicted => "as many sessions are open as may be",
            Self::Refused => "takes no datagrams",
            Self::NoSocket => "got no socket for a session",
            Self::Unsent => "the kernel did not take a datagram",
            Self::Stopped => "evener has ended",
        })
    }
}
