//! A client that says frames, and the tests of what the machine answers.

mod bodies;
mod cuts;
mod ends;
mod floods;
mod frames;
mod heads;
mod line;
mod liveness;

use super::check::{Reader, Seen, check_accounts};
use super::*;
use crate::frame::{PREFACE, flag, kind, write};
use crate::head::Known;
use evener_http::Method;

const BOUNDS: Bounds = Bounds { streams_max: 8, head_bytes_max: 8 * 1024, taken_back_max: 4, is_tls: false };

const END: u8 = flag::END_STREAM;
const LAST: u8 = flag::END_HEADERS;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    write(kind, flags, stream, payload, &mut frame);
    frame
}

fn word_frame(kind: u8, stream: u32, word: u32) -> Vec<u8> {
    frame(kind, 0, stream, &word.to_be_bytes())
}

fn data(stream: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    frame(kind::DATA, flags, stream, payload)
}

fn reset(stream: u32) -> Vec<u8> {
    word_frame(kind::RST_STREAM, stream, 8)
}

fn update(stream: u32, by: u32) -> Vec<u8> {
    word_frame(kind::WINDOW_UPDATE, stream, by)
}

fn settings(settings: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> =
        settings.iter().flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
    frame(kind::SETTINGS, 0, 0, &payload)
}

/// A block without any compression but that of lengths.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| {
        let mut bytes = Vec::new();
        match text.len().checked_sub(127) {
            None => bytes.push(text.len() as u8),
            Some(mut more) => {
                bytes.push(127);
                while more >= 128 {
                    bytes.push(more as u8 | 128);
                    more >>= 7;
                }
                bytes.push(more as u8);
            }
        }
        bytes.extend_from_slice(text.as_bytes());
        bytes
    };
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

fn request_block(method: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let pseudo = [(":method", method), (":scheme", "http"), (":authority", "a"), (":path", "/")];
    block(&[&pseudo[..], more].concat())
}

fn get(stream: u32) -> Vec<u8> {
    frame(kind::HEADERS, END | LAST, stream, &request_block("GET", &[]))
}

fn post(stream: u32) -> Vec<u8> {
    post_with(stream, &[])
}

fn post_with(stream: u32, more: &[(&str, &str)]) -> Vec<u8> {
    frame(kind::HEADERS, LAST, stream, &request_block("POST", more))
}

fn trailers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(kind::HEADERS, LAST | flags, stream, &block(fields))
}

/// A conversation.
struct Talk {
    machine: Connection,
    reader: Reader,
    known: Known,
    now: Moment,
    held: Vec<Slot>,
    /// Events since they were last asked for.
    events: Vec<Event>,
}

impl Talk {
    /// Nothing was said yet.
    fn silent(bounds: Bounds) -> Self {
        Self {
            machine: Connection::new(bounds, 0),
            reader: Reader::new(),
            known: Known::default(),
            now: 0,
            held: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Both prefaces were said.
    fn new() -> Self {
        Self::with(BOUNDS, &[])
    }

    fn with(bounds: Bounds, client: &[(u16, u32)]) -> Self {
        let mut talk = Self::silent(bounds);
        talk.say(PREFACE);
        talk.say(&settings(client));
        talk
    }

    /// What the client reads after it has said this.
    fn say(&mut self, bytes: &[u8]) -> Vec<Seen> {
        self.machine.receive(bytes, self.now);
        self.hear()
    }

    /// What has come out since the last time.
    fn hear(&mut self) -> Vec<Seen> {
        while let Some(event) = self.machine.next_event() {
            if let Event::Opened(slot) = event {
                self.held.push(slot);
            }
            self.events.push(event);
        }
        self.machine.end_answered_early();
        check_accounts(&self.machine, &self.held);
        self.reader.payload_bytes_max = self.machine.payload_bytes_max;
        self.reader.read(&std::mem::take(self.machine.output()))
    }

    /// The stream that this opens.
    fn open(&mut self, bytes: &[u8]) -> Slot {
        let seen = self.say(bytes);
        assert!(seen.is_empty(), "{:.300}", format!("{seen:?}"));
        *self.held.last().unwrap()
    }

    fn take_events(&mut self) -> Vec<Event> {
        self.hear();
        std::mem::take(&mut self.events)
    }

    fn answer(&mut self, slot: Slot, text: &str) -> Vec<Seen> {
        self.machine.answer(slot, text.as_bytes(), Method::Get, &mut self.known).unwrap();
        self.hear()
    }

    /// Answers with a head that announces a body of any length.
    fn begin_answer(&mut self, slot: Slot) {
        self.answer(slot, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    }

    fn head(&mut self, slot: Slot) -> String {
        let mut text = Vec::new();
        self.machine.take_head(slot, &mut text);
        String::from_utf8(text).unwrap()
    }

    /// All of a body that has come.
    fn take(&mut self, slot: Slot) -> Vec<u8> {
        let mut body = vec![0; self.machine.unread(slot)];
        assert_eq!(self.machine.take(slot, &mut body), body.len());
        body
    }

    fn release(&mut self, slot: Slot) -> Vec<Seen> {
        self.held.retain(|held| *held != slot);
        self.machine.release(slot);
        self.hear()
    }

    /// A stream that was asked and answered in full.
    fn exchange(&mut self, number: u32) {
        let slot = self.open(&get(number));
        self.answer(slot, "HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(self.release(slot), []);
    }
}

fn reset_seen(stream: u32, code: Code) -> Seen {
    Seen::Reset { stream, code: code as u32 }
}

/// What a client says after the prefaces, and what comes of it.
fn check_reset(frames: &[Vec<u8>], stream: u32, code: Code) {
    let mut talk = Talk::new();
    let seen = talk.say(&frames.concat());
    assert_eq!(seen, [reset_seen(stream, code)], "{frames:?}");
    assert_eq!(talk.machine.end(), None);
    if let Some(slot) = talk.held.first().copied().filter(|slot| talk.machine.streams[*slot].number == stream) {
        assert!(talk.take_events().contains(&Event::Lost(slot)));
        assert!(matches!(talk.machine.lost(slot), Some(Lost::Malformed | Lost::TakenBack)));
        assert_eq!(talk.release(slot), []);
    }
    // The connection goes on.
    talk.exchange(stream + 100);
}

fn check_broken(frames: &[Vec<u8>], code: Code) {
    let mut talk = Talk::new();
    let seen = talk.say(&frames.concat());
    let last = talk.machine.last;
    assert_eq!(seen.last(), Some(&Seen::Goaway { last, code: code as u32 }), "{frames:?}");
    assert_eq!(talk.machine.end(), Some(End::Broken(code)));
    assert!(!talk.machine.has_streams());
    for slot in talk.held.clone() {
        assert_eq!(talk.release(slot), []);
    }
    assert_eq!(talk.say(&get(99)), [], "nothing is heard any more");
}

/// The frames are passed over.
fn check_nothing(frames: &[Vec<u8>]) {
    let mut talk = Talk::new();
    assert_eq!(talk.say(&frames.concat()), [], "{frames:?}");
    assert_eq!(talk.machine.end(), None, "{frames:?}");
    talk.exchange(101);
}
