//! Bodies from the client: their lengths, and the room that is given back for each byte of them.

use super::*;
use crate::dropped::NUMBERS_MAX;

#[test]
fn a_body_is_taken_in_pieces() {
    let mut talk = Talk::new();
    let slot = talk.open(&post(1));
    talk.say(&[data(1, 0, b"hello "), data(1, 0, b""), data(1, END, b"world")].concat());
    let events = talk.take_events();
    assert!(events[1..].iter().all(|event| *event == Event::Readable(slot)), "{events:?}");
    let mut piece = [0; 4];
    let mut body = Vec::new();
    while talk.machine.unread(slot) > 0 {
        let count = talk.machine.take(slot, &mut piece);
        body.extend_from_slice(&piece[..count]);
    }
    assert_eq!((body.as_slice(), talk.machine.is_ended(slot)), (&b"hello world"[..], true));
    assert_eq!(talk.machine.take(slot, &mut piece), 0);
}

#[test]
fn a_body_is_as_long_as_announced() {
    let three = [("content-length", "3")];
    let fault = |frames: &[Vec<u8>]| check_reset(&[&[post_with(1, &three)], frames].concat(), 1, Code::ProtocolError);
    fault(&[data(1, 0, b"abcd")]);
    fault(&[data(1, 0, b"ab"), data(1, 0, b"cd")]);
    fault(&[data(1, END, b"ab")]);
    fault(&[data(1, END, b"")]);
    fault(&[data(1, 0, b"ab"), trailers(1, END, &[("a", "b")])]);
    check_reset(&[post_with(1, &[("content-length", "0")]), data(1, 0, b"a")], 1, Code::ProtocolError);
    let whole: [&[Vec<u8>]; 4] = [
        &[data(1, END, b"abc")],
        &[data(1, 0, b"ab"), data(1, END, b"c")],
        &[data(1, 0, b"abc"), data(1, END, b"")],
        &[data(1, flag::PADDED, b"\x04abc\0\0\0\0"), trailers(1, END, &[("a", "b")])],
    ];
    for frames in whole {
        let mut talk = Talk::new();
        let slot = talk.open(&post_with(1, &three));
        assert_eq!(talk.say(&frames.concat()), []);
        assert!(talk.machine.is_ended(slot) && talk.take(slot) == b"abc");
    }
    // Without END_STREAM it is not over.
    let mut talk = Talk::new();
    let slot = talk.open(&post_with(1, &three));
    talk.say(&data(1, 0, b"abc"));
    assert!(!talk.machine.is_ended(slot));
}

/// What the client may send as it knows.
#[derive(Default)]
struct Ledger {
    connection: i64,
    stream: i64,
    given: u64,
}

