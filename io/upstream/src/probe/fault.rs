//! What a probe can find wrong. Whether that makes a server down is decided elsewhere.

use evener_http::{BodyFault, ResponseFault};
use std::error::Error;
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
}

impl ProbeFault {
    /// Whether no request was sent: the fault lies with the connection.
    pub fn is_of_connecting(&self) -> bool {
        matches!(self, Self::Exhausted(_) | Self::NoConnection(_) | Self::ConnectTimedOut(_))
    }

    /// The error of the system behind it.
    pub fn cause(&self) -> Option<&io::Error> {
        match self {
            Self::Exhausted(error) | Self::NoConnection(error) | Self::Lost(error) => Some(error),
            Self::ConnectTimedOut(_)
            | Self::Closed
            | Self::AnswerTimedOut(_)
            | Self::BadHead(_)
            | Self::Status { .. }
            | Self::BadBody(_)
            | Self::TextMissing(_) => None,
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
            Self::Lost(_) => f.write_str("lost the connection"),
            Self::Closed => f.write_str("got no answer before the connection was closed"),
            Self::AnswerTimedOut(time) => write!(f, "got no answer within {time:?}"),
            Self::BadHead(fault) => write!(f, "got a broken answer: {fault}"),
            Self::Status { answered, wanted } => write!(f, "answered {answered}, wanted {}", listed(wanted)),
            Self::BadBody(fault) => write!(f, "got a broken body: {fault}"),
            Self::TextMissing(text) => match text.char_indices().nth(SHOWN_CHARS_MAX) {
                None => write!(f, "answered without {text:?} in the body"),
                Some((end, _)) => write!(f, "answered without {:?}... in the body", &text[..end]),
            },
        }
    }
}

impl Error for ProbeFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::BadHead(fault) => Some(fault),
            Self::BadBody(fault) => Some(fault),
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

/// As much of a text as a message shows.
const SHOWN_CHARS_MAX: usize = 40;
