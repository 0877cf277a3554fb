//! Body bytes gathered from a chunked message, to be passed on in one piece: as one new chunk, or as they are. Small
//! chunks are joined (a peer that sends them one byte at a time must not multiply the work), extensions are gone.

use evener_http::{CHUNK_END, chunk_header, last_chunk};

/// Room before the payload for the size line of the chunk: 16 digits and a line end.
const GAP: usize = 18;

/// How gathered bytes are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recode {
    /// As they are: the other side's message ends with its length or its connection.
    Plain,
    /// As chunks.
    Chunked,
}

/// The bytes on their way.
#[derive(Debug)]
pub(crate) struct Stage {
    bytes: Vec<u8>,
    start: usize,
    recode: Recode,
}

impl Stage {
    pub(crate) fn new(recode: Recode) -> Self {
        Self { bytes: Vec::new(), start: 0, recode }
    }

    /// Whether it frames what it gathers as chunks.
    pub(crate) fn is_chunked(&self) -> bool {
        self.recode == Recode::Chunked
    }

    /// Begins to gather about so many bytes; what was sealed before must be on its way.
    pub(crate) fn begin(&mut self, bytes: usize) {
        debug_assert!(self.pending().is_empty(), "sealed bytes are sent before new ones are gathered");
        self.bytes.clear();
        // Exactly: growing by doubling would cost each slow reader twice the memory.
        self.bytes.reserve_exact(GAP + bytes + CHUNK_END.len());
        self.bytes.resize(GAP, 0);
        self.start = GAP;
    }

    pub(crate) fn push(&mut self, payload: &[u8]) {
        self.bytes.extend_from_slice(payload);
    }

    /// Frames what was gathered. `trailers` come with the end of the body.
    pub(crate) fn seal(&mut self, trailers: Option<&[u8]>) {
        let length = self.bytes.len() - GAP;
        if self.recode == Recode::Plain {
            return;
        }
        if length > 0 {
            let mut header = Vec::with_capacity(GAP);
            chunk_header(length, &mut header);
            self.start = GAP - header.len();
            self.bytes[self.start..GAP].copy_from_slice(&header);
            self.bytes.extend_from_slice(CHUNK_END);
        }
        if let Some(trailers) = trailers {
            last_chunk(trailers, &mut self.bytes);
        }
    }

    /// What is framed and not sent.
    pub(crate) fn pending(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    pub(crate) fn sent(&mut self, count: usize) {
        self.start += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(recode: Recode, pieces: &[&[u8]], trailers: Option<&[u8]>, expected: &[u8]) {
        let mut stage = Stage::new(recode);
        for _ in 0..2 {
            stage.begin(3);
            pieces.iter().for_each(|piece| stage.push(piece));
            stage.seal(trailers);
            assert_eq!(stage.pending(), expected);
            let length = expected.len();
            stage.sent(length / 2);
            assert_eq!(stage.pending(), &expected[length / 2..]);
            stage.sent(length - length / 2);
            assert!(stage.pending().is_empty());
        }
    }

    #[test]
    fn frames_what_was_gathered() {
        check(Recode::Plain, &[b"ab", b"c"], None, b"abc");
        check(Recode::Plain, &[b"ab"], Some(b""), b"ab");
        check(Recode::Chunked, &[b"ab", b"c"], None, b"3\r\nabc\r\n");
        check(Recode::Chunked, &[&[b'x'; 20]], Some(b"a: b\r\n"), b"14\r\nxxxxxxxxxxxxxxxxxxxx\r\n0\r\na: b\r\n\r\n");
        check(Recode::Chunked, &[], Some(b""), b"0\r\n\r\n");
        check(Recode::Chunked, &[], None, b"");
    }
}
