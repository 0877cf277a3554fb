//! What makes an answer to a check a good one: status, body, host, port.

use std::time::{Duration, Instant};

use super::{OFTEN, Patient, Ward};
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Step};

/// The first server answers checks so, and is down for this reason; once it answers otherwise it is up again.
#[track_caller]
fn check_down(health: &str, bad: &str, why: &str, good: &str) {
    let (a, b) = (Patient::new("a"), Patient::new("b"));
    b.answer_with(good);
    a.answer_with(bad);
    let ward = Ward::start(&[a.address(), b.address()], health);
    ward.wait_until_down(a.address(), &format!("GET /healthz {why}"));
    ward.expect_served_by(&["b"]);
    assert_eq!(a.recorder.requests().len(), a.checks().len(), "no client's request had to find out");
    a.answer_with(good);
    ward.wait_until_up(a.address());
    ward.wait_until_served_by(&["a", "b"]);
    assert_eq!((ward.said("is down"), ward.said("is up again")), (1, 1));
}

#[test]
fn a_status_out_of_range_is_down() {
    check_down(OFTEN, "HTTP/1.1 404 Not Found\r\n\r\n", "answered 404, wanted 200-399", &ok("fine"));
    let narrow = format!("{OFTEN}, status = \"204,301-302\"");
    let moved = "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n\r\n";
    check_down(&narrow, &ok("fine"), "answered 200, wanted 204,301-302", moved);
}

#[test]
fn a_body_without_the_text_is_down() {
    let health = format!("{OFTEN}, body = \"state: ready\"");
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nstate: r\r\n4\r\neady\r\n0\r\n\r\n";
    check_down(&health, &ok("state: loading"), "answered without \"state: ready\" in the body", chunked);
}

#[test]
fn checks_are_requests_of_their_own_with_the_server_as_host() {
    let (a, b) = (Patient::new("a"), Patient::new("b"));
    for (health, host) in [(OFTEN.to_owned(), None), (format!("{OFTEN}, host = \"app.test\""), Some("app.test"))] {
        let ward = Ward::start(&[a.address(), b.address()], &health);
        for server in [&a, &b] {
            let before = server.checks().len();
            eventually(PATIENCE, "there are checks", || server.checks().len() >= before + 2);
            let check = server.checks().pop().expect("there are some");
            let own = server.address().to_string();
            assert_eq!(check.fields.all("host").collect::<Vec<_>>(), [host.unwrap_or(&own)]);
            assert_eq!(check.fields.get("user-agent"), Some("evener-check"));
            assert_eq!(check.fields.get("connection"), Some("close"));
        }
        drop(ward);
    }
}

#[test]
fn a_port_for_checks_is_asked_in_place_of_the_server() {
    let (a, side) = (Patient::new("a"), Patient::new("side"));
    let ward = Ward::start(&[a.address()], &format!("{OFTEN}, port = {}", side.address().port()));
    side.wait_for_checks(2);
    side.sicken();
    ward.wait_until_down(a.address(), "GET /healthz answered 503, wanted 200-399");
    assert!(a.checks().is_empty());
}

#[test]
fn a_check_never_overlaps_itself() {
    let a = Patient::new("a");
    a.answer(vec![Step::Hold]);
    let ward = Ward::start(&[a.address()], &OFTEN.replace("20s", "2s"));
    let begun = || a.recorder.conversations().iter().filter(|one| one.text().contains("/healthz")).count();
    eventually(PATIENCE, "the first check is over", || a.recorder.conversation(0).is_over());
    assert!(begun() <= 2, "{} checks in the time of one", begun());
    ward.wait_until_down(a.address(), "GET /healthz got no answer within 2s");
    assert!(begun() <= 3, "{} checks in the time of two", begun());
}

#[test]
fn the_first_verdict_does_not_wait_for_the_interval() {
    let (a, b) = (Patient::new("a"), Patient::new("b"));
    a.sicken();
    let begun = Instant::now();
    // Checks every 5 seconds, two of them for a verdict.
    let ward = Ward { evener: Evener::proxy(&[a.address(), b.address()], &["--health", "/healthz"]) };
    let down = format!("server {} of upstream servers is down: GET /healthz answered 503", a.address());
    ward.wait_until_said(&down);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    ward.expect_served_by(&["b"]);
}
