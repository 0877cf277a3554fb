//! How answers go out: within the windows that the client gives and takes, in frames of a size that it admits, and all
//! streams in their turn.

use super::scene::{Cover, Scene, echo};
use crate::harness::content::{ContentCheck, content};
use crate::harness::frames::{
    FRAME_BYTES, FramePeer, HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, Outcome, settings, window_update,
};
use crate::harness::{Recorder, Step};

over_both!(frames_of_a_size_that_the_client_admits, streams_that_wait_for_the_connection);

const LENGTH: usize = 300_000;

/// A server of the content under `/content`, with a long head under `/head`.
fn serving() -> Recorder {
    Recorder::per_request(|request| {
        let long = match request.target.as_str() {
            "/content" => String::new(),
            "/head" => format!("X-A: {}\r\nX-B: {}\r\n", long_value('a'), long_value('b')),
            _ => return vec![Step::Send(echo(request))],
        };
        let head = format!("HTTP/1.1 200 OK\r\n{long}Content-Length: {LENGTH}\r\n\r\n");
        vec![Step::send(head), Step::Send(content(0, LENGTH))]
    })
}

fn long_value(last: char) -> String {
    // No code of HPACK makes these any shorter.
    "^&*~".repeat(6_000) + &last.to_string()
}

#[track_caller]
fn expect_content(client: &mut FramePeer, stream: u32) {
    let message = client.message(stream);
    assert_eq!((message.status(), message.outcome), (200, Some(Outcome::Ended)));
    assert_eq!(message.body.len(), LENGTH);
    ContentCheck::default().take(&message.body);
}

/// Reads until so much of the answer is there, and looks that no more comes.
#[track_caller]
fn expect_exactly(client: &mut FramePeer, stream: u32, length: usize) {
    while client.so_far(stream).body.len() < length {
        client.event().expect("the window is used");
    }
    client.expect_alive("nothing more");
    client.expect_alive("nothing more");
    assert_eq!(client.so_far(stream).body.len(), length);
}

/// §6.9.2: the size at the beginning moves the windows of all streams by the difference, below zero too.
#[test]
fn windows_that_settings_move() {
    let mut scene = Scene::before(serving(), "");
    let mut client = scene.door.enter(&[(INITIAL_WINDOW_SIZE, 1_000)]);
    client.manners.grants = false;
    client.send(window_update(0, 1 << 24));
    let set = |client: &mut FramePeer, bytes| client.send(settings(&[(INITIAL_WINDOW_SIZE, bytes)]));
    let streams: Vec<u32> = (0..3).map(|_| client.get("/content")).collect();
    for stream in &streams {
        expect_exactly(&mut client, *stream, 1_000);
    }
    set(&mut client, 5_000);
    for stream in &streams {
        expect_exactly(&mut client, *stream, 5_000);
    }
    // The windows are 3 000 below zero.
    set(&mut client, 2_000);
    client.send(window_update(streams[0], 2_999));
    expect_exactly(&mut client, streams[0], 5_000);
    client.send(window_update(streams[0], 8));
    expect_exactly(&mut client, streams[0], 5_007);
    expect_exactly(&mut client, streams[1], 5_000);
    set(&mut client, 0);
    set(&mut client, 5_100);
    expect_exactly(&mut client, streams[0], 8_107);
    expect_exactly(&mut client, streams[1], 5_100);
    // A stream that begins now has the size of now.
    let late = client.get("/content");
    expect_exactly(&mut client, late, 5_100);
    set(&mut client, 1 << 20);
    for stream in streams.into_iter().chain([late]) {
        expect_content(&mut client, stream);
    }
    scene.expect_well("windows that are moved");
}

/// Up and down all the time while it flows.
#[test]
fn windows_that_settings_move_under_load() {
    let mut scene = Scene::before(serving(), "");
    let mut client = scene.connect();
    let streams: Vec<u32> = (0..5).map(|_| client.get("/content")).collect();
    let (mut round, mut is_whole) = (0_u32, false);
    while !is_whole && round < 2_000 {
        client.send(settings(&[(INITIAL_WINDOW_SIZE, [0, 100_000, 1_000, 40_000, 65_535][round as usize % 5])]));
        client.expect_alive("windows that are moved");
        round += 1;
        is_whole = streams.iter().all(|stream| client.so_far(*stream).outcome.is_some());
    }
    client.send(settings(&[(INITIAL_WINDOW_SIZE, 1 << 20)]));
    for stream in streams {
        expect_content(&mut client, stream);
    }
    scene.expect_well("windows that are moved");
}

