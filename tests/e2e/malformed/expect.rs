//! Rows 69 and 70: the Expect field. What happens when the body never comes is in `timing`.

use super::scene::{Scene, expect_farewell, name, read};
use super::{VIA, each, post_with};
use crate::harness::Step;
use crate::harness::recorder::ok;

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const LINES: &str = "Content-Length: 5\r\nExpect: 100-continue\r\n";

fn onward() -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{LINES}{VIA}")
}

#[test]
fn a_body_that_comes_at_once_needs_no_permission() {
    let mut scene = Scene::at_heads("", "");
    let finals = [String::new(), CONTINUE.to_owned(), CONTINUE.repeat(2), CONTINUE.repeat(5)];
    for interim in finals {
        scene.will(vec![Step::send(&interim), Step::ReadBody, Step::send(ok("done"))]);
        let (_, responses) = scene.converses(69, &post_with(LINES, "hello"), &[200], &(onward() + "hello"), 1);
        assert!(responses[0].interim.len() <= 1, "row 69: {} times 100 after {interim:?}", responses[0].interim.len());
        assert_eq!(responses[0].text(), "done", "row 69");
    }
}

#[test]
fn a_client_that_waits_gets_one_100() {
    let mut scene = Scene::at_heads("", "");
    for (lines, body) in
        [(LINES, "hello"), ("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n", "5\r\nhello\r\n0\r\n\r\n")]
    {
        for times in [1, 3] {
            scene.will(vec![Step::send(CONTINUE.repeat(times)), Step::ReadBody, Step::send(ok("done"))]);
            let what = name(&69, lines);
            let mut client = scene.evener.connect();
            client.send(post_with(lines, ""));
            assert_eq!(client.next_response().status, 100, "{what}");
            client.send(body);
            let response = read(&mut client, &what, "POST");
            assert_eq!((response.status, response.interim.len()), (200, 0), "{what}: {response:?}");
            scene.account(&what, &format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}{VIA}{body}"), 1);
            scene.expect_next_served(&what);
        }
    }
}

#[test]
fn an_early_answer_closes_the_connection() {
    let mut scene = Scene::at_heads("", "");
    for answer in ["HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno"] {
        scene.will(vec![Step::send(answer), Step::Hold]);
        let what = name(&"69, early", answer);
        let mut client = scene.evener.connect();
        client.send(post_with(LINES, ""));
        let response = read(&mut client, &what, "POST");
        assert_eq!((response.text(), response.interim.len()), ("no".to_owned(), 0), "{what}");
        // What the client may have sent on its own account must not be read as a request.
        drop(client.try_send("hello"));
        expect_farewell(&mut client, &what, &response);
        scene.account(&what, &onward(), 1);
        scene.expect_dropped(&what, scene.connections() - 1);
        scene.expect_next_served(&what);
    }
}

#[test]
fn http_1_0_and_empty_bodies_wait_for_nothing() {
    let mut scene = Scene::at_heads("", "");
    scene.will(vec![Step::send(CONTINUE), Step::ReadBody, Step::send(ok("done"))]);
    let input = "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello";
    let onward = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n{VIA}hello");
    let (_, responses) = scene.converses(69, input, &[200], &onward, 1);
    assert_eq!(responses[0].interim.len(), 0, "row 69: an interim response for HTTP/1.0");
    let early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    scene.will(vec![Step::send(early), Step::send(ok("done"))]);
    let (_, responses) = scene.converses(
        69,
        "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
        &[200],
        &format!("GET / HTTP/1.1\r\nHost: a\r\n{VIA}"),
        1,
    );
    assert_eq!(responses[0].interim.len(), 0, "row 69: an interim response for HTTP/1.0");

    for lines in ["Content-Length: 0\r\nExpect: 100-continue\r\n", "Expect: 100-continue\r\nContent-Length: 0\r\n"] {
        scene.will(vec![Step::send(CONTINUE), Step::ReadBody, Step::send(ok("done"))]);
        let onward = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n{VIA}");
        let (_, responses) = scene.converses(69, &post_with(lines, ""), &[200], &onward, 1);
        assert_eq!(responses[0].interim.len(), 0, "row 69: permission for an empty body");
    }
    scene.refuses(69, 400, &[post_with("Content-Length: 5\r\nExpect:\r\n 100-continue\r\n", "hello")]);
    scene.refuses(69, 400, &[post_with("Content-Length: 5\r\nExpect: 100-continue\r\n \r\n", "hello")]);
}

#[test]
fn other_expectations_are_refused() {
    let mut scene = Scene::open();
    let pattern = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: {}\r\n\r\nhello";
    let values =
        ["foo", "100-continue, x", "x, 100-continue", "", "100", "100-continue;q=1", "100-continue, 100-continue"];
    scene.refuses(70, 417, &each(pattern, &values));
    scene.refuses(70, 417, &["GET / HTTP/1.1\r\nHost: a\r\nExpect: foo\r\n\r\n"]);
}
