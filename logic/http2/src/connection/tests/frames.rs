//! Each kind of frame in a wrong form or place, and the code that follows (RFC 9113 §4 to §6).

use super::*;
use Code::{CompressionError, FlowControlError, FrameSizeError, ProtocolError, StreamClosed};

#[test]
fn the_preface_comes_in_pieces_or_is_none() {
    for count in 0..PREFACE.len() {
        let mut talk = Talk::silent(BOUNDS);
        assert_eq!(talk.say(&PREFACE[..count]), []);
        assert!(!talk.machine.has_begun());
        let mut wrong = PREFACE[count..].to_vec();
        wrong[0] ^= 1;
        let mut other = Talk::silent(BOUNDS);
        other.say(&PREFACE[..count]);
        assert_eq!(other.say(&wrong), []);
        assert_eq!((other.machine.end(), other.machine.has_begun()), (Some(End::NoPreface), false));
        let window = CONNECTION_WINDOW_BYTES - WINDOW_BYTES;
        assert_eq!(talk.say(&PREFACE[count..]), [Seen::Settings, Seen::Window { stream: 0, by: window }]);
        assert!(talk.machine.has_begun());
        assert_eq!(talk.say(&settings(&[])), [Seen::SettingsTaken]);
    }
    let mut talk = Talk::silent(BOUNDS);
    talk.say(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(talk.machine.end(), Some(End::NoPreface));
}

#[test]
fn our_settings_say_the_bounds() {
    let mut machine = Connection::new(BOUNDS, 0);
    machine.receive(PREFACE, 0);
    let said: Vec<u8> = [(3_u16, 8_u32), (4, STREAM_WINDOW_BYTES), (6, 8192), (8, 1)]
        .iter()
        .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
        .collect();
    assert_eq!(machine.output()[9..33], said);
}

#[test]
fn settings_come_first() {
    let cases =
        [get(1), frame(kind::SETTINGS, flag::ACK, 0, &[]), frame(kind::PING, 0, 0, &[0; 8]), frame(0x77, 0, 0, &[])];
    for first in cases {
        let mut talk = Talk::silent(BOUNDS);
        talk.say(PREFACE);
        talk.say(&first);
        assert_eq!(talk.machine.end(), Some(End::Broken(ProtocolError)), "{first:?}");
    }
}

#[test]
fn streams_have_their_place() {
    for stream in [0, 2] {
        check_broken(&[frame(kind::HEADERS, END | LAST, stream, &request_block("GET", &[]))], ProtocolError);
        check_broken(&[get(3), data(stream, 0, b"x")], ProtocolError);
        check_broken(&[get(3), reset(stream)], ProtocolError);
    }
    check_broken(&[get(3), update(2, 1)], ProtocolError);
    // One that is idle still.
    for frames in [data(5, 0, b"x"), reset(5), update(5, 1)] {
        check_broken(&[get(3), frames], ProtocolError);
    }
    check_broken(&[frame(kind::PRIORITY, 0, 0, &[0; 5])], ProtocolError);
    check_broken(&[get(5), get(3)], ProtocolError);
    for of_connection in
        [frame(kind::SETTINGS, 0, 1, &[]), frame(kind::PING, 0, 1, &[0; 8]), frame(kind::GOAWAY, 0, 1, &[0; 8])]
    {
        check_broken(&[get(1), of_connection], ProtocolError);
    }
    check_broken(&[frame(kind::PUSH_PROMISE, LAST, 1, &[0; 8])], ProtocolError);
    check_broken(&[get(1), frame(kind::CONTINUATION, LAST, 1, &[])], ProtocolError);
}

#[test]
fn what_comes_after_the_end_of_a_stream() {
    check_reset(&[get(1), data(1, 0, b"x")], 1, StreamClosed);
    check_reset(&[get(1), data(1, END, b"")], 1, StreamClosed);
    check_reset(&[get(1), trailers(1, END, &[("a", "b")])], 1, StreamClosed);
    check_reset(&[get(1), get(1)], 1, StreamClosed);
    // The client has reset it.
    check_reset(&[post(1), reset(1), data(1, 0, b"x")], 1, StreamClosed);
    check_broken(&[post(1), reset(1), trailers(1, END, &[])], ProtocolError);
    // A number that was passed over.
    check_reset(&[get(3), data(1, 0, b"x")], 1, StreamClosed);
    // What may cross the end, and what says nothing.
    check_nothing(&[get(1), reset(1), reset(1), update(1, 1), update(1, 0), frame(kind::PRIORITY, 0, 1, &[0; 5])]);
}

#[test]
fn lengths_are_those_of_the_kind() {
    for count in [0, 3, 5] {
        check_broken(&[get(1), frame(kind::RST_STREAM, 0, 1, &vec![0; count])], FrameSizeError);
        check_broken(&[get(1), frame(kind::WINDOW_UPDATE, 0, 1, &vec![0; count])], FrameSizeError);
        check_broken(&[frame(kind::WINDOW_UPDATE, 0, 0, &vec![0; count])], FrameSizeError);
        check_broken(&[frame(kind::SETTINGS, 0, 0, &vec![0; 2 * count + 1])], FrameSizeError);
    }
    for count in [0, 7, 9] {
        check_broken(&[frame(kind::PING, 0, 0, &vec![0; count])], FrameSizeError);
    }
    check_broken(&[frame(kind::SETTINGS, flag::ACK, 0, &[0; 6])], FrameSizeError);
    check_broken(&[frame(kind::GOAWAY, 0, 0, &[0; 7])], FrameSizeError);
    for count in [0, 4, 6] {
        check_reset(&[get(1), frame(kind::PRIORITY, 0, 1, &vec![0; count])], 1, FrameSizeError);
        check_broken(&[frame(kind::PRIORITY, 0, 1, &vec![0; count])], FrameSizeError);
    }
    check_nothing(&[get(3), reset(3), frame(kind::PRIORITY, 0, 1, &[0; 4])]);
}

#[test]
fn a_frame_is_not_longer_than_we_take() {
    let long = vec![0; PAYLOAD_BYTES_MAX as usize + 1];
    check_reset(&[post(1), data(1, 0, &long)], 1, FrameSizeError);
    check_reset(&[get(1), frame(kind::PRIORITY, 0, 1, &long)], 1, FrameSizeError);
    check_reset(&[get(1), frame(0x33, 0, 1, &long)], 1, FrameSizeError);
    for kind in [kind::HEADERS, kind::SETTINGS, kind::RST_STREAM, kind::WINDOW_UPDATE] {
        check_broken(&[get(1), frame(kind, 0, 1, &long)], FrameSizeError);
    }
    check_broken(&[frame(0x33, 0, 0, &long)], FrameSizeError);
    check_broken(&[frame(kind::HEADERS, 0, 1, &[0x82]), frame(kind::CONTINUATION, 0, 1, &long)], FrameSizeError);
    // The longest that we take.
    let mut talk = Talk::new();
    let slot = talk.open(&post(1));
    talk.say(&data(1, END, &long[1..]));
    assert_eq!(talk.take(slot).len(), 16_384);
}

#[test]
fn what_is_unknown_is_passed_over() {
    check_nothing(&[
        frame(0x0a, 0xff, 0, b"x"),
        frame(0xff, 0, 77, &[0; 16_384]),
        frame(0x10, 0, 2, b""),
        get(1),
        frame(0x10, 0, 1, b"y"),
        frame(kind::PRIORITY, 0xff, 3, &[0xff; 5]),
        frame(kind::GOAWAY, 0, 0, b"01234567 and more"),
        frame(kind::PING, flag::ACK, 0, &[0; 8]),
        frame(kind::SETTINGS, flag::ACK, 0, &[]),
    ]);
    // The reserved bit of a stream's number.
    let mut talk = Talk::new();
    let mut request = get(1);
    request[5] |= 0x80;
    talk.open(&request);
    assert_eq!(talk.say(&settings(&[(0x99, u32::MAX), (3, 0), (6, 1), (2, 0), (8, 1)])), [Seen::SettingsTaken]);
}

#[test]
fn a_block_is_not_interrupted() {
    let begun = frame(kind::HEADERS, 0, 1, &[0x82]);
    for other in [
        get(3),
        data(1, 0, b"x"),
        frame(kind::PING, 0, 0, &[0; 8]),
        frame(0x99, 0, 1, b"x"),
        frame(kind::CONTINUATION, LAST, 3, b""),
    ] {
        check_broken(&[begun.clone(), other], ProtocolError);
    }
}

#[test]
fn padding_has_its_bounds() {
    let padded = |payload: &[u8]| data(1, flag::PADDED, payload);
    check_broken(&[post(1), padded(b"")], FrameSizeError);
    check_broken(&[post(1), padded(b"\x01")], ProtocolError);
    check_broken(&[post(1), padded(b"\x05abcd")], ProtocolError);
    let mut talk = Talk::new();
    let slot = talk.open(&post(1));
    assert_eq!(talk.say(&[padded(b"\x00"), padded(b"\x04abcd"), padded(b"\x02xy\0\0"), padded(b"\0z")].concat()), []);
    assert_eq!(talk.take(slot), b"xyz");
    let head = |flags, payload: &[u8]| frame(kind::HEADERS, LAST | flags, 1, payload);
    check_broken(&[head(flag::PADDED, b"")], FrameSizeError);
    check_broken(&[head(flag::PADDED, b"\x05\x82")], ProtocolError);
    check_broken(&[head(flag::PRIORITY, b"1234")], FrameSizeError);
    check_broken(&[head(flag::PRIORITY | flag::PADDED, b"\x0212345\0")], ProtocolError);
    let block = request_block("GET", &[]);
    let slot = talk.open(&frame(
        kind::HEADERS,
        END | LAST | flag::PRIORITY | flag::PADDED,
        3,
        &[b"\x03\0\0\0\x05\xff", &block[..], &[0; 3]].concat(),
    ));
    assert_eq!(talk.head(slot), "GET / HTTP/1.1\r\nhost: a\r\n");
}

#[test]
fn settings_have_their_bounds() {
    for (name, value, code) in [
        (2, 2, ProtocolError),
        (8, 2, ProtocolError),
        (4, 1 << 31, FlowControlError),
        (5, 16_383, ProtocolError),
        (5, 1 << 24, ProtocolError),
    ] {
        check_broken(&[settings(&[(1, 0), (name, value)])], code);
    }
    let mut talk = Talk::new();
    let widest = [(4, (1 << 31) - 1), (5, (1 << 24) - 1), (5, 16_384), (1, u32::MAX)];
    assert_eq!(talk.say(&settings(&widest)), [Seen::SettingsTaken]);
}

#[test]
fn windows_have_their_bounds() {
    let most = STREAM_MAX_BYTES - WINDOW_BYTES;
    check_reset(&[get(1), update(1, 0)], 1, ProtocolError);
    check_reset(&[get(1), update(1, most + 1)], 1, FlowControlError);
    check_nothing(&[get(1), update(1, most), update(0, most)]);
    check_broken(&[update(0, 0)], ProtocolError);
    check_broken(&[update(0, most + 1)], FlowControlError);
    check_broken(&[update(0, most), update(0, 1)], FlowControlError);
    // The reserved bit.
    check_reset(&[get(1), update(1, 1 << 31)], 1, ProtocolError);
    // RFC 9113 §6.9.2: so does a larger first window.
    check_broken(&[get(1), update(1, most), settings(&[(4, WINDOW_BYTES + 1)])], FlowControlError);
    check_broken(&[post(1), post(3), update(3, most), settings(&[(4, WINDOW_BYTES + 1)])], FlowControlError);
}

const STREAM_MAX_BYTES: u32 = crate::frame::STREAM_MAX;

#[test]
fn blocks_that_cannot_be_read_end_the_connection() {
    for block in [&b"\xbe"[..], b"\x82\x20", b"\x00\x05a", b"\x3f\xe2\x1f"] {
        check_broken(&[frame(kind::HEADERS, END | LAST, 1, block)], CompressionError);
        // Fields before the fault have become text.
        let whole = [&request_block("GET", &[])[..], block].concat();
        check_broken(&[frame(kind::HEADERS, END | LAST, 1, &whole)], CompressionError);
        check_broken(
            &[post(1), frame(kind::HEADERS, END | LAST, 1, &[&super::block(&[("a", "b")])[..], block].concat())],
            CompressionError,
        );
    }
}

#[test]
fn pings_are_answered() {
    let mut talk = Talk::new();
    assert_eq!(talk.say(&frame(kind::PING, 0, 0, b"12345678")), [Seen::Pong(*b"12345678")]);
}
