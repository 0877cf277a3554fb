//! What must hold for a connection on which any bytes come: it never panics, says well-formed frames in a good order only,
//! keeps its accounts, and is the same however the bytes are cut.
//!
//! What is meant by a single frame is not here, but in the tests.

mod reader;

pub(super) use reader::{Reader, Seen};

use super::{Bounds, CONNECTION_WINDOW_BYTES, Connection, Event, Room, STREAM_WINDOW_BYTES, Stage};
use crate::frame::PREFACE;
use crate::head::Known;
use crate::streams::{Lost, Side, Slot};

/// Any bytes as the frames of a client. The first byte chooses the bounds and whether SETTINGS come before them, the second
/// what those do who hold streams.
pub(crate) fn check_frames(data: &[u8]) {
    let [choices, seed, frames @ ..] = data else { return };
    for holders in [Acting::AfterEachFrame, Acting::AtTheEnd] {
        let whole = Run::new(*choices, *seed).play(frames, Cuts::Whole, holders);
        for cuts in [Cuts::EachByte, Cuts::Pieces] {
            let cut = Run::new(*choices, *seed).play(frames, cuts, holders);
            assert_eq!(whole, cut, "{cuts:?} makes a difference");
        }
    }
}

/// How a frame comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cuts {
    Whole,
    EachByte,
    Pieces,
}

/// When streams are taken, answered and released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Acting {
    AfterEachFrame,
    AtTheEnd,
}

/// What was seen of a conversation.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    seen: Vec<Seen>,
    /// What was given back on the connection: it may be said in other pieces.
    given: u64,
    /// Bytes of requests as they were taken, and how streams ended.
    taken: Vec<(u32, Vec<u8>)>,
    lost: Vec<(u32, Option<Lost>)>,
    end: Option<super::End>,
    unfinished: Option<u64>,
}

/// A conversation.
struct Run {
    machine: Connection,
    reader: Reader,
    known: Known,
    random: Random,
    choices: u8,
    held: Vec<Slot>,
    told: Told,
}

impl Run {
    fn new(choices: u8, seed: u8) -> Self {
        let bounds = Bounds {
            streams_max: if choices & 1 == 0 { 100 } else { 2 },
            head_bytes_max: if choices & 2 == 0 { 64 * 1024 } else { 128 },
            taken_back_max: if choices & 4 == 0 { 100 } else { 1 },
            is_tls: choices & 8 != 0,
        };
        Self {
            machine: Connection::new(bounds, 0),
            reader: Reader::new(),
            known: Known::default(),
            random: Random(u64::from(seed) + 1),
            choices,
            held: Vec::new(),
            told: Told { seen: Vec::new(), given: 0, taken: Vec::new(), lost: Vec::new(), end: None, unfinished: None },
        }
    }

    fn play(mut self, frames: &[u8], cuts: Cuts, holders: Acting) -> Told {
        self.say(PREFACE, cuts, 0);
        if self.choices & 0x10 == 0 {
            self.say(&[0, 0, 0, 4, 0, 0, 0, 0, 0], cuts, 0);
        }
        let mut rest = frames;
        for now in 0.. {
            let (frame, after) = split_frame(rest);
            self.say(frame, cuts, now * 10);
            rest = after;
            if holders == Acting::AfterEachFrame {
                self.act();
            }
            if rest.is_empty() {
                break;
            }
        }
        (0..3).for_each(|_| self.act());
        self.told.end = self.machine.end();
        self.told.unfinished = self.machine.unfinished();
        self.finish();
        self.told
    }

    /// The client says something.
    fn say(&mut self, bytes: &[u8], cuts: Cuts, now: u64) {
        let mut rest = bytes;
        // Not that of the actions, which must be the same however bytes are cut.
        let mut random = Random(bytes.len() as u64 + 7);
        while !rest.is_empty() {
            let count = match cuts {
                Cuts::Whole => rest.len(),
                Cuts::EachByte => 1,
                Cuts::Pieces => 1 + random.below(rest.len().min(12)),
            };
            let (piece, after) = rest.split_at(count);
            let before = self.machine.output().len();
            self.machine.receive(piece, now);
            assert!(self.machine.output().len() - before <= 256 + 2 * piece.len(), "more is said than heard");
            rest = after;
            self.look();
        }
    }

