//! Frames that are about the connection, or about a stream but not of its messages (RFC 9113 §6.3 to §6.9).

use super::{Connection, Event, Leave};
use crate::code::Code;
use crate::frame::{self, FrameHead, STREAM_MAX, flag, kind};
use crate::settings::{self, Setting};
use crate::streams::Side;

/// What a WINDOW_UPDATE costs that makes us send in crumbs, and up to which room it is one.
const CRUMB_COST: u32 = 4;
const CRUMB_BYTES_MAX: u32 = 4;

/// What our only PING says; its answer tells that the client has read the GOAWAY before it.
const PING: [u8; 8] = *b"evener!\n";

/// Bytes that may wait to go out before nothing more is read: replies to a client that does not read them. Data stops
/// below that.
pub(super) const REPLIES_BYTES_MAX: usize = 192 * 1024;

impl Connection {
    /// What can be said of a frame before its payload has come.
    pub(super) fn check_control(&mut self, head: FrameHead) -> Result<(), Code> {
        let is_of_connection = head.stream == 0;
        let (place, length) = match head.kind {
            kind::PRIORITY => (!is_of_connection, self.check_priority(head)?),
            kind::RST_STREAM => (!is_of_connection, head.length == 4),
            kind::SETTINGS if head.has(flag::ACK) => (is_of_connection, head.length == 0),
            kind::SETTINGS => (is_of_connection, head.length.is_multiple_of(6)),
            kind::PING => (is_of_connection, head.length == 8),
            kind::GOAWAY => (is_of_connection, head.length >= 8),
            _ => (true, head.length == 4),
        };
        if !place {
            return Err(Code::ProtocolError);
        }
        if !length {
            return Err(Code::FrameSizeError);
        }
        match head.kind {
            kind::RST_STREAM => self.check_known(head.stream)?,
            kind::WINDOW_UPDATE if !is_of_connection => return self.check_known(head.stream),
            kind::WINDOW_UPDATE => return Ok(()),
            _ => {}
        }
        self.pay(1);
        Ok(())
    }

    /// RFC 9113 §6.3: a wrong length is a fault of the stream, if there is one.
    fn check_priority(&mut self, head: FrameHead) -> Result<bool, Code> {
        if head.length == 5 || head.stream == 0 {
            return Ok(true);
        }
        match self.streams.find(head.stream) {
            Some(slot) => self.fault(slot, Code::FrameSizeError),
            None if head.stream > self.last => return Ok(false),
            None => self.count_fault(),
        }
        Ok(true)
    }

    /// Counts a frame that asks for nothing.
    pub(super) fn pay(&mut self, price: u32) {
        if !self.budget.pay(price, self.now) {
            self.calm();
        }
    }

    pub(super) fn settings(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
        if head.has(flag::ACK) {
            return Ok(());
        }
        let mut window = None;
        let (encoder, payload_bytes_max) = (&mut self.encoder, &mut self.payload_bytes_max);
        settings::read(payload, |setting| {
            match setting {
                Setting::Table(bytes) => encoder.set_table_bytes_max(bytes),
                // Only the last one of a frame can make a difference, and each could concern many streams.
                Setting::Window(bytes) => window = Some(i64::from(bytes)),
                Setting::Payload(bytes) => *payload_bytes_max = bytes,
            }
            Ok(())
        })?;
        if let Some(window) = window {
            self.set_window(window)?;
        }
        if self.end.is_none() {
            frame::write(kind::SETTINGS, flag::ACK, 0, &[], &mut self.output);
        }
        Ok(())
    }

    /// RFC 9113 §6.9.2: windows of open streams change by the difference, and may be below zero then.
    fn set_window(&mut self, window: i64) -> Result<(), Code> {
        let by = window - self.stream_window;
        self.stream_window = window;
        let (events, mut is_too_wide, mut opened) = (&mut self.events, false, 0);
        self.streams.each_open(|slot, stream| {
            let was_shut = stream.window <= 0;
            is_too_wide |= stream.widen(by).is_none();
            if was_shut && stream.window > 0 && stream.outgoing != Side::Ended {
                events.push_back(Event::Writable(slot));
                opened += 1;
            }
        });
        // It does what so many WINDOW_UPDATE do.
        self.pay(opened * window_price(u32::try_from(by).unwrap_or(0)));
        if is_too_wide { Err(Code::FlowControlError) } else { Ok(()) }
    }

    pub(super) fn ping(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
        if !head.has(flag::ACK) {
            frame::write(kind::PING, flag::ACK, 0, payload, &mut self.output);
        } else if self.leave == Leave::Announced && payload == PING {
            self.say_last();
        }
        Ok(())
    }

    pub(super) fn write_ping(&mut self) {
        frame::write(kind::PING, 0, 0, &PING, &mut self.output);
    }

    pub(super) fn window_update(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
        let by = payload.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes) & STREAM_MAX);
        self.pay(window_price(by));
        if head.stream == 0 {
            return self.widen(by);
        }
        // What comes for a stream that is over has crossed its end.
        let Some(slot) = self.streams.find(head.stream) else { return Ok(()) };
        let stream = &mut self.streams[slot];
        let was_shut = stream.window <= 0;
        if by == 0 {
            self.fault(slot, Code::ProtocolError);
        } else if stream.widen(i64::from(by)).is_none() {
            self.fault(slot, Code::FlowControlError);
        } else if was_shut && stream.window > 0 && stream.outgoing != Side::Ended {
            self.events.push_back(Event::Writable(slot));
        }
        Ok(())
    }

    fn widen(&mut self, by: u32) -> Result<(), Code> {
        if by == 0 {
            return Err(Code::ProtocolError);
        }
        self.window += i64::from(by);
        if self.window > i64::from(STREAM_MAX) {
            return Err(Code::FlowControlError);
        }
        self.call_next();
        Ok(())
    }

    /// Whether so much waits to go out that the client should read before it is heard again.
    pub fn is_full_of_replies(&self) -> bool {
        self.output.len() >= REPLIES_BYTES_MAX
    }
}

/// What it costs to be given so much room.
fn window_price(by: u32) -> u32 {
    if by <= CRUMB_BYTES_MAX { CRUMB_COST } else { 1 }
}
