//! What comes from the client, cut into frames however it was sent. What each kind of frame does is told by its neighbours.

use super::{Connection, End, KEPT_BYTES_MAX};
use crate::budget::Moment;
use crate::code::Code;
use crate::frame::{FrameHead, HEAD_BYTES, PAYLOAD_BYTES_MAX, PREFACE, kind};

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The preface, of which so much has come.
    Preface(usize),
    /// The head of a frame.
    Head,
    /// A payload that is looked at as a whole.
    Whole(FrameHead),
    /// The length of the padding of DATA.
    Padding(FrameHead),
    /// Payload of DATA, and padding behind it. What comes for a stream that is over is thrown away.
    Data { stream: u32, left: u32, padding: u32, is_end: bool },
    /// Nothing that anybody wants to know.
    Skip(u32),
}

impl Connection {
    /// Takes in what the client has sent.
    pub fn receive(&mut self, mut bytes: &[u8], now: Moment) {
        self.now = now;
        while !bytes.is_empty() && self.end.is_none() {
            match self.step(bytes) {
                Ok(used) => bytes = bytes.get(used..).unwrap_or_default(),
                Err(code) => self.fail(code),
            }
        }
        self.check_invariants();
    }

    /// Takes in the beginning of `bytes`; returns how much of it.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, Code> {
        match self.stage {
            Stage::Preface(seen) => Ok(self.take_preface(seen, bytes)),
            Stage::Head => self.take_frame_head(bytes),
            Stage::Whole(head) => self.gather(head, bytes),
            Stage::Padding(head) => {
                self.stage = Stage::Head;
                self.admit_data(head, u32::from(bytes[0]) + 1)?;
                Ok(1)
            }
            Stage::Data { stream, left, padding, is_end } => {
                let piece = &bytes[..bytes.len().min(left as usize)];
                self.take_data(stream, piece);
                // It is not longer than `left`.
                let left = left - piece.len() as u32;
                self.stage = Stage::Data { stream, left, padding, is_end };
                if left == 0 {
                    self.finish_data(stream, padding, is_end);
                }
                Ok(piece.len())
            }
            Stage::Skip(left) => {
                let count = bytes.len().min(left as usize);
                self.skip(left - count as u32);
                Ok(count)
            }
        }
    }

    fn take_preface(&mut self, seen: usize, bytes: &[u8]) -> usize {
        let wanted = &PREFACE[seen..];
        let count = wanted.len().min(bytes.len());
        if wanted[..count] != bytes[..count] {
            self.end = Some(End::NoPreface);
        } else if seen + count == PREFACE.len() {
            self.stage = Stage::Head;
            self.say_hello();
        } else {
            self.stage = Stage::Preface(seen + count);
        }
        count
    }

    fn take_frame_head(&mut self, bytes: &[u8]) -> Result<usize, Code> {
        if self.held_bytes == 0
            && let Some(head) = bytes.first_chunk()
        {
            self.begin_frame(FrameHead::read(head))?;
            return Ok(HEAD_BYTES);
        }
        let count = bytes.len().min(HEAD_BYTES - self.held_bytes);
        self.held[self.held_bytes..self.held_bytes + count].copy_from_slice(&bytes[..count]);
        self.held_bytes += count;
        if self.held_bytes == HEAD_BYTES {
            self.held_bytes = 0;
            self.begin_frame(FrameHead::read(&self.held))?;
        }
        Ok(count)
    }

    fn begin_frame(&mut self, head: FrameHead) -> Result<(), Code> {
        self.frames += 1;
        // RFC 9113 §3.4: SETTINGS come first.
        let is_hello = head.kind == kind::SETTINGS && !head.has(crate::frame::flag::ACK);
        if !self.has_settings && !is_hello {
            return Err(Code::ProtocolError);
        }
        self.has_settings = true;
        // RFC 9113 §6.10: nothing may come within a field block.
        if let Some(block) = &self.block
            && (head.kind != kind::CONTINUATION || head.stream != block.stream)
        {
            return Err(Code::ProtocolError);
        }
        if head.length > PAYLOAD_BYTES_MAX {
            return self.begin_long(head);
        }
        match head.kind {
            kind::DATA => return self.begin_data_frame(head),
            kind::HEADERS => self.check_headers(head)?,
            kind::CONTINUATION => self.check_continuation()?,
            kind::PUSH_PROMISE => return Err(Code::ProtocolError),
            kind::PRIORITY | kind::RST_STREAM | kind::SETTINGS | kind::PING | kind::GOAWAY | kind::WINDOW_UPDATE => {
                self.check_control(head)?
            }
            // RFC 9113 §5.5: what is unknown is passed over.
            _ => {
                self.pay(1);
                self.skip(head.length);
                return Ok(());
            }
        }
        self.stage = Stage::Whole(head);
        // With the price of the frame the connection may have ended.
        if head.length == 0 && self.end.is_none() { self.finish_whole(head, &[]) } else { Ok(()) }
    }

    /// RFC 9113 §4.2: only the stream suffers, unless the frame changes more than that, or there is no such stream.
    fn begin_long(&mut self, head: FrameHead) -> Result<(), Code> {
        let is_of_stream = head.kind == kind::DATA || head.kind == kind::PRIORITY || head.kind > kind::CONTINUATION;
        let Some(slot) = self.streams.find(head.stream).filter(|_| is_of_stream) else {
            return Err(Code::FrameSizeError);
        };
        if head.kind == kind::DATA {
            self.spend(head.length)?;
            self.owe(head.length);
        }
        self.fault(slot, Code::FrameSizeError);
        self.skip(head.length);
        Ok(())
    }

    fn gather(&mut self, head: FrameHead, bytes: &[u8]) -> Result<usize, Code> {
        let wanted = head.length as usize - self.payload.len();
        if self.payload.is_empty()
            && let Some(payload) = bytes.get(..wanted)
        {
            self.finish_whole(head, payload)?;
            return Ok(wanted);
        }
        let count = bytes.len().min(wanted);
        self.payload.extend_from_slice(&bytes[..count]);
        if count == wanted {
            let mut payload = std::mem::take(&mut self.payload);
            let finished = self.finish_whole(head, &payload);
            payload.clear();
            payload.shrink_to(KEPT_BYTES_MAX);
            self.payload = payload;
            finished?;
        }
        Ok(count)
    }

    fn finish_whole(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
        self.stage = Stage::Head;
        match head.kind {
            kind::HEADERS => self.headers(head, payload),
            kind::CONTINUATION => self.continuation(head, payload),
            kind::RST_STREAM => self.reset_by_client(head),
            kind::SETTINGS => self.settings(head, payload),
            kind::PING => self.ping(head, payload),
            kind::WINDOW_UPDATE => self.window_update(head, payload),
            // A client has nothing to say with GOAWAY or PRIORITY that would change anything.
            _ => Ok(()),
        }
    }

    pub(super) fn skip(&mut self, count: u32) {
        self.stage = if count == 0 { Stage::Head } else { Stage::Skip(count) };
    }
}
