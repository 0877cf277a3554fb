//! Floods (CVE-2023-44487, CVE-2025-8671, CVE-2024-27316, CVE-2026-49975 and their kin): the one who floods is sent away, the
//! server sees no more work than may be under way at a time, and others are served as quickly as ever.

use std::io;
use std::time::{Duration, Instant};

use super::heads::send_block;
use super::scene::{Scene, echo};
use crate::harness::frames::{
    CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, FramePeer, HEADERS, Outcome, PADDED, PING,
    PRIORITY, frame, headers, request, rst_stream, settings, window_update,
};
use crate::harness::hpack::{indexing_block, literal_block};
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Recorder, Step};

/// How much a flood may send before it must be over.
const FLOOD_BYTES_MAX: usize = 64 << 20;
/// How long a client beside a flood waits at most. Wide, because the machine may be busy with other tests.
const LATENCY_MAX: Duration = Duration::from_secs(2);
/// What the memory may grow by for each hostile connection.
const MEMORY_MAX: u64 = 12 << 20;

/// A server that holds what is asked under `/hold`.
fn holding() -> Recorder {
    Recorder::per_request(|request| match request.target.as_str() {
        "/hold" => vec![Step::Hold],
        _ => vec![Step::Send(echo(request))],
    })
}

/// Sends the same again and again until the connection ends; how much went.
fn pour(client: &mut FramePeer, piece: &[u8]) -> usize {
    let mut sent = 0;
    while sent < FLOOD_BYTES_MAX && client.try_send(piece).is_ok() {
        sent += piece.len();
    }
    sent
}

/// The flood ends with a word, or without one where it did not listen; somebody else is served all the while.
#[track_caller]
fn survives(scene: &mut Scene, what: &str, mut client: FramePeer, flood: impl FnOnce(&mut FramePeer) -> usize + Send) {
    let (sent, outcome) = std::thread::scope(|scope| {
        let flooding = scope.spawn(move || {
            let sent = flood(&mut client);
            (sent, client.rest())
        });
        while !flooding.is_finished() {
            let begun = Instant::now();
            scene.expect_well(what);
            let taken = begun.elapsed();
            assert!(taken < LATENCY_MAX, "{what}: another client waited for {taken:?}");
        }
        flooding.join().expect("the flood does not panic")
    });
    assert!(sent < FLOOD_BYTES_MAX, "{what}: the flood was taken");
    let is_told = matches!(outcome, Ok(Outcome::GoneAway(ENHANCE_YOUR_CALM) | Outcome::Closed)) || is_cut(&outcome);
    assert!(is_told, "{what}: {outcome:?} after {sent} bytes");
    scene.expect_well(what);
}

fn is_cut(outcome: &io::Result<Outcome>) -> bool {
    outcome.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::TimedOut)
}

#[test]
fn row_32_rapid_reset() {
    let mut scene = Scene::before(holding(), "");
    let client = scene.connect();
    survives(&mut scene, "rapid reset", client, |client| {
        let mut sent = 0;
        loop {
            let stream = client.take_stream();
            let piece = [headers(stream, END_STREAM, &request("GET", "/hold")), rst_stream(stream, CANCEL)].concat();
            if sent > FLOOD_BYTES_MAX || client.try_send(&piece).is_err() {
                return sent;
            }
            sent += piece.len();
        }
    });
    let reached = scene.requests_to("/hold").len();
    assert!(reached <= 400, "{reached} requests reached the server");
}

/// The same, but each request is let through to the server before it is taken back.
#[test]
fn row_32_resets_at_leisure() {
    let mut scene = Scene::before(holding(), "");
    let mut client = scene.connect();
    let mut outcome = None;
    for _ in 0..2_000 {
        let stream = client.take_stream();
        let sent = client
            .try_send(headers(stream, END_STREAM, &request("GET", "/hold")))
            .and_then(|()| client.try_send(frame(PING, 0, 0, [0; 8])))
            .and_then(|()| client.next_frame_noted())
            .and_then(|()| client.try_send(rst_stream(stream, CANCEL)));
        if sent.is_err() {
            outcome = Some(client.rest());
            break;
        }
        if client.is_over() {
            break;
        }
    }
    let ended = outcome.unwrap_or_else(|| client.rest()).expect("an end");
    assert!(matches!(ended, Outcome::GoneAway(ENHANCE_YOUR_CALM) | Outcome::Closed), "{ended:?}");
    let reached = scene.requests_to("/hold").len();
    assert!(reached <= 400, "{reached} requests reached the server");
    // What was given up ends at the server too.
    eventually(PATIENCE, "requests end at the server", || {
        let conversations = scene.recorder.conversations();
        conversations.iter().filter(|one| one.text().contains("/hold")).all(|one| one.is_over())
    });
    scene.expect_well("resets at leisure");
}

