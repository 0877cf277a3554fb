//! Bodies from the client: DATA, and the room that is given back for it (RFC 9113 §5.2, §6.1).

use super::receive::Stage;
use super::{Connection, Event, STREAM_WINDOW_BYTES};
use crate::code::Code;
use crate::frame::{self, FrameHead, flag};
use crate::streams::{KEPT_BYTES_MAX, Lost, Side, Slot};

/// Memory for what has come that a stream keeps while its reader keeps up.
const READER_BYTES_MAX: usize = 32 * 1024;

/// What DATA costs on a stream that we have ended.
const DROPPED_PRICE: u32 = 3;

impl Connection {
    /// All of the payload counts against the windows, padding too.
    pub(super) fn begin_data_frame(&mut self, head: FrameHead) -> Result<(), Code> {
        self.check_known(head.stream)?;
        self.spend(head.length)?;
        if !head.has(flag::PADDED) {
            return self.admit_data(head, 0);
        }
        if head.length == 0 {
            return Err(Code::FrameSizeError);
        }
        self.stage = Stage::Padding(head);
        Ok(())
    }

    /// Takes room of the connection.
    pub(super) fn spend(&mut self, bytes: u32) -> Result<(), Code> {
        let room = self.room - i64::from(bytes);
        if room < 0 {
            return Err(Code::FlowControlError);
        }
        self.room = room;
        Ok(())
    }

    /// DATA on a stream that the client has opened. `padding` counts its own length.
    pub(super) fn admit_data(&mut self, head: FrameHead, padding: u32) -> Result<(), Code> {
        let left = head.length.checked_sub(padding).ok_or(Code::ProtocolError)?;
        if left > 0 {
            self.budget.earn();
        } else {
            self.pay(1);
        }
        self.owe(padding);
        let padding_left = padding.saturating_sub(1);
        let mut is_end = head.has(flag::END_STREAM);
        match self.streams.find(head.stream) {
            Some(slot) => match self.check_data(slot, head.length, left, is_end) {
                Ok(()) => self.give_room(slot, padding),
                Err(code) => self.fault(slot, code),
            },
            None => {
                self.data_after_end(head.stream, is_end);
                is_end = false;
            }
        }
        self.stage = Stage::Data { stream: head.stream, left, padding: padding_left, is_end };
        if left == 0 {
            self.finish_data(head.stream, padding_left, is_end);
        }
        Ok(())
    }

    fn check_data(&mut self, slot: Slot, length: u32, payload: u32, is_end: bool) -> Result<(), Code> {
        let stream = &mut self.streams[slot];
        if stream.incoming == Side::Ended {
            return Err(Code::StreamClosed);
        }
        stream.room -= i64::from(length);
        if stream.room < 0 {
            return Err(Code::FlowControlError);
        }
        // RFC 9113 §8.1.1
        if let Some(left) = &mut stream.length_left {
            *left = left.checked_sub(u64::from(payload)).ok_or(Code::ProtocolError)?;
            if is_end && *left > 0 {
                return Err(Code::ProtocolError);
            }
        }
        Ok(())
    }

    /// DATA on a stream that is over for the client, or that it may not know to be over.
    fn data_after_end(&mut self, number: u32, is_end: bool) {
        if self.end.is_some() {
            return;
        }
        if self.dropped.has(number) {
            if is_end {
                self.dropped.remove(number);
            }
            // It costs more than it has earned.
            return self.pay(DROPPED_PRICE);
        }
        frame::write_reset(number, Code::StreamClosed, &mut self.output);
        self.count_fault();
    }

    /// A piece of payload.
    pub(super) fn take_data(&mut self, number: u32, piece: &[u8]) {
        let Some(slot) = self.streams.find(number) else {
            // A piece is shorter than its frame.
            return self.owe(u32::try_from(piece.len()).unwrap_or(u32::MAX));
        };
        let stream = &mut self.streams[slot];
        if stream.data_taken > stream.data.len() / 2 {
            stream.data.drain(..stream.data_taken);
            stream.data_taken = 0;
        }
        stream.make_room(piece.len());
        stream.data.extend_from_slice(piece);
        self.events.push_back(Event::Readable(slot));
    }

