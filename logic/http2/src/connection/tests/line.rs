//! What may be sent, and the line of those that wait for it.

use super::*;

impl Talk {
    /// Sends payload for a stream, as much as there is room for and at most `bytes`; what was sent.
    pub(super) fn send(&mut self, slot: Slot, bytes: usize, is_full: bool) -> Result<usize, Room> {
        match self.machine.room(slot, is_full) {
            Room::Bytes(room) => {
                assert!(room > 0);
                let mut left = room.min(bytes);
                while left > 0 {
                    let count = left.min(self.machine.frame_bytes_max());
                    let head = self.machine.begin_data(slot, count, false);
                    self.machine.output().extend_from_slice(&head);
                    self.machine.output().extend(std::iter::repeat_n(b'.', count));
                    left -= count;
                }
                Ok(room.min(bytes))
            }
            none => Err(none),
        }
    }

    fn open_answered(&mut self, numbers: &[u32]) -> Vec<Slot> {
        let begin = |number: &u32| {
            let slot = self.open(&get(*number));
            self.begin_answer(slot);
            slot
        };
        let slots = numbers.iter().map(begin).collect();
        self.take_events();
        slots
    }

    fn writable(&mut self) -> Vec<Slot> {
        let events = self.take_events();
        events
            .into_iter()
            .filter_map(|event| if let Event::Writable(slot) = event { Some(slot) } else { None })
            .collect()
    }
}

const ALL: usize = usize::MAX;

#[test]
fn both_windows_bound_what_is_sent() {
    let mut talk = Talk::with(BOUNDS, &[(4, 1000)]);
    let [a, b] = talk.open_answered(&[1, 3])[..] else { panic!() };
    assert_eq!(talk.send(a, 400, false), Ok(400));
    assert_eq!(talk.send(a, ALL, false), Ok(600));
    assert_eq!(talk.send(a, ALL, false), Err(Room::Shut));
    talk.say(&update(0, 1));
    assert_eq!(talk.writable(), []);
    talk.say(&update(1, 5));
    assert_eq!(talk.writable(), [a]);
    assert_eq!(talk.send(a, ALL, false), Ok(5));
    // A larger first window is one of the streams that are open, too; a smaller one may be below what was sent.
    talk.say(&settings(&[(4, 3000)]));
    assert_eq!(talk.writable(), [a]);
    talk.say(&settings(&[(4, 1200)]));
    assert_eq!(talk.send(a, ALL, false), Ok(200));
    talk.say(&settings(&[(4, 0)]));
    assert_eq!(talk.machine.streams[a].window, -1200);
    talk.say(&update(1, 1200));
    assert_eq!((talk.writable(), talk.send(a, ALL, false)), (vec![], Err(Room::Shut)));
    talk.say(&update(1, 7));
    assert_eq!((talk.writable(), talk.send(a, ALL, false)), (vec![a], Ok(7)));
    // Only the last of several counts.
    talk.say(&settings(&[(4, 0), (4, 100_000), (4, 2)]));
    assert_eq!(talk.send(b, ALL, false), Ok(2));
    // The connection's.
    talk.say(&settings(&[(4, 1_000_000)]));
    let mut sent = 400 + 600 + 5 + 200 + 7 + 2;
    while let Ok(count) = talk.send(b, ALL, false) {
        sent += count;
        talk.hear();
    }
    assert_eq!(sent, WINDOW_BYTES as usize + 1, "all that it opened");
    assert_eq!(talk.send(a, ALL, false), Err(Room::Waiting));
    talk.writable();
    talk.say(&update(0, 10));
    assert_eq!(talk.writable(), [b], "the first in line");
    assert_eq!(talk.send(b, ALL, false), Ok(10));
    talk.hear();
    let slot = talk.open(&get(5));
    talk.begin_answer(slot);
    assert_eq!(talk.machine.streams[slot].window, 1_000_000);
}

#[test]
fn frames_are_not_longer_than_a_record() {
    let talk = Talk::new();
    assert_eq!(talk.machine.frame_bytes_max(), 16 * 1024 - HEAD_BYTES);
    let talk = Talk::with(BOUNDS, &[(5, 1_000_000)]);
    assert_eq!(talk.machine.frame_bytes_max(), 16 * 1024 - HEAD_BYTES);
}

#[test]
fn the_last_piece_ends_the_stream() {
    let mut talk = Talk::new();
    let [a] = talk.open_answered(&[1])[..] else { panic!() };
    let Room::Bytes(_) = talk.machine.room(a, false) else { panic!() };
    let head = talk.machine.begin_data(a, 2, true);
    talk.machine.output().extend_from_slice(&[&head[..], b"ab"].concat());
    assert_eq!(talk.hear(), [Seen::Data { stream: 1, payload: b"ab".to_vec(), is_end: true }]);
    assert!(!talk.machine.has_streams());
    assert_eq!(talk.release(a), []);
}

