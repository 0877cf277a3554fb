//! R5 to R7 and R13 to R15: where a response ends, what becomes of a connection on which more or
//! less came than was announced, and responses that nobody waits for.

use std::time::Duration;

use super::scene::{Scene, expect_farewell, name, read, text_of};
use super::{VIA, get_with, post_with};
use crate::harness::Step;
use crate::harness::client::End;
use crate::harness::recorder::ok;
use crate::harness::wait::pause_unless;

const STOLEN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const MOMENT: Duration = Duration::from_millis(50);

/// A request that a server gets of `GET / HTTP/1.1`.
fn plain_onward() -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{VIA}")
}

#[test]
fn a_connection_with_surplus_bytes_is_not_used_again() {
    let mut scene = Scene::open();
    let large = "x".repeat(300_000);
    let responses = [
        (ok("hello"), "hello"),
        (ok(""), ""),
        (format!("{CHUNKED}5\r\nhello\r\n0\r\n\r\n"), "hello"),
        (ok(&large), &large),
    ];
    for (response, body) in responses {
        for surplus in [STOLEN, "x", "\r\n", "HTTP/1.1 100 Continue\r\n\r\n"] {
            scene.will(vec![Step::Send(format!("{response}{surplus}").into_bytes()), Step::Hold]);
            scene.expect_next_served("R5, before");
            let number = scene.connections() - 1;
            let (mut client, answers) = scene.converses("R5", &get_with(""), &[200], &plain_onward(), 1);
            assert_eq!(answers[0].text(), body, "R5");
            scene.expect_dropped("R5", number);
            assert_eq!(client.send(get_with("")).response().text(), "GET /", "R5: the client's connection goes on");
            scene.account("R5", &plain_onward(), 1);
        }
    }
}

#[test]
fn an_answer_before_the_end_of_the_request_ends_both_connections() {
    let mut scene = Scene::at_heads("", "");
    for lines in ["Content-Length: 1000000\r\n", "Transfer-Encoding: chunked\r\n"] {
        for answer in [ok("early"), format!("{CHUNKED}5\r\nearly\r\n0\r\n\r\n"), ok("early").replace("200", "413")] {
            scene.will(vec![Step::Send(answer.clone().into_bytes()), Step::Hold]);
            let what = name(&"R6", &format!("{lines}{answer}"));
            let mut client = scene.evener.connect();
            client.send(post_with(lines, ""));
            let response = read(&mut client, &what, "POST");
            assert_eq!(response.text(), "early", "{what}");
            // What comes now is the rest of the body, whatever it looks like.
            drop(client.try_send(get_with("")));
            expect_farewell(&mut client, &what, &response);
            scene.account(&what, &format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}{VIA}"), 1);
            scene.expect_dropped(&what, scene.connections() - 1);
            scene.expect_next_served(&what);
        }
    }
}

#[test]
fn what_a_server_says_unasked_answers_nobody() {
    let mut scene = Scene::open();
    let late = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for unasked in [STOLEN, "x", "\r\n", late, "HTTP/1.1 100 Continue\r\n\r\n"] {
        for method in ["GET", "POST"] {
            let what = name(&format!("R7, {method}"), unasked);
            scene.will(vec![Step::send(ok("asked")), Step::Pause(MOMENT), Step::send(unasked), Step::Hold]);
            let mut client = scene.evener.connect();
            assert_eq!(client.send(get_with("")).response().text(), "asked", "{what}");
            scene.account(&what, &plain_onward(), 1);
            let number = scene.connections() - 1;
            // Nothing tells when the bytes have arrived; three times the server's pause is enough.
            pause_unless(3 * MOMENT, || false);
            let line = format!("{method} /own HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n");
            let response = scene.evener.connect().send(format!("{line}\r\n")).response();
            assert_eq!((response.status, response.text()), (200, format!("{method} /own")), "{what}");
            scene.account(&what, &format!("{line}{VIA}"), 1);
            scene.expect_next_served(&what);
            scene.expect_dropped(&what, number);
            assert_eq!(client.send(get_with("")).response().text(), "GET /", "{what}: the first client");
            scene.account(&what, &plain_onward(), 1);
        }
    }
}

#[test]
fn an_idle_connection_with_unasked_bytes_is_closed_by_itself() {
    let mut scene = Scene::open();
    scene.will(vec![Step::send(ok("asked")), Step::Pause(MOMENT), Step::send(STOLEN), Step::Hold]);
    assert_eq!(scene.evener.connect().send(get_with("")).response().text(), "asked", "R7");
    scene.account("R7", &plain_onward(), 1);
    scene.expect_dropped("R7", scene.connections() - 1);
    scene.expect_next_served("R7");
}

