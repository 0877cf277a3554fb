//! How a connection ends that has done its work (RFC 9113 §6.8): what was asked before the client could know is answered,
//! and what was answered arrives, however long the client takes for it.

use std::time::Duration;

use rustix::process::Signal;

use super::scene::{Cover, Scene, echo};
use crate::harness::frames::{DATA, END_STREAM, Event, FramePeer, NO_ERROR, Outcome, frame, settings, window_update};
use crate::harness::recorder::ok;
use crate::harness::socket::narrow_client;
use crate::harness::wait::{PATIENCE, eventually, pause_unless};
use crate::harness::{Recorder, Step};

over_both!(what_was_answered_arrives_after_a_pause, what_was_answered_arrives_slowly);

/// The last stream of a GOAWAY that leaves room for what is on its way.
const ANY_STREAM: u32 = 0x7fff_ffff;

/// A request that takes longer than a connection without streams is kept.
fn slow() -> Recorder {
    Recorder::per_request(|request| match request.target.as_str() {
        "/slow" => vec![Step::Pause(Duration::from_secs(3)), Step::Send(echo(request))],
        _ => vec![Step::Send(echo(request))],
    })
}

/// A client that was answered once and then reads the first GOAWAY.
#[track_caller]
fn await_leave(client: &mut FramePeer, before: impl FnOnce()) {
    let stream = client.get("/one");
    assert_eq!(client.message(stream).status(), 200);
    before();
    assert_eq!(client.event().expect("a GOAWAY"), Event::Leave { last: ANY_STREAM, code: NO_ERROR });
}

/// Sends one more request, which is answered, and reads to the end; the last stream that the other side has told.
#[track_caller]
fn is_answered_still(client: &mut FramePeer) -> (u32, u32) {
    let head = client.request("POST", "/slow");
    let stream = client.open(0, &head);
    client.send(frame(DATA, END_STREAM, stream, b"body"));
    let message = client.message(stream);
    assert_eq!((message.status(), message.text()), (200, "POST /slow".into()), "{:?}", message.outcome);
    assert_eq!(client.rest().expect("an end"), Outcome::GoneAway(NO_ERROR));
    let (last, _) = client.leave().expect("a GOAWAY");
    (stream, last)
}

#[test]
fn a_request_that_crosses_the_end_of_an_idle_connection() {
    let mut scene = Scene::before(slow(), "[limits]\nidle_timeout = \"1s\"");
    let mut client = scene.connect();
    await_leave(&mut client, || ());
    let (stream, last) = is_answered_still(&mut client);
    assert_eq!(last, stream, "the last one that was served");
    // The witness has gone the same way.
    drop(client);
    scene.evener.signal(Signal::TERM);
    assert!(scene.evener.process.wait_exit(PATIENCE).success());
}

#[test]
fn a_request_that_crosses_a_stop() {
    check_crossing_a_stop(true);
}

/// The round trip that is waited for may never end.
#[test]
fn a_client_that_answers_no_ping() {
    check_crossing_a_stop(false);
}

#[track_caller]
fn check_crossing_a_stop(answers_pings: bool) {
    let mut scene = Scene::before(slow(), "");
    let mut client = scene.connect();
    client.manners.replies = answers_pings;
    let evener = &scene.evener;
    await_leave(&mut client, || evener.signal(Signal::TERM));
    let (stream, last) = is_answered_still(&mut client);
    assert_eq!(last, stream);
    // Evener would wait for it to leave.
    drop(client);
    assert!(scene.evener.process.wait_exit(PATIENCE).success());
}

/// Evener before a server of one large answer.
fn before_large(cover: Cover, length: usize, options: &str) -> Scene {
    let answer = ok(&"z".repeat(length));
    let recorder = Recorder::per_request(move |request| match request.target.as_str() {
        "/large" => vec![Step::send(&answer)],
        _ => vec![Step::Send(echo(request))],
    });
    Scene::under(cover, recorder, options)
}

fn open_windows(client: &mut FramePeer) {
    client.send([settings(&[(4, 1 << 30)]), window_update(0, 1 << 30)].concat());
}

/// Reads so many answers with a pause before each frame; how much of them came, and how many of them to their end.
fn read_slowly(client: &mut FramePeer, answers: usize, pause: Duration) -> (usize, usize) {
    let (mut length, mut whole) = (0, 0);
    while whole < answers {
        pause_unless(pause, || false);
        match client.event() {
            Ok(Event::Data { bytes, is_end, .. }) => {
                length += bytes.len();
                whole += usize::from(is_end);
            }
            Ok(Event::Closed) | Err(_) => break,
            Ok(_) => {}
        }
    }
    (length, whole)
}

/// The exchange is over for evener long before the client has all of it.
#[track_caller]
fn what_was_answered_arrives(cover: Cover, pauses: (Duration, Duration)) {
    let length = 2 << 20;
    let mut scene = before_large(cover, length, "[log]\naccess = \"stdout\"");
    let mut client = scene.connect();
    open_windows(&mut client);
    client.get("/large");
    eventually(PATIENCE, "the exchange is over", || scene.evener.process.stdout().contains("/large"));
    scene.evener.signal(Signal::TERM);
    let process = &mut scene.evener.process;
    pause_unless(pauses.0, || !process.is_running());
    assert_eq!(read_slowly(&mut client, 1, pauses.1), (length, 1));
    assert_eq!(client.rest().expect("an end"), Outcome::GoneAway(NO_ERROR));
    drop(client);
    assert!(scene.evener.process.wait_exit(PATIENCE).success());
}

fn what_was_answered_arrives_after_a_pause(cover: Cover) {
    what_was_answered_arrives(cover, (Duration::from_secs(4), Duration::ZERO));
}

fn what_was_answered_arrives_slowly(cover: Cover) {
    what_was_answered_arrives(cover, (Duration::ZERO, Duration::from_millis(30)));
}

/// A client that takes little at a time, and never stops, is not one that takes nothing. There is more for it all the time
/// than fits into the memory of the kernel.
#[test]
fn a_client_that_reads_slowly_is_waited_for() {
    let (answers, length) = (24, 768 << 10);
    let scene = before_large(Cover::Nothing, length, "[limits]\nsend_timeout = \"2s\"");
    let mut client = FramePeer::on(narrow_client(scene.evener.address()), &[]);
    open_windows(&mut client);
    for _ in 0..answers {
        client.get("/large");
    }
    assert_eq!(read_slowly(&mut client, answers, Duration::from_millis(2)), (answers * length, answers));
}
