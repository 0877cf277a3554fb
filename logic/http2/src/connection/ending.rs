//! The end of a connection: announced, said, or forced (RFC 9113 §5.4.1, §6.8).

use super::{CONNECTION_WINDOW_BYTES, Connection, End, Leave, STREAM_WINDOW_BYTES};
use crate::code::Code;
use crate::frame::{self, STREAM_MAX};
use crate::settings::{self, WINDOW_BYTES};
use crate::streams::{Lost, Slot};

impl Connection {
    /// Our part of the preface (RFC 9113 §3.4).
    pub(super) fn say_hello(&mut self) {
        let bounds = &self.bounds;
        settings::write(bounds.streams_max, STREAM_WINDOW_BYTES, bounds.head_bytes_max, &mut self.output);
        frame::write_window_update(0, CONNECTION_WINDOW_BYTES - WINDOW_BYTES, &mut self.output);
    }

    /// Tells the client to open no further streams; those that it has opened are served, and what it opens before it can know.
    /// Once it has answered a PING that follows, and no stream is open, the connection is over.
    pub fn drain(&mut self) {
        if self.leave == Leave::Nothing && self.end.is_none() {
            self.leave = Leave::Announced;
            frame::write_goaway(STREAM_MAX, Code::NoError, &mut self.output);
            self.write_ping();
        }
    }

    /// Tells the client the last stream that is answered, without waiting for any word of it.
    pub fn say_last(&mut self) {
        if !self.has_said_last() && self.end.is_none() {
            self.leave = Leave::Final(self.last);
            frame::write_goaway(self.last, Code::NoError, &mut self.output);
        }
    }

    pub(super) fn has_said_last(&self) -> bool {
        matches!(self.leave, Leave::Final(_))
    }

    /// Ends the connection with the word that the client asks too much.
    pub fn calm(&mut self) {
        self.stop(End::Calmed, Code::EnhanceYourCalm);
    }

    /// The client has broken a rule that holds for the connection.
    pub(super) fn fail(&mut self, code: Code) {
        self.stop(End::Broken(code), code);
    }

    fn stop(&mut self, end: End, code: Code) {
        if self.end.is_none() {
            let last = match self.leave {
                Leave::Final(last) => last,
                Leave::Nothing | Leave::Announced => self.last,
            };
            frame::write_goaway(last, code, &mut self.output);
            self.finish(end);
        }
    }

    /// The client has ended the connection, or it broke.
    pub fn leave(&mut self) {
        if self.end.is_none() {
            self.finish(End::Gone);
        }
        self.check_invariants();
    }

    fn finish(&mut self, end: End) {
        self.end = Some(end);
        let mut open: Vec<Slot> = Vec::with_capacity(self.streams.open_count());
        self.streams.each_open(|slot, _| open.push(slot));
        for slot in open {
            self.lose(slot, Lost::Connection);
        }
    }

    /// Whether everything was said and answered.
    pub fn is_over(&self) -> bool {
        self.has_said_last() && !self.has_streams()
    }
}
