//! Rows 65 and 66: bodies where nobody expects one, and bodies that do not come to their end.

use super::scene::{Scene, name, text_of};
use super::{VIA, post_with};
use crate::harness::wait::{PATIENCE, eventually};

#[test]
fn any_method_may_have_a_body_and_keeps_it() {
    let mut scene = Scene::open();
    for method in ["GET", "HEAD", "OPTIONS", "DELETE", "TRACE", "FOO"] {
        let head = format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n");
        scene.forwards(65, &[(&format!("{head}\r\nhello"), &format!("{head}{VIA}hello"))]);
        let head = format!("{method} / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n");
        let body = "5\r\nhello\r\n0\r\n\r\n";
        scene.forwards(65, &[(&format!("{head}\r\n{body}"), &format!("{head}{VIA}{body}"))]);
    }
    // What looks like a request is the body of the GET, whoever thinks that a GET has none.
    let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n", hidden.len());
    scene.forwards(65, &[(&format!("{head}\r\n{hidden}"), &format!("{head}{VIA}{hidden}"))]);
}

#[test]
fn a_body_that_ends_too_soon_is_no_request() {
    let log = "[log]\naccess = \"stderr\"\nformat = \"<{target} {status}>\"\n";
    let mut scene = Scene::with(log, "");
    let bodies = [
        ("Content-Length: 10\r\n", "hello", "hello"),
        ("Content-Length: 1000000\r\n", "hello", "hello"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n", "5\r\nhello\r\n"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n5\r\nwor", "8\r\nhellowor\r\n"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n", "5\r\nhello\r\n"),
    ];
    let mut number = 0;
    for (line, body, onward) in bodies {
        for is_reset in [false, true] {
            number += 1;
            let input = post_with(line, body).replace("POST /", &format!("POST /cut/{number}"));
            let head = format!("POST /cut/{number} HTTP/1.1\r\nHost: a\r\n{line}{VIA}");
            let what = name(&66, &input);
            let mut client = scene.evener.connect();
            client.send(&input);
            scene.account(&what, &format!("{head}{onward}"), 0);
            let connection = scene.connections() - 1;
            if is_reset {
                client.reset();
            } else {
                client.half_close();
                let (rest, _) = client.rest();
                let rest = text_of(&rest);
                assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 400 "), "{what}: {rest:?}");
            }
            scene.expect_dropped(&what, connection);
            scene.account(&what, "", 0);
            scene.expect_next_served(&what);
        }
    }
    for number in 1..=number {
        eventually(PATIENCE, &format!("row 66: the log tells of /cut/{number}"), || {
            let log = scene.evener.process.stderr();
            [400, 499].iter().any(|status| log.contains(&format!("</cut/{number} {status}>")))
        });
    }
}