    /// Sees what has happened.
    fn look(&mut self) {
        while let Some(event) = self.machine.next_event() {
            match event {
                Event::Opened(slot) => {
                    assert!(!self.held.contains(&slot), "one stream at a time");
                    self.held.push(slot);
                }
                Event::Readable(slot) | Event::Writable(slot) | Event::Lost(slot) => {
                    assert!(self.held.contains(&slot), "nobody holds it");
                }
            }
        }
        self.machine.end_answered_early();
        self.reader.payload_bytes_max = self.machine.payload_bytes_max;
        for seen in self.reader.read(&std::mem::take(self.machine.output())) {
            match seen {
                Seen::Window { stream: 0, by } => self.told.given += u64::from(by),
                Seen::Goaway { last, .. } => assert!(last == crate::frame::STREAM_MAX || last <= self.machine.last),
                Seen::Reset { stream, .. } | Seen::Head { stream, .. } | Seen::Data { stream, .. } => {
                    assert!(stream <= self.machine.last, "a stream of nobody's");
                    self.told.seen.push(seen);
                }
                seen => self.told.seen.push(seen),
            }
        }
        check_accounts(&self.machine, &self.held);
    }

    /// Everybody who holds a stream does something.
    fn act(&mut self) {
        for place in (0..self.held.len()).rev() {
            let slot = self.held[place];
            match self.random.below(16) {
                0 | 1 => self.release(place),
                2..6 => self.take(slot),
                6 => drop(self.machine.room(slot, true)),
                _ if self.machine.lost(slot).is_none() => self.send(slot),
                _ => {}
            }
            self.look();
        }
        match self.random.below(64) {
            0 if self.choices & 0x20 != 0 => self.machine.drain(),
            1 if self.choices & 0x40 != 0 => self.machine.say_last(),
            2..8 => self.machine.rest(),
            8..20 => self.machine.resume(),
            _ => {}
        }
        self.look();
    }

    fn release(&mut self, place: usize) {
        let slot = self.held.swap_remove(place);
        let number = self.machine.streams[slot].number;
        self.told.lost.push((number, self.machine.lost(slot)));
        self.machine.release(slot);
    }

    fn take(&mut self, slot: Slot) {
        let number = self.machine.streams[slot].number;
        let mut text = Vec::new();
        self.machine.take_head(slot, &mut text);
        assert!(text.is_empty() || self.machine.head_fault(slot).is_none());
        let mut buffer = vec![0; 1 + self.random.below(3000)];
        let unread = self.machine.unread(slot);
        let count = self.machine.take(slot, &mut buffer);
        assert_eq!(count, unread.min(buffer.len()));
        text.extend_from_slice(&buffer[..count]);
        if self.machine.is_ended(slot) {
            text.extend_from_slice(self.machine.trailers(slot));
        }
        self.told.taken.push((number, text));
    }