/// A gift of the client goes round.
#[test]
fn who_waits_for_the_connection_goes_in_turn() {
    for (count, gift) in [(2, 40_000), (4, 16_384), (5, 16_384), (7, 100_000), (8, 3_000)] {
        let bounds = Bounds { streams_max: 10, ..BOUNDS };
        let mut talk = Talk::with(bounds, &[(4, 0x7000_0000)]);
        let numbers: Vec<u32> = (0..count).map(|place| 2 * place + 1).collect();
        let slots = talk.open_answered(&numbers);
        // One takes all that there is.
        while talk.send(slots[0], ALL, false).is_ok() {
            talk.hear();
        }
        for slot in &slots {
            assert_eq!(talk.send(*slot, ALL, false), Err(Room::Waiting));
        }
        talk.writable();
        let mut sent = vec![0; slots.len()];
        for _ in 0..300 {
            talk.say(&update(0, gift));
            let mut called = talk.writable();
            assert!(!called.is_empty(), "nobody is called");
            while let Some(slot) = called.pop() {
                let place = slots.iter().position(|other| *other == slot).unwrap();
                // As a writer does: until there is no room.
                while let Ok(bytes) = talk.send(slot, ALL, false) {
                    sent[place] += bytes;
                }
                called.extend(talk.writable());
            }
        }
        assert_eq!(sent.iter().sum::<usize>(), 300 * gift as usize);
        let (least, most) = (sent.iter().min().unwrap(), sent.iter().max().unwrap());
        assert!(most - least <= 2 * 16_384, "{count} streams, {gift} bytes at a time: {sent:?}");
    }
}

#[test]
fn who_leaves_the_line_calls_the_next() {
    let leave_by: [fn(&mut Talk, Slot); 5] = [
        |talk, slot| drop(talk.release(slot)),
        |talk, slot| drop(talk.say(&reset(talk.machine.streams[slot].number))),
        |talk, slot| talk.machine.end_message(slot, b"", &mut talk.known),
        |talk, slot| talk.machine.end_message(slot, b"a: b\r\n", &mut talk.known),
        // Its own window is shut, as it finds out when it is called.
        |talk, slot| {
            talk.machine.streams[slot].window = 0;
            assert_eq!(talk.machine.room(slot, false), Room::Shut);
        },
    ];
    for leave in leave_by {
        let mut talk = Talk::new();
        let [a, b, c] = talk.open_answered(&[1, 3, 5])[..] else { panic!() };
        for slot in [a, b, c] {
            assert_eq!(talk.send(slot, ALL, true), Err(Room::Waiting));
        }
        assert_eq!(talk.writable(), [], "the way out is full");
        talk.machine.resume();
        assert_eq!(talk.writable(), [a]);
        assert_eq!(talk.send(b, ALL, false), Err(Room::Waiting), "it is not its turn");
        leave(&mut talk, a);
        assert_eq!(talk.writable(), [b]);
        // One that leaves from within calls nobody.
        leave(&mut talk, c);
        assert_eq!(talk.writable(), []);
        assert!(talk.send(b, 10, false).is_ok() && talk.machine.line.is_empty());
    }
}

/// A head needs no window: it does not wait behind those that do.
#[test]
fn heads_wait_only_for_the_way() {
    let mut talk = Talk::with(BOUNDS, &[(4, 1_000_000)]);
    let [a] = talk.open_answered(&[1])[..] else { panic!() };
    while talk.send(a, ALL, false).is_ok() {}
    talk.hear();
    let (b, c) = (talk.open(&get(3)), talk.open(&get(5)));
    talk.machine.await_way(b);
    talk.machine.await_way(c);
    talk.machine.await_way(c);
    talk.writable();
    talk.machine.resume();
    let mut called = talk.writable();
    called.retain(|slot| *slot != a);
    assert_eq!(called, [b, c]);
    talk.machine.await_way(b);
    talk.machine.await_way(c);
    talk.release(b);
    talk.machine.resume();
    assert!(talk.writable().contains(&c));
}

#[test]
fn a_stream_alone_goes_in_long_strides() {
    let mut talk = Talk::with(BOUNDS, &[(4, 1_000_000)]);
    talk.say(&update(0, 1_000_000));
    let [a, b] = talk.open_answered(&[1, 3])[..] else { panic!() };
    let alone = talk.machine.room(a, false);
    assert!(matches!(alone, Room::Bytes(bytes) if bytes >= 64 * 1024), "{alone:?}");
    assert_eq!(talk.machine.room(b, true), Room::Waiting);
    assert_eq!(talk.machine.room(a, false), Room::Waiting);
    assert_eq!(talk.machine.room(b, false), Room::Bytes(talk.machine.frame_bytes_max()));
}
