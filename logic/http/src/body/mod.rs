//! Bodies: one decoder for every framing, which says which part of a buffer is payload.
//! It copies nothing but trailers and knows no limit on the whole body; callers count what they get.
//!
//! LIFECYCLE: `decode` (and `skip`) until `is_done`; at the end of the connection `on_eof`. A fault is final.

mod chunked;
mod extension;
mod fault;
mod trailers;

pub use fault::BodyFault;

use crate::message::Framing;
use chunked::Chunked;
use std::ops::Range;

/// Decodes one body.
#[derive(Debug)]
pub struct BodyDecoder(State);

#[derive(Debug)]
enum State {
    Done,
    Length(u64),
    UntilClose,
    Chunked(Chunked),
}

/// What one call of [`BodyDecoder::decode`] found.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Decoded {
    /// So many bytes of the source are dealt with, payload included.
    pub consumed: usize,
    /// The payload among them; empty when there is none.
    pub payload: Range<usize>,
}

impl BodyDecoder {
    /// A decoder at the first byte of a body.
    pub fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(left) => State::Length(left),
            Framing::Chunked => State::Chunked(Chunked::default()),
            Framing::UntilClose => State::UntilClose,
        })
    }

    /// Looks at `src`, the bytes of the connection that are not consumed. One call gives at most one piece of payload;
    /// call again until it consumes nothing or the body is done. Bytes after the body are never consumed.
    ///
    /// # Errors
    /// The payload before a fault is given first, the fault by the next call.
    pub fn decode(&mut self, src: &[u8]) -> Result<Decoded, BodyFault> {
        self.decode_within(src, usize::MAX)
    }

    /// The same with at most so many bytes of payload. If that is none, and payload is next, nothing is consumed.
    ///
    /// # Errors
    /// As with [`Self::decode`].
    pub fn decode_within(&mut self, src: &[u8], payload_bytes_max: usize) -> Result<Decoded, BodyFault> {
        let len = src.len().min(payload_bytes_max);
        match &mut self.0 {
            State::Done => Ok(Decoded::default()),
            State::UntilClose => Ok(Decoded { consumed: len, payload: 0..len }),
            State::Length(left) => {
                let len = len.min(usize::try_from(*left).unwrap_or(usize::MAX));
                self.skip(len as u64);
                Ok(Decoded { consumed: len, payload: 0..len })
            }
            State::Chunked(chunked) => chunked.decode(src, payload_bytes_max),
        }
    }

    /// Whether the body has ended well.
    pub fn is_done(&self) -> bool {
        match &self.0 {
            State::Done => true,
            State::Length(_) | State::UntilClose => false,
            State::Chunked(chunked) => chunked.is_done(),
        }
    }

    /// The connection ended. That ends a body that lasts until then.
    ///
    /// # Errors
    /// Every other body that is not done is truncated.
    pub fn on_eof(&mut self) -> Result<(), BodyFault> {
        if matches!(self.0, State::UntilClose) {
            self.0 = State::Done;
        }
        if self.is_done() { Ok(()) } else { Err(BodyFault::Truncated) }
    }

    /// The bytes that a body of known length still lacks, 0 when it is done; `None` for the other framings.
    pub const fn length_left(&self) -> Option<u64> {
        match &self.0 {
            State::Done => Some(0),
            State::Length(left) => Some(*left),
            State::UntilClose | State::Chunked(_) => None,
        }
    }

    /// So many bytes of payload were moved past the decoder. Only for known lengths and for bodies that last until the
    /// end of the connection.
    pub fn skip(&mut self, n: u64) {
        match &mut self.0 {
            State::Length(left) if *left > n => *left -= n,
            State::Length(_) => self.0 = State::Done,
            State::Done | State::UntilClose => {}
            State::Chunked(_) => debug_assert!(n == 0, "chunks cannot be skipped"),
        }
    }

    /// The allowed trailers of a chunked body that is done, as lines `name: value CRLF`; empty otherwise.
    /// Forbidden and protected names are left out (RFC 9110 §6.5.1, K06).
    pub fn trailers(&self) -> &[u8] {
        match &self.0 {
            State::Chunked(chunked) => chunked.trailers(),
            State::Done | State::Length(_) | State::UntilClose => &[],
        }
    }
}
