//! The end of a client, as far as it reads: it takes frames apart, and insists that each may come where it comes.
//!
//! It answers nothing, and counts no window.

use crate::frame::{FrameHead, HEAD_BYTES, flag, kind};
use crate::hpack::Decoder;
use std::collections::BTreeSet;

/// What a client has read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connection) enum Seen {
    Settings,
    SettingsTaken,
    Ping([u8; 8]),
    Pong([u8; 8]),
    Goaway { last: u32, code: u32 },
    Reset { stream: u32, code: u32 },
    Window { stream: u32, by: u32 },
    Head { stream: u32, fields: Vec<(String, String)>, is_end: bool },
    Data { stream: u32, payload: Vec<u8>, is_end: bool },
}

pub(in crate::connection) struct Reader {
    rest: Vec<u8>,
    decoder: Decoder,
    block: Option<(u32, bool, Vec<u8>)>,
    /// What the client has set.
    pub(in crate::connection) payload_bytes_max: u32,
    /// Streams on which nothing may come but a reset.
    over: BTreeSet<u32>,
    /// Streams that were reset.
    reset: BTreeSet<u32>,
    last: Option<u32>,
    has_settings: bool,
    /// An error of the connection was said: nothing follows it.
    is_over: bool,
}

impl Reader {
    pub(in crate::connection) fn new() -> Self {
        Self {
            rest: Vec::new(),
            decoder: Decoder::new(4096),
            block: None,
            payload_bytes_max: 16_384,
            over: BTreeSet::new(),
            reset: BTreeSet::new(),
            last: None,
            has_settings: false,
            is_over: false,
        }
    }

    /// Reads what has come, all of which must be whole frames.
    pub(in crate::connection) fn read(&mut self, bytes: &[u8]) -> Vec<Seen> {
        self.rest.extend_from_slice(bytes);
        let mut seen = Vec::new();
        let rest = std::mem::take(&mut self.rest);
        let mut rest = &rest[..];
        while let Some((head, after)) = rest.split_first_chunk::<HEAD_BYTES>() {
            let head = FrameHead::read(head);
            let (payload, after) = after.split_at_checked(head.length as usize).expect("frames are whole");
            seen.extend(self.take(head, payload));
            rest = after;
        }
        assert!(rest.is_empty(), "frames are whole");
        seen
    }

    fn take(&mut self, head: FrameHead, payload: &[u8]) -> Option<Seen> {
        assert!(head.length <= self.payload_bytes_max, "longer than the client takes: {head:?}");
        assert!(!self.is_over, "after the end: {head:?}");
        let is_hello = head.kind == kind::SETTINGS && !head.has(flag::ACK);
        assert!(is_hello || self.has_settings, "SETTINGS come first: {head:?}");
        assert!(self.block.is_none() || head.kind == kind::CONTINUATION, "within a block: {head:?}");
        let is_of_stream = !matches!(head.kind, kind::SETTINGS | kind::PING | kind::GOAWAY | kind::WINDOW_UPDATE);
        assert!(head.stream % 2 == 1 || (!is_of_stream && head.stream == 0), "of no stream: {head:?}");
        let word = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().expect("four bytes"));
        match head.kind {
            kind::SETTINGS if head.has(flag::ACK) => Some(Seen::SettingsTaken),
            kind::SETTINGS => {
                assert!(payload.len().is_multiple_of(6) && !std::mem::replace(&mut self.has_settings, true));
                Some(Seen::Settings)
            }
            kind::PING => {
                let payload = payload.try_into().expect("eight bytes");
                Some(if head.has(flag::ACK) { Seen::Pong(payload) } else { Seen::Ping(payload) })
            }
            kind::GOAWAY => {
                let (last, code) = (word(0), word(4));
                assert!(self.last.is_none_or(|before| last <= before), "the last stream rises to {last}");
                self.last = Some(last);
                self.is_over = code != 0;
                Some(Seen::Goaway { last, code })
            }
            kind::RST_STREAM => {
                assert!(payload.len() == 4);
                self.over.insert(head.stream);
                self.reset.insert(head.stream);
                Some(Seen::Reset { stream: head.stream, code: word(0) })
            }
            kind::WINDOW_UPDATE => {
                assert!(payload.len() == 4 && word(0) > 0);
                assert!(!self.reset.contains(&head.stream), "room for a stream that was reset: {head:?}");
                Some(Seen::Window { stream: head.stream, by: word(0) })
            }
            kind::DATA => {
                let is_end = self.note_message(head);
                Some(Seen::Data { stream: head.stream, payload: payload.to_vec(), is_end })
            }
            kind::HEADERS => {
                let is_end = self.note_message(head);
                self.take_block(head, (head.stream, is_end, payload.to_vec()))
            }
            kind::CONTINUATION => {
                let (stream, is_end, mut bytes) = self.block.take().expect("a block was begun");
                assert_eq!(stream, head.stream);
                assert!(!payload.is_empty());
                bytes.extend_from_slice(payload);
                self.take_block(head, (stream, is_end, bytes))
            }
            other => panic!("a frame of kind {other}"),
        }
    }

    fn note_message(&mut self, head: FrameHead) -> bool {
        assert!(head.flags & (flag::PADDED | flag::PRIORITY) == 0);
        assert!(!self.over.contains(&head.stream), "the stream is over: {head:?}");
        if head.has(flag::END_STREAM) {
            self.over.insert(head.stream);
        }
        head.has(flag::END_STREAM)
    }

    fn take_block(&mut self, head: FrameHead, block: (u32, bool, Vec<u8>)) -> Option<Seen> {
        if !head.has(flag::END_HEADERS) {
            self.block = Some(block);
            return None;
        }
        let (stream, is_end, bytes) = block;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut fields = Vec::new();
        let decoded = self.decoder.decode(&bytes, &mut |name, value| fields.push((text(name), text(value))));
        assert_eq!(decoded, Ok(()), "a block that cannot be read");
        Some(Seen::Head { stream, fields, is_end })
    }
}
