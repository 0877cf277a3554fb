//! Frames that must not be, and those that must be passed over (RFC 9113 §3.4 to §6).
//!
//! A reaction is exactly that of the RFC, with its code: the end of the stream where the RFC asks for that, and then the
//! client's other streams go on.

use std::time::Duration;

use super::scene::{Cover, Scene};
use super::windows::upload_until_still;
use crate::harness::frames::{
    ACK, COMPRESSION_ERROR, CONTINUATION, DATA, END_HEADERS, END_STREAM, FLOW_CONTROL_ERROR, FRAME_BYTES,
    FRAME_SIZE_ERROR, FramePeer, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE, Outcome, PADDED, PING, PREFACE, PRIORITIZED,
    PRIORITY, PROTOCOL_ERROR, PUSH_PROMISE, REFUSED_STREAM, RST_STREAM, SETTINGS, STREAM_CLOSED, WINDOW_UPDATE, frame,
    headers, request, rst_stream, settings, window_update,
};
use crate::harness::hpack::literal_block;
use crate::harness::{Recorder, Step};

/// A request whose body is still to come, on stream 1; the server sees its head only.
fn open() -> Vec<u8> {
    headers(1, 0, &request("POST", "/open"))
}

/// A whole request on stream 1.
fn whole(path: &str) -> Vec<u8> {
    headers(1, END_STREAM, &request("GET", path))
}

fn bad_block() -> Vec<u8> {
    literal_block(&request("GET", "/bad"))
}

#[test]
fn row_1_prefaces() {
    let mut scene = Scene::open();
    let bad: [(&str, Vec<u8>); 4] = [
        ("a preface with another end", [&PREFACE[..20], b"XX\r\n", &settings(&[])].concat()),
        ("HTTP/2 without SETTINGS", [PREFACE, &whole("/bad")].concat()),
        ("a PING first", [PREFACE, &frame(PING, 0, 0, [0; 8])].concat()),
        ("noise", (0..200_u8).rev().collect()),
    ];
    for (what, bytes) in bad {
        let mut client = FramePeer::silent(scene.evener.address());
        drop(client.try_send(bytes));
        // §3.4: GOAWAY may be left out. What speaks no HTTP/2 may be answered in HTTP/1.
        let ended = client.rest();
        let is_refused = matches!(ended, Ok(Outcome::Closed | Outcome::GoneAway(PROTOCOL_ERROR))) || ended.is_err();
        assert!(is_refused, "{what}: {ended:?}");
        scene.expect_well(what);
    }
}

#[test]
fn row_1_prefaces_that_are_none_under_tls() {
    let scene = Scene::under(Cover::Tls, Recorder::per_request(|_| Vec::new()), "");
    let none = [&b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..], &PREFACE[..20]].map(|bytes| [bytes, &[b'X'; 40]].concat());
    for bytes in &none {
        let mut client = scene.door.dial();
        client.send(bytes).expect("it is taken");
        // With a word of HTTP/2 or without one, and perhaps with a reset: something was left unread.
        drop(client.until_close(&mut |_| {}));
    }
    let account = scene.account();
    assert_eq!(account.failures.get("h2_malformed"), Some(&2), "{}", account.stderr);
    assert!(account.stderr.contains("does not begin with HTTP/2"), "{}", account.stderr);
}

#[test]
fn row_2_frames_that_are_too_long() {
    let mut scene = Scene::open();
    let long = vec![0; 16_385];
    let padded = [literal_block(&request("GET", "/bad")), literal_block(&[("x", "y".repeat(16_400))])].concat();
    for (what, bytes) in [
        ("HEADERS", frame(HEADERS, END_STREAM | END_HEADERS, 1, padded)),
        ("SETTINGS", frame(SETTINGS, 0, 0, vec![0; 16_386])),
        ("an unknown frame", frame(0x77, 0, 0, &long)),
        (
            "CONTINUATION",
            [frame(HEADERS, END_STREAM, 1, bad_block()), frame(CONTINUATION, END_HEADERS, 1, long.clone())].concat(),
        ),
    ] {
        scene.ends_connection(what, FRAME_SIZE_ERROR, bytes);
    }
    scene.resets_stream("DATA", 1, FRAME_SIZE_ERROR, [open(), frame(DATA, 0, 1, &long)].concat());
}