/// Makes the bytes that are wrong on a stream.
type MakeFault = fn(u32) -> Vec<u8>;

/// Six ways to make the server reset the stream (CVE-2025-8671). Some are faults of the connection to the `h2` crate.
#[test]
fn row_32_resets_made_by_us() {
    let mut scene = Scene::before(holding(), "");
    let faults: [(&str, MakeFault); 6] = [
        ("WINDOW_UPDATE of 0", |stream| window_update(stream, 0)),
        ("a window that overflows", |stream| window_update(stream, 0x7fff_ffff)),
        ("PRIORITY of 4 bytes", |stream| frame(PRIORITY, 0, stream, [0; 4])),
        ("a stream that depends on itself", |stream| {
            frame(PRIORITY, 0, stream, [&stream.to_be_bytes()[..], &[0]].concat())
        }),
        ("DATA after the end", |stream| frame(DATA, 0, stream, b"x")),
        ("HEADERS after the end", |stream| headers(stream, END_STREAM, &[("x", "y")])),
    ];
    for (what, fault) in faults {
        let mut client = scene.connect();
        for _ in 0..2_000 {
            let stream = client.take_stream();
            let head = headers(stream, END_STREAM, &request("GET", "/hold"));
            if client.try_send([head, fault(stream), rst_stream(stream, CANCEL)].concat()).is_err() {
                break;
            }
        }
        let ended = client.rest();
        assert!(ended.is_err() || !matches!(ended, Ok(Outcome::Ended)), "{what}: {ended:?}");
        assert!(
            !ended.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::TimedOut),
            "{what}: it was all taken"
        );
        scene.expect_well(what);
    }
    let reached = scene.requests_to("/hold").len();
    assert!(reached <= 400 * faults.len(), "{reached} requests reached the server");
}

#[test]
fn row_33_field_blocks_without_end() {
    let mut scene = Scene::open();
    let begin = frame(HEADERS, END_STREAM, 1, literal_block(&request("GET", "/bad")));
    let more = frame(CONTINUATION, 0, 1, literal_block(&[("x-more", "y".repeat(1_000))]));
    for (what, piece) in
        [("CONTINUATION", more.repeat(16)), ("empty CONTINUATION", frame(CONTINUATION, 0, 1, []).repeat(1_000))]
    {
        let mut client = scene.connect();
        client.send(&begin);
        survives(&mut scene, what, client, |client| pour(client, &piece));
    }
}

#[test]
fn row_33_empty_frames() {
    let mut scene = Scene::before(holding(), "");
    let padding = [&[250][..], &[0; 250]].concat();
    for (what, piece) in [
        ("empty DATA", frame(DATA, 0, 1, [])),
        ("DATA of padding only", frame(DATA, PADDED, 1, padding)),
        ("DATA of one byte of padding", frame(DATA, PADDED, 1, [0])),
    ] {
        let mut client = scene.connect();
        client.send(headers(1, 0, &request("POST", "/bad")));
        survives(&mut scene, what, client, |client| {
            // Small enough that flow control is never what stops it.
            let room = window_update(0, 1);
            drop(client.try_send(room));
            pour(client, &piece.repeat(100))
        });
    }
    let client = scene.connect();
    survives(&mut scene, "empty HEADERS", client, |client| {
        let mut sent = 0;
        loop {
            let piece = frame(HEADERS, END_STREAM | END_HEADERS, client.take_stream(), []);
            if client.try_send(&piece).is_err() || sent > FLOOD_BYTES_MAX {
                return sent;
            }
            sent += piece.len();
        }
    });
}

