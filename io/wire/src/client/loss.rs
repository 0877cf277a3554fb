//! Why a request over HTTP/2 brought no answer. Whose fault that is, is decided by whoever asked.

use h2::Reason;
use std::fmt;

/// Why a request brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// It has no form in HTTP/2. Nothing was sent.
    NoForm,
    /// It asks for a WebSocket, and the server takes none over HTTP/2 (RFC 8441 §3). Nothing was sent.
    NoWebSocket,
    /// The server says that it did nothing with it (RFC 9113 §8.7): it refused the stream, or named an earlier one as the
    /// last in a GOAWAY.
    Refused,
    /// The server has reset the stream.
    Reset(Reason),
    /// What the server sent on the stream is against the rules of HTTP/2, or its head is too large.
    Malformed(Reason),
    /// The same, on the connection as a whole, which was ended for it.
    Broken(Reason),
    /// The connection ended.
    Connection,
}

impl Loss {
    pub(super) fn of(error: &h2::Error) -> Self {
        match error.reason() {
            Some(_) if error.is_remote() && error.is_go_away() => Self::Refused,
            Some(Reason::REFUSED_STREAM) if error.is_remote() => Self::Refused,
            Some(reason) if error.is_remote() => Self::Reset(reason),
            Some(reason) if error.is_library() && error.is_go_away() => Self::Broken(reason),
            Some(reason) if error.is_library() => Self::Malformed(reason),
            _ => Self::Connection,
        }
    }

    /// Whether the request was kept from the server, because it could not be said.
    pub fn is_unsaid(self) -> bool {
        matches!(self, Self::NoForm | Self::NoWebSocket)
    }
}

impl fmt::Display for Loss {
    /// What the server did, for a sentence that begins with its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoForm => f.write_str("was not asked: the request has no form in HTTP/2"),
            Self::NoWebSocket => f.write_str("takes no WebSocket over HTTP/2"),
            Self::Refused => f.write_str("refused the stream again and again"),
            Self::Reset(reason) => write!(f, "reset the stream before it answered ({reason:?})"),
            Self::Malformed(reason) => {
                write!(f, "sent an answer that is malformed in HTTP/2, or whose head is too large ({reason:?})")
            }
            Self::Broken(reason) => write!(f, "does not speak HTTP/2 as it should ({reason:?})"),
            Self::Connection => f.write_str("closed the connection before it answered"),
        }
    }
}
