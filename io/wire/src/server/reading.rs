//! What is read from a stream after its head, as the text of HTTP/1.1: the body, in chunks if its length was not announced,
//! with its trailers.

use evener_http::{CHUNK_END, chunk_header, last_chunk};
use evener_http2::{Connection, RequestSort, Slot};

/// How the end of a body is told in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marking {
    /// By chunks.
    Chunks,
    /// By a length in the head, or there is no body.
    Length,
    /// There is no message any more: the bytes of a tunnel.
    Tunnel,
}

/// Where the reader of a stream is.
#[derive(Debug)]
pub(super) struct Reading {
    marking: Marking,
    /// Text that comes before the next payload.
    text: Vec<u8>,
    text_read: usize,
    /// What is left of the chunk that was begun, all of which has come.
    chunk_left: usize,
    /// A chunk was begun, so that something must follow it.
    is_chunk: bool,
    /// The last chunk was told.
    is_over: bool,
}

impl Reading {
    pub(super) fn new(sort: RequestSort) -> Self {
        let marking = match sort {
            RequestSort { is_tunnel: true, .. } => Marking::Tunnel,
            RequestSort { has_length: true, .. } | RequestSort { has_body: false, .. } => Marking::Length,
            _ => Marking::Chunks,
        };
        Self { marking, text: Vec::new(), text_read: 0, chunk_left: 0, is_chunk: false, is_over: false }
    }

    /// Whether there is something to take; `None`: not yet.
    pub(super) fn fill(&mut self, machine: &Connection, slot: Slot) -> Option<bool> {
        if self.text_read < self.text.len() || self.chunk_left > 0 {
            return Some(true);
        }
        let unread = machine.unread(slot);
        let is_ended = machine.is_ended(slot);
        match self.marking {
            _ if self.is_over => Some(false),
            Marking::Length | Marking::Tunnel if unread > 0 => Some(true),
            Marking::Length | Marking::Tunnel => is_ended.then_some(false),
            Marking::Chunks if unread > 0 => {
                self.begin_text();
                chunk_header(unread, &mut self.text);
                (self.chunk_left, self.is_chunk) = (unread, true);
                Some(true)
            }
            Marking::Chunks => is_ended.then(|| {
                self.begin_text();
                last_chunk(machine.trailers(slot), &mut self.text);
                self.is_over = true;
                true
            }),
        }
    }

    fn begin_text(&mut self) {
        self.text.clear();
        self.text_read = 0;
        if std::mem::take(&mut self.is_chunk) {
            self.text.extend_from_slice(CHUNK_END);
        }
    }

    /// Takes what is there, up to the length of `buffer`.
    pub(super) fn take(&mut self, machine: &mut Connection, slot: Slot, buffer: &mut [u8]) -> usize {
        let text = self.text.get(self.text_read..).unwrap_or_default();
        let of_text = text.len().min(buffer.len());
        buffer[..of_text].copy_from_slice(&text[..of_text]);
        self.text_read += of_text;
        let rest = &mut buffer[of_text..];
        let limit = if self.marking == Marking::Chunks { self.chunk_left.min(rest.len()) } else { rest.len() };
        let of_data = machine.take(slot, &mut rest[..limit]);
        self.chunk_left = self.chunk_left.saturating_sub(of_data);
        of_text + of_data
    }
}