/// Our answers are not read, so that they have nowhere to go.
#[test]
fn row_34_frames_that_ask_for_nothing() {
    let mut scene = Scene::with("[limits]\nsend_timeout = \"2s\"");
    for (what, piece) in [
        ("PING", frame(PING, 0, 0, [7; 8])),
        ("SETTINGS", settings(&[(4, 65_535)])),
        ("PRIORITY", frame(PRIORITY, 0, 3, [0, 0, 0, 5, 9])),
        ("WINDOW_UPDATE", window_update(0, 1)),
        ("unknown frames", frame(0xee, 0, 0, [1; 100])),
        ("RST_STREAM of a stream that is over", rst_stream(1, CANCEL)),
    ] {
        let mut client = scene.connect();
        let stream = client.get("/open");
        assert_eq!(client.message(stream).status(), 200);
        survives(&mut scene, what, client, |client| pour(client, &piece.repeat(500)));
    }
}

/// What is answered is read all the time: no queue ever fills, and still it is too much.
#[test]
fn row_34_replies_that_are_read() {
    let mut scene = Scene::open();
    for (what, piece) in [("PING", frame(PING, 0, 0, [7; 8])), ("SETTINGS", settings(&[(4, 65_535)]))] {
        let mut client = scene.connect();
        let mut rounds = 0;
        while client.try_send(piece.repeat(100)).is_ok() && !client.is_over() && rounds < 5_000 {
            rounds += 1;
            for _ in 0..100 {
                if client.next_frame_noted().is_err() || client.is_over() {
                    break;
                }
            }
        }
        let ended = client.rest();
        assert!(matches!(ended, Ok(Outcome::GoneAway(ENHANCE_YOUR_CALM))) || is_cut(&ended), "{what}: {ended:?}");
        assert!(rounds < 5_000, "{what}");
        scene.expect_well(what);
    }
}

/// The memory that so many connections took, by each.
#[track_caller]
fn memory_of(scene: &mut Scene, what: &str, count: usize, mut attack: impl FnMut(&mut FramePeer)) {
    let before = scene.evener.process.rss_bytes();
    let mut clients: Vec<FramePeer> = (0..count).map(|_| scene.connect()).collect();
    for client in &mut clients {
        attack(client);
    }
    scene.expect_well(what);
    let grown = scene.evener.process.rss_bytes().saturating_sub(before);
    let each = grown / u64::try_from(count).expect("few");
    println!("{what}: {each} bytes a connection, of {count} connections");
    assert!(each <= MEMORY_MAX, "{what}: {each} bytes a connection");
}

/// A large value in the dynamic table, referred to again and again.
#[test]
fn row_35_hpack_bomb() {
    let mut scene = Scene::open();
    memory_of(&mut scene, "HPACK bomb", 20, |client| {
        client.manners.grants = false;
        let seed = [literal_block(&request("GET", "/open")), indexing_block(&[("x", "v".repeat(4_000))])].concat();
        let stream = client.take_stream();
        client.send(frame(HEADERS, END_STREAM | END_HEADERS, stream, &seed));
        for _ in 0..100 {
            let stream = client.take_stream();
            let block = [literal_block(&request("GET", "/bad")), vec![0x80 | 62; 16_000]].concat();
            if client.try_send(frame(HEADERS, END_STREAM | END_HEADERS, stream, block)).is_err() {
                break;
            }
        }
        drop(client.try_message(stream + 2));
    });
}

/// Thousands of tiny fields by references of one byte, crumbs of a cookie among them, on every stream, while no window lets
/// an answer out (CVE-2026-49975).
#[test]
fn row_35_http2_bomb() {
    let mut scene = Scene::open();
    for (what, seed) in
        [("a tiny field", ("a", "")), ("crumbs", ("cookie", "")), ("crumbs with a value", ("cookie", "a"))]
    {
        memory_of(&mut scene, what, 20, |client| {
            client.send(settings(&[(4, 0)]));
            client.manners.grants = false;
            let first = client.take_stream();
            let block = [literal_block(&request("GET", "/bomb")), indexing_block(&[seed])].concat();
            client.send(frame(HEADERS, END_STREAM | END_HEADERS, first, &block));
            for _ in 0..120 {
                let stream = client.take_stream();
                let block = [literal_block(&request("GET", "/bomb")), vec![0x80 | 62; 1_950]].concat();
                if client.try_send(frame(HEADERS, END_STREAM | END_HEADERS, stream, block)).is_err() {
                    break;
                }
            }
            client.expect_alive(what);
        });
    }
}

