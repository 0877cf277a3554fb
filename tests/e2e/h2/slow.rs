//! Clients of HTTP/2 that dawdle: bodies in drops, answers that nobody takes, prefaces that do not end, connections on which
//! nothing is asked. Each ends at its deadline, and is counted and said once.

use std::time::{Duration, Instant};

use super::scene::{Cover, Scene, echo};
use super::siege::is_cut;
use crate::harness::frames::{DATA, NO_ERROR, Outcome, PREFACE, frame, settings, window_update};
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Recorder, Step};

over_both!(
    bodies_in_drops,
    connections_without_a_request,
    answers_under_way_that_are_not_taken,
    windows_that_stay_shut,
    prefaces_that_do_not_end,
);

/// Of a wait whose deadline is a second: not before, and by no other limit.
const A_SECOND: std::ops::Range<Duration> = Duration::from_millis(900)..Duration::from_secs(9);

/// In the access log: a line for each request.
const WITH_LOG: &str = "log = { access = \"stdout\", format = \"{target} {reason}\" }";

/// Fault row 11: a body below the least rate is a 408, and the other streams live on.
fn bodies_in_drops(cover: Cover) {
    let recorder = Recorder::per_request(|request| vec![Step::Send(echo(request))]);
    let mut scene = Scene::under(cover, recorder, "[limits]\nbody_rate = \"1KiB\"\nrate_window = \"1s\"");
    let begun = Instant::now();
    let mut client = scene.connect();
    let announced = [&client.request("POST", "/bad/length")[..], &[("content-length", "100000")]].concat();
    let unannounced = client.request("POST", "/bad/chunks").to_vec();
    let streams = [client.open(0, &announced), client.open(0, &unannounced)];
    client.set_patience(Duration::from_millis(50));
    while streams.iter().any(|stream| client.so_far(*stream).outcome.is_none()) {
        assert!(begun.elapsed() < A_SECOND.end, "nothing has ended");
        for stream in streams {
            client.send(frame(DATA, 0, stream, b"x"));
        }
        // Nothing comes for most of the time.
        drop(client.next_frame_noted());
    }
    assert!(A_SECOND.contains(&begun.elapsed()), "{:?}", begun.elapsed());
    client.set_patience(PATIENCE);
    for stream in streams {
        let message = client.message(stream);
        assert_eq!((message.status(), message.outcome), (408, Some(Outcome::Ended)), "{message:?}");
    }
    client.expect_alive("after 408");
    let other = client.get("/other");
    assert_eq!(client.message(other).status(), 200, "another stream of the connection");
    scene.expect_well("bodies in drops");
    // Evener would wait for it to leave.
    drop(client);
    assert_eq!(counted(scene), [("body_too_slow".to_owned(), 2)]);
}

