//! What a client can make us hold (CVE-2026-49975 and its kin): the memory of a connection is bounded, and what waits for
//! ever ends.

use super::heads::send_block;
use super::scene::{Cover, Scene, echo};
use super::siege::{pour, survives};
use super::windows::upload_until_still;
use crate::harness::frames::{END_HEADERS, END_STREAM, FramePeer, HEADERS, Outcome, frame, settings, window_update};
use crate::harness::hpack::{indexing_block, literal_block};
use crate::harness::wait::PATIENCE;
use crate::harness::{Recorder, Step};

/// What the memory may grow by for each hostile connection.
const MEMORY_MAX: u64 = 12 << 20;

over_both!(
    row_35_hpack_bomb,
    row_35_http2_bomb,
    row_35_large_heads_held,
    row_35_uploads_that_nobody_takes,
    row_35_windows_that_stay_shut,
    row_35_windows_of_one_byte,
);

fn echoing() -> Recorder {
    Recorder::per_request(|request| vec![Step::Send(echo(request))])
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
fn row_35_hpack_bomb(cover: Cover) {
    let mut scene = Scene::under(cover, echoing(), "");
    memory_of(&mut scene, "HPACK bomb", 20, |client| {
        client.manners.grants = false;
        let seed =
            [literal_block(&client.request("GET", "/open")), indexing_block(&[("x", "v".repeat(4_000))])].concat();
        let stream = client.take_stream();
        client.send(frame(HEADERS, END_STREAM | END_HEADERS, stream, &seed));
        for _ in 0..100 {
            let stream = client.take_stream();
            let block = [literal_block(&client.request("GET", "/bad")), vec![0x80 | 62; 16_000]].concat();
            if client.try_send(frame(HEADERS, END_STREAM | END_HEADERS, stream, block)).is_err() {
                break;
            }
        }
        drop(client.try_message(stream + 2));
    });
}

/// Thousands of tiny fields by references of one byte, crumbs of a cookie among them, on every stream, while no window lets
/// an answer out (CVE-2026-49975).
fn row_35_http2_bomb(cover: Cover) {
    let mut scene = Scene::under(cover, echoing(), "");
    for (what, seed) in
        [("a tiny field", ("a", "")), ("crumbs", ("cookie", "")), ("crumbs with a value", ("cookie", "a"))]
    {
        memory_of(&mut scene, what, 20, |client| {
            client.send(settings(&[(4, 0)]));
            client.manners.grants = false;
            let first = client.take_stream();
            let block = [literal_block(&client.request("GET", "/bomb")), indexing_block(&[seed])].concat();
            client.send(frame(HEADERS, END_STREAM | END_HEADERS, first, &block));
            for _ in 0..120 {
                let stream = client.take_stream();
                let block = [literal_block(&client.request("GET", "/bomb")), vec![0x80 | 62; 1_950]].concat();
                if client.try_send(frame(HEADERS, END_STREAM | END_HEADERS, stream, block)).is_err() {
                    break;
                }
            }
            client.expect_alive(what);
        });
    }
}

/// Heads just within the bound on every stream of a connection, held by a window of nothing.
fn row_35_large_heads_held(cover: Cover) {
    let mut scene = Scene::under(cover, echoing(), "");
    memory_of(&mut scene, "large heads", 10, |client| {
        client.send(settings(&[(4, 0)]));
        client.manners.grants = false;
        let large = "v".repeat(15_000);
        let fields = [("x-a", &large), ("x-b", &large), ("x-c", &large), ("x-d", &large)];
        let block = [literal_block(&client.request("GET", "/large")), literal_block(&fields)].concat();
        for _ in 0..120 {
            let stream = client.take_stream();
            send_block(client, stream, &block);
        }
        client.expect_alive("large heads");
    });
}

/// Uploads on every stream of a connection, to a server that takes nothing of them.
fn row_35_uploads_that_nobody_takes(cover: Cover) {
    let recorder = Recorder::narrow_per_head(|request| match request.target.as_str() {
        "/hold" => vec![Step::Freeze(PATIENCE)],
        _ => vec![Step::Send(echo(request))],
    });
    let mut scene = Scene::under(cover, recorder, "");
    let body = vec![b'z'; 1 << 20];
    memory_of(&mut scene, "uploads that nobody takes", 2, |client| {
        client.expect_alive("settings");
        let head = client.request("POST", "/hold");
        let streams: Vec<u32> = (0..100).map(|_| client.open(0, &head)).collect();
        upload_until_still(client, &streams, &body);
    });
}

/// A hundred large answers wait for a window that never opens: bounded memory, and an end after `send_timeout`.
fn row_35_windows_that_stay_shut(cover: Cover) {
    let body = "z".repeat(2 << 20);
    let answer = crate::harness::recorder::ok(&body);
    let recorder = Recorder::per_request(move |request| match request.target.as_str() {
        "/large" => vec![Step::send(&answer)],
        _ => vec![Step::Send(echo(request))],
    });
    let mut scene = Scene::under(cover, recorder, "[limits]\nsend_timeout = \"3s\"");
    memory_of(&mut scene, "shut windows", 4, |client| {
        client.send(settings(&[(4, 0)]));
        client.manners.grants = false;
        for _ in 0..110 {
            client.get("/large");
        }
        client.expect_alive("shut windows");
    });
    let mut client = scene.door.enter(&[(4, 0)]);
    let streams: Vec<u32> = (0..110).map(|_| client.get("/large")).collect();
    for stream in streams {
        let message = client.message(stream);
        assert!(matches!(message.outcome, Some(Outcome::Reset(_))), "{:?}", message.outcome);
    }
    client.expect_alive("a client that took nothing of its answers");
    scene.expect_well("shut windows");
}

/// Room for one byte at a time.
fn row_35_windows_of_one_byte(cover: Cover) {
    let answer = crate::harness::recorder::ok(&"z".repeat(1 << 20));
    let recorder = Recorder::per_request(move |request| match request.target.as_str() {
        "/large" => vec![Step::send(&answer)],
        _ => vec![Step::Send(echo(request))],
    });
    let scene = Scene::under(cover, recorder, "");
    survives(scene, "windows of one byte", "h2_flood", |client| {
        client.send(settings(&[(4, 0)]));
        client.manners.grants = false;
        let stream = client.get("/large");
        pour(client, &window_update(stream, 1).repeat(100))
    });
}
