//! What goes to the client: heads, and bodies as far as its windows admit (RFC 9113 §5.2).
//!
//! Payload is not copied here: whoever sends it asks for room, says that a frame begins, and puts the payload behind what is
//! in the output.

use super::{Connection, Event};
use crate::code::Code;
use crate::frame::{self, HEAD_BYTES, flag, kind};
use crate::head::{self, Known};
use crate::streams::{Side, Slot};
use evener_http::{Framing, Method};

/// Payload of one DATA frame: with its head it fills a record of TLS.
const FRAME_BYTES_MAX: usize = 16 * 1024 - HEAD_BYTES;
/// What a stream may send in one go while nobody else waits: no less than a buffer of those who write.
const STRIDE_BYTES_MAX: usize = 5 * FRAME_BYTES_MAX;

/// Payload of a frame that is no use, if it is cut off by a window. A guess: a message of its own may be as small.
const CRUMB_BYTES_MAX: usize = 64;

/// What a stream may send now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// So many bytes of payload, at least one.
    Bytes(usize),
    /// Nothing: its own window is shut.
    Shut,
    /// Nothing: the window of the connection is shut, the way out is full, or others come first. It stands in line.
    Waiting,
}

/// A head that has gone out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// The status as it stands in the text.
    pub status: u16,
    /// How the body is framed in the text.
    pub framing: Framing,
    /// The length of the text.
    pub head_bytes: usize,
    /// Whether the message ended with it.
    pub is_over: bool,
}

impl Connection {
    /// Sends the head that `text` begins with: evener's own, an interim one or the last. `None`: it is not of our writing.
    pub fn answer(&mut self, slot: Slot, text: &[u8], method: Method, known: &mut Known) -> Option<Answered> {
        let start = self.begin_block();
        let Some(form) = head::answer(text, method, known, &mut self.encoder, &mut self.output) else {
            self.output.truncate(start);
            return None;
        };
        let is_switch = form.status == 101;
        let is_interim = form.status < 200 && !is_switch;
        let has_body = match form.framing {
            Framing::None | Framing::Length(0) => is_switch,
            Framing::Length(_) | Framing::Chunked | Framing::UntilClose => true,
        };
        let is_over = !is_interim && !has_body;
        let number = self.streams[slot].number;
        self.finish_own_block(start, number, if is_over { flag::END_STREAM } else { 0 });
        self.leave_line(slot);
        if !is_interim {
            self.streams[slot].outgoing = Side::Body;
        }
        if is_over {
            self.finish_outgoing(slot);
        }
        let head::AnswerForm { status, framing, head_bytes } = form;
        Some(Answered { status, framing, head_bytes, is_over })
    }

    /// How much payload a stream may send. `is_full`: nothing more fits into the way out.
    pub fn room(&mut self, slot: Slot, is_full: bool) -> Room {
        let stream = &mut self.streams[slot];
        if stream.window <= 0 {
            self.leave_line(slot);
            return Room::Shut;
        }
        let is_turn = self.line.front().is_none_or(|first| *first == slot);
        if self.window <= 0 || is_full || !is_turn {
            if !std::mem::replace(&mut stream.is_waiting, true) {
                // Ahead of those that were called only while they must wait for the same.
                match std::mem::take(&mut stream.turn_left) {
                    left if left > 0 && self.window <= 0 => {
                        stream.turn_left = left;
                        self.line.push_front(slot);
                    }
                    _ => self.line.push_back(slot),
                }
            }
            return Room::Waiting;
        }
        let stream = &mut self.streams[slot];
        if std::mem::take(&mut stream.is_waiting) {
            self.line.pop_front();
        }
        // It goes before those that wait, and then behind them.
        self.call_next();
        let stream = &mut self.streams[slot];
        let (own, shared) = (stream.window, usize::try_from(self.window).unwrap_or(0));
        let turn = if stream.turn_left > 0 { stream.turn_left } else { FRAME_BYTES_MAX };
        // What the window of the connection cuts off is had when it opens.
        stream.turn_left = turn.saturating_sub(shared);
        let stride = if self.line.is_empty() { STRIDE_BYTES_MAX } else { turn };
        Room::Bytes(usize::try_from(own).unwrap_or(0).min(shared).min(stride))
    }

    /// A stream has a head to send, which needs no window, and waits until the way out has room again.
    pub fn await_way(&mut self, slot: Slot) {
        if !std::mem::replace(&mut self.streams[slot].is_waiting, true) {
            self.heads_waiting.push(slot);
        }
    }

