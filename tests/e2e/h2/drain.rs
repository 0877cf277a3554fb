//! Graceful stop with HTTP/2 (fault row 17): GOAWAY, and what was asked is answered.

use std::time::Duration;

use rustix::process::Signal;

use super::scene::{Scene, echo};
use crate::harness::frames::{FramePeer, NO_ERROR, Outcome, REFUSED_STREAM};
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Recorder, Step};

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