/// §6.9: what is in error counts against the connection's window all the same, and its room comes back.
#[test]
fn row_2_data_that_is_too_long_gives_its_room_back() {
    let mut scene = Scene::open();
    let mut client = scene.connect();
    client.expect_alive("settings");
    let long = vec![b'x'; 100_000];
    for _ in 0..30 {
        let stream = client.open(0, &request("POST", "/open"));
        client.await_room(100_000);
        client.spend(stream, long.len());
        client.send(frame(DATA, END_STREAM, stream, &long));
        let message = client.message(stream);
        assert_eq!(message.outcome, Some(Outcome::Reset(FRAME_SIZE_ERROR)), "{message:?}");
    }
    scene.expect_well("row 2");
}

#[test]
fn row_3_broken_field_blocks() {
    let mut scene = Scene::open();
    let blocks: [(&str, &[u8]); 9] = [
        ("index 0", &[0x80]),
        ("an index beyond the tables", &[0xc6]),
        ("an index far beyond", &[0xff, 0xff, 0xff, 0xff, 0x07]),
        ("an integer that never ends", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        ("a table size beyond the bound", &[0x3f, 0xe2, 0x1f]),
        ("a table size after a field", &[0x82, 0x20]),
        ("padding of ones, eight bits", &[0x00, 0x82, 0x1f, 0xff, 0x00]),
        ("padding of zeros", &[0x00, 0x81, 0x18, 0x00]),
        ("the end of string within", &[0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00]),
    ];
    for (what, block) in blocks {
        // A whole request stands before what ends the connection.
        let block = [block, &bad_block()].concat();
        let late = [&[0x82][..], &block].concat();
        let block = if what == "a table size after a field" { late } else { block };
        scene.ends_connection(what, COMPRESSION_ERROR, frame(HEADERS, END_STREAM | END_HEADERS, 1, block));
    }
    let cut: [(&str, &[u8]); 6] = [
        ("a name that is cut off", &[0x00, 0x05, b'a']),
        ("a value that is cut off", &[0x41, 0x7f]),
        ("no value", &[0x41]),
        ("an index of a name beyond the tables", &[0x7f, 0x00, 0x01, b'v']),
        ("an integer that is cut off", &[0x7f, 0x80]),
        ("a code of 30 bits that is cut off", &[0x00, 0x83, 0xff, 0xff, 0xff]),
    ];
    for (what, block) in cut {
        let block = [&bad_block(), block].concat();
        scene.ends_connection(what, COMPRESSION_ERROR, frame(HEADERS, END_STREAM | END_HEADERS, 1, block));
    }
}

#[test]
fn row_4_and_5_streams_out_of_order() {
    let mut scene = Scene::open();
    for (what, bytes) in [
        ("an even stream", headers(2, END_STREAM, &request("GET", "/bad"))),
        ("DATA on an idle stream", frame(DATA, 0, 7, b"x")),
        ("RST_STREAM on an idle stream", rst_stream(7, 8)),
        ("WINDOW_UPDATE on an idle stream", window_update(7, 100)),
        ("DATA on an even stream", frame(DATA, 0, 8, b"x")),
    ] {
        scene.ends_connection(what, PROTOCOL_ERROR, bytes);
    }
    // §5.1.1: a stream that was passed over is closed, as one that is over, and need not be known any more.
    let earlier = [headers(5, END_STREAM, &request("GET", "/open")), headers(3, END_STREAM, &request("GET", "/bad"))];
    scene.ends_connection_as("a lower stream", &[PROTOCOL_ERROR, STREAM_CLOSED], earlier.concat());
}

#[test]
fn row_6_frames_after_the_end() {
    // A server that never answers keeps the stream open towards the client.
    let recorder = Recorder::per_request(|request| match request.target.as_str() {
        "/slow" => vec![Step::Hold],
        _ => vec![Step::Send(super::scene::echo(request))],
    });
    let mut scene = Scene::before(recorder, "");
    let trailers = headers(1, END_STREAM, &[("x", "y")]);
    for (what, bytes) in [
        ("DATA", [whole("/slow"), frame(DATA, 0, 1, b"more")].concat()),
        ("DATA of nothing", [whole("/slow"), frame(DATA, END_STREAM, 1, b"")].concat()),
        ("HEADERS", [whole("/slow"), trailers.clone()].concat()),
        ("HEADERS of a request", [whole("/slow"), whole("/bad")].concat()),
        (
            "DATA after a body",
            [headers(1, 0, &request("POST", "/slow")), frame(DATA, END_STREAM, 1, b"a"), frame(DATA, 0, 1, b"b")]
                .concat(),
        ),
        ("HEADERS after trailers", [&headers(1, 0, &request("POST", "/slow"))[..], &trailers, &trailers].concat()),
    ] {
        scene.resets_stream(what, 1, STREAM_CLOSED, bytes);
    }
}

/// §5.1: an answered stream is closed. Its end may be the end of the connection, but never another request, and what does
/// not end it gives its room back.
#[test]
fn row_6_frames_after_both_ends() {
    let mut scene = Scene::open();
    for (what, bytes) in [
        ("DATA", frame(DATA, END_STREAM, 1, b"more")),
        ("HEADERS", headers(1, END_STREAM, &request("GET", "/bad"))),
        ("trailers", headers(1, END_STREAM, &[("x", "y")])),
    ] {
        let mut client = scene.connect();
        client.send(whole("/open"));
        assert_eq!(client.message(1).status(), 200);
        // The other side may end the connection before it has taken all.
        drop(client.try_send([bytes, headers(3, END_STREAM, &request("GET", "/after"))].concat()));
        match client.message(3).outcome {
            Some(Outcome::Ended | Outcome::GoneAway(STREAM_CLOSED | PROTOCOL_ERROR)) => {}
            other => panic!("{what}: {other:?}"),
        }
        scene.expect_well(what);
    }
}

/// §6.9: as in row 2.
#[test]
fn row_6_data_after_the_end_gives_its_room_back() {
    let recorder = Recorder::per_request(|request| match request.target.as_str() {
        "/slow" => vec![Step::Hold],
        _ => vec![Step::Send(super::scene::echo(request))],
    });
    let mut scene = Scene::before(recorder, "");
    let mut client = scene.connect();
    client.expect_alive("settings");
    for _ in 0..150 {
        let stream = client.get("/slow");
        client.insist(stream, &[b'x'; FRAME_BYTES], true);
        let message = client.message(stream);
        assert_eq!(message.outcome, Some(Outcome::Reset(STREAM_CLOSED)), "{message:?}");
    }
    client.expect_alive("row 6");
    scene.expect_well("row 6");
}

#[test]
fn row_7_more_streams_than_offered() {
    let recorder = Recorder::per_request(|request| match request.target.as_str() {
        "/slow" => vec![Step::Pause(Duration::from_millis(300)), Step::Send(super::scene::echo(request))],
        _ => vec![Step::Send(super::scene::echo(request))],
    });
    let mut scene = Scene::before(recorder, "[limits]\nstreams = 4");
    let mut client = scene.connect();
    // The bound holds once it is known.
    client.expect_alive("row 7");
    let streams: Vec<u32> = (0..6).map(|_| client.get("/slow")).collect();
    let outcomes: Vec<_> = streams.iter().map(|stream| client.message(*stream).outcome).collect();
    let refused = outcomes.iter().filter(|outcome| **outcome == Some(Outcome::Reset(REFUSED_STREAM))).count();
    assert_eq!(refused, 2, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Some(Outcome::Ended)).count(), 4, "{outcomes:?}");
    assert_eq!(scene.requests_to("/slow").len(), 4);
    let stream = client.get("/after");
    assert_eq!(client.message(stream).status(), 200);
    scene.expect_well("row 7");
}

