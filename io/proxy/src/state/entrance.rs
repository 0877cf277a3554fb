//! Why a connection was closed before anything was asked on it. All of it is the client's doing, or that of who stands
//! between, but for the lack of room.

use evener_preamble::PreambleFault;
use evener_tls::HandshakeFault;
use std::fmt;

/// A connection that was not let in.
#[derive(Debug)]
pub(crate) enum EntranceFault {
    /// A handshake that did not end well.
    Handshake(HandshakeFault),
    /// The certificate for the host has not come yet.
    Awaited(String),
    /// Nobody here answers for the name, or for a connection without one.
    UnknownName,
    /// It does not begin with TLS, by which a name would be asked for, and only names are served.
    NoTls,
    /// What came first is not what it must be.
    Preamble(PreambleFault),
    /// A PROXY header from a peer whose word does not count.
    UntrustedPeer,
    /// What must come first did not come in time.
    Late,
    /// The connection ended first.
    Closed,
}

impl EntranceFault {
    /// The reason code.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Handshake(HandshakeFault::TimedOut) => "tls_timeout",
            Self::Handshake(HandshakeFault::Closed(_)) => "tls_closed",
            Self::Handshake(HandshakeFault::UnknownName) | Self::UnknownName => "tls_unknown_name",
            Self::NoTls => "tls_missing",
            Self::Handshake(HandshakeFault::Tls(_)) | Self::Awaited(_) => "tls_failed",
            Self::Handshake(HandshakeFault::Busy) => "too_many_handshakes",
            Self::Preamble(fault) => fault.reason(),
            Self::UntrustedPeer => "proxy_untrusted",
            Self::Late => "preamble_timeout",
            Self::Closed => "preamble_closed",
        }
    }

    /// Every reason code.
    pub(crate) fn reasons() -> impl Iterator<Item = &'static str> {
        let own = [
            "tls_timeout",
            "tls_closed",
            "tls_unknown_name",
            "tls_missing",
            "tls_failed",
            "too_many_handshakes",
            "proxy_untrusted",
            "preamble_timeout",
            "preamble_closed",
        ];
        own.into_iter().chain(PreambleFault::ALL.iter().map(|fault| fault.reason()))
    }
}

impl fmt::Display for EntranceFault {
    /// What the client did, for a sentence that begins with its address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake(HandshakeFault::TimedOut) => f.write_str("did not finish the handshake of TLS in time"),
            Self::Handshake(HandshakeFault::Closed(_)) => f.write_str("left in the middle of the handshake of TLS"),
            Self::Handshake(HandshakeFault::UnknownName) | Self::UnknownName => {
                f.write_str("asked for a name that nobody has here")
            }
            Self::NoTls => f.write_str("does not speak TLS, and every service there is for a name"),
            Self::Handshake(HandshakeFault::Tls(cause)) => write!(f, "failed the handshake of TLS: {cause}"),
            Self::Awaited(host) => {
                write!(f, "asked for {host}, which has no certificate yet: it is still to be ordered")
            }
            Self::Handshake(HandshakeFault::Busy) => {
                f.write_str("was turned away: too many handshakes of TLS are under way")
            }
            Self::Preamble(fault) => write!(f, "was turned away: {fault}"),
            Self::UntrustedPeer => {
                f.write_str("was turned away: only trusted peers may connect here (`proxy_protocol`)")
            }
            Self::Late => f.write_str("did not say in time what it wants"),
            Self::Closed => f.write_str("left before it said what it wants"),
        }
    }
}
