//! What a connection needs while it works on requests, lent by the worker and reused by the next burst.

use evener_http::{RequestParser, ResponseParser};
use evener_runtime::Buffer;
use evener_runtime::buffer::Buffers;
use std::fmt;
use std::time::Instant;

/// Capacity above which a reused vector is freed instead: one large head must not cost its memory for ever.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// Buffers, parsers and scratch space of one burst of requests.
pub(crate) struct Session {
    /// The head of the request at the front, and what the client has sent after it.
    pub(crate) inbound: Buffer,
    pub(crate) parser: RequestParser,
    /// When the first byte of the request was read.
    pub(crate) started: Option<Instant>,
    /// The client has ended its side: no further request comes, but it may wait for its answer (RFC 9112 §9.6).
    pub(crate) is_half_closed: bool,
    /// What has come of a body that did not come whole with the head, and after it the next request.
    pub(crate) body: Buffer,
    /// What the server has sent.
    pub(crate) answer: Buffer,
    pub(crate) response: ResponseParser,
    /// A head on its way out.
    pub(crate) out: Vec<u8>,
    /// The host of the request in its canonical form.
    pub(crate) host: Vec<u8>,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            inbound: Buffer::default(),
            parser: RequestParser::new(),
            started: None,
            is_half_closed: false,
            body: Buffer::default(),
            answer: Buffer::default(),
            response: ResponseParser::new(),
            out: Vec::with_capacity(1024),
            host: Vec::with_capacity(64),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// Gives the buffers back and makes the rest ready for another connection.
    pub(crate) fn strip(&mut self, buffers: &Buffers) {
        buffers.give_back(std::mem::take(&mut self.inbound));
        buffers.give_back(std::mem::take(&mut self.body));
        buffers.give_back(std::mem::take(&mut self.answer));
        self.parser.reset();
        self.response.reset();
        self.started = None;
        self.is_half_closed = false;
        if self.out.capacity() > KEPT_BYTES_MAX {
            self.out = Vec::with_capacity(1024);
        }
    }
}
