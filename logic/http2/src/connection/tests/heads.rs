//! Requests and their trailers, and the heads of answers.

use super::*;

#[test]
fn a_request_is_taken_as_text() {
    let mut talk = Talk::new();
    let slot = talk.open(&get(1));
    assert_eq!(talk.take_events(), [Event::Opened(slot)]);
    let sort = RequestSort { method: Method::Other, is_tunnel: false, has_length: false, has_body: false };
    assert_eq!((talk.machine.request_sort(slot), talk.machine.is_ended(slot)), (sort, true));
    assert_eq!(talk.head(slot), "GET / HTTP/1.1\r\nhost: a\r\n");
    assert_eq!(talk.head(slot), "", "once");
    let slot = talk.open(&post_with(3, &[("content-length", "3")]));
    let sort = RequestSort { has_length: true, has_body: true, ..sort };
    assert_eq!((talk.machine.request_sort(slot), talk.machine.is_ended(slot)), (sort, false));
    assert_eq!(talk.head(slot), "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n");
}

#[test]
fn a_block_may_come_in_many_frames() {
    let mut talk = Talk::new();
    let block = request_block("GET", &[("x", "y")]);
    let mut frames = frame(kind::HEADERS, END, 1, b"");
    for byte in &block {
        frames.extend(frame(kind::CONTINUATION, 0, 1, &[*byte]));
    }
    assert_eq!(talk.say(&frames), []);
    assert_eq!(talk.take_events(), []);
    let slot = talk.open(&frame(kind::CONTINUATION, LAST, 1, b""));
    assert_eq!(talk.head(slot), "GET / HTTP/1.1\r\nhost: a\r\nx: y\r\n");
    assert!(talk.machine.is_ended(slot), "the first frame says so");
}

#[test]
fn a_block_has_a_bound() {
    let bound = BOUNDS.head_bytes_max as usize;
    for (bytes, end) in
        [(bound + bound / 4 + KEPT_BYTES_MAX, None), (bound + bound / 4 + KEPT_BYTES_MAX + 1, Some(End::Calmed))]
    {
        let mut talk = Talk::new();
        // Dynamic table size updates: bytes that decode to nothing.
        talk.say(&frame(kind::HEADERS, END, 1, &vec![0x20; 16_000]));
        for piece in vec![0x20; bytes - 16_000].chunks(16_000) {
            talk.say(&frame(kind::CONTINUATION, 0, 1, piece));
        }
        assert_eq!(talk.machine.end(), end);
        assert!(talk.held.is_empty());
    }
}

#[test]
fn a_malformed_request_is_given_to_be_refused() {
    let mut talk = Talk::new();
    let slot = talk.open(&frame(kind::HEADERS, END | LAST, 1, &block(&[("x", "y")])));
    assert_eq!(talk.machine.head_fault(slot), Some(HeadFault::Malformed));
    assert_eq!((talk.head(slot).as_str(), talk.machine.lost(slot)), ("", None));
    assert_eq!(talk.answer(slot, "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").len(), 1);
    assert_eq!(talk.release(slot), []);
    let value = "y".repeat(BOUNDS.head_bytes_max as usize);
    let slot = talk.open(&frame(kind::HEADERS, LAST, 3, &request_block("GET", &[("x", &value)])));
    assert_eq!(talk.machine.head_fault(slot), Some(HeadFault::TooLarge));
    assert_eq!(talk.release(slot), [reset_seen(3, Code::InternalError)]);
}

/// Tiny blocks become long text through the table, and nobody takes it.
#[test]
fn heads_that_nobody_takes_are_bounded() {
    let bounds = Bounds { streams_max: 1000, head_bytes_max: 64 * 1024, ..BOUNDS };
    for of_trailers in [false, true] {
        let mut talk = Talk::with(bounds, &[]);
        let entry = [&[0x40, 1, b'x', 127, 0xa1, 30][..], &vec![b'y'; 4000]].concat();
        talk.open(&frame(kind::HEADERS, LAST, 1, &[&request_block("POST", &[])[..], &entry].concat()));
        let references = [0xbe; 15];
        let mut refused = 0;
        for number in (3..).step_by(2).take(100) {
            if of_trailers {
                let slot = talk.open(&post(number));
                talk.head(slot);
                talk.say(&frame(kind::HEADERS, END | LAST, number, &references));
                refused += usize::from(talk.machine.lost(slot).is_some());
            } else {
                let block = [&request_block("POST", &[])[..], &references].concat();
                let slot = talk.open(&frame(kind::HEADERS, LAST, number, &block));
                refused += usize::from(talk.machine.head_fault(slot) == Some(HeadFault::TooLarge));
            }
        }
        let fit = HEADS_BYTES_MAX / (15 * 4004);
        assert!((95 - fit..=101 - fit).contains(&refused), "{refused} of 100");
        assert!(talk.machine.heads_bytes <= HEADS_BYTES_MAX);
        // There is room again once they are taken.
        for slot in talk.held.clone() {
            talk.release(slot);
        }
        assert_eq!(talk.machine.heads_bytes, 0);
    }
}

