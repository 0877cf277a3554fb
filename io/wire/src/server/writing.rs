//! What is written to a stream: heads, and a body that is taken out of its HTTP/1.1 framing as fast as the client's windows
//! admit, with its trailers.
//!
//! Nothing is kept here: what is reported as gone is gathered for the connection, and what has no room stays with the writer.

use super::way::Way;
use crate::outlet::broken;
use evener_http::{BodyDecoder, Method};
use evener_http2::{Connection, Known, Room, Slot};
use std::io;

/// Where the writer of a stream is.
#[derive(Debug)]
pub(super) enum Writing {
    /// The head is next, or an interim one.
    Head,
    Body(BodyDecoder),
    Tunnel,
    /// The end of the stream was said.
    Over,
}

/// Sends for one stream, as long as somebody writes to it.
pub(super) struct Sender<'s, 'p> {
    pub(super) machine: &'s mut Connection,
    pub(super) way: &'s Way,
    pub(super) known: &'s mut Known,
    pub(super) slot: Slot,
    pub(super) method: Method,
    /// Flushes when the way is full.
    pub(super) flush: &'s dyn Fn(&mut Connection) -> io::Result<()>,
    /// Payload that may go still; it is asked for once. Who has used it up comes again, and stands in line only if nothing went:
    /// so that nobody is called who does not wait.
    room: usize,
    has_asked: bool,
    /// Payload that was taken from the writer and goes next: whether it is the last shows with what comes behind it.
    held: &'p [u8],
}

impl Writing {
    /// Passes on what goes; returns how much.
    pub(super) fn write<'p>(&mut self, pieces: &[&'p [u8]], sender: &mut Sender<'_, 'p>) -> io::Result<usize> {
        let mut total = 0;
        'pieces: for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                let count = self.pass(rest, sender)?;
                if count == 0 {
                    break 'pieces;
                }
                total += count;
                rest = rest.get(count..).unwrap_or_default();
            }
        }
        self.settle(sender)?;
        Ok(total)
    }

    /// Passes the beginning of `bytes` on; 0: there is no room.
    fn pass<'p>(&mut self, bytes: &'p [u8], sender: &mut Sender<'_, 'p>) -> io::Result<usize> {
        match self {
            Self::Head => self.pass_head(bytes, sender),
            Self::Over => Err(broken("bytes after a message")),
            Self::Body(decoder) if decoder.is_done() => Err(broken("bytes after a message")),
            Self::Body(decoder) => {
                if sender.room == 0 {
                    // Who stands in line has payload to bring: else nobody might come when it is called.
                    let framing = decoder.decode_within(bytes, 0).map_err(|_| broken("a body out of frame"))?;
                    if framing.consumed > 0 {
                        return Ok(framing.consumed);
                    }
                    sender.find_room()?;
                }
                let decoded = decoder.decode_within(bytes, sender.room).map_err(|_| broken("a body out of frame"))?;
                sender.hold(bytes.get(decoded.payload).unwrap_or_default())?;
                Ok(decoded.consumed)
            }
            Self::Tunnel => {
                if sender.room == 0 {
                    sender.find_room()?;
                }
                let count = bytes.len().min(sender.room);
                sender.hold(&bytes[..count])?;
                Ok(count)
            }
        }
    }

    /// Sends the head that `bytes` begin with; returns its length.
    fn pass_head(&mut self, bytes: &[u8], sender: &mut Sender<'_, '_>) -> io::Result<usize> {
        if sender.is_full()? {
            sender.machine.await_way(sender.slot);
            return Ok(0);
        }
        let answered = sender.machine.answer(sender.slot, bytes, sender.method, sender.known);
        let answered = answered.ok_or_else(|| broken("a head out of form"))?;
        *self = match answered.status {
            101 => Self::Tunnel,
            ..200 => Self::Head,
            _ if answered.is_over => Self::Over,
            _ => Self::Body(BodyDecoder::new(answered.framing)),
        };
        Ok(answered.head_bytes)
    }

    /// Sends what is held, and the end of the stream once the message is whole.
    fn settle(&mut self, sender: &mut Sender<'_, '_>) -> io::Result<()> {
        let (is_whole, trailers) = match self {
            Self::Body(decoder) if decoder.is_done() => (true, decoder.trailers()),
            Self::Head | Self::Body(_) | Self::Tunnel | Self::Over => (false, &[][..]),
        };
        let is_last = is_whole && trailers.is_empty() && !sender.held.is_empty();
        sender.send_held(is_last)?;
        if is_whole {
            if !is_last {
                sender.machine.end_message(sender.slot, trailers, sender.known);
            }
            *self = Self::Over;
        }
        Ok(())
    }
}

impl<'s, 'p> Sender<'s, 'p> {
    pub(super) fn new(
        (machine, way, known): (&'s mut Connection, &'s Way, &'s mut Known),
        (slot, method): (Slot, Method),
        flush: &'s dyn Fn(&mut Connection) -> io::Result<()>,
    ) -> Self {
        Self { machine, way, known, slot, method, flush, room: 0, has_asked: false, held: &[] }
    }

    /// Looks for room.
    fn find_room(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.has_asked, true) {
            return Ok(());
        }
        self.send_held(false)?;
        let is_full = self.is_full()?;
        self.room = match self.machine.room(self.slot, is_full) {
            Room::Bytes(bytes) => bytes,
            Room::Shut | Room::Waiting => 0,
        };
        Ok(())
    }

    /// Whether the way is full, although what could go out has.
    fn is_full(&mut self) -> io::Result<bool> {
        if !self.way.is_full(self.machine.output()) {
            return Ok(false);
        }
        (self.flush)(self.machine)?;
        let is_full = self.way.is_full(self.machine.output());
        if !is_full {
            // Others may wait for that, too, and come first.
            self.machine.resume();
        }
        Ok(is_full)
    }

    /// Takes payload, within the room.
    fn hold(&mut self, payload: &'p [u8]) -> io::Result<()> {
        if !payload.is_empty() {
            self.send_held(false)?;
            self.room -= payload.len();
            self.held = payload;
        }
        Ok(())
    }

    fn send_held(&mut self, is_last: bool) -> io::Result<()> {
        let mut rest = std::mem::take(&mut self.held);
        while !rest.is_empty() {
            let (payload, after) = rest.split_at(rest.len().min(self.machine.frame_bytes_max()));
            let head = self.machine.begin_data(self.slot, payload.len(), is_last && after.is_empty());
            self.way.add(&head, payload, self.machine.output())?;
            rest = after;
        }
        Ok(())
    }
}
