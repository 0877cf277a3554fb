//! Calls that go well: the four kinds, large and small, in the clear and over TLS, spread over servers.

use serde_json::{Value, json};

use super::{Caller, config, in_front_of, run, secure_server, server};
use crate::harness::{Evener, certificates};

#[track_caller]
fn check_kinds(said: &[Value], name: &str) {
    let expected = [
        json!({"echo": "hello", "initial": name, "trailing": {"x-trailer": "last", "x-raw-bin": "00ff"}}),
        json!({"empty": 0}),
        json!({"large": true}),
        json!({"down": true}),
        json!({"up": "300 300000"}),
        json!({"none": "0 0"}),
        json!({"both": true}),
        json!({"turns": true}),
        json!({"metadata": [["x-plain", "a value"], ["x-raw-bin", "01fe"], ["x-twice", "1"], ["x-twice", "2"]]}),
    ];
    assert_eq!(said[..expected.len()], expected);
    // The server knows how long the client waits.
    let left = said[expected.len()]["left"].as_f64().expect("a time");
    assert!((0.0..7.5).contains(&left), "{left}");
}

#[test]
fn the_four_kinds_pass_with_their_metadata() {
    let server = server("plain");
    let evener = in_front_of(&[server.address], "");
    check_kinds(&run(evener.address(), "kinds", &[]), "plain");
}

#[test]
fn the_same_over_tls_on_both_sides() {
    let authority = certificates::Authority::new();
    let (of_server, of_site) = (authority.issue("localhost"), authority.issue("localhost"));
    let server = secure_server("secure", &of_server);
    let ca = authority.path();
    let tls = format!("tls = {{ ca = \"{ca}\", sni = \"localhost\" }}");
    let site = format!(
        "tls = {{ cert = \"{}\", key = \"{}\" }}\nredirect_from = []",
        of_site.cert.display(),
        of_site.key.display()
    );
    let text = config(&[server.address], &site, &tls).replace("\"h2c\"", "\"h2\"");
    let evener = Evener::start(&text);
    let caller = Caller::start_with(evener.address(), ca, "kinds", &[]);
    check_kinds(&caller.finish(), "secure");
}

#[test]
fn the_client_over_tls_and_the_server_in_the_clear() {
    let authority = certificates::Authority::new();
    let of_site = authority.issue("localhost");
    let server = server("plain");
    let site = format!(
        "tls = {{ cert = \"{}\", key = \"{}\" }}\nredirect_from = []",
        of_site.cert.display(),
        of_site.key.display()
    );
    let evener = Evener::start(&config(&[server.address], &site, ""));
    let caller = Caller::start_with(evener.address(), authority.path(), "kinds", &[]);
    check_kinds(&caller.finish(), "plain");
}

/// Neither the least rate of a body nor the time for an answer is meant for conversations.
#[test]
fn calls_may_pause() {
    let server = server("plain");
    let text = config(&[server.address], "", "response_timeout = \"1s\"");
    let evener = Evener::start(&format!("{text}\n[limits]\nrate_window = \"1s\"\n"));
    let said = run(evener.address(), "pause", &["2.5"]);
    assert_eq!(said, [json!({"up": "2 6"}), json!({"both": ["one", "two"]})]);
}

#[test]
fn two_hundred_calls_at_once_are_spread_over_two_servers() {
    let (one, two) = (server("one"), server("two"));
    let evener = in_front_of(&[one.address, two.address], "");
    let said = run(evener.address(), "many", &["200"]);
    let count = |name: &str| said[0][name].as_u64().unwrap_or(0);
    assert_eq!(count("one") + count("two"), 200, "{said:?}");
    assert!(count("one") >= 40 && count("two") >= 40, "{said:?}");
}
