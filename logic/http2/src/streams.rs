//! The streams of a connection: where each stands, what has come on it, and how much may go either way.
//!
//! It knows no frame. A stream has a slot for as long as somebody holds it, and its number leads to the slot for as long as
//! the client may speak on it. Slots keep their memory for the next stream.

use crate::frame::STREAM_MAX;
use crate::head::HeadFault;
use evener_http::Method;

/// The place of a stream. It belongs to one stream from [`crate::Event::Opened`] until [`crate::Connection::release`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u32);

impl Slot {
    /// Slots are numbered from 0, and used again.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// How far one side of a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Side {
    /// Its head is still to come.
    #[default]
    Head,
    Body,
    Ended,
}

/// Why a stream is over before both sides have ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The client has taken it back.
    TakenBack,
    /// The client has broken a rule, and was told so by a reset of the stream.
    Malformed,
    /// It ended with its connection.
    Connection,
}

/// A stream that somebody holds.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) number: u32,
    pub(crate) lost: Option<Lost>,
    pub(crate) incoming: Side,
    pub(crate) outgoing: Side,
    pub(crate) is_tunnel: bool,
    pub(crate) has_length: bool,
    pub(crate) has_body: bool,
    pub(crate) method: Method,
    pub(crate) head_fault: Option<HeadFault>,
    /// The head as text, until it is taken.
    pub(crate) head: Vec<u8>,
    /// Bytes of the body that its length still announces.
    pub(crate) length_left: Option<u64>,
    /// What has come of the body, and how much of that was taken.
    pub(crate) data: Vec<u8>,
    pub(crate) data_taken: usize,
    /// Lines, once the body is over.
    pub(crate) trailers: Vec<u8>,
    /// What the client may send still.
    pub(crate) room: i64,
    /// What was taken, and the client was not told of.
    pub(crate) owed: u32,
    /// What may be sent to the client still; below zero after it has made its window smaller (RFC 9113 §6.9.2).
    pub(crate) window: i64,
    /// It stands in the line of those that wait for the connection.
    pub(crate) is_waiting: bool,
    /// What is left of its turn, which the end of the connection's window has cut short.
    pub(crate) turn_left: usize,
    is_held: bool,
}

/// Bytes that a client may send ahead on one stream.
pub(crate) const STREAM_WINDOW_BYTES: u32 = 128 * 1024;

/// Memory that a slot keeps for its next stream, of each kind.
pub(crate) const KEPT_BYTES_MAX: usize = 4 * 1024;

/// What may wait on a stream: the window that the client is given.
const DATA_BYTES_MAX: usize = STREAM_WINDOW_BYTES as usize;

impl Stream {
    /// What has come and was not taken.
    pub(crate) fn unread(&self) -> &[u8] {
        self.data.get(self.data_taken..).unwrap_or_default()
    }

    /// Makes room for more data, and for no more than a stream may send ahead if that is enough.
    pub(crate) fn make_room(&mut self, bytes: usize) {
        let needed = self.data.len() + bytes;
        if needed > self.data.capacity() {
            let capacity = (2 * needed).min(DATA_BYTES_MAX).max(needed);
            self.data.reserve_exact(capacity - self.data.len());
        }
    }

    /// Opens the window by so much. `None`: it would be larger than windows are (RFC 9113 §6.9.1).
    pub(crate) fn widen(&mut self, by: i64) -> Option<()> {
        let window = self.window.checked_add(by)?;
        self.window = window;
        (window <= i64::from(STREAM_MAX)).then_some(())
    }

    fn clear(&mut self) {
        let mut kept = std::mem::take(self);
        for buffer in [&mut kept.head, &mut kept.data, &mut kept.trailers] {
            buffer.clear();
            buffer.shrink_to(KEPT_BYTES_MAX);
        }
        let Self { head, data, trailers, .. } = kept;
        *self = Self { head, data, trailers, ..Self::default() };
    }
}

/// All streams of a connection.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    slots: Vec<Stream>,
    free: Vec<Slot>,
    /// Those on which the client may speak or is spoken to, by number: the highest comes last.
    open: Vec<(u32, Slot)>,
}

impl Streams {
    /// How many are open, as the client counts them (RFC 9113 §5.1.2).
    pub(crate) fn open_count(&self) -> usize {
        self.open.len()
    }

    /// How many somebody holds.
    pub(crate) fn held_count(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Begins a stream whose number is above all others.
    pub(crate) fn open(&mut self, number: u32, room: i64, window: i64) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Stream::default());
            // There are as many as the bounds admit.
            Slot(u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX))
        });
        let stream = &mut self.slots[slot.index()];
        (stream.number, stream.room, stream.window, stream.is_held) = (number, room, window, true);
        debug_assert!(self.open.last().is_none_or(|(last, _)| *last < number), "numbers rise");
        self.open.push((number, slot));
        slot
    }

    /// The open stream with that number.
    pub(crate) fn find(&self, number: u32) -> Option<Slot> {
        match self.open.last() {
            Some((last, slot)) if *last == number => Some(*slot),
            _ => self.position(number).map(|place| self.open[place].1),
        }
    }

    fn position(&self, number: u32) -> Option<usize> {
        self.open.binary_search_by_key(&number, |(number, _)| *number).ok()
    }

    /// Nothing more is said on it, by either side.
    pub(crate) fn close(&mut self, slot: Slot) {
        if let Some(place) = self.position(self.slots[slot.index()].number) {
            self.open.remove(place);
        }
    }

    /// Nobody holds it any more.
    pub(crate) fn release(&mut self, slot: Slot) {
        self.close(slot);
        self.slots[slot.index()].clear();
        self.free.push(slot);
    }

    /// Every open stream.
    pub(crate) fn each_open(&mut self, mut see: impl FnMut(Slot, &mut Stream)) {
        for (_, slot) in &self.open {
            see(*slot, &mut self.slots[slot.index()]);
        }
    }

    /// Frees the memory of slots that nobody holds, if nobody holds any.
    pub(crate) fn rest(&mut self) {
        if self.held_count() == 0 {
            *self = Self::default();
        }
    }

    #[cfg(debug_assertions)]
    pub(crate) fn check_invariants(&self) {
        for (number, slot) in &self.open {
            let stream = &self.slots[slot.index()];
            assert!(stream.number == *number && stream.is_held && stream.lost.is_none(), "{stream:?}");
            assert!(stream.incoming != Side::Ended || stream.outgoing != Side::Ended, "{stream:?}");
        }
        assert!(self.free.iter().all(|slot| !self.slots[slot.index()].is_held));
        assert!(self.open.is_sorted_by_key(|(number, _)| *number));
    }
}

impl std::ops::Index<Slot> for Streams {
    type Output = Stream;

    fn index(&self, slot: Slot) -> &Stream {
        &self.slots[slot.index()]
    }
}

impl std::ops::IndexMut<Slot> for Streams {
    fn index_mut(&mut self, slot: Slot) -> &mut Stream {
        &mut self.slots[slot.index()]
    }
}
