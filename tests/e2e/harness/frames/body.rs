//! Bodies, sent within the room that the other side gives.
//!
//! Room is counted here and given back in the other direction; nothing checks what the other side does with it.

use std::io;

use super::{FramePeer, data};

impl FramePeer {
    /// Sends a body within what the other side admits; gives up without error once its answer is over.
    pub(crate) fn try_send_body(&mut self, stream: u32, mut bytes: &[u8], is_end: bool) -> io::Result<()> {
        loop {
            let (sent, is_whole) = self.try_send_admitted(stream, bytes, is_end)?;
            bytes = &bytes[sent..];
            if is_whole {
                return Ok(());
            }
            self.next_frame_noted()?;
            if self.messages.get(&stream).is_some_and(|message| message.outcome.is_some()) || self.is_closed {
                return Ok(());
            }
        }
    }

    /// The same, but the other side must admit all of it, though it has answered or reset the stream.
    #[track_caller]
    pub(crate) fn insist(&mut self, stream: u32, mut bytes: &[u8], is_end: bool) {
        loop {
            let (sent, is_whole) = self.try_send_admitted(stream, bytes, is_end).expect("the connection lives");
            bytes = &bytes[sent..];
            if is_whole {
                return;
            }
            self.await_frame();
        }
    }

    /// Waits until the connection has room for so many bytes.
    #[track_caller]
    pub(crate) fn await_room(&mut self, bytes: i64) {
        while self.room < bytes {
            self.await_frame();
        }
    }

    /// Takes the next frame of a connection that must go on.
    #[track_caller]
    fn await_frame(&mut self) {
        match self.next_frame_noted() {
            Ok(_) if !self.is_closed => {}
            other => panic!("there is room for {} bytes only: {other:?}, {:?}", self.room, self.leave),
        }
    }

    /// Sends as much of a body as the other side admits by now: how much that is, and whether it is all of it.
    pub(crate) fn try_send_admitted(&mut self, stream: u32, bytes: &[u8], is_end: bool) -> io::Result<(usize, bool)> {
        let mut sent = 0;
        loop {
            let room = usize::try_from(self.room.min(self.room_of(stream))).unwrap_or(0);
            let padding = self.padding.map_or(0, |padding| usize::from(padding) + 1);
            let piece = room.saturating_sub(padding).min(bytes.len() - sent).min(self.piece_bytes_max - padding);
            let is_last = sent + piece == bytes.len();
            if (piece == 0 && !is_last) || room < padding {
                return Ok((sent, false));
            }
            let frame = data(stream, u8::from(is_end && is_last), &bytes[sent..sent + piece], self.padding);
            self.try_send(frame)?;
            sent += piece;
            self.spend(stream, piece + padding);
            if is_last {
                return Ok((sent, true));
            }
        }
    }

    /// Takes notice of DATA that was sent otherwise.
    pub(crate) fn spend(&mut self, stream: u32, bytes: usize) {
        let bytes = i64::try_from(bytes).expect("small");
        self.room -= bytes;
        *self.rooms.entry(stream).or_insert(self.initial_room) -= bytes;
    }

    /// Room for DATA on a stream.
    pub(crate) fn room_of(&self, stream: u32) -> i64 {
        self.rooms.get(&stream).copied().unwrap_or(self.initial_room)
    }

    /// Room for DATA on the connection.
    pub(crate) fn room(&self) -> i64 {
        self.room
    }
}
