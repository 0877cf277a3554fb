//! Rows 63 and 64: what comes after the last chunk.

use super::scene::Scene;
use super::{VIA, post_with};

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
const HEAD: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n";

/// What trailers may add to the program's memory.
const MEMORY_BYTES_MAX: u64 = 2 << 20;

#[test]
fn trailers_that_would_matter_are_dropped() {
    let mut scene = Scene::open();
    let dropped = [
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Host: b",
        "Authorization: Basic eDp5",
        "X-Forwarded-For: 1.2.3.4",
        "X_Auth_User: root",
        "Connection: close",
        "Cookie: a=b",
        "Content-Type: text/html",
        "Expect: 100-continue",
        "x_forwarded_for: 1.2.3.4",
        "Upgrade: websocket",
        "Trailer: X",
    ];
    for line in dropped {
        let input = post_with(CHUNKED, &format!("5\r\nhello\r\n0\r\nX-Sum: 1\r\n{line}\r\nX-End: 2\r\n\r\n"));
        let onward = format!("{HEAD}{VIA}5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-End: 2\r\n\r\n");
        scene.forwards(63, &[(&input, &onward)]);
    }
}

#[test]
fn malformed_trailers_are_refused() {
    let mut scene = Scene::open();
    let lines = [
        "X",
        ": v",
        "X : v",
        "X Y: v",
        "X: a\0b",
        "X: a\rb",
        "X: a\nb",
        "X: a\r\n b",
        "X\u{e9}: v",
        "X: a\u{1}",
        " X: v",
    ];
    for line in lines {
        scene.refuses(64, 400, &[post_with(CHUNKED, &format!("5\r\nhello\r\n0\r\n{line}\r\n\r\n"))]);
    }
}

#[test]
fn trailers_have_a_limit() {
    let mut scene = Scene::open();
    scene.expect_next_served("row 64, before");
    let memory = scene.evener.process.rss_bytes();
    let (many, long) = ("X: y\r\n".repeat(1 << 18), format!("X: {}\r\n", "y".repeat(1 << 20)));
    for trailers in [many.as_str(), long.as_str(), &"X".repeat(1 << 20)] {
        let input = post_with(CHUNKED, &format!("5\r\nhello\r\n0\r\n{trailers}\r\n"));
        scene.gives_up(64, 431, &input, &format!("{HEAD}{VIA}"));
    }
    let grown = scene.evener.process.peak_rss_bytes().saturating_sub(memory);
    assert!(grown < MEMORY_BYTES_MAX, "row 64: {grown} bytes more memory");
}