/// Heads just within the bound on every stream of a connection, held by a window of nothing.
#[test]
fn row_35_large_heads_held() {
    let mut scene = Scene::open();
    memory_of(&mut scene, "large heads", 10, |client| {
        client.send(settings(&[(4, 0)]));
        client.manners.grants = false;
        let large = "v".repeat(15_000);
        let fields = [("x-a", &large), ("x-b", &large), ("x-c", &large), ("x-d", &large)];
        let block = [literal_block(&request("GET", "/large")), literal_block(&fields)].concat();
        for _ in 0..120 {
            let stream = client.take_stream();
            send_block(client, stream, &block);
        }
        client.expect_alive("large heads");
    });
}

/// A hundred large answers wait for a window that never opens: bounded memory, and an end after `send_timeout`.
#[test]
fn row_35_windows_that_stay_shut() {
    let body = "z".repeat(2 << 20);
    let answer = crate::harness::recorder::ok(&body);
    let recorder = Recorder::per_request(move |request| match request.target.as_str() {
        "/large" => vec![Step::send(&answer)],
        _ => vec![Step::Send(echo(request))],
    });
    let mut scene = Scene::before(recorder, "[limits]\nsend_timeout = \"3s\"");
    memory_of(&mut scene, "shut windows", 4, |client| {
        client.send(settings(&[(4, 0)]));
        client.manners.grants = false;
        for _ in 0..110 {
            client.get("/large");
        }
        client.expect_alive("shut windows");
    });
    let mut client = FramePeer::connect_with(scene.evener.address(), &[(4, 0)]);
    let streams: Vec<u32> = (0..110).map(|_| client.get("/large")).collect();
    for stream in streams {
        let message = client.message(stream);
        assert!(matches!(message.outcome, Some(Outcome::Reset(_))), "{:?}", message.outcome);
    }
    client.expect_alive("a client that took nothing of its answers");
    scene.expect_well("shut windows");
}

/// Room for one byte at a time.
#[test]
fn row_35_windows_of_one_byte() {
    let answer = crate::harness::recorder::ok(&"z".repeat(1 << 20));
    let recorder = Recorder::per_request(move |request| match request.target.as_str() {
        "/large" => vec![Step::send(&answer)],
        _ => vec![Step::Send(echo(request))],
    });
    let mut scene = Scene::before(recorder, "");
    let mut client = FramePeer::connect_with(scene.evener.address(), &[(4, 0)]);
    client.manners.grants = false;
    let stream = client.get("/large");
    survives(&mut scene, "windows of one byte", client, |client| pour(client, &window_update(stream, 1).repeat(100)));
}

/// A head that never ends is not waited for, however often a piece of it comes.
#[test]
fn a_head_in_drops() {
    let mut scene = Scene::with("[limits]\nhead_timeout = \"1s\"");
    let mut client = scene.connect();
    let head = frame(
        HEADERS,
        END_STREAM,
        1,
        [literal_block(&request("GET", "/bad")), literal_block(&[("x", "y".repeat(2_000))])].concat(),
    );
    client.send(&head[..9]);
    client.set_patience(Duration::from_millis(20));
    let begun = Instant::now();
    for byte in &head[9..] {
        // Nothing comes for most of the time.
        if client.try_send([*byte]).is_err() || client.event().is_ok() {
            break;
        }
    }
    let taken = begun.elapsed();
    assert!((Duration::from_millis(900)..Duration::from_secs(8)).contains(&taken), "{taken:?}");
    client.set_patience(PATIENCE);
    let ended = client.rest();
    assert!(matches!(ended, Ok(Outcome::GoneAway(ENHANCE_YOUR_CALM) | Outcome::Closed)) || is_cut(&ended), "{ended:?}");
    scene.expect_well("a head in drops");
}
