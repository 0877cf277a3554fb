//! Bodies of requests in DATA of all kinds: crumbs, nothing at all, padding, and what comes for streams that are over.
//!
//! What is a flood is in `floods`, and windows that stand still are in `windows`.

use std::process::Command;

use super::scene::{Cover, Scene, echo};
use crate::harness::content::{ContentCheck, content};
use crate::harness::frames::{
    CANCEL, DATA, END_STREAM, Event, FramePeer, NO_ERROR, Outcome, PROTOCOL_ERROR, data, frame, headers, request,
    rst_stream, window_update,
};
use crate::harness::recorder::ok;
use crate::harness::{Recorder, Step};

over_both!(uploads_of_single_bytes, uploads_with_padding, uploads_that_were_refused_give_their_room_back);

/// More than the windows of a connection admit, of which 2 MiB is the largest.
const BEYOND_WINDOWS: usize = 3 << 20;

fn echoing() -> Recorder {
    Recorder::per_request(|request| vec![Step::Send(echo(request))])
}

#[track_caller]
fn expect_content(scene: &Scene, path: &str, length: usize) {
    let got = scene.only_request_to(path);
    assert_eq!(got.body.len(), length, "{path}");
    ContentCheck::default().take(&got.body);
}

/// An upload may come in crumbs, as from somebody who types.
fn uploads_of_single_bytes(cover: Cover) {
    let mut scene = Scene::under(cover, echoing(), "");
    for count in [1, 10] {
        let mut client = scene.connect();
        client.expect_alive("settings");
        let bytes = content(0, 60_000 / count);
        let streams: Vec<(u32, String)> = (0..count)
            .map(|number| {
                let path = format!("/crumbs/{count}/{number}");
                let head = client.request("POST", &path).map(|(name, value)| (name.to_owned(), value.to_owned()));
                (client.open(0, &head), path)
            })
            .collect();
        for piece in bytes.chunks(500) {
            for (stream, _) in &streams {
                client.await_room(500);
                client.send(piece.iter().flat_map(|byte| frame(DATA, 0, *stream, [*byte])).collect::<Vec<u8>>());
                client.spend(*stream, piece.len());
            }
        }
        for (stream, path) in &streams {
            client.send(frame(DATA, END_STREAM, *stream, []));
            let message = client.message(*stream);
            assert_eq!((message.status(), message.text()), (200, format!("POST {path}")), "{:?}", message.outcome);
            expect_content(&scene, path, bytes.len());
        }
    }
    scene.expect_well("uploads of single bytes");
    assert_eq!(scene.account().failures.get("h2_flood"), None);
}

/// Some clients say the end of each piece with a frame of nothing.
#[test]
fn empty_data_now_and_then() {
    let mut scene = Scene::open();
    let mut client = scene.connect();
    for _ in 0..500 {
        let stream = client.open(0, &request("POST", "/empty"));
        client.send(
            [
                frame(DATA, 0, stream, []),
                frame(DATA, 0, stream, b"bo"),
                data(stream, 0, b"dy", Some(0)),
                data(stream, END_STREAM, b"", Some(7)),
            ]
            .concat(),
        );
        assert_eq!(client.message(stream).status(), 200, "stream {stream}");
    }
    let requests = scene.requests_to("/empty");
    assert_eq!(requests.len(), 500);
    assert!(requests.iter().all(|request| request.body == b"body"));
    scene.expect_well("empty DATA");
    // Evener would wait for it to leave.
    drop(client);
    assert_eq!(scene.account().failures.get("h2_flood"), None);
}

/// §6.1: padding counts against the windows as what it pads does, and its room comes back with it.
fn uploads_with_padding(cover: Cover) {
    let mut scene = Scene::under(cover, echoing(), "");
    let mut client = scene.connect();
    client.expect_alive("settings");
    client.padding = Some(255);
    // Half of each frame is padding.
    client.piece_bytes_max = 512;
    let head = client.request("POST", "/padded");
    let stream = client.open(0, &head);
    client.insist(stream, &content(0, BEYOND_WINDOWS), true);
    assert_eq!(client.message(stream).status(), 200);
    expect_content(&scene, "/padded", BEYOND_WINDOWS);
    // On many streams, none of which is long.
    client.piece_bytes_max = 300;
    let head = client.request("POST", "/short");
    for _ in 0..100 {
        let stream = client.open(0, &head);
        client.insist(stream, &content(0, 4_400), true);
        assert_eq!(client.message(stream).status(), 200);
    }
    let requests = scene.requests_to("/short");
    assert!(requests.len() == 100 && requests.iter().all(|request| request.body == content(0, 4_400)));
    scene.expect_well("uploads with padding");
}

/// The whole connection is served as before: small requests, and an upload that needs its windows.
#[track_caller]
fn expect_room(scene: &mut Scene, client: &mut FramePeer, path: &str, length: usize) {
    client.expect_alive(path);
    let stream = client.get("/after");
    assert_eq!(client.message(stream).status(), 200, "{path}");
    let head = client.request("POST", path);
    let stream = client.open(0, &head);
    client.insist(stream, &content(0, length), true);
    assert_eq!(client.message(stream).status(), 200, "{path}");
    scene.expect_well(path);
}