#[test]
fn only_idempotent_requests_are_sent_again_and_get_in_lower_case_is_none() {
    let mut scene = Scene::open();
    let table = [("GET", 200), ("get", 502), ("Get", 502), ("POST", 502), ("FOO", 502)];
    for (method, status) in table {
        let line = format!("{method} / HTTP/1.1\r\nHost: a\r\n");
        let onward = format!("{line}{VIA}");
        let times = if status == 200 { 2 } else { 1 };
        // The connection has been used before, so it may have died of itself.
        scene.expect_next_served("row 13, before");
        scene.will(vec![Step::Close]);
        scene.converses("13", &format!("{line}\r\n"), &[status], &onward.repeat(times), times);
    }
}

/// The client, which asked in that version, cannot take what it got for the whole response.
#[track_caller]
fn expect_cut(scene: &mut Scene, row: &str, version: &str, steps: Vec<Step>) {
    let what = name(&format!("{row}, {version}"), &format!("{steps:?}"));
    scene.will(steps);
    let mut client = scene.evener.connect();
    client.send(format!("GET / {version}\r\nHost: a\r\n\r\n"));
    let (bytes, end) = client.rest();
    let text = text_of(&bytes);
    assert_eq!(end, End::Reset, "{what}: a clean end after {text:?}");
    assert!(!text.ends_with("0\r\n\r\n"), "{what}: {text:?}");
    scene.account(&what, &plain_onward(), 1);
    scene.expect_dropped(&what, scene.connections() - 1);
    scene.expect_next_served(&what);
}

#[test]
fn a_cut_response_is_never_ended_well() {
    let mut scene = Scene::open();
    let chunked = || Step::send(format!("{CHUNKED}5\r\nhello\r\n"));
    let counted = || Step::send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    let unbounded = || Step::send("HTTP/1.1 200 OK\r\n\r\nhello");
    let pause = || Step::Pause(MOMENT);
    for version in ["HTTP/1.1", "HTTP/1.0"] {
        for end in [Step::Close, Step::Reset] {
            expect_cut(&mut scene, "R13", version, vec![chunked(), pause(), end.clone()]);
            expect_cut(&mut scene, "R13", version, vec![chunked(), pause(), Step::send("5\r\nwor"), end.clone()]);
            expect_cut(&mut scene, "R13", version, vec![chunked(), pause(), Step::send("0\r\n"), end.clone()]);
            expect_cut(&mut scene, "R13", version, vec![counted(), pause(), end.clone()]);
        }
        expect_cut(&mut scene, "R13", version, vec![unbounded(), pause(), Step::Reset]);
        for broken in ["g\r\n", "5\r\nworldX", "0\r\nX\r\n\r\n", "5\nworld\n"] {
            expect_cut(&mut scene, "R13", version, vec![chunked(), pause(), Step::send(broken), Step::Hold]);
        }
    }
    let many = format!("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{}", "x".repeat(500_000));
    expect_cut(&mut scene, "R13", "HTTP/1.1", vec![Step::Send(many.into_bytes()), pause(), Step::Close]);
}

#[test]
fn a_client_of_http_1_0_gets_no_chunks() {
    let mut scene = Scene::open();
    for line in ["", "Connection: keep-alive\r\n"] {
        scene.will(vec![Step::send(format!("{CHUNKED}5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nX: y\r\n\r\n"))]);
        let mut client = scene.evener.connect();
        client.send(format!("GET / HTTP/1.0\r\nHost: a\r\n{line}\r\n"));
        let (bytes, end) = client.rest();
        let seen = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello world";
        assert_eq!((text_of(&bytes).as_str(), end), (seen, End::Close), "R14");
        scene.account("R14", &plain_onward(), 1);
        scene.expect_next_served("R14");
    }
}

#[test]
fn a_length_that_does_not_fit_a_coded_body_is_no_other_length() {
    let mut scene = Scene::open();
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length:";
    // The length of the text, which is longer than what was made of it.
    expect_cut(
        &mut scene,
        "R15",
        "HTTP/1.1",
        vec![Step::send(format!("{head} 100\r\n\r\nshort")), Step::Pause(MOMENT), Step::Close],
    );
    scene.will(vec![Step::send(format!("{head} 5\r\n\r\nlonger")), Step::Hold]);
    scene.expect_next_served("R15");
    let number = scene.connections() - 1;
    let (_, answers) = scene.converses("R15", &get_with(""), &[200], &plain_onward(), 1);
    assert_eq!((answers[0].text().as_str(), answers[0].field("content-encoding")), ("longe", Some("gzip")), "R15");
    scene.expect_dropped("R15", number);
}
