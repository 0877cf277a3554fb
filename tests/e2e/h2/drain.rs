//! Graceful stop with HTTP/2 (fault row 17): GOAWAY, and what was asked is answered.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::scene::{Cover, Scene, echo};
use super::streams::switch;
use crate::harness::frames::{DATA, Event, FramePeer, NO_ERROR, Outcome, REFUSED_STREAM, frame};
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Recorder, Step};

over_both!(what_outlives_the_grace_is_cut);

fn slow() -> Recorder {
    Recorder::per_request(|request| match request.target.as_str() {
        "/slow" => vec![Step::Pause(Duration::from_millis(700)), Step::Send(echo(request))],
        _ => vec![Step::Send(echo(request))],
    })
}

#[test]
fn requests_in_flight_are_answered() {
    let mut scene = Scene::before(slow(), "");
    let mut busy = scene.connect();
    let mut idle = scene.connect();
    let stream = idle.get("/one");
    assert_eq!(idle.message(stream).status(), 200);
    let streams: Vec<u32> = (0..20).map(|_| busy.get("/slow")).collect();
    eventually(PATIENCE, "all are at the server", || scene.requests_to("/slow").len() == 20);
    scene.evener.signal(Signal::TERM);
    assert_eq!(idle.rest().expect("an end"), Outcome::GoneAway(NO_ERROR), "the idle connection");
    for stream in streams {
        let message = busy.message(stream);
        assert_eq!((message.status(), message.text()), (200, "GET /slow".into()), "{:?}", message.outcome);
    }
    assert_eq!(busy.rest().expect("an end"), Outcome::GoneAway(NO_ERROR));
    // Evener would wait for it to leave.
    drop(busy);
    assert!(scene.evener.process.wait_exit(PATIENCE).success());
}

/// Row 36: clients that ask all the time. Every request is answered, or the client knows that nothing was done with it.
#[test]
fn row_36_nothing_is_lost_under_load() {
    let mut scene = Scene::before(slow(), "");
    let address = scene.evener.address();
    let clients: Vec<_> = (0..8)
        .map(|number| {
            std::thread::spawn(move || {
                let mut client = FramePeer::connect(address);
                let mut answered = 0;
                loop {
                    let path = format!("/{number}/{answered}");
                    let stream = client.take_stream();
                    let head = crate::harness::frames::request("GET", &path);
                    let sent = client.try_send(crate::harness::frames::headers(stream, 1, &head));
                    let message = client.try_message(stream).unwrap_or_default();
                    let is_answered = message.outcome == Some(Outcome::Ended);
                    if is_answered {
                        assert_eq!((message.status(), message.text()), (200, format!("GET {path}")));
                        answered += 1;
                        continue;
                    }
                    // RFC 9113 §6.8: beyond the last stream, nothing was done.
                    let is_refused = message.outcome == Some(Outcome::Reset(REFUSED_STREAM));
                    let is_beyond = client.leave().is_some_and(|(last, code)| code == NO_ERROR && last < stream);
                    assert!(is_refused || is_beyond, "{path}: {message:?}, {:?}, {sent:?}", client.leave());
                    return answered;
                }
            })
        })
        .collect();
    eventually(PATIENCE, "there is load", || scene.recorder.requests().len() > 500);
    scene.evener.signal(Signal::TERM);
    let answered: usize = clients.into_iter().map(|client| client.join().expect("no request is lost")).sum();
    assert!(scene.evener.process.wait_exit(PATIENCE).success());
    assert_eq!(scene.recorder.requests().len(), answered, "each request at the server was answered");
}

/// Requests and tunnels live until the grace is over. Then who has no answer yet is told, the others are cut, and nothing that is
/// cut looks whole.
fn what_outlives_the_grace_is_cut(cover: Cover) {
    const GRACE: Duration = Duration::from_secs(2);
    let switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let recorder = Recorder::per_head(move |request| match request.target.as_str() {
        "/download" => vec![Step::send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegin"), Step::Hold],
        "/chunks" => {
            vec![Step::send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n"), Step::Hold]
        }
        "/upload" => vec![Step::ReadToEnd],
        "/hold" => vec![Step::Hold],
        "/ws" => {
            let mut steps = vec![Step::send(switched)];
            steps.extend((0..100).flat_map(|_| [Step::ReadBytes(4), Step::send("pong")]));
            steps
        }
        _ => vec![Step::Send(echo(request))],
    });
    let mut scene = Scene::with_grace(GRACE, cover, recorder, "");
    let mut client = scene.connect();
    let mut head = switch("/ws");
    // Over this connection, the same scheme as with any other request.
    head[2] = client.request("GET", "/ws")[1];
    let tunnel = client.open(0, &head);
    let [download, chunks, hold] = ["/download", "/chunks", "/hold"].map(|path| client.get(path));
    let head = client.request("POST", "/upload");
    let upload = client.open(0, &head);
    client.send(frame(DATA, 0, upload, b"begin"));
    exchange_words(&mut client, tunnel);
    for stream in [download, chunks] {
        while client.so_far(stream).body.is_empty() {
            client.event().expect("the beginning of an answer");
        }
    }
    eventually(PATIENCE, "all are at the server", || scene.recorder.requests().len() == 5);

    let since = Instant::now();
    scene.evener.signal(Signal::TERM);
    assert!(matches!(client.event(), Ok(Event::Leave { code: NO_ERROR, .. })), "it says at once that it goes");
    exchange_words(&mut client, tunnel);
    assert!(scene.evener.process.is_running());
    let status = scene.evener.process.wait_exit(PATIENCE);
    assert!(since.elapsed() > GRACE - Duration::from_millis(200), "{:?}", since.elapsed());
    assert!(status.success(), "{status}: {}", scene.evener.process.stderr());
    assert!(scene.evener.process.stderr().contains("the grace is over"), "{}", scene.evener.process.stderr());
    for stream in [hold, upload] {
        let message = client.message(stream);
        assert_eq!((message.status(), message.outcome), (503, Some(Outcome::Ended)), "{message:?}");
    }
    for stream in [tunnel, download, chunks] {
        let message = client.message(stream);
        assert_eq!(message.status(), 200, "{message:?}");
        assert!(matches!(message.outcome, Some(Outcome::Reset(_))), "{message:?}");
    }
    let conversations = scene.recorder.conversations();
    eventually(PATIENCE, "the server's connections are over", || conversations.iter().all(|one| one.is_over()));
}

/// The tunnel lives: a word comes back.
#[track_caller]
fn exchange_words(client: &mut FramePeer, tunnel: u32) {
    let before = client.so_far(tunnel).body.len();
    client.send(frame(DATA, 0, tunnel, b"ping"));
    while client.so_far(tunnel).body.len() < before + 4 {
        client.event().expect("a word through the tunnel");
    }
}
