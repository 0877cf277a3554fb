//! Field blocks from the client: requests and trailers (RFC 9113 §4.3, §6.2, §8).
//!
//! Whatever becomes of a block, it is decoded: the table must keep in step.

use super::{Block, Connection, Event, HEADS_BYTES_MAX, KEPT_BYTES_MAX};
use crate::code::Code;
use crate::frame::{self, FrameHead, flag};
use crate::head::{HeadFault, RequestText, TrailerText};
use crate::streams::{Lost, STREAM_WINDOW_BYTES, Side, Slot, Stream};
use evener_http::Method;

/// What HEADERS cost that ask for nothing which is answered: more than they earn.
const REFUSED_PRICE: u32 = 3;

/// The head of a request as it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestSort {
    /// The method, as far as it matters for the form of the answer.
    pub method: Method,
    /// It asks for a WebSocket by extended CONNECT (RFC 8441).
    pub is_tunnel: bool,
    /// The length of the body is in the head.
    pub has_length: bool,
    /// Frames were to follow the head.
    pub has_body: bool,
}

impl Connection {
    pub(super) fn check_headers(&mut self, head: FrameHead) -> Result<(), Code> {
        if head.stream.is_multiple_of(2) {
            return Err(Code::ProtocolError);
        }
        self.budget.earn();
        Ok(())
    }

    pub(super) fn check_continuation(&mut self) -> Result<(), Code> {
        // RFC 9113 §6.10; what goes with another stream is refused before.
        if self.block.is_none() {
            return Err(Code::ProtocolError);
        }
        self.pay(1);
        Ok(())
    }

    pub(super) fn headers(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
        let block = frame::block_of(head, payload)?;
        let is_end = head.has(flag::END_STREAM);
        if head.has(flag::END_HEADERS) {
            return self.finish_block(head.stream, is_end, block);
        }
        self.block = Some(Block { stream: head.stream, is_end, begun: self.frames, bytes: block.to_vec() });
        Ok(())
    }

    pub(super) fn continuation(&mut self, head: FrameHead, payload: &[u8]) -> Result<(), Code> {
        let Some(mut block) = self.block.take() else { return Ok(()) };
        if block.bytes.len() + payload.len() > self.block_bytes_max() {
            self.calm();
            return Ok(());
        }
        block.bytes.extend_from_slice(payload);
        if head.has(flag::END_HEADERS) {
            return self.finish_block(block.stream, block.is_end, &block.bytes);
        }
        self.block = Some(block);
        Ok(())
    }

    /// Who goes so far beyond the bound that he was told of does not mean a request.
    fn block_bytes_max(&self) -> usize {
        let bound = self.bounds.head_bytes_max as usize;
        bound + bound / 4 + KEPT_BYTES_MAX
    }

    fn finish_block(&mut self, number: u32, is_end: bool, block: &[u8]) -> Result<(), Code> {
        match self.streams.find(number) {
            Some(slot) => self.end_with_trailers(slot, is_end, block),
            None if number > self.last => self.open(number, is_end, block),
            None => {
                // RFC 9113 §5.1.1, unless the client cannot know that the stream is over.
                if !self.dropped.has(number) {
                    return Err(Code::ProtocolError);
                }
                if is_end {
                    self.dropped.remove(number);
                }
                self.pay(REFUSED_PRICE);
                self.skip_block(block)
            }
        }
    }

    fn skip_block(&mut self, block: &[u8]) -> Result<(), Code> {
        self.decoder.decode(block, &mut |_, _| {}).map_err(|_| Code::CompressionError)
    }

    fn open(&mut self, number: u32, is_end: bool, block: &[u8]) -> Result<(), Code> {
        self.last = number;
        let streams_max = self.bounds.streams_max as usize;
        if self.has_said_last() {
            // The client will read that it is not answered (RFC 9113 §6.8).
            if !is_end {
                self.dropped.add(number);
            }
            self.pay(REFUSED_PRICE);
            return self.skip_block(block);
        }
        if self.streams.held_count() >= streams_max + self.bounds.taken_back_max {
            self.calm();
            return Ok(());
        }
        if self.streams.open_count() >= streams_max {
            frame::write_reset(number, Code::RefusedStream, &mut self.output);
            if !is_end {
                self.dropped.add(number);
            }
            self.pay(REFUSED_PRICE);
            return self.skip_block(block);
        }
        let slot = self.streams.open(number, i64::from(STREAM_WINDOW_BYTES), self.stream_window);
        self.events.push_back(Event::Opened(slot));
        self.read_request(slot, is_end, block)
    }