/// §4.2: none is longer, of DATA as of HEADERS and CONTINUATION.
fn frames_of_a_size_that_the_client_admits(cover: Cover) {
    let mut scene = Scene::under(cover, serving(), "");
    for (bytes, most) in [(None, FRAME_BYTES), (Some(20_000), 20_000), (Some(0xff_ffff), LENGTH)] {
        let mut values = vec![(HEADER_TABLE_SIZE, 4096), (INITIAL_WINDOW_SIZE, 1 << 20)];
        values.extend(bytes.map(|bytes| (MAX_FRAME_SIZE, bytes)));
        let mut client = scene.door.enter(&values);
        client.send(window_update(0, 1 << 24));
        for _ in 0..2 {
            let streams = ["/content", "/head", "/content"].map(|path| client.get(path));
            for stream in streams {
                expect_content(&mut client, stream);
            }
            assert_eq!(client.so_far(streams[1]).field("x-a"), Some(long_value('a').as_str()));
            assert_eq!(client.so_far(streams[1]).field("x-b"), Some(long_value('b').as_str()));
        }
        println!("{bytes:?}: at most {}", client.payload_bytes_most);
        assert!(client.payload_bytes_most <= most, "{bytes:?}: {}", client.payload_bytes_most);
        // Smaller again, once it is known.
        client.send(settings(&[(MAX_FRAME_SIZE, 16_384)]));
        client.expect_alive("settings");
        client.payload_bytes_most = 0;
        let streams = ["/content", "/head"].map(|path| client.get(path));
        for stream in streams {
            expect_content(&mut client, stream);
        }
        assert!(client.payload_bytes_most <= FRAME_BYTES, "{}", client.payload_bytes_most);
    }
    scene.expect_well("sizes of frames");
}

/// The window of the connection is shut while many have room of their own. What is given goes to all of them, and none has
/// to wait for the end of the others.
fn streams_that_wait_for_the_connection(cover: Cover) {
    let mut scene = Scene::under(cover, serving(), "");
    let mut client = scene.door.enter(&[(INITIAL_WINDOW_SIZE, 1 << 20)]);
    client.manners.grants = false;
    let streams: Vec<u32> = (0..10).map(|_| client.get("/content")).collect();
    let lengths =
        |client: &FramePeer| -> Vec<usize> { streams.iter().map(|one| client.so_far(*one).body.len()).collect() };
    let mut room = 65_535;
    while lengths(&client).iter().sum::<usize>() < room
        || streams.iter().any(|stream| client.so_far(*stream).heads.is_empty())
    {
        client.event().expect("the window is used");
    }
    client.expect_alive("a window that is shut");
    assert_eq!(lengths(&client).iter().sum::<usize>(), room);
    for _ in 0..3 * streams.len() {
        client.send(window_update(0, 16_384));
        room += 16_384;
        while lengths(&client).iter().sum::<usize>() < room {
            client.event().expect("the window is used");
        }
    }
    client.expect_alive("a window that is shut");
    let lengths_now = lengths(&client);
    assert_eq!(lengths_now.iter().sum::<usize>(), room);
    println!("{lengths_now:?}");
    // Half of what each has on average.
    let least = lengths_now.iter().min().copied().unwrap_or_default();
    assert!(least > room / streams.len() / 2, "{lengths_now:?}");
    // A request that comes now is answered before all of these are.
    let late = client.get("/late");
    while client.so_far(late).heads.is_empty() {
        client.event().expect("a head needs no window");
    }
    client.expect_alive("a late request");
    client.send(window_update(0, 1 << 19));
    assert_eq!(client.message(late).status(), 200);
    client.send(window_update(0, 1 << 24));
    for stream in streams {
        expect_content(&mut client, stream);
    }
    scene.expect_well("streams that wait");
}
