//! Nobody who could send is left without a word: streams with bodies, a client that opens and shuts its windows as it likes
//! and takes requests back, and a way out that is full at times.

use super::*;
use crate::connection::check::Random;
use std::collections::BTreeMap;

/// Who writes to a stream: it acts when it is called, and then until nothing goes any more.
struct Writer {
    number: u32,
    has_head: bool,
    sent: usize,
    length: usize,
    is_over: bool,
    is_called: bool,
    /// It found no room, or no way.
    is_stuck: bool,
}

struct Scene {
    talk: Talk,
    random: Random,
    writers: BTreeMap<usize, (Slot, Writer)>,
    is_full: bool,
    next: u32,
    /// What the client has read of each body.
    read: BTreeMap<u32, Vec<u8>>,
    whole: u32,
}

/// The byte that a body has at a place.
fn byte_at(number: u32, place: usize) -> u8 {
    (place as u32).wrapping_mul(31).wrapping_add(number) as u8
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let window = [0, 1, 1000, 65_535][random.below(4)];
        Self {
            talk: Talk::with(BOUNDS, &[(4, window)]),
            random,
            writers: BTreeMap::new(),
            is_full: false,
            next: 1,
            read: BTreeMap::new(),
            whole: 0,
        }
    }

    /// The client and the way do something.
    fn disturb(&mut self) {
        let open: Vec<u32> = self.writers.values().map(|(_, writer)| writer.number).collect();
        let one = open.get(self.random.below(open.len())).copied();
        let by = 1 + [5, 300, 20_000, 100_000][self.random.below(4)] as u32;
        match (self.random.below(20), one) {
            (0..4, _) => self.say(&update(0, by)),
            (4..7, Some(number)) => self.say(&update(number, by)),
            (7, _) => self.say(&settings(&[(4, by)])),
            (8, _) => self.say(&settings(&[(4, 0)])),
            (9, Some(number)) => {
                self.say(&reset(number));
            }
            (10, Some(number)) => {
                let (slot, _) = self.writers.values().find(|(_, writer)| writer.number == number).unwrap();
                self.release(*slot);
            }
            (11 | 12, _) => self.is_full = true,
            (13, _) => self.resume(),
            (14.., _) if self.talk.machine.streams.open_count() < 6 => {
                self.say(&get(self.next));
                let slot = *self.talk.held.last().unwrap();
                let length = self.random.below(60_000);
                let writer = Writer {
                    number: self.next,
                    has_head: false,
                    sent: 0,
                    length,
                    is_over: false,
                    is_called: true,
                    is_stuck: false,
                };
                self.writers.insert(slot.index(), (slot, writer));
                self.next += 2;
            }
            _ => {}
        }
    }

    fn say(&mut self, bytes: &[u8]) {
        let seen = self.talk.say(bytes);
        self.note(seen);
    }

    fn resume(&mut self) {
        self.is_full = false;
        self.talk.machine.resume();
        let seen = self.talk.hear();
        self.note(seen);
    }

    fn release(&mut self, slot: Slot) {
        self.writers.remove(&slot.index());
        let seen = self.talk.release(slot);
        self.note(seen);
    }

    fn note(&mut self, seen: Vec<Seen>) {
        for seen in seen {
            if let Seen::Data { stream, payload, .. } = seen {
                self.read.entry(stream).or_default().extend_from_slice(&payload);
            }
        }
        for event in self.talk.take_events() {
            if let Event::Writable(slot) | Event::Lost(slot) = event
                && let Some((_, writer)) = self.writers.get_mut(&slot.index())
            {
                writer.is_called = true;
            }
        }
    }

    /// One of those that were called acts. False: nobody was.
    fn act(&mut self) -> bool {
        let called: Vec<usize> =
            self.writers.iter().filter(|(_, (_, writer))| writer.is_called).map(|(place, _)| *place).collect();
        if called.is_empty() {
            return false;
        }
        let place = called[self.random.below(called.len())];
        let (slot, writer) = self.writers.get_mut(&place).unwrap();
        let slot = *slot;
        writer.is_called = false;
        writer.is_stuck = false;
        let (machine, known) = (&mut self.talk.machine, &mut self.talk.known);
        if machine.lost(slot).is_some() {
            self.release(slot);
            return true;
        }
        if !writer.has_head {
            if self.is_full {
                machine.await_way(slot);
                writer.is_stuck = true;
                return true;
            }
            machine.answer(slot, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Method::Get, known).unwrap();
            writer.has_head = true;
        }
        while writer.sent < writer.length {
            match machine.room(slot, self.is_full) {
                Room::Bytes(room) => {
                    let bytes = (writer.length - writer.sent).min(room).min(1 + self.random.below(30_000));
                    let bytes = bytes.min(machine.frame_bytes_max());
                    let head = machine.begin_data(slot, bytes, false);
                    machine.output().extend_from_slice(&head);
                    machine.output().extend((writer.sent..writer.sent + bytes).map(|at| byte_at(writer.number, at)));
                    writer.sent += bytes;
                }
                Room::Shut | Room::Waiting => {
                    writer.is_stuck = true;
                    break;
                }
            }
            if self.random.below(4) == 0 {
                // It has more later on.
                writer.is_called = true;
                break;
            }
        }
        if writer.sent == writer.length {
            machine.end_message(slot, b"", known);
            writer.is_over = true;
            let (number, length) = (writer.number, writer.length);
            self.release(slot);
            let read = self.read.remove(&number).unwrap_or_default();
            assert!(read.len() == length && (0..length).all(|at| read[at] == byte_at(number, at)), "{number}");
            self.whole += 1;
        } else {
            let seen = self.talk.hear();
            self.note(seen);
        }
        true
    }

    /// Nobody was called: so nobody can do anything.
    fn check_nobody_is_forgotten(&self, seed: u64) {
        let machine = &self.talk.machine;
        for (slot, writer) in self.writers.values() {
            let has_room = machine.window > 0 && machine.streams[*slot].window > 0;
            let can_go = !self.is_full && (has_room || !writer.has_head);
            assert!(writer.is_stuck && !can_go, "seed {seed}: stream {} is forgotten", writer.number);
        }
    }
}

#[test]
fn nobody_is_forgotten() {
    let mut whole = 0;
    for seed in 0..200 {
        let mut scene = Scene::new(seed);
        for _ in 0..300 {
            scene.disturb();
            let mut turns = scene.random.below(6);
            while turns > 0 && scene.act() {
                turns -= 1;
            }
            if scene.random.below(10) == 0 {
                while scene.act() {}
                scene.check_nobody_is_forgotten(seed);
            }
            scene.talk.now += 20;
            assert_eq!(scene.talk.machine.end(), None, "seed {seed}");
        }
        // Everything opens.
        scene.say(&update(0, 10_000_000));
        scene.say(&settings(&[(4, 10_000_000)]));
        scene.resume();
        while scene.act() {}
        assert!(scene.writers.is_empty(), "seed {seed}: {} bodies are not whole", scene.writers.len());
        assert!(scene.talk.machine.line.is_empty());
        whole += scene.whole;
    }
    assert!(whole > 4_000, "only {whole} were sent");
}