#[test]
fn row_8_padding_as_long_as_the_payload() {
    let mut scene = Scene::open();
    let ends = END_STREAM | END_HEADERS | PADDED;
    let block = bad_block();
    let length = u8::try_from(block.len()).expect("a short block");
    for (what, bytes) in [
        ("DATA", [open(), frame(DATA, PADDED, 1, [5, b'a', b'b', b'c', b'd'])].concat()),
        ("DATA of as much", [open(), frame(DATA, PADDED, 1, [4, b'a', b'b', b'c'])].concat()),
        ("DATA of 1", [open(), frame(DATA, PADDED, 1, [1])].concat()),
        ("HEADERS", frame(HEADERS, ends, 1, [&[200][..], &block].concat())),
        ("HEADERS of one more", frame(HEADERS, ends, 1, [&[length + 1][..], &block].concat())),
        (
            "HEADERS with priority",
            frame(HEADERS, ends | PRIORITIZED, 1, [&[length + 1, 0, 0, 0, 0, 9][..], &block].concat()),
        ),
    ] {
        scene.ends_connection(what, PROTOCOL_ERROR, bytes);
    }
    // §4.2: too small for what must be in it.
    for (what, bytes) in [
        ("DATA without its length", [open(), frame(DATA, PADDED, 1, [])].concat()),
        ("HEADERS without its length", frame(HEADERS, ends, 1, [])),
    ] {
        scene.ends_connection_as(what, &[PROTOCOL_ERROR, FRAME_SIZE_ERROR], bytes);
    }
}