    /// Begins a DATA frame with so many bytes, at most [`Self::frame_bytes_max`] and at most what [`Self::room`] has given:
    /// what goes out before its payload.
    pub fn begin_data(&mut self, slot: Slot, bytes: usize, is_last: bool) -> [u8; HEAD_BYTES] {
        // It is at most 2^24.
        let spent = i64::try_from(bytes).unwrap_or(i64::MAX);
        let stream = &mut self.streams[slot];
        stream.window -= spent;
        self.window -= spent;
        let (number, is_shut) = (stream.number, stream.window == 0);
        if is_last {
            self.finish_outgoing(slot);
        }
        // What a client lets out in crumbs earns it nothing.
        let is_crumb = bytes <= CRUMB_BYTES_MAX && (is_shut || self.window == 0);
        if !is_crumb {
            self.budget.earn();
        }
        frame::head_of(bytes, kind::DATA, if is_last { flag::END_STREAM } else { 0 }, number)
    }

    /// Payload of one DATA frame.
    pub fn frame_bytes_max(&self) -> usize {
        (self.payload_bytes_max as usize).min(FRAME_BYTES_MAX)
    }

    /// Ends a message, with trailers if there are `lines`.
    pub fn end_message(&mut self, slot: Slot, lines: &[u8], known: &mut Known) {
        let number = self.streams[slot].number;
        if lines.is_empty() {
            frame::write(kind::DATA, flag::END_STREAM, number, &[], &mut self.output);
        } else {
            let start = self.begin_block();
            head::trailers(lines, known, &mut self.encoder, &mut self.output);
            self.finish_own_block(start, number, flag::END_STREAM);
        }
        self.finish_outgoing(slot);
    }

    fn finish_outgoing(&mut self, slot: Slot) {
        let stream = &mut self.streams[slot];
        stream.outgoing = Side::Ended;
        if stream.incoming == Side::Ended {
            self.streams.close(slot);
        }
        self.leave_line(slot);
    }

    /// Lets go of a stream. An answer that is not whole is told to be an error; a request that is not, when its answer is, to be
    /// of no use any more (RFC 9113 §8.1).
    pub fn release(&mut self, slot: Slot) {
        let stream = &self.streams[slot];
        let (number, has_come) = (stream.number, stream.incoming == Side::Ended);
        let code = match stream.outgoing {
            Side::Ended if has_come => None,
            Side::Ended => Some(Code::NoError),
            Side::Head | Side::Body => Some(Code::InternalError),
        };
        if let Some(code) = code
            && stream.lost.is_none()
        {
            match code {
                Code::NoError => self.answered_early.push(number),
                code => frame::write_reset(number, code, &mut self.output),
            }
            if !has_come {
                self.dropped.add(number);
            }
        }
        let stream = &self.streams[slot];
        self.heads_bytes -= stream.head.len() + stream.trailers.len();
        self.forget(slot);
        self.streams.release(slot);
        self.check_invariants();
    }

    /// Whether requests are to be ended whose answers were whole before them.
    pub fn has_answered_early(&self) -> bool {
        !self.answered_early.is_empty()
    }

    /// Tells that nothing more is wanted of requests that were answered before they were whole (RFC 9113 §8.1). To be called
    /// when their answers are out: clients that read both at once, such as curl 7, take the answer for lost.
    pub fn end_answered_early(&mut self) {
        for number in self.answered_early.drain(..) {
            if self.end.is_none() {
                frame::write_reset(number, Code::NoError, &mut self.output);
            }
        }
    }

    /// The way out has room again.
    pub fn resume(&mut self) {
        for slot in self.heads_waiting.drain(..) {
            self.streams[slot].is_waiting = false;
            self.events.push_back(Event::Writable(slot));
        }
        self.call_next();
    }

    /// Whoever is first in line may have room.
    pub(super) fn call_next(&mut self) {
        if self.window > 0 {
            self.events.extend(self.line.front().map(|slot| Event::Writable(*slot)));
        }
    }

    /// A stream has nothing more to wait for; those behind it move up.
    pub(super) fn leave_line(&mut self, slot: Slot) {
        if !std::mem::take(&mut self.streams[slot].is_waiting) {
            return;
        }
        let was_first = self.line.front() == Some(&slot);
        self.line.retain(|other| *other != slot);
        self.heads_waiting.retain(|other| *other != slot);
        if was_first {
            self.call_next();
        }
    }
}
