//! Response heads: the index over a head and the incremental parser that fills it.
//! Interim responses are heads like others; counting and passing them on is the caller's business.
//!
//! LIFECYCLE of a parser: status line -> field lines -> complete, then `reset` (after a 1xx for the same request).

mod fault;
mod parser;

pub use fault::ResponseFault;
pub use parser::ResponseParser;

use crate::field::Field;
use crate::message::{Framing, Method, Span, Version};

/// What the framing of a response depends on besides its own head (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug)]
pub struct RequestContext {
    /// The method of the request; a response to HEAD has no body.
    pub method: Method,
}

/// The index over a response head. It is reused from response to response; its fields keep their capacity.
#[derive(Clone, Debug, Default)]
pub struct ResponseHead {
    /// The status, 100 to 599.
    pub status: u16,
    /// The version.
    pub version: Version,
    /// The reason phrase, often empty.
    pub reason: Span,
    /// Every field line in order.
    pub fields: Vec<Field>,
    /// How the end of the body is found.
    pub framing: Framing,
    /// Content-Length as sent. Without a body (HEAD, 304) it says what the body would have been.
    pub content_length: Option<u64>,
    /// Whether the server goes on after this response; never with [`Framing::UntilClose`].
    pub keep_alive: bool,
    /// The protocol that a 101 switches to; `None` with every other status, and with a 101 that names none.
    pub upgrade: Option<Span>,
    /// The length of the head with the empty line.
    pub head_bytes: usize,
    /// The index after the status line.
    pub(crate) status_line_end: usize,
}

impl ResponseHead {
    fn clear(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        *self = Self { fields, ..Self::default() };
    }
}