#[test]
fn row_9_frames_on_the_wrong_stream() {
    let mut scene = Scene::open();
    for (what, bytes) in [
        ("DATA on 0", frame(DATA, 0, 0, b"x")),
        ("HEADERS on 0", headers(0, END_STREAM, &request("GET", "/bad"))),
        ("RST_STREAM on 0", rst_stream(0, 8)),
        ("PRIORITY on 0", frame(PRIORITY, 0, 0, [0, 0, 0, 1, 0])),
        ("CONTINUATION on 0", frame(CONTINUATION, END_HEADERS, 0, bad_block())),
        ("SETTINGS on 1", frame(SETTINGS, 0, 1, [])),
        ("PING on 1", frame(PING, 0, 1, [0; 8])),
        ("GOAWAY on 1", frame(GOAWAY, 0, 1, [0; 8])),
    ] {
        scene.ends_connection(what, PROTOCOL_ERROR, bytes);
    }
}

#[test]
fn row_10_and_11_frames_of_the_wrong_length() {
    let mut scene = Scene::open();
    for (what, bytes) in [
        ("RST_STREAM", [open(), frame(RST_STREAM, 0, 1, [0; 5])].concat()),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 0, [0, 0, 1])),
        ("WINDOW_UPDATE on a stream", [open(), frame(WINDOW_UPDATE, 0, 1, [0; 6])].concat()),
        ("PING", frame(PING, 0, 0, [0; 7])),
        ("a long PING", frame(PING, 0, 0, [0; 9])),
        ("SETTINGS", frame(SETTINGS, 0, 0, [0; 7])),
        ("an acknowledgement that says something", frame(SETTINGS, ACK, 0, [0, 3, 0, 0, 0, 1])),
        ("GOAWAY", frame(GOAWAY, 0, 0, [0; 7])),
        ("HEADERS without all of its priority", frame(HEADERS, PRIORITIZED | END_HEADERS, 1, [0; 4])),
    ] {
        scene.ends_connection(what, FRAME_SIZE_ERROR, bytes);
    }
    for length in [0, 4, 6] {
        let priority = frame(PRIORITY, 0, 1, vec![0; length]);
        scene.resets_stream(&format!("PRIORITY of {length}"), 1, FRAME_SIZE_ERROR, [open(), priority].concat());
        // A stream that is idle cannot be reset.
        let idle = frame(PRIORITY, 0, 9, vec![0; length]);
        scene.ends_connection(&format!("PRIORITY of {length} on an idle stream"), FRAME_SIZE_ERROR, idle);
    }
}