/// What still comes for streams that evener has answered before their end is passed over.
fn uploads_that_were_refused_give_their_room_back(cover: Cover) {
    let recorder = Recorder::per_head(|request| match request.target.as_str() {
        "/early" => vec![
            Step::send("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 4\r\n\r\nnone"),
            Step::Close,
        ],
        _ => vec![Step::ReadBody, Step::Send(echo(request))],
    });
    let mut scene = Scene::under(cover, recorder, "[limits]\nbody = \"2MiB\"");
    let mut client = scene.connect();
    client.expect_alive("settings");
    let bytes = vec![b'x'; 100_000];
    for (path, status, length) in [("/large", 413, Some("3000000")), ("/early", 404, None)] {
        let mut head = client.request("POST", path).to_vec();
        head.extend(length.map(|length| ("content-length", length)));
        let streams: Vec<u32> = (0..BEYOND_WINDOWS / bytes.len()).map(|_| client.open(0, &head)).collect();
        for stream in &streams {
            // The server may close before it has the beginning.
            let answered = client.message(*stream).status();
            assert!(answered == status || (path == "/early" && answered == 502), "{path}: {answered}");
        }
        for stream in &streams {
            client.insist(*stream, &bytes, true);
        }
        // A late word of another kind changes nothing.
        client.send(streams.iter().flat_map(|stream| rst_stream(*stream, CANCEL)).collect::<Vec<u8>>());
        expect_room(&mut scene, &mut client, &format!("/after{path}"), 1 << 20);
    }
}

/// The same for streams that evener has reset, trailers and padding included.
#[test]
fn data_for_streams_that_were_reset_gives_its_room_back() {
    let recorder = Recorder::per_head(|request| match request.target.as_str() {
        "/hold" => vec![Step::Hold],
        _ => vec![Step::ReadBody, Step::Send(echo(request))],
    });
    let mut scene = Scene::before(recorder, "");
    let mut client = scene.connect();
    client.expect_alive("settings");
    client.padding = Some(100);
    let bytes = vec![b'x'; 100_000];
    let streams: Vec<u32> =
        (0..BEYOND_WINDOWS / bytes.len()).map(|_| client.open(0, &request("POST", "/hold"))).collect();
    for stream in &streams {
        client.send(window_update(*stream, 0));
        assert_eq!(client.message(*stream).outcome, Some(Outcome::Reset(PROTOCOL_ERROR)));
        client.insist(*stream, &bytes, false);
        client.send([window_update(*stream, 1_000), headers(*stream, END_STREAM, &[("x-sum", "42")])].concat());
    }
    client.padding = None;
    expect_room(&mut scene, &mut client, "/after-resets", 1 << 20);
}

/// §5.1: the same for streams that the client has taken back with much of them under way.
#[test]
fn uploads_that_are_taken_back_give_their_room_back() {
    let recorder = Recorder::narrow_per_head(|request| match request.target.as_str() {
        "/hold" => vec![Step::Hold],
        _ => vec![Step::ReadBody, Step::Send(echo(request))],
    });
    let mut scene = Scene::before(recorder, "");
    let mut client = scene.connect();
    client.expect_alive("settings");
    for _ in 0..BEYOND_WINDOWS / 100_000 {
        let stream = client.open(0, &request("POST", "/hold"));
        client.insist(stream, &[b'x'; 100_000], false);
        client.send(rst_stream(stream, CANCEL));
    }
    expect_room(&mut scene, &mut client, "/after-cancels", 1 << 20);
}

/// §8.1: an answer that is whole before its request ends the request without a fault, and is whole for the client.
#[test]
fn an_early_answer_ends_the_upload_without_a_fault() {
    let long = "z".repeat(200_000);
    let early = ok(&long);
    let recorder = Recorder::per_head(move |request| match request.target.as_str() {
        "/early" => vec![Step::send(&early), Step::ReadBody],
        _ => vec![Step::ReadBody, Step::Send(echo(request))],
    });
    let mut scene = Scene::before(recorder, "");
    let mut client = scene.connect();
    for _ in 0..10 {
        let stream = client.open(0, &request("POST", "/early"));
        client.send(frame(DATA, 0, stream, b"the beginning"));
        let reset = loop {
            match client.event().expect("the end of the stream") {
                Event::Reset { stream: own, code } if own == stream => break code,
                Event::Closed => panic!("the connection ended"),
                _ => {}
            }
        };
        let message = client.so_far(stream);
        assert_eq!((message.status(), message.outcome), (200, Some(Outcome::Ended)), "before the reset");
        assert!(message.text() == long && reset == NO_ERROR, "{reset}");
        client.send(frame(DATA, END_STREAM, stream, b"the end"));
        client.expect_alive("an early answer");
    }
    scene.expect_well("early answers");
    // Evener would wait for it to leave.
    drop(client);
    assert_eq!(scene.account().failures.get("h2_flood"), None);
}

/// Curl 7 loses an answer that it reads together with the reset behind it (RFC 9113 §8.1).
#[test]
fn an_upload_that_is_refused_has_its_answer_in_curl() {
    let scene = Scene::under(Cover::Tls, echoing(), "[limits]\nbody = \"10B\"");
    // Any large file.
    let file = std::env::current_exe().expect("it runs");
    for _ in 0..5 {
        let url = format!("https://{}/bad", scene.evener.address());
        let mut curl = Command::new("curl");
        curl.args(["-sk", "--http2", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_code} %{http_version}"]);
        let done = curl.arg("-T").arg(&file).arg(url).output().expect("curl is installed");
        assert_eq!(String::from_utf8_lossy(&done.stdout), "413 2", "{done:?}");
    }
}
