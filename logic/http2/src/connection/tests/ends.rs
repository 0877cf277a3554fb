//! How streams and connections end.

use super::*;

#[test]
fn a_client_takes_its_request_back() {
    let mut talk = Talk::new();
    let slot = talk.open(&post(1));
    talk.say(&data(1, 0, b"abc"));
    talk.take_events();
    assert_eq!(talk.say(&reset(1)), []);
    assert_eq!(talk.take_events(), [Event::Lost(slot)]);
    assert_eq!((talk.machine.lost(slot), talk.machine.unread(slot)), (Some(Lost::TakenBack), 0));
    assert!(!talk.machine.has_streams() && talk.machine.has_held());
    assert_eq!(talk.release(slot), []);
    assert!(!talk.machine.has_held());
}

#[test]
fn an_unfinished_answer_is_an_error() {
    let mut talk = Talk::new();
    let slot = talk.open(&get(1));
    assert_eq!(talk.release(slot), [reset_seen(1, Code::InternalError)]);
    let slot = talk.open(&get(3));
    talk.begin_answer(slot);
    assert_eq!(talk.release(slot), [reset_seen(3, Code::InternalError)]);
    let slot = talk.open(&get(5));
    talk.begin_answer(slot);
    talk.machine.end_message(slot, b"", &mut talk.known);
    assert_eq!(talk.hear(), [Seen::Data { stream: 5, payload: vec![], is_end: true }]);
    assert_eq!(talk.release(slot), []);
}

#[test]
fn streams_beyond_the_bound_are_refused() {
    let bounds = Bounds { streams_max: 2, ..BOUNDS };
    let mut talk = Talk::with(bounds, &[]);
    let first = talk.open(&post(1));
    talk.open(&post(3));
    assert_eq!(talk.say(&post(5)), [reset_seen(5, Code::RefusedStream)]);
    assert_eq!(talk.held.len(), 2);
    // It may have gone on before it could know.
    assert_eq!(talk.say(&[data(5, 0, b"x"), data(5, END, b"y")].concat()), []);
    assert_eq!(talk.say(&get(7)), [reset_seen(7, Code::RefusedStream)]);
    talk.say(&reset(1));
    talk.release(first);
    talk.exchange(9);
}

#[test]
fn streams_that_were_taken_back_and_are_held_still_are_bounded() {
    let bounds = Bounds { streams_max: 2, taken_back_max: 3, ..BOUNDS };
    let mut talk = Talk::with(bounds, &[]);
    for number in (1..11).step_by(2) {
        assert_eq!(talk.say(&[get(number), reset(number)].concat()), []);
    }
    assert_eq!((talk.held.len(), talk.machine.end()), (5, None));
    talk.say(&get(11));
    assert_eq!(talk.machine.end(), Some(End::Calmed));
}

#[test]
fn a_connection_drains() {
    let mut talk = Talk::new();
    let slot = talk.open(&post(1));
    talk.machine.drain();
    let told = talk.hear();
    let [Seen::Goaway { last: crate::frame::STREAM_MAX, code: 0 }, Seen::Ping(ping)] = told[..] else {
        panic!("{told:?}")
    };
    talk.machine.drain();
    assert_eq!(talk.hear(), [], "once");
    // What the client opens before it knows is served.
    let other = talk.open(&get(3));
    assert_eq!(talk.say(&frame(kind::PING, flag::ACK, 0, &[0; 8])), [], "an answer to none of ours");
    assert_eq!(talk.say(&frame(kind::PING, flag::ACK, 0, &ping)), [Seen::Goaway { last: 3, code: 0 }]);
    assert_eq!(talk.say(&frame(kind::PING, flag::ACK, 0, &ping)), []);
    // What comes later is not.
    assert_eq!(talk.say(&[post(5), data(5, 0, b"abc"), data(5, END, b"d")].concat()), []);
    assert_eq!((talk.held.len(), talk.machine.is_over()), (2, false));
    talk.answer(other, "HTTP/1.1 204 No Content\r\n\r\n");
    talk.release(other);
    talk.say(&data(1, END, b"x"));
    assert!(!talk.machine.is_over());
    talk.answer(slot, "HTTP/1.1 204 No Content\r\n\r\n");
    assert!(talk.machine.is_over());
    talk.release(slot);
    assert_eq!(talk.machine.end(), None);
}

/// RFC 9113 §6.8: the last stream that was told must not rise; and uploads that cross the word are no fault.
#[test]
fn the_last_stream_stays_the_last() {
    let mut talk = Talk::new();
    let slot = talk.open(&get(1));
    talk.machine.say_last();
    assert_eq!(talk.hear(), [Seen::Goaway { last: 1, code: 0 }]);
    for number in (3..2000).step_by(2) {
        assert_eq!(talk.say(&[post(number), data(number, 0, b"abc")].concat()), []);
    }
    assert_eq!(talk.machine.end(), None);
    talk.machine.say_last();
    assert_eq!(talk.hear(), []);
    assert_eq!(talk.say(&update(0, 0)), [Seen::Goaway { last: 1, code: Code::ProtocolError as u32 }]);
    assert_eq!(talk.release(slot), []);
}

