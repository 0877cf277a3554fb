//! The rows that are about waiting: the end of a body that does not come (62, 66, 69), with small
//! limits.

use std::time::Duration;

use super::scene::{Scene, expect_farewell, name, read};
use super::{VIA, get_with, post_with};
use crate::harness::Step;
use crate::harness::recorder::ok;

/// A body that stands still is given up after one or two seconds.
const LIMITS: &str = "[limits]\nhead_timeout = \"300ms\"\nrate_window = \"1s\"\nbody_rate = 100\n";

#[test]
fn a_body_without_its_end_is_waited_for_and_then_refused() {
    let mut scene = Scene::at_heads(LIMITS, "");
    let chunked = "Transfer-Encoding: chunked\r\n";
    let table = [
        (62, chunked, "5\r\nhello\r\n0\r\n", "5\r\nhello\r\n"),
        (62, chunked, "5\r\nhello\r\n0\r\n\r", "5\r\nhello\r\n"),
        (62, chunked, "5\r\nhello\r\n0\r\nX:POST /hidden HTTP/1.1\r\n", "5\r\nhello\r\n"),
        (60, chunked, "6\r\nhello", "5\r\nhello\r\n"),
        (66, "Content-Length: 10\r\n", "hello", "hello"),
    ];
    let mut waiting = Vec::new();
    for (row, lines, body, onward) in table {
        scene.will(vec![Step::ReadBody, Step::send(ok("whole"))]);
        let what = name(&row, body);
        let mut client = scene.evener.connect();
        client.send(post_with(lines, body));
        scene.account(&what, &format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}{VIA}{onward}"), 1);
        waiting.push((what, client, scene.connections() - 1));
    }
    for (what, mut client, number) in waiting {
        let response = read(&mut client, &what, "POST");
        assert_eq!(response.status, 408, "{what}: {response:?}");
        expect_farewell(&mut client, &what, &response);
        scene.expect_dropped(&what, number);
        scene.account(&what, "", 0);
        scene.expect_next_served(&what);
    }
}

#[test]
fn a_body_that_is_expected_and_never_comes_is_given_up() {
    let mut scene = Scene::at_heads(LIMITS, "timeout = \"3s\"");
    let lines = "Content-Length: 5\r\nExpect: 100-continue\r\n";
    // Once the client may send, it is the one that is late; before, the server is.
    for (interim, status) in [("HTTP/1.1 100 Continue\r\n\r\n", 408), ("", 504)] {
        scene.will(vec![Step::send(interim), Step::ReadBody, Step::send(ok("whole"))]);
        let what = name(&"69, never", interim);
        let mut client = scene.evener.connect();
        client.send(post_with(lines, ""));
        let response = read(&mut client, &what, "POST");
        assert_eq!(response.status, status, "{what}: {response:?}");
        assert!(response.interim.len() <= 1, "{what}: {response:?}");
        expect_farewell(&mut client, &what, &response);
        scene.account(&what, &format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}{VIA}"), 1);
        scene.expect_dropped(&what, scene.connections() - 1);
        scene.expect_next_served(&what);
    }
}

#[test]
fn a_head_without_its_end_is_waited_for_and_then_refused() {
    let mut scene = Scene::with(LIMITS, "");
    for head in [
        "GET / HTTP/1.1\r\nHost: a\r\n",
        "GET / HTTP/1.1\r\nHost: a",
        "GET / HT",
        "G",
        "GET / HTTP/1.1\r\nHost: a\r\n\r",
    ] {
        scene.refuses("8, a head without its end", 408, &[head]);
    }
    // An empty line owes nobody an answer.
    let mut client = scene.evener.connect();
    client.send("\r\n").expect_close();
    // A slow head that comes in time is served.
    let mut client = scene.evener.connect();
    for piece in get_with("").as_bytes().chunks(20) {
        client.expect_silence(Duration::from_millis(20));
        client.send(piece);
    }
    assert_eq!(client.response().text(), "GET /");
    scene.account("a slow head", &format!("GET / HTTP/1.1\r\nHost: a\r\n{VIA}"), 1);
}