/// Who asks nothing is told to go (GOAWAY) after `idle_timeout`, whether he has asked before or not. It is nobody's fault.
fn connections_without_a_request(cover: Cover) {
    let recorder = Recorder::per_request(|request| vec![Step::Send(echo(request))]);
    let scene = Scene::under(cover, recorder, "[limits]\nidle_timeout = \"1s\"");
    let begun = Instant::now();
    let silent = scene.connect();
    let mut used = scene.connect();
    let stream = used.get("/one");
    assert_eq!(used.message(stream).status(), 200);
    for mut client in [silent, used] {
        assert_eq!(client.rest().expect("an end"), Outcome::GoneAway(NO_ERROR));
        assert!(A_SECOND.contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }
    assert_eq!(counted(scene), []);
}

/// Fault row 10: the client's windows are open and it takes nothing from the connection. Whatever is under way on it ends with
/// that reason, also what has not been answered.
fn answers_under_way_that_are_not_taken(cover: Cover) {
    let large = ok(&"z".repeat(8 << 20));
    let recorder = Recorder::per_head(move |request| match request.target.as_str() {
        "/large" => vec![Step::send(&large)],
        "/hold" => vec![Step::Hold],
        "/upload" => vec![Step::ReadToEnd],
        _ => vec![Step::Send(echo(request))],
    });
    let mut scene = Scene::under(cover, recorder, &format!("{WITH_LOG}\n[limits]\nsend_timeout = \"1s\""));
    let mut client = scene.connect();
    let begun = Instant::now();
    client.send([settings(&[(4, 1 << 30)]), window_update(0, 1 << 30)].concat());
    client.get("/hold");
    let head = client.request("POST", "/upload");
    let upload = client.open(0, &head);
    client.send(frame(DATA, 0, upload, b"begin"));
    for _ in 0..4 {
        client.get("/large");
    }
    let lines = |scene: &Scene| {
        let log = scene.evener.process.stdout();
        let mut lines: Vec<String> =
            log.lines().map(str::to_owned).filter(|line| !line.starts_with("/witness")).collect();
        lines.sort();
        lines
    };
    eventually(PATIENCE, "all is given up", || lines(&scene).len() >= 6);
    assert!(A_SECOND.contains(&begun.elapsed()), "{:?}", begun.elapsed());
    scene.expect_well("answers that are not taken");
    let expected = ["/hold", "/large", "/large", "/large", "/large", "/upload"];
    assert_eq!(lines(&scene), expected.map(|target| format!("{target} client_reads_too_slowly")));
    let ended = client.rest();
    assert!(matches!(ended, Ok(Outcome::Closed)) || is_cut(&ended), "{ended:?}");
    assert_eq!(counted(scene), [("client_reads_too_slowly".to_owned(), 6)]);
}

/// The client takes everything from the connection, and its windows admit nothing of the answers.
fn windows_that_stay_shut(cover: Cover) {
    let large = ok(&"z".repeat(1 << 20));
    let recorder = Recorder::per_request(move |request| match request.target.as_str() {
        "/large" => vec![Step::send(&large)],
        _ => vec![Step::Send(echo(request))],
    });
    let mut scene = Scene::under(cover, recorder, &format!("{WITH_LOG}\n[limits]\nsend_timeout = \"1s\""));
    let mut client = scene.door.enter(&[(4, 0)]);
    let begun = Instant::now();
    let streams: Vec<u32> = (0..5).map(|_| client.get("/large")).collect();
    for stream in streams {
        let message = client.message(stream);
        assert!(matches!(message.outcome, Some(Outcome::Reset(_))), "{:?}", message.outcome);
    }
    assert!(A_SECOND.contains(&begun.elapsed()), "{:?}", begun.elapsed());
    client.expect_alive("streams that were cut");
    scene.expect_well("streams that were cut");
    let lines = |scene: &Scene| {
        let log = scene.evener.process.stdout();
        log.lines().filter(|line| *line == "/large client_reads_too_slowly").count()
    };
    // Evener would wait for it to leave.
    drop(client);
    eventually(PATIENCE, "each has its line", || lines(&scene) >= 5);
    assert_eq!(counted(scene), [("client_reads_too_slowly".to_owned(), 5)]);
}

/// Row 1: what a client says first does not come, or not whole. Under TLS it has agreed on HTTP/2 before.
fn prefaces_that_do_not_end(cover: Cover) {
    let recorder = Recorder::per_request(|request| vec![Step::Send(echo(request))]);
    let limits = "[limits]\nhead_timeout = \"1s\"\nhandshake_timeout = \"1s\"";
    let mut scene = Scene::under(cover, recorder, limits);
    let begun = Instant::now();
    let mut wires = [0, 1, PREFACE.len() / 2, PREFACE.len() - 1].map(|count| {
        let mut wire = scene.door.dial();
        wire.send(&PREFACE[..count]).expect("evener listens");
        wire
    });
    for wire in &mut wires {
        // Evener's SETTINGS may come before the end.
        let ended = wire.until_close(&mut |_| ());
        assert!(
            ended.as_ref().map_or_else(|error| error.kind() != std::io::ErrorKind::TimedOut, |()| true),
            "{ended:?}"
        );
    }
    assert!(A_SECOND.contains(&begun.elapsed()), "{:?}", begun.elapsed());
    scene.expect_well("prefaces that do not end");
    scene.expect_counted("prefaces that do not end", "preamble_timeout", 4, begun);
}

/// The failures of a whole run, but for the look of the harness whether somebody listens.
#[track_caller]
fn counted(scene: Scene) -> Vec<(String, u64)> {
    let mut failures = scene.account().failures;
    failures.retain(|reason, _| !matches!(reason.as_str(), "preamble_closed" | "tls_closed"));
    failures.into_iter().collect()
}