#[test]
fn row_12_settings_out_of_range() {
    let mut scene = Scene::open();
    for (what, setting, value, code) in [
        ("ENABLE_PUSH 2", 2, 2, PROTOCOL_ERROR),
        ("MAX_FRAME_SIZE 100", 5, 100, PROTOCOL_ERROR),
        ("MAX_FRAME_SIZE 2^24", 5, 1 << 24, PROTOCOL_ERROR),
        ("INITIAL_WINDOW_SIZE 2^31", 4, 1 << 31, FLOW_CONTROL_ERROR),
        ("ENABLE_CONNECT_PROTOCOL 2", 8, 2, PROTOCOL_ERROR),
    ] {
        scene.ends_connection(what, code, settings(&[(setting, value)]));
    }
}

/// §6.9.2: what was sent before is not too much after; nothing more comes until there is room again.
#[test]
fn row_13_a_window_that_becomes_negative() {
    let body = "z".repeat(60_000);
    let answer = crate::harness::recorder::ok(&body);
    let recorder = Recorder::per_request(move |request| match request.target.as_str() {
        "/long" => vec![Step::send(&answer)],
        _ => vec![Step::Send(super::scene::echo(request))],
    });
    let mut scene = Scene::before(recorder, "");
    let mut client = FramePeer::connect_with(scene.evener.address(), &[(4, 20_000)]);
    client.manners.grants = false;
    let stream = client.get("/long");
    while client.so_far(stream).body.len() < 20_000 {
        client.event().expect("the window is used");
    }
    client.send(settings(&[(4, 100)]));
    client.expect_alive("row 13");
    client.send(window_update(stream, 19_000));
    client.expect_alive("row 13");
    assert_eq!(client.so_far(stream).body.len(), 20_000, "the window is below zero");
    client.send([window_update(stream, 100_000), window_update(0, 100_000)].concat());
    let message = client.message(stream);
    assert_eq!((message.outcome, message.text() == body), (Some(Outcome::Ended), true));
    scene.expect_well("row 13");
}

#[test]
fn row_14_to_16_and_20_what_a_client_may_not_say() {
    let mut scene = Scene::open();
    let promise = frame(PUSH_PROMISE, END_HEADERS, 1, [&[0, 0, 0, 2][..], &bad_block()].concat());
    scene.ends_connection("PUSH_PROMISE", PROTOCOL_ERROR, [open(), promise].concat());
    scene.ends_connection("WINDOW_UPDATE 0", PROTOCOL_ERROR, window_update(0, 0));
    scene.ends_connection("a window of 2^31", FLOW_CONTROL_ERROR, window_update(0, 0x7fff_ffff));
    let overflow = [open(), window_update(1, 0x7fff_ffff)].concat();
    scene.resets_stream("a stream's window of 2^31", 1, FLOW_CONTROL_ERROR, overflow);
    scene.resets_stream("WINDOW_UPDATE 0 on a stream", 1, PROTOCOL_ERROR, [open(), window_update(1, 0)].concat());
    // §6.9.2: SETTINGS that make a stream's window overflow.
    let full = [open(), window_update(1, 0x7fff_ffff - 65_535)].concat();
    let overflow = [full.clone(), settings(&[(INITIAL_WINDOW_SIZE, 65_536)])].concat();
    scene.ends_connection("SETTINGS for a window of 2^31", FLOW_CONTROL_ERROR, overflow);
    scene.ignores("the largest windows", [full, window_update(0, 0x7fff_ffff - 65_535)].concat());
}

