//! Calls that fail: by the server's word, by evener's, at the deadline. Each client reads a status of gRPC.

use rustix::process::Signal;
use serde_json::json;

use super::{check_failure, in_front_of, logged, run, server};
use crate::harness::Evener;
use crate::harness::ports::free_address;
use crate::harness::wait::{PATIENCE, eventually};

#[test]
fn what_servers_say_of_a_failure_arrives() {
    let server = server("plain");
    let evener = in_front_of(&[server.address], "");
    let said = run(evener.address(), "failures", &[]);
    for (seen, code) in said.iter().zip(["NOT_FOUND", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"]) {
        assert_eq!(seen["code"], code);
        assert_eq!(seen["details"], "it shall not be: 100 % é");
        assert_eq!(seen["trailers"], json!({"x-why": "because"}));
    }
    assert_eq!(said[3]["code"], "UNIMPLEMENTED");
    let late = &said[4];
    assert_eq!((&late["code"], &late["details"]), (&json!("DATA_LOSS"), &json!("no three")));
    assert_eq!((&late["received"], &late["trailers"]["x-why"]), (&json!(["one", "two"]), &json!("because")));
}

#[test]
fn a_server_that_is_down_makes_a_call_unavailable_at_once() {
    let evener = in_front_of(&[free_address()], "");
    let said = run(evener.address(), "one", &[]);
    check_failure(&said[0], "UNAVAILABLE", 0.0..3.0);
    assert_eq!(said[0]["details"], "Bad Gateway");
    // The log speaks HTTP.
    assert_eq!(logged(&evener, "/test.Calls/Echo", "status"), 502);
    assert_eq!(logged(&evener, "/test.Calls/Echo", "reason"), "connect_refused");
}

#[test]
fn a_call_that_no_route_takes_is_unimplemented() {
    let config = "[[site]]\nlisten = \"{listen}\"\nhttp2 = true\n\
                  [[site.route]]\npath = \"/other\"\nrespond = { status = 200, body = \"\" }\n";
    let evener = Evener::start(config);
    let said = run(evener.address(), "one", &[]);
    check_failure(&said[0], "UNIMPLEMENTED", 0.0..3.0);
}

/// The client's own clock would end the call at the same time; the server is told by evener, and the log tells why.
#[test]
fn the_deadline_of_the_client_ends_a_call() {
    let server = server("plain");
    let evener = in_front_of(&[server.address], "");
    for request in ["silence", "talk"] {
        let said = run(evener.address(), "hang", &["0.7", request]);
        let expected = if request == "talk" { 2 } else { 1 };
        assert_eq!(said.len(), expected, "{said:?}");
        check_failure(&said[expected - 1], "DEADLINE_EXCEEDED", 0.6..3.0);
    }
}

#[test]
fn the_deadline_of_a_call_is_kept_for_the_client_too() {
    for request in ["silence", "talk"] {
        let server = server("plain");
        let evener = in_front_of(&[server.address], "");
        let said = run(evener.address(), "bounded", &["600m", request]);
        check_failure(&said[0], "DEADLINE_EXCEEDED", 0.5..5.0);
        assert_eq!(said[1]["left"], 1);
    }
}

#[test]
fn a_frozen_server_does_not_hold_a_call_beyond_its_deadline() {
    let server = server("plain");
    let evener = in_front_of(&[server.address], "");
    assert_eq!(run(evener.address(), "one", &[])[0]["code"], "OK");
    server.process.signal(Signal::STOP);
    eventually(PATIENCE, "the server stands still", || server.process.is_stopped());
    let said = run(evener.address(), "late", &["600m"]);
    check_failure(&said[0], "DEADLINE_EXCEEDED", 0.5..5.0);
    assert_eq!(said[0]["details"], "Gateway Timeout");
    assert_eq!(logged(&evener, "grpc_deadline", "status"), 504);
    server.process.signal(Signal::CONT);
    assert_eq!(run(evener.address(), "one", &[])[0]["code"], "OK");
}

#[test]
fn the_time_of_the_route_ends_a_call() {
    let server = server("plain");
    let text = super::config(&[server.address], "", "");
    let routed = text.replace("to = \"calls\"", "[[site.route]]\npath = \"/\"\nto = \"calls\"\ntimeout = \"500ms\"");
    let evener = Evener::start(&routed);
    for (request, count) in [("silence", 1), ("talk", 2)] {
        let said = run(evener.address(), "hang", &["20", request]);
        assert_eq!(said.len(), count, "{said:?}");
        check_failure(&said[count - 1], "DEADLINE_EXCEEDED", 0.4..5.0);
        assert_eq!(said[count - 1]["details"], "Gateway Timeout");
    }
    assert_eq!(logged(&evener, "/test.Calls/Hang", "reason"), "route_timeout");
}

#[test]
fn a_client_that_leaves_ends_the_call_at_the_server() {
    let server = server("plain");
    for request in ["silence", "talk"] {
        let evener = in_front_of(&[server.address], "");
        let said = run(evener.address(), "cancel", &[request]);
        let before = said[0]["before"].as_u64().expect("a number");
        assert_eq!(said[1]["after"], before + 1, "{said:?}");
    }
}

/// A server that thinks it has longer than the client would work for nobody.
#[test]
fn a_call_that_has_waited_has_less_time_left_at_the_server() {
    let server = server("plain");
    let evener = in_front_of(&[server.address], "max_requests = 1\nqueue = { size = 10, wait = \"20s\" }");
    let said = run(evener.address(), "wait_in_line", &["9", "0.8"]);
    let (left, seconds) = (&said[0]["left"], &said[0]["seconds"]);
    let (left, seconds) = (left.as_f64().expect("a time"), seconds.as_f64().expect("a time"));
    assert!((0.8..9.0).contains(&seconds), "{said:?}");
    assert!(left < 9.0 - 0.75 && left > 9.0 - seconds - 0.1, "{said:?}");
}
