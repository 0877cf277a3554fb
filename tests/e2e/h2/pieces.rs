//! The same conversation in one write, byte by byte, and in pieces of other sizes: what it is cut into makes no difference.

use std::time::Duration;

use super::heads::is_refused;
use super::scene::{Cover, Scene, echo};
use crate::harness::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, FramePeer, HEADER_TABLE_SIZE, HEADERS, INITIAL_WINDOW_SIZE, Message,
    PADDED, PING, PREFACE, PRIORITIZED, PRIORITY, data, frame, headers, settings, window_update,
};
use crate::harness::hpack::{BlockWriter, literal_block};
use crate::harness::recorder::ok;
use crate::harness::wait::pause_unless;
use crate::harness::{Recorder, Step};

over_both!(conversations_in_pieces);

/// Everything that a client may say, for the streams 1 to 13.
fn conversation(client: &FramePeer) -> Vec<u8> {
    let mut writer = BlockWriter::new();
    let block = literal_block(&client.request("GET", "/over/two"));
    let (first, rest) = block.split_at(11);
    let padded = [&[9, 0, 0, 0, 0, 200][..], &writer.write(&client.request("POST", "/padded")), &[0; 9]].concat();
    let mut bad = client.request("GET", "/bad").to_vec();
    bad.push(("connection", "close"));
    [
        PREFACE,
        &settings(&[(HEADER_TABLE_SIZE, 4096), (INITIAL_WINDOW_SIZE, 70_000), (0x77, 1)]),
        &headers(1, END_STREAM, &client.request("GET", "/one")),
        &frame(PING, 0, 0, b"whatever"),
        &frame(0x77, 3, 1, b"an unknown frame"),
        &frame(HEADERS, END_STREAM, 3, first),
        &frame(CONTINUATION, END_HEADERS, 3, rest),
        &headers(5, 0, &client.request("POST", "/body")),
        &frame(DATA, 0, 5, b"a body in "),
        &frame(PRIORITY, 0, 5, [0, 0, 0, 1, 7]),
        &frame(HEADERS, END_HEADERS | PADDED | PRIORITIZED, 7, padded),
        &frame(DATA, END_STREAM, 5, b"two pieces"),
        &data(7, 0, b"padded", Some(5)),
        &window_update(0, 100),
        &data(7, 0, b"", Some(0)),
        &frame(HEADERS, END_STREAM | END_HEADERS, 7, writer.write(&[("x-sum", "42")])),
        &headers(9, END_STREAM, &bad),
        &frame(HEADERS, END_STREAM | END_HEADERS, 11, writer.write(&client.request("GET", "/large"))),
        &window_update(11, 1_000),
        &frame(HEADERS, END_STREAM | END_HEADERS, 13, writer.write(&client.request("GET", "/large"))),
    ]
    .concat()
}

fn conversations_in_pieces(cover: Cover) {
    let recorder = Recorder::per_request(|request| match request.target.as_str() {
        "/witness" => vec![Step::Send(echo(request))],
        "/large" => vec![Step::send(ok(&"large ".repeat(5_000)))],
        "/padded" => vec![Step::send(ok(&format!("{:?}", (request.text(), &request.trailers.0))))],
        _ => vec![Step::send(ok(&format!("{} {}", request.target, request.text())))],
    });
    let mut scene = Scene::under(cover, recorder, "");
    let whole = converse(&scene, usize::MAX, Duration::ZERO);
    let texts: Vec<String> = whole.iter().map(Message::text).collect();
    assert_eq!(&texts[..3], ["/one ", "/over/two ", "/body a body in two pieces"]);
    assert_eq!(texts[3], "(\"padded\", [(\"x-sum\", \"42\")])");
    assert!(is_refused(&whole[4]), "{:?}", whole[4]);
    assert_eq!((texts[5].len(), texts[6].len()), (30_000, 30_000));
    for bytes in [1, 2, 3, 8, 9, 10, 100] {
        assert_eq!(converse(&scene, bytes, Duration::ZERO), whole, "in pieces of {bytes}");
    }
    // Long enough for each to be read alone.
    for bytes in [1, 7] {
        assert_eq!(converse(&scene, bytes, Duration::from_millis(1)), whole, "in single pieces of {bytes}");
    }
    scene.expect_well("conversations in pieces");
}

/// Says all of it in such pieces, with a pause after each; what came on each stream.
#[track_caller]
fn converse(scene: &Scene, bytes_max: usize, pause: Duration) -> Vec<Message> {
    let mut client = scene.door.mute(&[(HEADER_TABLE_SIZE, 4096)]);
    let all = conversation(&client);
    for piece in all.chunks(bytes_max.min(all.len())) {
        client.send(piece);
        pause_unless(pause, || false);
    }
    let mut messages: Vec<Message> = (1..=13).step_by(2).map(|stream| client.message(stream)).collect();
    client.expect_alive("a conversation");
    for message in &mut messages {
        // Which of the answers comes first is open, and with it what is in the table.
        message.block_bytes.clear();
    }
    messages
}