impl Ledger {
    fn note(&mut self, seen: &[Seen]) {
        for seen in seen {
            match seen {
                Seen::Window { stream: 0, by } => {
                    self.connection += i64::from(*by);
                    self.given += u64::from(*by);
                }
                Seen::Window { by, .. } => self.stream += i64::from(*by),
                Seen::Reset { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// What becomes of the bytes that a client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Taken,
    Unread,
    TakenBack,
    Released,
    Malformed,
    Unknown,
    TooLong,
}

/// Room comes back for every byte, whatever becomes of it: else an upload stands still one day.
#[test]
fn all_room_is_given_back() {
    use Fate::{Malformed, Released, Taken, TakenBack, TooLong, Unknown, Unread};
    for fate in [Taken, Unread, TakenBack, Released, Malformed, Unknown, TooLong] {
        let mut talk = Talk::new();
        let mut ledger = Ledger { connection: i64::from(CONNECTION_WINDOW_BYTES), ..Ledger::default() };
        let mut sent = 0;
        for turn in 0..3_000 {
            // Time passes, so that faults are forgiven.
            talk.now += 100;
            let number = 2 * turn + 1;
            ledger.stream = i64::from(STREAM_WINDOW_BYTES);
            let request =
                if fate == Malformed { post_with(number, &[("content-length", "700")]) } else { post(number) };
            let slot = talk.open(&request);
            let mut frames = [data(number, 0, &[1; 500]), data(number, flag::PADDED, &[&[99][..], &[0; 299]].concat())];
            if fate == Released || fate == Unknown {
                if fate == Unknown {
                    ledger.note(&talk.say(&reset(number)));
                }
                ledger.note(&talk.release(slot));
                frames[0] = data(number, 0, &[1; 600]);
            }
            if fate == TooLong {
                frames[1] = data(number, 0, &[1; 20_000]);
            }
            for frame in &frames {
                ledger.note(&talk.say(frame));
                let spent = frame.len() as i64 - 9;
                sent += spent;
                ledger.connection -= spent;
                ledger.stream -= spent;
            }
            if fate == Taken {
                assert_eq!(talk.take(slot).len(), 500 + 200);
            }
            if fate == TakenBack {
                ledger.note(&talk.say(&reset(number)));
            }
            if talk.held.contains(&slot) {
                ledger.note(&talk.release(slot));
            }
            assert_eq!(talk.machine.end(), None, "{fate:?} {turn}");
            assert!(ledger.connection >= i64::from(CONNECTION_WINDOW_BYTES / 2), "{fate:?} {turn}");
        }
        assert!(sent > i64::from(CONNECTION_WINDOW_BYTES));
        assert_eq!(sent - ledger.given as i64, i64::from(talk.machine.owed), "{fate:?}");
        assert_eq!(talk.machine.room + i64::from(talk.machine.owed), i64::from(CONNECTION_WINDOW_BYTES));
    }
}

#[test]
fn a_long_upload_never_stands_still() {
    let mut talk = Talk::new();
    let mut random = check::Random(5);
    let slot = talk.open(&post(1));
    let mut ledger =
        Ledger { connection: CONNECTION_WINDOW_BYTES.into(), stream: STREAM_WINDOW_BYTES.into(), given: 0 };
    let (mut sent, mut taken) = (0_usize, 0_usize);
    while sent < 6 * CONNECTION_WINDOW_BYTES as usize {
        let room = ledger.connection.min(ledger.stream).min(16_384);
        assert!(room > 0 || talk.machine.unread(slot) > 0, "nobody can go on");
        if room > 255 && random.below(3) > 0 {
            let payload = random.below(room as usize - 255);
            let padding = random.below(255);
            let bytes = [&[padding as u8][..], &vec![sent as u8; payload], &vec![0; padding]].concat();
            ledger.note(&talk.say(&data(1, flag::PADDED, &bytes)));
            ledger.connection -= bytes.len() as i64;
            ledger.stream -= bytes.len() as i64;
            sent += payload;
        } else {
            let mut buffer = vec![0; random.below(40_000)];
            taken += talk.machine.take(slot, &mut buffer);
            let seen = talk.hear();
            ledger.note(&seen);
        }
        assert_eq!(talk.machine.end(), None);
    }
    assert_eq!(taken + talk.machine.unread(slot), sent);
    assert!(talk.machine.streams[slot].data.capacity() <= 4 * STREAM_WINDOW_BYTES as usize);
}

#[test]
fn who_sends_more_than_the_window_is_told() {
    let full = vec![0; 16_384];
    let eight = data(1, 0, &full).repeat(8);
    check_reset(&[post(1), eight.clone(), data(1, 0, b"x")], 1, Code::FlowControlError);
    // Padding counts, and what was read is told in strides only.
    check_reset(
        &[post(1), eight[..7 * 16_393].to_vec(), data(1, 0, &full[1..]), data(1, flag::PADDED, b"\x01\0")],
        1,
        Code::FlowControlError,
    );
    let mut talk = Talk::with(Bounds { streams_max: 100, ..BOUNDS }, &[]);
    for number in (1..33).step_by(2) {
        talk.open(&post(number));
        assert_eq!(talk.say(&data(number, 0, &full).repeat(8)), []);
    }
    talk.open(&post(33));
    let seen = talk.say(&data(33, 0, b"x"));
    assert_eq!(seen, [Seen::Goaway { last: 33, code: Code::FlowControlError as u32 }]);
}

#[test]
fn what_comes_on_a_released_stream_is_passed_over() {
    let mut talk = Talk::new();
    let slot = talk.open(&post(1));
    assert_eq!(talk.release(slot), [reset_seen(1, Code::InternalError)]);
    assert_eq!(talk.say(&[data(1, 0, b"abc"), update(1, 5), trailers(1, END, &[("a", "b")])].concat()), []);
    // It knows that it is over now: it has ended it itself.
    assert_eq!(talk.say(&data(1, 0, b"abc")), [reset_seen(1, Code::StreamClosed)]);
    // An answer that was whole before the request.
    let slot = talk.open(&post(3));
    talk.answer(slot, "HTTP/1.1 204 No Content\r\n\r\n");
    assert!(talk.machine.has_streams());
    assert_eq!(talk.release(slot), [reset_seen(3, Code::NoError)]);
    assert_eq!(talk.say(&[data(3, 0, b"abc"), data(3, END, b"")].concat()), []);
    assert_eq!(talk.say(&data(3, END, b"")), [reset_seen(3, Code::StreamClosed)]);
    let slot = talk.open(&post(5));
    talk.release(slot);
    assert_eq!(talk.say(&[reset(5), reset(5)].concat()), []);
    assert!(!talk.machine.dropped.has(5));
}

/// A stream may go while its frame comes.
#[test]
fn a_stream_may_go_within_a_frame() {
    let frame = data(1, flag::PADDED | END, b"\x05abcdefgh\0\0\0\0\0");
    for count in 1..frame.len() {
        let mut talk = Talk::new();
        let slot = talk.open(&post(1));
        talk.say(&frame[..count]);
        talk.release(slot);
        talk.say(&frame[count..]);
        assert_eq!(talk.machine.room + i64::from(talk.machine.owed), i64::from(CONNECTION_WINDOW_BYTES));
        talk.exchange(3);
    }
}

#[test]
fn streams_that_were_dropped_are_remembered_up_to_a_bound() {
    let mut talk = Talk::new();
    for number in (1..).step_by(2).take(NUMBERS_MAX + 1) {
        let slot = talk.open(&post(number));
        talk.release(slot);
    }
    assert_eq!(talk.say(&data(talk.machine.last, 0, b"x")), []);
    assert_eq!(talk.say(&data(1, 0, b"x")), [reset_seen(1, Code::StreamClosed)]);
}

/// What stands still holds the window that it fills, and no more.
#[test]
fn uploads_that_stand_still_leave_the_rest_of_the_window() {
    let mut talk = Talk::with(Bounds { streams_max: 16, ..BOUNDS }, &[]);
    let whole = vec![b'x'; STREAM_WINDOW_BYTES as usize];
    let upload = |number: u32| -> Vec<u8> { whole.chunks(16_384).flat_map(|piece| data(number, 0, piece)).collect() };
    for number in (1..).step_by(2).take(15) {
        talk.open(&post(number));
        talk.say(&upload(number));
    }
    let slot = talk.open(&post(101));
    for _ in 0..100 {
        talk.say(&upload(101)[..16_384 + 9]);
        assert_eq!(talk.machine.end(), None);
        talk.take(slot);
    }
}