/// The server reads nothing, so that evener cannot give room back.
#[test]
fn row_20_more_data_than_the_window() {
    let recorder = Recorder::per_head(|request| match request.target.as_str() {
        "/hold" => vec![Step::Freeze(Duration::from_secs(20))],
        _ => vec![Step::Send(super::scene::echo(request))],
    });
    let mut scene = Scene::before(recorder, "");
    let mut client = scene.connect();
    client.expect_alive("row 20");
    client.send(headers(1, 0, &request("POST", "/hold")));
    let piece = frame(DATA, 0, 1, vec![b'x'; 16_384]);
    // No buffer of any kernel on the way takes as much.
    for _ in 0..2_000 {
        if client.try_send(&piece).is_err() {
            break;
        }
    }
    let message = client.message(1);
    assert_eq!(message.outcome, Some(Outcome::Reset(FLOW_CONTROL_ERROR)), "{message:?}");
    client.expect_alive("row 20");
    scene.expect_well("row 20");
}

/// The streams have room, and the connection has none.
#[test]
fn row_20_more_data_than_the_window_of_the_connection() {
    let recorder = Recorder::narrow_per_head(|request| match request.target.as_str() {
        "/hold" => vec![Step::Freeze(Duration::from_secs(20))],
        _ => vec![Step::Send(super::scene::echo(request))],
    });
    let mut scene = Scene::before(recorder, "");
    let mut client = scene.connect();
    client.expect_alive("row 20");
    let streams: Vec<u32> = (0..90).map(|_| client.open(0, &request("POST", "/hold"))).collect();
    upload_until_still(&mut client, &streams, &vec![b'x'; 1 << 20]);
    let more = client.room() + 1;
    let stream = streams.into_iter().find(|stream| client.room_of(*stream) >= more).expect("a stream with room");
    let more = usize::try_from(more).expect("a little");
    assert!(more <= FRAME_BYTES, "the connection has room for {more} bytes");
    client.send(frame(DATA, 0, stream, vec![b'x'; more]));
    assert_eq!(client.rest().expect("an end"), Outcome::GoneAway(FLOW_CONTROL_ERROR));
    scene.expect_well("row 20");
}

#[test]
fn row_17_and_18_field_blocks_interrupted() {
    let mut scene = Scene::open();
    let begin = frame(HEADERS, END_STREAM, 1, bad_block());
    for (what, bytes) in [
        ("DATA within", [&begin[..], &frame(DATA, 0, 1, b"x")].concat()),
        ("PING within", [&begin[..], &frame(PING, 0, 0, [0; 8])].concat()),
        ("an unknown frame within", [&begin[..], &frame(0x77, 0, 1, [])].concat()),
        ("HEADERS within", [&begin[..], &headers(3, END_STREAM, &request("GET", "/bad"))].concat()),
        ("CONTINUATION of another", [&begin[..], &frame(CONTINUATION, END_HEADERS, 3, [])].concat()),
        ("CONTINUATION first", frame(CONTINUATION, END_HEADERS, 1, bad_block())),
        ("CONTINUATION after the end", [whole("/open"), frame(CONTINUATION, END_HEADERS, 1, [])].concat()),
    ] {
        scene.ends_connection(what, PROTOCOL_ERROR, bytes);
    }
}

#[test]
fn row_19_what_is_unknown() {
    let mut scene = Scene::open();
    scene.ignores("an unknown frame", frame(0x77, 0xff, 0, b"whatever"));
    scene.ignores("an unknown frame on a stream", [open(), frame(0xbe, 0, 1, b"whatever")].concat());
    scene.ignores("an unknown setting", settings(&[(0x77, 5), (0xfafa, u32::MAX)]));
    scene.ignores("unknown flags", frame(PING, 0xf6, 0, [1; 8]));
    scene.ignores("a PRIORITY on an idle stream", frame(PRIORITY, 0, 77, [0, 0, 0, 0, 9]));
    scene.ignores("GOAWAY", frame(GOAWAY, 0, 0, [&[0; 8][..], b"why not"].concat()));
    let mut client = scene.connect();
    // The highest bit of a stream is reserved and ignored.
    client.send(headers(1 | 1 << 31, END_STREAM, &request("GET", "/after")));
    assert_eq!(client.message(1).status(), 200);
}