#[test]
fn trailers_end_a_body() {
    let mut talk = Talk::new();
    let slot = talk.open(&post(1));
    talk.say(&data(1, 0, b"abc"));
    talk.take_events();
    assert_eq!(talk.say(&trailers(1, END, &[("x-sum", "1"), ("y", "2")])), []);
    assert_eq!(talk.take_events(), [Event::Readable(slot)]);
    assert!(talk.machine.is_ended(slot));
    assert_eq!(talk.take(slot), b"abc");
    assert_eq!(talk.machine.trailers(slot), b"x-sum: 1\r\ny: 2\r\n");
    for (flags, fields) in [
        (0, &[("a", "b")][..]),
        (END, &[(":path", "/")]),
        (END, &[("connection", "close")]),
        (END, &[("A", "b")]),
        (END, &[("a", "b\r\nc: d")]),
    ] {
        check_reset(&[post(1), trailers(1, flags, fields)], 1, Code::ProtocolError);
    }
    let long = "y".repeat(BOUNDS.head_bytes_max as usize);
    check_reset(&[post(1), trailers(1, END, &[("a", &long)])], 1, Code::ProtocolError);
    let tunnel =
        [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/"), (":authority", "a")];
    check_reset(
        &[frame(kind::HEADERS, LAST, 1, &block(&tunnel)), trailers(1, END, &[("a", "b")])],
        1,
        Code::ProtocolError,
    );
}

#[test]
fn tables_keep_in_step_whatever_becomes_of_a_block() {
    let bounds = Bounds { streams_max: 1, ..BOUNDS };
    let entry = |name: u8| [0x40, 1, name, 1, name];
    let first = |talk: &mut Talk| talk.open(&frame(kind::HEADERS, LAST, 1, &request_block("POST", &[])));
    type Case = fn(&mut Talk, Slot, &[u8]);
    let cases: [(&str, Case); 6] = [
        ("refused", |talk, _, entry| drop(talk.say(&frame(kind::HEADERS, END | LAST, 3, entry)))),
        ("malformed trailers", |talk, _, entry| drop(talk.say(&frame(kind::HEADERS, LAST, 1, entry)))),
        ("after the end", |talk, _, entry| {
            talk.say(&[data(1, END, b""), frame(kind::HEADERS, LAST, 1, entry)].concat());
        }),
        ("dropped", |talk, slot, entry| {
            talk.release(slot);
            talk.say(&frame(kind::HEADERS, END | LAST, 1, entry));
        }),
        ("malformed", |talk, slot, entry| {
            talk.release(slot);
            let slot = talk.open(&frame(kind::HEADERS, END | LAST, 3, &[&block(&[("X", "y")]), entry].concat()));
            talk.release(slot);
        }),
        ("too late", |talk, _, entry| {
            talk.machine.say_last();
            talk.say(&frame(kind::HEADERS, END | LAST, 3, entry));
        }),
    ];
    for (name, case) in cases {
        let mut talk = Talk::with(bounds, &[]);
        let slot = first(&mut talk);
        talk.head(slot);
        case(&mut talk, slot, &entry(b'a'));
        assert_eq!(talk.machine.end(), None, "{name}");
        // Read by the table itself, as there may be no further stream.
        let mut fields = Vec::new();
        let mut take = |name: &[u8], value: &[u8]| fields.push((name.to_vec(), value.to_vec()));
        assert_eq!(talk.machine.decoder.decode(&[0xbe], &mut take), Ok(()), "{name}");
        assert_eq!(fields, [(b"a".to_vec(), b"a".to_vec())], "{name}");
    }
}

#[test]
fn answers_begin_and_end() {
    let mut talk = Talk::new();
    let mut number = 1;
    let mut check = |text: &str, method: Method, is_over: bool, status: &str| {
        let slot = talk.open(&get(number));
        let answered = talk.machine.answer(slot, text.as_bytes(), method, &mut talk.known).unwrap();
        assert_eq!((answered.is_over, answered.head_bytes), (is_over, text.len()), "{text}");
        let [Seen::Head { stream, fields, is_end }] = &talk.hear()[..] else { panic!("{text}") };
        assert_eq!((*stream, *is_end), (number, is_over));
        assert_eq!(fields[0], (":status".to_owned(), status.to_owned()));
        assert_eq!(talk.machine.has_streams(), !is_over);
        if status.starts_with('1') {
            // The last head may come still.
            assert!(talk.machine.answer(slot, b"HTTP/1.1 200 OK\r\n\r\n", method, &mut talk.known).is_some());
        }
        talk.release(slot);
        number += 2;
    };
    check("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n", Method::Get, false, "200");
    check("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n", Method::Head, true, "200");
    check("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Method::Get, true, "200");
    check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Method::Get, false, "200");
    check("HTTP/1.1 200 OK\r\n\r\n", Method::Get, false, "200");
    check("HTTP/1.1 204 No Content\r\n\r\n", Method::Get, true, "204");
    check("HTTP/1.1 304 Not Modified\r\ncontent-length: 3\r\n\r\n", Method::Get, true, "304");
    check("HTTP/1.1 100 Continue\r\n\r\n", Method::Get, false, "100");
    check("HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n", Method::Get, false, "103");
    check("HTTP/1.1 101 Switching Protocols\r\n\r\n", Method::Get, false, "200");
}

#[test]
fn what_is_not_of_our_writing_is_not_said() {
    let mut talk = Talk::new();
    let slot = talk.open(&get(1));
    for text in ["", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\na: b\r\n", "HTTP/2 200 OK\r\n\r\n"] {
        assert_eq!(talk.machine.answer(slot, text.as_bytes(), Method::Get, &mut talk.known), None);
        assert_eq!(talk.hear(), []);
    }
    talk.answer(slot, "HTTP/1.1 204 No Content\r\n\r\n");
}

/// Heads and trailers of any length, in frames that the client takes; the reader looks at their lengths.
#[test]
fn long_heads_go_in_pieces() {
    for payload_bytes_max in [16_384, 20_000] {
        for bytes in [16_000, 16_370, 16_384, 16_385, 19_990, 20_000, 20_001, 32_768, 40_000, 100_000] {
            let mut talk = Talk::with(BOUNDS, &[(5, payload_bytes_max)]);
            assert_eq!(talk.machine.payload_bytes_max, payload_bytes_max);
            let slot = talk.open(&get(1));
            // As long with Huffman's code as without.
            let value = "\\".repeat(bytes);
            let text = format!("HTTP/1.1 200 OK\r\nx: {value}\r\ntransfer-encoding: chunked\r\n\r\n");
            let seen = talk.answer(slot, &text);
            let [Seen::Head { fields, is_end: false, .. }] = &seen[..] else { panic!("{bytes}") };
            assert_eq!(fields[1], ("x".to_owned(), value.clone()));
            talk.machine.end_message(slot, format!("y: {value}\r\n").as_bytes(), &mut talk.known);
            let fields = vec![("y".to_owned(), value)];
            assert_eq!(talk.hear(), [Seen::Head { stream: 1, fields, is_end: true }]);
            assert!(!talk.machine.has_streams());
        }
    }
}

/// RFC 7541 §4.2: our table follows the client's.
#[test]
fn our_table_follows_the_client() {
    let mut talk = Talk::new();
    for (number, bytes) in [(1, 4096), (3, 0), (5, 100), (7, u32::MAX)] {
        talk.say(&settings(&[(1, 0), (1, bytes)]));
        for number in [number * 10 + 1, number * 10 + 3, number * 10 + 5] {
            let slot = talk.open(&get(number));
            let seen = talk.answer(slot, "HTTP/1.1 200 OK\r\nserver: here\r\ncontent-length: 0\r\n\r\n");
            let [Seen::Head { fields, .. }] = &seen[..] else { panic!("{seen:?}") };
            assert_eq!(fields[1], ("server".to_owned(), "here".to_owned()));
            talk.release(slot);
        }
    }
}
