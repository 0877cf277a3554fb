//! What the demo's servers answer, and what the demo says of itself.

use super::answer::{Body, Then, answer};
use super::server::SPEEDS;
use super::{config, introduction, url};
use crate::cli::BALANCES;
use evener_config::{NoWorld, load_text};
use evener_http::{HeadLimits, Progress, RequestParser};
use evener_plan::Listen;
use std::net::SocketAddr;

/// The whole response of the quick server.
fn response(request: &str) -> (String, Option<usize>) {
    let mut parser = RequestParser::new();
    let limits = HeadLimits { bytes_max: 10_000, fields_max: 20 };
    assert_eq!(parser.parse(request.as_bytes(), &limits), Ok(Progress::Complete));
    let answer = answer(&SPEEDS[0], parser.head(), request.as_bytes());
    let bytes = answer.bytes(Body::Sent, Then::GoOn);
    (String::from_utf8(bytes).unwrap(), answer.stops)
}

#[test]
fn an_answer_names_the_server_and_what_it_saw() {
    let (text, stops) =
        response("GET /hello?x=1 HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 10.0.0.1\r\nCookie: secret\r\n\r\n");
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("X-Demo-Server: quick"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
    assert_eq!(body, "quick answers, after 5 ms\nGET /hello?x=1\nhost: a.example\nx-forwarded-for: 10.0.0.1\n");
    assert_eq!(stops, None);
}

#[test]
fn only_browsers_get_the_page() {
    let (page, _) = response("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html,*/*;q=0.8\r\n\r\n");
    assert!(page.contains("Content-Type: text/html") && page.contains("<!doctype html>"), "{page}");
    for speed in &SPEEDS {
        assert!(page.contains(&format!("\"{}\"", speed.name)), "the page does not know {}", speed.name);
    }
    let (text, _) = response("GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n");
    assert!(text.contains("quick answers"), "{text}");
}

#[test]
fn only_a_post_stops_a_server_and_only_one_that_exists() {
    let check = |line: &str, status: u16, stopped: Option<usize>| {
        let (text, stops) = response(&format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {text}");
        assert_eq!(stops, stopped, "{line}");
    };
    check("POST /stop/quick", 200, Some(0));
    check("POST /stop/slow", 200, Some(2));
    check("GET /stop/slow", 405, None);
    check("POST /stop/nobody", 404, None);
    check("POST /stop", 200, None);
}

#[test]
fn the_config_that_is_shown_is_good_and_is_what_runs() {
    let servers: Vec<SocketAddr> = vec!["127.0.0.1:1001".parse().unwrap(), "127.0.0.1:1002".parse().unwrap()];
    for balance in BALANCES {
        let text = config("127.0.0.1:8080", balance, &servers);
        let outcome = load_text("made up", &text, &NoWorld);
        assert!(outcome.diagnostics.is_empty(), "{}", outcome.render(false));
        let shown = introduction(None, &servers, &text);
        assert!(text.lines().all(|line| shown.contains(line)), "{shown}");
    }
}

#[test]
fn the_address_to_open_is_one_that_a_client_can_use() {
    let check = |listen: Listen, expected: &str| assert_eq!(url(Some(listen)), expected);
    check(Listen::Any(9000), "http://127.0.0.1:9000");
    check(Listen::At("0.0.0.0:9000".parse().unwrap()), "http://127.0.0.1:9000");
    check(Listen::At("[::1]:9000".parse().unwrap()), "http://[::1]:9000");
    check(Listen::At("127.0.0.2:9000".parse().unwrap()), "http://127.0.0.2:9000");
}
