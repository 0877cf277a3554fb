//! The end of connections under TLS: it is announced, so that nobody takes it for a cut.

use rustix::process::Signal;

use super::client::Build;
use super::scene::{SITE, Scene};
use crate::harness::wait::PATIENCE;

#[test]
fn a_stop_says_goodbye_to_resting_connections() {
    let scene = Scene::new();
    let mut evener = scene.start(SITE);
    let mut http1 = scene.client().connect(evener.address(), "a.test").expect("a handshake");
    assert_eq!(http1.get("a.test", "/").expect("an answer").status, 200);
    let http2 = Build::trusting(&scene.servers).protocols(&["h2"]).done();
    let mut http2 = http2.connect(evener.address(), "a.test").expect("a handshake");
    http2.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").expect("it can be sent");
    evener.signal(Signal::TERM);
    assert_eq!(http1.rest().expect("an announced end"), b"");
    let last = http2.rest().expect("an announced end");
    assert!(last.windows(4).any(|part| part == [8, 7, 0, 0]), "no GOAWAY: {last:?}");
    assert!(evener.process.wait_exit(PATIENCE).success());
}

#[test]
fn a_request_says_that_it_is_the_last() {
    let scene = Scene::new();
    let evener = scene.start(SITE);
    let mut connection = scene.client().connect(evener.address(), "a.test").expect("a handshake");
    connection.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").expect("it can be sent");
    assert_eq!(connection.answer().expect("an answer").body, "hello");
    assert_eq!(connection.rest().expect("an announced end"), b"");
}
