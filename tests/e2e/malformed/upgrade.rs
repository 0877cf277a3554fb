//! Row 71: the Upgrade field, and what becomes of the bytes behind the request.

use std::time::Duration;

use super::scene::{Scene, name, read};
use super::{VIA, get_with, post_with};
use crate::harness::Step;
use crate::harness::recorder::ok;
use crate::harness::wait::pause_unless;

const OFFER: &str = "Upgrade: websocket\r\nConnection: upgrade\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
const AFTER: &str = "GET /after HTTP/1.1\r\nHost: a\r\n\r\n";

fn offer_onward() -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{VIA}")
}

#[test]
fn bytes_behind_an_offer_wait_for_the_101() {
    let mut scene = Scene::open();
    scene.will(vec![Step::Pause(Duration::from_millis(200)), Step::send(SWITCH), Step::send("hi"), Step::ReadToEnd]);
    let what = name(&71, "accepted, with a pipelined request");
    let mut client = scene.evener.connect();
    client.send(get_with(OFFER) + AFTER);
    scene.account(&what, &offer_onward(), 1);
    pause_unless(Duration::from_millis(100), || false);
    scene.account(&what, "", 0);
    let response = read(&mut client, &what, "GET");
    assert_eq!((response.status, response.field("upgrade")), (101, Some("websocket")), "{what}");
    assert_eq!(client.bytes(2), b"hi", "{what}");
    scene.account(&what, AFTER, 0);
    client.send("\0anything\n");
    scene.account(&what, "\0anything\n", 0);
    client.half_close();
    client.expect_close();
    scene.expect_next_served(&what);
}

#[test]
fn without_a_101_the_bytes_are_the_next_request() {
    let mut scene = Scene::open();
    let after = AFTER.replacen("\r\n\r\n", &format!("\r\n{VIA}"), 1);
    for status in [200, 403, 426] {
        scene.will(vec![Step::send(ok("no").replace("200", &status.to_string()))]);
        let input = get_with(OFFER) + AFTER;
        let (_, responses) = scene.converses(71, &input, &[status, 200], &(offer_onward() + &after), 2);
        assert_eq!(responses[1].text(), "GET /after", "row 71");
    }
    scene.will(vec![Step::send(ok("no"))]);
    scene.converses(71, &(get_with(OFFER) + "\0junk\r\n"), &[200, 400], &offer_onward(), 1);
}

#[test]
fn offers_that_are_none_are_not_passed_on() {
    let mut scene = Scene::open();
    let plain = format!("GET / HTTP/1.1\r\nHost: a\r\n{VIA}");
    let lines = [
        "Upgrade: websocket\r\n",
        "Upgrade: websocket\r\nConnection: keep-alive\r\n",
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "Upgrade: H2C\r\nConnection: upgrade\r\n",
        "Upgrade: h2\r\nConnection: upgrade\r\n",
        "Upgrade: HTTP/2.0\r\nConnection: upgrade\r\n",
        "HTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "Connection: upgrade\r\n",
        "Upgrade:\r\nConnection: upgrade\r\n",
        "Upgrade: websocket\r\nUpgrade: websocket\r\nConnection: upgrade\r\n",
    ];
    for lines in lines {
        scene.forwards(71, &[(&get_with(lines), &plain)]);
    }
    let both = get_with("Upgrade: h2c, websocket\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAM\r\n");
    scene.forwards(71, &[(&both, &offer_onward())]);
    let old = "GET / HTTP/1.0\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
    scene.forwards("71, HTTP/1.0", &[(old, &plain)]);

    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n";
    let input = post_with(&format!("Content-Length: 5\r\n{OFFER}"), "hello");
    scene.forwards("71, with a body", &[(&input, &format!("{head}{VIA}hello"))]);
    let input = post_with(&format!("{OFFER}Transfer-Encoding: chunked\r\n"), "5\r\nhello\r\n0\r\n\r\n");
    let onward = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{VIA}5\r\nhello\r\n0\r\n\r\n");
    scene.forwards("71, with chunks", &[(&input, &onward)]);
    // Without a body a POST may offer what a GET may.
    scene.forwards("71, a POST", &[(&post_with(OFFER, ""), &offer_onward().replacen("GET", "POST", 1))]);
}

#[test]
fn a_101_that_was_not_asked_for_is_an_error() {
    let mut scene = Scene::open();
    let plain = format!("GET / HTTP/1.1\r\nHost: a\r\n{VIA}");
    let old = "GET / HTTP/1.0\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n".to_owned();
    let body = post_with(&format!("Content-Length: 5\r\n{OFFER}"), "hello");
    let body_onward = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n{VIA}hello");
    let table = [
        ("another protocol", get_with(OFFER), SWITCH.replace("websocket", "other"), offer_onward()),
        ("one more protocol", get_with(OFFER), SWITCH.replace("websocket", "websocket, other"), offer_onward()),
        ("h2c", get_with(OFFER), SWITCH.replace("websocket", "h2c"), offer_onward()),
        ("no protocol", get_with(OFFER), "HTTP/1.1 101 X\r\nConnection: Upgrade\r\n\r\n".to_owned(), offer_onward()),
        ("no option", get_with(OFFER), "HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n".to_owned(), offer_onward()),
        ("no offer", get_with(""), SWITCH.to_owned(), plain.clone()),
        ("no valid offer", get_with("Upgrade: websocket\r\n"), SWITCH.to_owned(), plain.clone()),
        (
            "h2c offered",
            get_with("Upgrade: h2c\r\nConnection: upgrade\r\n"),
            SWITCH.replace("websocket", "h2c"),
            plain.clone(),
        ),
        ("HTTP/1.0", old, SWITCH.to_owned(), plain.clone()),
        ("a body", body, SWITCH.to_owned(), body_onward),
    ];
    for (case, input, answer, onward) in table {
        scene.will(vec![Step::Send(answer.into_bytes()), Step::Hold]);
        let row = format!("71 and R10, {case}");
        scene.converses(&row, &input, &[502], &onward, 1);
    }
}