    pub(super) fn finish_data(&mut self, number: u32, padding: u32, is_end: bool) {
        self.skip(padding);
        if is_end && let Some(slot) = self.streams.find(number) {
            self.finish_incoming(slot);
        }
    }

    /// The client has ended its side.
    pub(super) fn finish_incoming(&mut self, slot: Slot) {
        let stream = &mut self.streams[slot];
        stream.incoming = Side::Ended;
        if stream.outgoing == Side::Ended {
            self.streams.close(slot);
        }
        self.events.push_back(Event::Readable(slot));
    }

    /// Takes what has come of a body, up to the length of `buffer`.
    pub fn take(&mut self, slot: Slot, buffer: &mut [u8]) -> usize {
        let stream = &mut self.streams[slot];
        let unread = stream.unread();
        let count = unread.len().min(buffer.len());
        buffer[..count].copy_from_slice(&unread[..count]);
        stream.data_taken += count;
        if stream.data_taken == stream.data.len() {
            stream.data.clear();
            stream.data.shrink_to(READER_BYTES_MAX);
            stream.data_taken = 0;
        }
        // Not more than the window.
        let bytes = u32::try_from(count).unwrap_or(u32::MAX);
        self.owe(bytes);
        self.give_room(slot, bytes);
        count
    }

    /// How much has come of a body and was not taken.
    pub fn unread(&self, slot: Slot) -> usize {
        self.streams[slot].unread().len()
    }

    /// Whether the client has ended its side, be everything taken or not.
    pub fn is_ended(&self, slot: Slot) -> bool {
        self.streams[slot].incoming == Side::Ended
    }

    /// The trailers of a body that has ended, as lines of text.
    pub fn trailers(&self, slot: Slot) -> &[u8] {
        &self.streams[slot].trailers
    }

    /// Gives back room of a stream, in strides of half a window.
    fn give_room(&mut self, slot: Slot, bytes: u32) {
        let stream = &mut self.streams[slot];
        stream.owed += bytes;
        if stream.owed >= STREAM_WINDOW_BYTES / 2 && stream.incoming != Side::Ended && stream.lost.is_none() {
            frame::write_window_update(stream.number, stream.owed, &mut self.output);
            stream.room += i64::from(std::mem::take(&mut stream.owed));
        }
    }

    /// Gives back room of the connection, in strides of half of what is left: most of the window may be held by streams that
    /// stand still.
    pub(super) fn owe(&mut self, bytes: u32) {
        self.owed += bytes;
        if self.owed > 0 && i64::from(self.owed) >= self.room / 2 && self.end.is_none() {
            frame::write_window_update(0, self.owed, &mut self.output);
            self.room += i64::from(std::mem::take(&mut self.owed));
        }
    }

    /// Ends a stream for a fault of the client (RFC 9113 §5.4.2), which counts (CVE-2025-8671).
    pub(super) fn fault(&mut self, slot: Slot, code: Code) {
        let number = self.streams[slot].number;
        frame::write_reset(number, code, &mut self.output);
        self.dropped.add(number);
        self.lose(slot, Lost::Malformed);
        self.count_fault();
    }

    pub(super) fn count_fault(&mut self) {
        if !self.budget.fault(self.now) {
            self.calm();
        }
    }

    /// A stream is over: nothing of it is of use any more.
    pub(super) fn lose(&mut self, slot: Slot, lost: Lost) {
        self.streams.close(slot);
        self.forget(slot);
        self.streams[slot].lost = Some(lost);
        self.events.push_back(Event::Lost(slot));
    }

    /// Throws away what nobody has taken of the body, and leaves the line.
    pub(super) fn forget(&mut self, slot: Slot) {
        let stream = &mut self.streams[slot];
        // Not more than the window.
        let unread = u32::try_from(stream.unread().len()).unwrap_or(u32::MAX);
        stream.data.clear();
        stream.data.shrink_to(KEPT_BYTES_MAX);
        stream.data_taken = 0;
        self.owe(unread);
        self.leave_line(slot);
    }
}
