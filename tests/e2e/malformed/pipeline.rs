//! Rows 67 and 68: several requests at once on one connection.

use std::time::Duration;

use super::scene::{Scene, expect_farewell};
use super::{VIA, get_with, post_with};
use crate::harness::Step;
use crate::harness::recorder::ok;

#[test]
fn junk_behind_a_request_is_refused_after_its_answer() {
    let mut scene = Scene::open();
    let empty = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n{VIA}");
    let plain = format!("GET / HTTP/1.1\r\nHost: a\r\n{VIA}");
    let five = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n{VIA}hello");
    let junk = ["hello\r\n\r\n", "\0\0\0\0", "0\r\n\r\n", "GET\r\n", "{\"json\": 1}\n", " / HTTP/1.1\r\n\r\n"];
    for junk in junk {
        let table = [
            (post_with("Content-Length: 0\r\n", junk), &empty),
            (get_with("") + junk, &plain),
            (post_with("Content-Length: 5\r\n", "hello") + junk, &five),
        ];
        for (input, onward) in table {
            for is_slow in [false, true] {
                if is_slow {
                    scene.will(vec![Step::Pause(Duration::from_millis(10)), Step::send(ok("slow"))]);
                }
                let (mut client, responses) = scene.converses(67, &input, &[200, 400], onward, 1);
                expect_farewell(&mut client, &format!("row 67, {input:?}"), &responses[1]);
            }
        }
    }
    // What follows an empty body is a request if it is one.
    let input = post_with("Content-Length: 0\r\n", &get_with(""));
    let (_, responses) = scene.converses(67, &input, &[200, 200], &format!("{empty}{plain}"), 2);
    assert_eq!((responses[0].text(), responses[1].text()), ("POST /".to_owned(), "GET /".to_owned()), "row 67");
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let mut scene = Scene::open();
    let requests = [
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /4 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "GET /5 HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    let onward: String =
        requests.iter().map(|request| request.replacen("\r\n\r\n", &format!("\r\n{VIA}"), 1)).collect();
    for is_slow in [false, true] {
        if is_slow {
            scene.will(vec![Step::Pause(Duration::from_millis(100)), Step::send(ok("GET /1"))]);
        }
        let (mut client, responses) = scene.converses(68, &requests.concat(), &[200; 5], &onward, 5);
        let texts: Vec<String> = responses.iter().map(|response| response.text()).collect();
        assert_eq!(texts, ["GET /1", "POST /2", "GET /3", "POST /4", "GET /5"], "row 68");
        assert_eq!(client.send(get_with("")).response().text(), "GET /", "row 68: the connection goes on");
        scene.account("row 68", &format!("GET / HTTP/1.1\r\nHost: a\r\n{VIA}"), 1);
    }
}
