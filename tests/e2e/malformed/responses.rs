//! Rows 29 and 31 for responses, and R1 to R4, R8 to R12: heads of responses that are malformed,
//! ambiguous or not asked for.

use super::scene::{Scene, name, text_of};
use super::{VIA, get_with};
use crate::harness::Step;
use crate::harness::client::End;

/// The answer to the request that follows, as its client sees it.
const AFTER_ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nGET /after";

fn after() -> (String, String) {
    let line = "GET /after HTTP/1.1\r\nHost: a\r\n";
    (format!("{line}Connection: close\r\n\r\n"), format!("{line}{VIA}"))
}

/// Each response becomes a 502; its connection is not used again, the client's is.
#[track_caller]
fn expect_502<T: AsRef<str>>(scene: &mut Scene, row: &str, responses: &[T]) {
    let (after, after_onward) = after();
    for response in responses {
        let response = response.as_ref();
        scene.will(vec![Step::Send(super::scene::latin(response)), Step::Hold]);
        let row = name(&row, response);
        let onward = format!("GET / HTTP/1.1\r\nHost: a\r\n{VIA}{after_onward}");
        let before = scene.connections();
        let (_, answers) = scene.converses(&row, &(get_with("") + &after), &[502, 200], &onward, 2);
        assert_eq!(answers[1].text(), "GET /after", "{row}");
        scene.expect_dropped(&row, before.saturating_sub(1));
    }
}

/// What becomes of the connection to the server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Connection {
    Kept,
    Dropped,
}

/// The client sees exactly the second text of a response that is the first, and then the answer to its next request.
#[track_caller]
fn expect_seen(scene: &mut Scene, row: &str, method: &str, response: &str, seen: &str, connection: Connection) {
    let (after, after_onward) = after();
    let what = name(&row, response);
    let mut steps = vec![Step::Send(super::scene::latin(response))];
    steps.extend((connection == Connection::Dropped).then_some(Step::Hold));
    scene.will(steps);
    scene.expect_next_served(&what);
    let number = scene.connections() - 1;
    let mut client = scene.evener.connect();
    client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n{after}"));
    let (bytes, end) = client.rest();
    assert_eq!((text_of(&bytes), end), (format!("{seen}{AFTER_ANSWER}"), End::Close), "{what}");
    scene.account(&what, &format!("{method} / HTTP/1.1\r\nHost: a\r\n{VIA}{after_onward}"), 2);
    scene.expect_next_served(&what);
    match connection {
        Connection::Kept => assert_eq!(scene.connections() - 1, number, "{what}: the connection is used again"),
        Connection::Dropped => scene.expect_dropped(&what, number),
    }
}

#[test]
fn white_space_before_a_colon_is_taken_out() {
    let mut scene = Scene::open();
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n";
    for (row, line, seen) in [("29, response", "X : y", "X: y"), ("29, response", "Set-Cookie \t : y", "Set-Cookie: y")]
    {
        let response = format!("{head}{line}\r\nZ: z\r\n\r\nhello");
        expect_seen(&mut scene, row, "GET", &response, &format!("{head}{seen}\r\nZ: z\r\n\r\nhello"), Connection::Kept);
    }
    let response = "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello";
    expect_seen(&mut scene, "29, response", "GET", response, &format!("{head}\r\nhello"), Connection::Kept);
    let response = "HTTP/1.1 200 OK\r\nContent-Length : 5\r\nContent-Length: 6\r\n\r\nhello";
    expect_502(&mut scene, "29, response", &[response]);
}

#[test]
fn folded_and_malformed_lines_are_errors() {
    let mut scene = Scene::open();
    let with = |lines: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n{lines}\r\n\r\nhello");
    expect_502(&mut scene, "31", &[with("X: a\r\n b"), with("X: a\r\n\tb"), with(" X: a"), with("X: a\r\n ")]);
    expect_502(&mut scene, "31", &["HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"]);
    let lines = ["X: a\rb", "X: a\nb", "X: a\0b", "X: a\u{1}b", "X: a\x7fb", "X: a\nY: b", "X: a\r\rb", "X\0: a", "X"];
    for line in lines {
        expect_502(&mut scene, "R8", &[with(line)]);
    }
    for line in ["X Y: a", ": a", "X\u{e9}: a", "X(: a"] {
        expect_502(&mut scene, "R8", &[with(line)]);
    }
}

