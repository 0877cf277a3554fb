//! A connection with a client, as a machine: bytes go in, events and bytes come out.
//!
//! It knows neither sockets nor wakers nor what a request is for. LIFECYCLE: the client's preface -> streams are opened,
//! answered and released -> an end: drained (two GOAWAY with a round trip in between, and no stream is open), or broken, or
//! calmed because the client asks too much, or gone. After an end nothing is read any more; what is in
//! [`Connection::output`] is to go out still.

#[cfg(any(test, feature = "checks"))]
pub(crate) mod check;
mod control;
mod data;
mod ending;
mod heads;
mod receive;
mod send;
#[cfg(test)]
mod tests;

pub use heads::RequestSort;
pub use send::{Answered, Room};

use crate::budget::{Budget, Moment};
use crate::code::Code;
use crate::dropped::Dropped;
use crate::frame::{HEAD_BYTES, PAYLOAD_BYTES_MAX};
use crate::head::HeadFault;
use crate::hpack::{Decoder, Encoder};
use crate::settings::WINDOW_BYTES;
use crate::streams::{Lost, STREAM_WINDOW_BYTES, Slot, Streams};
use receive::Stage;
use std::collections::VecDeque;

/// Bounds of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Streams at a time.
    pub streams_max: u32,
    /// Bytes of a head: as the client is told, where each field counts 32 more (RFC 9113 §6.5.2), and as text.
    pub head_bytes_max: u32,
    /// Streams that the client has taken back and whose holders do not know yet.
    pub taken_back_max: usize,
    /// Whether the connection is under TLS, so that requests must be for `https`.
    pub is_tls: bool,
}

/// The same on all streams of a connection together. A trade: so many uploads as fit, 16, may stand still before the others
/// of the same client wait for them; and so much memory a client can make us keep with every connection. Room for all
/// streams, as towards servers, would be eight times that, for whoever asks for it.
const CONNECTION_WINDOW_BYTES: u32 = 16 * STREAM_WINDOW_BYTES;
/// Bytes of the heads that nobody has taken yet, and of trailers.
const HEADS_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Bytes of the table for the client's fields: what holds if nobody says otherwise (RFC 9113 §6.5.2).
const TABLE_BYTES_MAX: usize = 4096;
/// Memory for frames in pieces, and for what goes out, that is kept.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// What has happened to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// There is a new one; it must be released.
    Opened(Slot),
    /// Something can be taken of it, or it has ended.
    Readable(Slot),
    /// It may try again to send.
    Writable(Slot),
    /// It is over before its end; see [`Connection::lost`].
    Lost(Slot),
}

/// How a connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// What came first is not HTTP/2.
    NoPreface,
    /// The client has broken a rule that holds for the connection (RFC 9113 §5.4.1).
    Broken(Code),
    /// The client asked too much, and was told so.
    Calmed,
    /// The client has left.
    Gone,
}

/// What the client was told of the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leave {
    Nothing,
    /// That it comes. The answer to a PING is waited for.
    Announced,
    /// The last stream that is answered. It stays that one (RFC 9113 §6.8).
    Final(u32),
}

/// The field block of a HEADERS frame that was not the last of its block.
#[derive(Debug)]
struct Block {
    stream: u32,
    is_end: bool,
    /// The number of the frame that began it.
    begun: u64,
    bytes: Vec<u8>,
}

/// The end of a connection that answers.
pub struct Connection {
    bounds: Bounds,
    /// When something came last.
    now: Moment,
    stage: Stage,
    /// The beginning of a frame's head, or of a payload that must be whole.
    held: [u8; HEAD_BYTES],
    held_bytes: usize,
    payload: Vec<u8>,
    /// Frames that have begun.
    frames: u64,
    has_settings: bool,
    block: Option<Block>,
    streams: Streams,
    /// The highest stream that the client has opened.
    last: u32,
    dropped: Dropped,
    decoder: Decoder,
    encoder: Encoder,
    crumbs: Vec<u8>,
    heads_bytes: usize,
    /// What the client may send still, and what was taken and it was not told of.
    room: i64,
    owed: u32,
    /// What may be sent to the client still, on all streams and on a new one.
    window: i64,
    stream_window: i64,
    payload_bytes_max: u32,
    /// Streams that wait for the connection, in turn.
    line: VecDeque<Slot>,
    /// Streams that wait for the way out with a head.
    heads_waiting: Vec<Slot>,
    budget: Budget,
    leave: Leave,
    end: Option<End>,
    events: VecDeque<Event>,
    output: Vec<u8>,
    /// Streams that were answered before their request was whole: to be reset once the answer is out.
    answered_early: Vec<u32>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { stage, last, leave, end, streams, .. } = self;
        let mut shown = f.debug_struct("Connection");
        shown.field("stage", stage).field("last", last).field("leave", leave).field("end", end);
        shown.field("streams", &streams.open_count()).finish_non_exhaustive()
    }
}

