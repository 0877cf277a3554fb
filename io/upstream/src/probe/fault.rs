//! What a probe can find wrong. Whether that makes a server down is decided elsewhere.

use super::grpc::GrpcFault;
use evener_http::{BodyFault, ResponseFault};
use std::error::Error;
use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::time::Duration;
use std::{fmt, io};

/// Why a probe failed. All but the first are the server's or the network's doing.
#[derive(Debug)]
pub enum ProbeFault {
    /// This process or machine has run out of descriptors or memory: nothing was learned of the server.
    Exhausted(io::Error),
    /// The connection was refused, or no way leads to the server; the cause at the last address that was tried.
    NoConnection(io::Error),
    /// No connection was made within this time.
    ConnectTimedOut(Duration),
    /// What the server sent is not TLS.
    NotTls,
    /// The handshake of TLS failed: the server's certificate is not good, or the two agree on nothing.
    Handshake(io::Error),
    /// The handshake of TLS was not over within this time.
    HandshakeTimedOut(Duration),
    /// The server did not choose HTTP/2, which it must speak.
    NoHttp2,
    /// The connection failed before the answer was there.
    Lost(io::Error),
    /// The server closed the connection before the end of its answer's head.
    Closed,
    /// The answer was not there within this time.
    AnswerTimedOut(Duration),
    /// The answer is not HTTP, or its head is too long.
    BadHead(ResponseFault),
    /// The status is none of those that are wanted.
    Status {
        /// The status of the answer.
        answered: u16,
        /// What would have been good.
        wanted: Vec<RangeInclusive<u16>>,
    },
    /// The body is malformed or was cut short.
    BadBody(BodyFault),
    /// What a check looks at of the body does not hold this text.
    TextMissing(String),
    /// The server, or its HTTP/2, broke off what was asked.
    Http2(h2::Error),
    /// What is asked has no form in HTTP/2, which is the fault of whoever wrote the path.
    Unsayable(http::Error),
    /// The answer to a gRPC health check is not good.
    Grpc(GrpcFault),
}

impl ProbeFault {
    /// Whether no request was sent: the fault lies with the connection.
    pub fn is_of_connecting(&self) -> bool {
        match self {
            Self::Exhausted(_) | Self::NoConnection(_) | Self::ConnectTimedOut(_) => true,
            Self::NotTls | Self::Handshake(_) | Self::HandshakeTimedOut(_) | Self::NoHttp2 => true,
            Self::Lost(_) | Self::Closed | Self::AnswerTimedOut(_) | Self::BadHead(_) | Self::Status { .. } => false,
            Self::BadBody(_) | Self::TextMissing(_) | Self::Http2(_) | Self::Unsayable(_) | Self::Grpc(_) => false,
        }
    }

    /// What the failure of a handshake means.
    pub(super) fn of_handshake(error: io::Error) -> Self {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
        if let Some(rustls::Error::InvalidMessage(_)) = cause { Self::NotTls } else { Self::Handshake(error) }
    }

    /// What the failure of a connection or stream of HTTP/2 means.
    pub(super) fn of_http2(error: h2::Error) -> Self {
        match error.get_io().map(io::Error::kind) {
            Some(ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe) => Self::Closed,
            // It stays what it is if it cannot be taken out.
            Some(kind) => Self::Lost(error.into_io().unwrap_or_else(|| kind.into())),
            None => Self::Http2(error),
        }
    }

    /// The error of the system behind it.
    pub fn cause(&self) -> Option<&io::Error> {
        match self {
            Self::Exhausted(error) | Self::NoConnection(error) | Self::Lost(error) | Self::Handshake(error) => {
                Some(error)
            }
            Self::ConnectTimedOut(_) | Self::NotTls | Self::HandshakeTimedOut(_) | Self::NoHttp2 => None,
            Self::Closed | Self::AnswerTimedOut(_) | Self::BadHead(_) | Self::Status { .. } => None,
            Self::BadBody(_) | Self::TextMissing(_) | Self::Http2(_) | Self::Unsayable(_) | Self::Grpc(_) => None,
        }
    }
}

/// What the server, or a request to it, did: it goes on from its name. Causes of the system are not in it.
impl fmt::Display for ProbeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhausted(_) => f.write_str("could not be tried"),
            Self::NoConnection(_) => f.write_str("took no connection"),
            Self::ConnectTimedOut(time) => write!(f, "took no connection within {time:?}"),
            Self::NotTls => f.write_str("does not speak TLS"),
            Self::Handshake(_) => f.write_str("failed the handshake of TLS"),
            Self::HandshakeTimedOut(time) => write!(f, "did not end the handshake of TLS within {time:?}"),
            Self::NoHttp2 => f.write_str("did not choose HTTP/2"),
            Self::Lost(_) => f.write_str("lost the connection"),
            Self::Closed => f.write_str("got no answer before the connection was closed"),
            Self::AnswerTimedOut(time) => write!(f, "got no answer within {time:?}"),
            Self::BadHead(fault) => write!(f, "got a broken answer: {fault}"),
            Self::Status { answered, wanted } => write!(f, "answered {answered}, wanted {}", listed(wanted)),
            Self::BadBody(fault) => write!(f, "got a broken body: {fault}"),
            Self::TextMissing(text) => write!(f, "answered without {} in the body", Shown(text)),
            Self::Http2(fault) => write!(f, "got no whole answer over HTTP/2: {fault}"),
            Self::Unsayable(fault) => write!(f, "cannot be asked over HTTP/2: {fault}"),
            Self::Grpc(fault) => fault.fmt(f),
        }
    }
}

impl Error for ProbeFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::BadHead(fault) => Some(fault),
            Self::BadBody(fault) => Some(fault),
            Self::Http2(fault) => Some(fault),
            Self::Unsayable(fault) => Some(fault),
            Self::Grpc(fault) => Some(fault),
            other => other.cause().map(|error| error as &dyn Error),
        }
    }
}

/// Ranges as the config writes them: `200-299,304`.
fn listed(ranges: &[RangeInclusive<u16>]) -> String {
    let ranges: Vec<String> = ranges
        .iter()
        .map(|range| match range.start() == range.end() {
            true => range.start().to_string(),
            false => format!("{}-{}", range.start(), range.end()),
        })
        .collect();
    ranges.join(",")
}

/// The beginning of a text, in quotes.
pub(super) struct Shown<'t>(pub(super) &'t str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(SHOWN_CHARS_MAX) {
            None => write!(f, "{:?}", self.0),
            Some((end, _)) => write!(f, "{:?}...", &self.0[..end]),
        }
    }
}

/// As much of a text as a message shows.
const SHOWN_CHARS_MAX: usize = 40;