#[test]
fn unclear_framing_is_an_error() {
    let mut scene = Scene::open();
    let with = |lines: &str| format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    expect_502(&mut scene, "R1", &[with("Content-Length: 5\r\nTransfer-Encoding: chunked")]);
    expect_502(&mut scene, "R1", &[with("Transfer-Encoding: chunked\r\nContent-Length: 15")]);
    let lengths = [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5, 5",
        "Content-Length: 5, 6",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length: -1",
        "Content-Length:",
        "Content-Length: 18446744073709551621",
    ];
    for lines in lengths {
        expect_502(&mut scene, "R2", &[with(lines)]);
    }
    let encodings =
        ["gzip", "gzip, chunked", "chunked, chunked", "xchunked", "chunked, gzip", "identity", "", "chunked;q=1"];
    for coding in encodings {
        expect_502(&mut scene, "R1", &[with(&format!("Transfer-Encoding: {coding}"))]);
    }
    expect_502(&mut scene, "R1", &[with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")]);
    expect_502(&mut scene, "R1", &[with("Transfer-Encoding: chunked").replace("HTTP/1.1", "HTTP/1.0")]);
}

#[test]
fn malformed_status_lines_are_errors() {
    let mut scene = Scene::open();
    let lines = [
        "junk",
        "HTTP/1.1 99",
        "HTTP/1.1 99 X",
        "HTTP/1.1 1000",
        "HTTP/1.1 1000 X",
        "HTTP/1.1 20",
        "HTTP/1.1 2x0 OK",
        "HTTP/1.1 +200 OK",
        "HTTP/1.1 200OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1\t200 OK",
        "HTTP/1.1 000 X",
        "HTTP/1.1",
        "HTTP/1.1 ",
        "HTTP/2 200 OK",
        "HTTP/2.0 200 OK",
        "http/1.1 200 OK",
        "HTTP/1.10 200 OK",
        "ICY 200 OK",
        " HTTP/1.1 200 OK",
        "HTTP/1.1 200 O\0K",
        "SSH-2.0-x",
        "<html>",
    ];
    for line in lines {
        expect_502(&mut scene, "R3", &[format!("{line}\r\nContent-Length: 0\r\n\r\n")]);
    }
    expect_502(
        &mut scene,
        "R3",
        &["HTTP/1.1 200 OK\nContent-Length: 0\n\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\n\n", "\0\0\0\0"],
    );
}

#[test]
fn bodies_where_none_can_be_are_ignored() {
    let mut scene = Scene::open();
    let no_content = "HTTP/1.1 204 No Content\r\n\r\n";
    let not_modified = "HTTP/1.1 304 Not Modified\r\n\r\n";
    let table = [
        ("GET", format!("{no_content}surplus"), no_content.to_owned()),
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello".to_owned(), no_content.to_owned()),
        (
            "GET",
            "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            no_content.to_owned(),
        ),
        ("GET", format!("{not_modified}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"), not_modified.to_owned()),
        (
            "GET",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello".to_owned(),
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n".to_owned(),
        ),
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_owned(),
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_owned(),
        ),
        (
            "HEAD",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
        ),
    ];
    for (method, response, seen) in table {
        expect_seen(&mut scene, "R4", method, &response, &seen, Connection::Dropped);
    }
    // Without the surplus the connection may go on.
    expect_seen(&mut scene, "R4", "GET", no_content, no_content, Connection::Kept);
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    expect_seen(&mut scene, "R4", "HEAD", head, head, Connection::Kept);
}

#[test]
fn interim_responses_have_an_end() {
    let mut scene = Scene::open();
    let early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let plain = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    expect_seen(&mut scene, "R9", "GET", &format!("{early}{plain}"), &format!("{early}{plain}"), Connection::Kept);
    let onward = format!("GET / HTTP/1.1\r\nHost: a\r\n{VIA}");
    for interim in [early, "HTTP/1.1 102 Processing\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 199 X\r\n\r\n"]
    {
        scene.will(vec![Step::Send(interim.repeat(101).into_bytes()), Step::send(plain), Step::Hold]);
        let number = scene.connections().saturating_sub(1);
        let (_, responses) = scene.converses("R9, 101 of them", &get_with(""), &[502], &onward, 1);
        assert!(responses[0].interim.len() <= 100, "R9: {} interim responses", responses[0].interim.len());
        scene.expect_dropped("R9", number);
    }
    // A framing in an interim response means nothing and goes no further.
    let framed = "HTTP/1.1 103 Early Hints\r\nContent-Length: 99\r\nLink: </a>\r\n\r\n";
    expect_seen(&mut scene, "R9", "GET", &format!("{framed}{plain}"), &format!("{early}{plain}"), Connection::Kept);
}

#[test]
fn framing_names_cannot_be_nominated_away() {
    let mut scene = Scene::open();
    let seen = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    for line in ["Connection: Content-Length", "Connection: keep-alive, content-length, X-Own\r\nX-Own: gone"] {
        let response = format!("HTTP/1.1 200 OK\r\n{line}\r\nContent-Length: 5\r\n\r\nhello");
        expect_seen(&mut scene, "R11", "GET", &response, seen, Connection::Kept);
    }
    let response =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: Transfer-Encoding\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let seen = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    expect_seen(&mut scene, "R11", "GET", response, seen, Connection::Kept);
    let response = "HTTP/1.1 200 OK\r\nConnection: Set-Cookie\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n";
    let seen = "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n";
    expect_seen(&mut scene, "R11", "GET", response, seen, Connection::Kept);
}

#[test]
fn heads_of_responses_have_a_limit() {
    let mut scene = Scene::open();
    let with = |lines: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n{lines}\r\nhello");
    expect_502(
        &mut scene,
        "R12",
        &[with(&format!("X: {}\r\n", "y".repeat(64 * 1024))), with(&"X: y\r\n".repeat(20_000))],
    );
    expect_502(&mut scene, "R12", &[format!("HTTP/1.1 200 {}\r\n\r\n", "O".repeat(1 << 20)), "X".repeat(1 << 20)]);
    let large = with(&format!("X: {}\r\n", "y".repeat(60_000)));
    expect_seen(&mut scene, "R12", "GET", &large, &large, Connection::Kept);
}