    fn read_request(&mut self, slot: Slot, is_end: bool, block: &[u8]) -> Result<(), Code> {
        let bytes_max = self.head_room();
        let stream = &mut self.streams[slot];
        let mut text = RequestText::new(&mut stream.head, &mut self.crumbs, bytes_max, self.bounds.is_tls, !is_end);
        let decoded = self.decoder.decode(block, &mut |name, value| text.field(name, value));
        let form = text.finish();
        stream.incoming = if is_end { Side::Ended } else { Side::Body };
        stream.method = form.method;
        stream.is_tunnel = form.is_tunnel;
        stream.has_length = form.length.is_some();
        stream.has_body = !is_end;
        stream.length_left = form.length;
        stream.head_fault = form.fault;
        if form.fault.is_some() {
            stream.head = Vec::new();
        }
        self.heads_bytes += stream.head.len();
        decoded.map_err(|_| Code::CompressionError)?;
        if form.fault == Some(HeadFault::Malformed) {
            self.count_fault();
        }
        Ok(())
    }

    /// What a head or trailers may have as text.
    fn head_room(&self) -> usize {
        (self.bounds.head_bytes_max as usize).min(HEADS_BYTES_MAX - self.heads_bytes)
    }

    fn end_with_trailers(&mut self, slot: Slot, is_end: bool, block: &[u8]) -> Result<(), Code> {
        let bytes_max = self.head_room();
        let stream = &mut self.streams[slot];
        if stream.incoming == Side::Ended {
            self.skip_block(block)?;
            self.fault(slot, Code::StreamClosed);
            return Ok(());
        }
        let mut text = TrailerText::new(&mut stream.trailers, bytes_max);
        let decoded = self.decoder.decode(block, &mut |name, value| text.field(name, value));
        let read = text.finish();
        // RFC 9113 §8.1: trailers end the message; §8.5: a tunnel has none.
        let is_faulty = !is_end || stream.is_tunnel || read.is_err() || stream.length_left.is_some_and(|left| left > 0);
        if is_faulty || decoded.is_err() {
            stream.trailers = Vec::new();
        }
        self.heads_bytes += stream.trailers.len();
        decoded.map_err(|_| Code::CompressionError)?;
        if is_faulty {
            self.fault(slot, Code::ProtocolError);
        } else {
            self.finish_incoming(slot);
        }
        Ok(())
    }

    /// RST_STREAM of the client, whose form was checked.
    pub(super) fn reset_by_client(&mut self, head: FrameHead) -> Result<(), Code> {
        match self.streams.find(head.stream) {
            Some(slot) => self.lose(slot, Lost::TakenBack),
            None => self.dropped.remove(head.stream),
        }
        Ok(())
    }

    /// A frame may come only on a stream that was opened (RFC 9113 §5.1).
    pub(super) fn check_known(&self, number: u32) -> Result<(), Code> {
        let is_known = number % 2 == 1 && number <= self.last;
        if is_known { Ok(()) } else { Err(Code::ProtocolError) }
    }

    /// What kind of request it is.
    pub fn request_sort(&self, slot: Slot) -> RequestSort {
        let stream = &self.streams[slot];
        let Stream { method, is_tunnel, has_length, has_body, .. } = *stream;
        RequestSort { method, is_tunnel, has_length, has_body }
    }

    /// Takes the head of a request as text, without the empty line at its end. Empty if there is a fault.
    pub fn take_head(&mut self, slot: Slot, out: &mut Vec<u8>) {
        let stream = &mut self.streams[slot];
        out.extend_from_slice(&stream.head);
        self.heads_bytes -= stream.head.len();
        stream.head.clear();
        stream.head.shrink_to(KEPT_BYTES_MAX);
    }

    /// Begins the head of a message to the client; where its frame begins.
    pub(super) fn begin_block(&mut self) -> usize {
        let start = self.output.len();
        self.output.extend_from_slice(&[0; frame::HEAD_BYTES]);
        start
    }

    pub(super) fn finish_own_block(&mut self, start: usize, number: u32, flags: u8) {
        debug_assert!(self.output.len() > start + frame::HEAD_BYTES);
        frame::enclose_block(start, number, flags, self.payload_bytes_max as usize, &mut self.output);
        self.budget.earn();
    }
}