    fn send(&mut self, slot: Slot) {
        match self.machine.streams[slot].outgoing {
            Side::Head if self.random.below(8) == 0 => self.machine.await_way(slot),
            Side::Head => {
                let texts: [&[u8]; 6] = [
                    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nServer: a\r\n\r\n",
                    b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n",
                    b"HTTP/1.1 204 No Content\r\n\r\n",
                    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
                    b"HTTP/1.1 200",
                ];
                let text = texts[self.random.below(texts.len())];
                let method = self.machine.request_sort(slot).method;
                let answered = self.machine.answer(slot, text, method, &mut self.known);
                assert_eq!(
                    answered.map(|answered| answered.head_bytes),
                    text.ends_with(b"\r\n\r\n").then_some(text.len())
                );
            }
            Side::Body => match self.machine.room(slot, false) {
                Room::Bytes(room) => {
                    let bytes = self.random.below(room.min(self.machine.frame_bytes_max()) + 1).min(100);
                    let is_last = self.random.below(4) == 0;
                    let head = self.machine.begin_data(slot, bytes, is_last);
                    self.machine.output().extend_from_slice(&head);
                    self.machine.output().extend(std::iter::repeat_n(b'.', bytes));
                }
                Room::Shut | Room::Waiting => {
                    let lines: &[u8] = if self.random.below(2) == 0 { b"" } else { b"a: b\r\n" };
                    self.machine.end_message(slot, lines, &mut self.known);
                }
            },
            Side::Ended => {}
        }
    }

    /// The client leaves, and nothing may be left.
    fn finish(&mut self) {
        let had_end = self.machine.end().is_some();
        self.machine.leave();
        self.look();
        assert!(!self.machine.has_streams());
        while !self.held.is_empty() {
            let said = self.told.seen.len();
            self.release(self.held.len() - 1);
            self.look();
            assert_eq!(self.told.seen.len(), said, "something is said after the end");
        }
        let machine = &mut self.machine;
        machine.rest();
        assert!(!machine.has_held() && machine.heads_bytes == 0 && machine.line.is_empty());
        assert_eq!(machine.output.capacity() + machine.crumbs.capacity(), 0);
        let is_within_data = matches!(machine.stage, Stage::Data { .. } | Stage::Padding(_));
        if !had_end && !is_within_data {
            assert_eq!(machine.room + i64::from(machine.owed), i64::from(CONNECTION_WINDOW_BYTES), "room is lost");
        }
    }
}

/// What was spent of the windows is with somebody, or is owed. `held`: all streams that somebody holds.
pub(super) fn check_accounts(machine: &Connection, held: &[Slot]) {
    let unread: usize = held.iter().map(|slot| machine.unread(*slot)).sum();
    let heads: usize =
        held.iter().map(|slot| machine.streams[*slot].head.len() + machine.streams[*slot].trailers.len()).sum();
    assert_eq!(machine.heads_bytes, heads);
    assert!(heads <= super::HEADS_BYTES_MAX);
    assert_eq!(machine.streams.held_count(), held.len());
    let waiting = held.iter().filter(|slot| machine.streams[**slot].is_waiting).count();
    assert_eq!(machine.line.len() + machine.heads_waiting.len(), waiting, "who waits stands in line, once");
    if machine.end.is_some() {
        return;
    }
    let (within, left) = match machine.stage {
        Stage::Data { stream, left, .. } => (stream, left),
        Stage::Padding(head) => (0, head.length),
        _ => (0, 0),
    };
    let window = i64::from(CONNECTION_WINDOW_BYTES);
    assert_eq!(machine.room + i64::from(machine.owed) + unread as i64 + i64::from(left), window, "of the connection");
    for slot in held {
        let stream = &machine.streams[*slot];
        let left = if machine.streams.find(within) == Some(*slot) { left } else { 0 };
        let spent = i64::from(stream.owed) + stream.unread().len() as i64 + i64::from(left);
        if stream.lost.is_none() {
            assert_eq!(stream.room + spent, i64::from(STREAM_WINDOW_BYTES), "of stream {}", stream.number);
        } else {
            assert!(stream.unread().is_empty());
        }
    }
}

/// The frame that `bytes` begin with, as far as it is there.
fn split_frame(bytes: &[u8]) -> (&[u8], &[u8]) {
    let length = match bytes {
        [a, b, c, ..] => super::HEAD_BYTES + u32::from_be_bytes([0, *a, *b, *c]) as usize,
        _ => bytes.len(),
    };
    bytes.split_at(length.min(bytes.len()))
}

/// Numbers by chance, of a seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((mixed ^ (mixed >> 31)) >> 33) % bound.max(1) as u64) as usize
    }
}