#[test]
fn streams_end_with_their_connection() {
    type Act = fn(&mut Talk);
    let end_by: [(Act, End); 3] = [
        (|talk| talk.machine.leave(), End::Gone),
        (|talk| talk.machine.calm(), End::Calmed),
        (|talk| drop(talk.say(&update(0, 0))), End::Broken(Code::ProtocolError)),
    ];
    for (act, end) in end_by {
        let mut talk = Talk::new();
        let open = talk.open(&post(1));
        let answered = talk.open(&get(3));
        talk.say(&data(1, 0, b"abc"));
        talk.begin_answer(answered);
        let over = talk.open(&post(5));
        talk.say(&data(5, END, b"to be read still"));
        talk.answer(over, "HTTP/1.1 204 No Content\r\n\r\n");
        talk.take_events();
        act(&mut talk);
        assert_eq!(talk.machine.end(), Some(end));
        let mut events = talk.take_events();
        events.retain(|event| matches!(event, Event::Lost(_)));
        assert_eq!(events, [Event::Lost(open), Event::Lost(answered)]);
        assert_eq!(talk.machine.lost(open), Some(Lost::Connection));
        assert_eq!(talk.machine.lost(over), None);
        assert_eq!(talk.take(over), b"to be read still");
        // Nothing is said any more, and the first end stays.
        talk.machine.leave();
        talk.machine.calm();
        talk.machine.drain();
        talk.machine.say_last();
        talk.say(&get(7));
        assert_eq!((talk.machine.end(), talk.held.len()), (Some(end), 3));
        for slot in [open, answered, over] {
            assert_eq!(talk.release(slot), []);
        }
        assert!(!talk.machine.has_held());
    }
}

#[test]
fn rest_frees_what_was_kept() {
    let mut talk = Talk::new();
    talk.exchange(1);
    for (number, bytes) in [(3, 300), (5, 30_000)] {
        let slot = talk.open(&post_with(number, &[("cookie", &"a".repeat(3000))]));
        talk.say(&[&data(number, 0, &vec![0; bytes / 2])[..], &data(number, END, &vec![0; bytes / 2])[..7]].concat());
        talk.begin_answer(slot);
        talk.release(slot);
        talk.say(&data(number, END, &vec![0; bytes / 2])[7..]);
    }
    // A refused head, and a frame that is cut.
    talk.say(&frame(kind::HEADERS, END | LAST, 7, &block(&[(":method", "GET"), (":method", "GET")])));
    let refused = talk.held[0];
    talk.release(refused);
    let ping = frame(kind::PING, 0, 0, b"12345678");
    talk.say(&ping[..12]);
    talk.machine.rest();
    let machine = &talk.machine;
    assert_eq!(machine.output.capacity() + machine.crumbs.capacity() + machine.line.capacity(), 0);
    assert_eq!(machine.events.capacity(), 0);
    assert_eq!(machine.streams.held_count(), 0);
    assert_eq!(talk.say(&ping[12..]), [Seen::Pong(*b"12345678")], "what is begun goes on");
    talk.machine.rest();
    assert_eq!(talk.machine.payload.capacity(), 0);
    talk.exchange(9);
}

/// A number as long as the same thing is under way, and none between frames and within a body.
#[test]
fn what_is_unfinished_has_a_number() {
    let mut talk = Talk::new();
    assert_eq!(talk.machine.unfinished(), None);
    let mut numbers = vec![];
    let mut feed = |talk: &mut Talk, frame: &[u8], is_block: bool| {
        let mut same = None;
        for byte in &frame[..frame.len() - 1] {
            talk.say(&[*byte]);
            let number = talk.machine.unfinished();
            assert!(number.is_some() && (same.is_none() || same == number), "{frame:?}");
            same = number;
        }
        talk.say(&frame[frame.len() - 1..]);
        assert_eq!(talk.machine.unfinished(), same.filter(|_| is_block));
        numbers.push(same);
        numbers.dedup();
    };
    feed(&mut talk, &get(1), false);
    feed(&mut talk, &frame(kind::PING, 0, 0, &[0; 8]), false);
    feed(&mut talk, &frame(0x33, 0, 0, &[0; 8]), false);
    let block = request_block("POST", &[]);
    feed(&mut talk, &frame(kind::HEADERS, 0, 3, &block[..5]), true);
    feed(&mut talk, &frame(kind::CONTINUATION, 0, 3, &block[5..9]), true);
    feed(&mut talk, &frame(kind::CONTINUATION, LAST, 3, &block[9..]), false);
    assert_eq!(numbers.len(), 4);
    let data = data(3, 0, b"abc");
    talk.say(&data[..8]);
    assert!(talk.machine.unfinished().is_some());
    for byte in &data[8..] {
        talk.say(&[*byte]);
        assert_eq!(talk.machine.unfinished(), None);
    }
}
