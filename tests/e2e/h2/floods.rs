//! Floods (CVE-2023-44487, CVE-2025-8671, CVE-2024-27316 and their kin): the one who floods is sent away and counted, the
//! server sees no more work than may be under way at a time, and others are served as quickly as ever.

use std::time::{Duration, Instant};

use super::scene::{Cover, Scene, echo};
use super::siege::{is_cut, pour, pour_streams, survives, survives_as, survives_unheard};
use crate::harness::frames::{
    CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, FramePeer, HEADERS, Outcome, PADDED, PING,
    PRIORITY, frame, headers, rst_stream, settings, window_update,
};
use crate::harness::hpack::literal_block;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Recorder, Step};

/// Reasons of the account.
const FLOOD: &str = "h2_flood";
const TAKEN_BACK: &str = "h2_taken_back";

over_both!(
    row_32_rapid_reset,
    row_32_resets_at_leisure,
    row_32_resets_made_by_us,
    row_32_a_few_resets_made_by_us,
    row_33_field_blocks_without_end,
    row_33_empty_frames,
    row_34_frames_that_ask_for_nothing,
    row_34_answers_that_are_not_read,
    row_34_replies_that_are_read,
    a_head_in_drops,
);

/// A server that holds what is asked under `/hold`.
fn holding() -> Recorder {
    Recorder::per_request(|request| match request.target.as_str() {
        "/hold" => vec![Step::Hold],
        _ => vec![Step::Send(echo(request))],
    })
}

fn row_32_rapid_reset(cover: Cover) {
    let scene = Scene::under(cover, holding(), "");
    // With the requests that come at once before any is looked at, or with those that are.
    survives_as(scene, "rapid reset", &[FLOOD, TAKEN_BACK], |client| {
        pour_streams(client, |client, stream| {
            [headers(stream, END_STREAM, &client.request("GET", "/hold")), rst_stream(stream, CANCEL)].concat()
        })
    });
}

/// The same, but each request is let through to the server before it is taken back.
fn row_32_resets_at_leisure(cover: Cover) {
    let mut scene = Scene::under(cover, holding(), "");
    let mut client = scene.connect();
    let begun = Instant::now();
    let mut outcome = None;
    for _ in 0..2_000 {
        let stream = client.take_stream();
        let head = client.request("GET", "/hold");
        let sent = client
            .try_send(headers(stream, END_STREAM, &head))
            .and_then(|()| client.try_send(frame(PING, 0, 0, [0; 8])))
            .and_then(|()| client.next_frame_noted())
            .and_then(|_| client.try_send(rst_stream(stream, CANCEL)));
        if sent.is_err() {
            outcome = Some(client.rest());
            break;
        }
        if client.is_over() {
            break;
        }
    }
    let ended = outcome.unwrap_or_else(|| client.rest());
    assert!(matches!(ended, Ok(Outcome::GoneAway(ENHANCE_YOUR_CALM) | Outcome::Closed)) || is_cut(&ended), "{ended:?}");
    let reached = scene.requests_to("/hold").len();
    assert!(reached <= 400, "{reached} requests reached the server");
    // What was given up ends at the server too.
    eventually(PATIENCE, "requests end at the server", || {
        let conversations = scene.recorder.conversations();
        conversations.iter().filter(|one| one.text().contains("/hold")).all(|one| one.is_over())
    });
    scene.expect_well("resets at leisure");
    scene.expect_counted("resets at leisure", TAKEN_BACK, 1, begun);
}

/// Makes the bytes that are wrong on a stream.
type MakeFault = fn(u32) -> Vec<u8>;

/// Six ways to make a server reset a stream (CVE-2025-8671). The fourth is no fault any more (RFC 9113 §5.3.1), and asks for
/// nothing.
const FAULTS: [(&str, MakeFault); 6] = [
    ("WINDOW_UPDATE of 0", |stream| window_update(stream, 0)),
    ("a window that overflows", |stream| window_update(stream, 0x7fff_ffff)),
    ("PRIORITY of 4 bytes", |stream| frame(PRIORITY, 0, stream, [0; 4])),
    ("a stream that depends on itself", |stream| {
        frame(PRIORITY, 0, stream, [&stream.to_be_bytes()[..], &[0]].concat())
    }),
    ("DATA after the end", |stream| frame(DATA, 0, stream, b"x")),
    ("HEADERS after the end", |stream| headers(stream, END_STREAM, &[("x", "y")])),
];

fn row_32_resets_made_by_us(cover: Cover) {
    for (what, fault) in FAULTS {
        survives(Scene::under(cover, holding(), ""), what, FLOOD, |client| {
            pour_streams(client, |client, stream| {
                [headers(stream, END_STREAM, &client.request("GET", "/hold")), fault(stream)].concat()
            })
        });
    }
}

/// A client with a defect is no flood.
fn row_32_a_few_resets_made_by_us(cover: Cover) {
    let mut scene = Scene::under(cover, holding(), "");
    for (what, fault) in FAULTS {
        let mut client = scene.connect();
        for _ in 0..5 {
            let stream = client.get("/hold");
            client.send(fault(stream));
            if what != "a stream that depends on itself" {
                assert!(matches!(client.message(stream).outcome, Some(Outcome::Reset(_))), "{what}");
            }
            let other = client.get("/other");
            assert_eq!(client.message(other).status(), 200, "{what}");
        }
    }
    scene.expect_well("a few resets");
    assert_eq!(scene.account().failures.get(FLOOD), None);
}