impl Connection {
    /// A connection on which nothing was said yet. `now` is in milliseconds, of any beginning.
    pub fn new(bounds: Bounds, now: u64) -> Self {
        Self {
            bounds,
            now,
            stage: Stage::Preface(0),
            held: [0; HEAD_BYTES],
            held_bytes: 0,
            payload: Vec::new(),
            frames: 0,
            has_settings: false,
            block: None,
            streams: Streams::default(),
            last: 0,
            dropped: Dropped::default(),
            decoder: Decoder::new(TABLE_BYTES_MAX),
            encoder: Encoder::new(),
            crumbs: Vec::new(),
            heads_bytes: 0,
            room: i64::from(CONNECTION_WINDOW_BYTES),
            owed: 0,
            window: i64::from(WINDOW_BYTES),
            stream_window: i64::from(WINDOW_BYTES),
            payload_bytes_max: PAYLOAD_BYTES_MAX,
            line: VecDeque::new(),
            heads_waiting: Vec::new(),
            budget: Budget::new(now),
            leave: Leave::Nothing,
            end: None,
            events: VecDeque::new(),
            output: Vec::new(),
            answered_early: Vec::new(),
        }
    }

    /// The next thing that has happened.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What is to go out, in this order; whoever sends it removes it. Payload goes behind it, see [`Self::begin_data`].
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Whether the client's preface has come.
    pub fn has_begun(&self) -> bool {
        !matches!(self.stage, Stage::Preface(_))
    }

    /// How it has ended, if it has.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// Whether some stream is open.
    pub(crate) fn has_streams(&self) -> bool {
        self.streams.open_count() > 0
    }

    /// A number for the frame or head that has begun to come and is not whole; another one has another number. The content of
    /// a body does not count.
    pub fn unfinished(&self) -> Option<u64> {
        let is_within = match self.stage {
            Stage::Preface(_) | Stage::Data { .. } => false,
            Stage::Head => self.held_bytes > 0,
            Stage::Whole(_) | Stage::Padding(_) | Stage::Skip(_) => true,
        };
        let begun = self.block.as_ref().map(|block| block.begun);
        begun.or_else(|| is_within.then_some(self.frames + u64::from(self.stage == Stage::Head)))
    }

    /// Whether somebody holds a stream, be it open or not.
    pub fn has_held(&self) -> bool {
        self.streams.held_count() > 0
    }

    /// Why a stream is over before its end.
    pub fn lost(&self, slot: Slot) -> Option<Lost> {
        self.streams[slot].lost
    }

    /// What is wrong with the head of a request.
    pub fn head_fault(&self, slot: Slot) -> Option<HeadFault> {
        self.streams[slot].head_fault
    }

    /// Frees memory that is kept for the next frames: none are expected soon.
    pub fn rest(&mut self) {
        self.streams.rest();
        self.decoder.rest();
        self.encoder.rest();
        // Scratch: what is left in it of a refused head is of no use.
        self.crumbs = Vec::new();
        for buffer in [&mut self.payload, &mut self.output] {
            if buffer.is_empty() {
                *buffer = Vec::new();
            }
        }
        self.answered_early.shrink_to_fit();
        self.line.shrink_to_fit();
        self.events.shrink_to_fit();
        self.dropped.shrink();
    }

    /// What must hold between any two calls.
    fn check_invariants(&self) {
        #[cfg(debug_assertions)]
        {
            self.streams.check_invariants();
            self.dropped.check_invariants();
            assert!(self.room >= 0);
            assert!(self.end.is_none() || self.streams.open_count() == 0);
            assert!(
                self.line.iter().chain(&self.heads_waiting).all(|slot| self.streams[*slot].is_waiting),
                "{:?}",
                self.line
            );
            assert!(self.held_bytes < HEAD_BYTES);
        }
    }
}
