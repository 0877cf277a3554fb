//! `trusted_proxies`: what of `X-Forwarded-*` is believed, and who the client is for servers and for the log.

use super::ask;
use crate::harness::message::Request;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder};

/// A site behind the peers that it trusts.
fn behind(recorder: &Recorder, trusted: &str) -> Evener {
    Evener::start(&format!(
        "workers = 1\n[log]\naccess = \"./access.log\"\nformat = \"{{client}} {{status}} {{reason}}\"\n\
         [[site]]\nlisten = \"{{listen}}\"\nhosts = \"a.test\"\nto = [\"{}\"]\ntrusted_proxies = [{trusted}]\n\
         [[site.route]]\npath = \"/nobody\"\nto = \"127.0.0.1:1\"\n",
        recorder.address()
    ))
}

fn last(recorder: &Recorder) -> Request {
    recorder.requests().pop().expect("a request was sent on")
}

/// All values of a field.
fn values<'r>(request: &'r Request, name: &str) -> Vec<&'r str> {
    request.fields.all(name).collect()
}

#[track_caller]
fn expect_log(evener: &Evener, expected: &[&str]) {
    let path = evener.config_path().with_file_name("access.log");
    let read = || std::fs::read_to_string(&path).unwrap_or_default();
    eventually(PATIENCE, "every line is written", || read().lines().count() >= expected.len());
    assert_eq!(read().lines().collect::<Vec<_>>(), expected);
}

const CLAIMS: &str = "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: public.test\r\n\
                      X-Forwarded-Port: 443\r\nForwarded: for=203.0.113.7\r\nX-Real-IP: 203.0.113.7\r\n";

#[test]
fn claims_of_a_peer_that_is_not_trusted_are_replaced_or_dropped() {
    let recorder = Recorder::answering(ok(""));
    // Another network is trusted, this peer is not.
    let evener = behind(&recorder, "\"10.0.0.0/8\", \"::1\"");
    for lines in ["", CLAIMS, &CLAIMS.repeat(2), &CLAIMS.to_lowercase()] {
        assert_eq!(ask(&evener, "GET", "/", "a.test:80", lines).status, 200);
        let request = last(&recorder);
        assert_eq!(values(&request, "x-forwarded-for"), ["127.0.0.1"]);
        assert_eq!(values(&request, "x-forwarded-proto"), ["http"]);
        assert_eq!(values(&request, "x-forwarded-host"), ["a.test:80"]);
        for name in ["x-forwarded-port", "forwarded", "x-real-ip"] {
            assert_eq!(values(&request, name), [""; 0], "{name}");
        }
    }
    let failed = ask(&evener, "GET", "/nobody", "a.test", CLAIMS);
    assert_eq!((failed.status, failed.field("x-evener-reason")), (502, None));
    let line = "127.0.0.1 200 -";
    expect_log(&evener, &[line, line, line, line, "127.0.0.1 502 connect_refused"]);
}

#[test]
fn claims_of_a_trusted_peer_are_kept_and_the_peer_is_appended() {
    let recorder = Recorder::answering(ok(""));
    let evener = behind(&recorder, "\"127.0.0.0/8\", \"10.0.0.0/8\"");
    ask(&evener, "GET", "/", "a.test", CLAIMS);
    let request = last(&recorder);
    assert_eq!(values(&request, "x-forwarded-for"), ["203.0.113.7, 127.0.0.1"]);
    assert_eq!(values(&request, "x-forwarded-proto"), ["https"]);
    assert_eq!(values(&request, "x-forwarded-host"), ["public.test"]);
    assert_eq!(values(&request, "x-forwarded-port"), ["443"]);
    assert_eq!(values(&request, "forwarded"), ["for=203.0.113.7"]);

    ask(&evener, "GET", "/", "a.test", "");
    let request = last(&recorder);
    assert_eq!(values(&request, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(values(&request, "x-forwarded-proto"), ["http"]);
    assert_eq!(values(&request, "x-forwarded-host"), ["a.test"]);

    // From right to left, the first one that is not trusted.
    for lines in [
        "X-Forwarded-For: 198.51.100.1, 203.0.113.8, 10.1.2.3\r\n",
        "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.8:4711 ,10.1.2.3\r\n",
    ] {
        ask(&evener, "GET", "/", "a.test", lines);
        let joined = values(&last(&recorder), "x-forwarded-for").join(", ");
        assert!(joined.ends_with("10.1.2.3, 127.0.0.1") && joined.starts_with("198.51.100.1"), "{joined}");
    }
    ask(&evener, "GET", "/", "a.test", "X-Forwarded-For: 10.9.9.9, 10.1.2.3\r\n");
    ask(&evener, "GET", "/", "a.test", "X-Forwarded-For: 203.0.113.8, unknown, 10.1.2.3\r\n");
    ask(&evener, "GET", "/", "a.test", "X-Forwarded-For: [2001:db8::1]:99, 10.1.2.3\r\n");
    let failed = ask(&evener, "GET", "/nobody", "a.test", CLAIMS);
    assert_eq!((failed.status, failed.field("x-evener-reason")), (502, Some("connect_refused")));
    expect_log(
        &evener,
        &[
            "203.0.113.7 200 -",
            "127.0.0.1 200 -",
            "203.0.113.8 200 -",
            "203.0.113.8 200 -",
            "10.9.9.9 200 -",
            "10.1.2.3 200 -",
            "2001:db8::1 200 -",
            "203.0.113.7 502 connect_refused",
        ],
    );
}

#[test]
fn a_client_cannot_have_the_forwarded_fields_taken_away() {
    let recorder = Recorder::answering(ok(""));
    for trusted in ["", "\"127.0.0.1\""] {
        let evener = behind(&recorder, trusted);
        let nominated = "Connection: X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, close\r\n";
        ask(&evener, "GET", "/", "a.test", nominated);
        let request = last(&recorder);
        assert_eq!(values(&request, "x-forwarded-for"), ["127.0.0.1"]);
        assert_eq!(values(&request, "x-forwarded-proto"), ["http"]);
        assert_eq!(values(&request, "x-forwarded-host"), ["a.test"]);
    }
}