fn row_33_field_blocks_without_end(cover: Cover) {
    let more = frame(CONTINUATION, 0, 1, literal_block(&[("x-more", "y".repeat(1_000))]));
    for (what, piece) in
        [("CONTINUATION", more.repeat(16)), ("empty CONTINUATION", frame(CONTINUATION, 0, 1, []).repeat(1_000))]
    {
        survives(Scene::under(cover, holding(), ""), what, FLOOD, |client| {
            client.send(frame(HEADERS, END_STREAM, 1, literal_block(&client.request("GET", "/bad"))));
            pour(client, &piece)
        });
    }
}

fn row_33_empty_frames(cover: Cover) {
    let padding = [&[250][..], &[0; 250]].concat();
    for (what, piece) in [
        ("empty DATA", frame(DATA, 0, 1, [])),
        ("DATA of padding only", frame(DATA, PADDED, 1, padding)),
        ("DATA of one byte of padding", frame(DATA, PADDED, 1, [0])),
    ] {
        survives(Scene::under(cover, holding(), ""), what, FLOOD, |client| {
            client.send(headers(1, 0, &client.request("POST", "/bad")));
            pour(client, &piece.repeat(100))
        });
    }
    survives(Scene::under(cover, holding(), ""), "empty HEADERS", FLOOD, |client| {
        pour_streams(client, |_, stream| frame(HEADERS, END_STREAM | END_HEADERS, stream, []))
    });
}

/// Our answers, if there are any, are not read.
fn row_34_frames_that_ask_for_nothing(cover: Cover) {
    let begin = |client: &mut FramePeer| {
        let stream = client.get("/open");
        assert_eq!(client.message(stream).status(), 200);
    };
    for (what, piece) in [
        ("PRIORITY", frame(PRIORITY, 0, 3, [0, 0, 0, 5, 9])),
        ("WINDOW_UPDATE", window_update(0, 1)),
        ("unknown frames", frame(0xee, 0, 0, [1; 100])),
        ("RST_STREAM of a stream that is over", rst_stream(1, CANCEL)),
    ] {
        survives(Scene::under(cover, holding(), ""), what, FLOOD, |client| {
            begin(client);
            pour(client, &piece.repeat(500))
        });
    }
    for (what, piece) in [("PING", frame(PING, 0, 0, [7; 8])), ("SETTINGS", settings(&[(4, 65_535)]))] {
        survives_unheard(Scene::under(cover, holding(), ""), what, FLOOD, |client| {
            begin(client);
            pour(client, &piece.repeat(500))
        });
    }
}

/// Answers that nobody takes, though the windows of HTTP/2 are open: the connection is given up, and what was under way on it
/// ends with that reason.
fn row_34_answers_that_are_not_read(cover: Cover) {
    const COUNT: usize = 100;
    let answer = crate::harness::recorder::ok(&"z".repeat(100 << 10));
    let recorder = Recorder::per_request(move |request| match request.target.as_str() {
        "/page" => vec![Step::send(&answer)],
        _ => vec![Step::Send(echo(request))],
    });
    let options = "log = { access = \"stdout\", format = \"{target} {reason}\" }\n[limits]\nsend_timeout = \"1s\"";
    let mut scene = Scene::under(cover, recorder, options);
    let mut client = scene.connect();
    let begun = Instant::now();
    client.send([settings(&[(4, 1 << 20)]), window_update(0, 1 << 30)].concat());
    for _ in 0..COUNT {
        client.get("/page");
    }
    let ended = |scene: &Scene, end: &str| scene.evener.process.stdout().matches(&format!("/page {end}")).count();
    eventually(PATIENCE, "all requests are over", || {
        scene.expect_well("answers that are not read");
        ended(&scene, "") == COUNT
    });
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    let given_up = ended(&scene, "client_reads_too_slowly");
    assert!(given_up > 0, "{}", scene.evener.process.stdout());
    let end = client.rest();
    assert!(matches!(end, Ok(Outcome::Closed)) || is_cut(&end), "{end:?}");
    let failures = scene.account().failures;
    assert_eq!(failures.get("client_reads_too_slowly"), Some(&(given_up as u64)), "{failures:?}");
}

/// What is answered is read all the time: no queue ever fills, and still it is too much.
fn row_34_replies_that_are_read(cover: Cover) {
    let mut scene = Scene::under(cover, holding(), "");
    let begun = Instant::now();
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
    scene.expect_counted("replies that are read", FLOOD, 2, begun);
}

/// A head that never ends is not waited for, however often a piece of it comes.
fn a_head_in_drops(cover: Cover) {
    let mut scene = Scene::under(cover, holding(), "[limits]\nhead_timeout = \"1s\"");
    let mut client = scene.connect();
    let block = [literal_block(&client.request("GET", "/bad")), literal_block(&[("x", "y".repeat(2_000))])].concat();
    let head = frame(HEADERS, END_STREAM, 1, block);
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
    scene.expect_counted("a head in drops", "head_timeout", 1, begun);
}
