//! What a peer of HTTP/2 has heard: events in their order, and messages put together of them.
//!
//! It reads no bytes.

use super::Frame;

/// What came, with field blocks put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Head {
        stream: u32,
        fields: Vec<(String, String)>,
        is_end: bool,
    },
    Data {
        stream: u32,
        bytes: Vec<u8>,
        is_end: bool,
    },
    Reset {
        stream: u32,
        code: u32,
    },
    Leave {
        last: u32,
        code: u32,
    },
    /// The connection has ended.
    Closed,
    Other(Frame),
}

/// How a message or its stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ended,
    Reset(u32),
    /// The connection was ended with GOAWAY and this code.
    GoneAway(u32),
    /// The connection was ended without a word.
    Closed,
}

/// What came on one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// Every block of fields: interim heads, the head, trailers.
    pub(crate) heads: Vec<Vec<(String, String)>>,
    pub(crate) body: Vec<u8>,
    pub(crate) outcome: Option<Outcome>,
    /// How many bytes the fields of each block took.
    pub(crate) block_bytes: Vec<usize>,
}

impl Message {
    /// The status of the last head that has one; 0 without.
    pub(crate) fn status(&self) -> u16 {
        self.statuses().last().copied().unwrap_or(0)
    }

    /// The statuses of all heads.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        self.heads.iter().filter_map(|head| value(head, ":status")?.parse().ok()).collect()
    }

    /// The first value of that name in the heads.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.heads.iter().find_map(|head| value(head, name))
    }

    /// The block after the head with the final status.
    pub(crate) fn trailers(&self) -> Option<&[(String, String)]> {
        self.heads.last().filter(|last| value(last, ":status").is_none()).map(Vec::as_slice)
    }

    pub(crate) fn text(&self) -> String {
        self.body.iter().copied().map(char::from).collect()
    }
}

/// The first value of a name.
pub(crate) fn value<'f>(fields: &'f [(String, String)], name: &str) -> Option<&'f str> {
    fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}
