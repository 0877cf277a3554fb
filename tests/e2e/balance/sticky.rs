//! `sticky`: the cookie that leads a client back to its server.

use std::collections::BTreeSet;

use super::{ask, count, in_front_of, named, reload, request, servers, site, tables};
use crate::harness::message::Response;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, Step};

const STICKY: &str = "balance = \"round_robin\"\nsticky = \"evener\"";
const SECRET: &str = "balance = \"random\"\nsticky = { secret = \"0123456789abcdef\" }";

/// The cookie that a response gives its client, without the attributes.
#[track_caller]
fn cookie(response: &Response) -> String {
    let given: Vec<&str> = ours(response);
    assert_eq!(given.len(), 1, "one cookie in {response:?}");
    given[0].split(';').next().expect("split gives at least one").to_owned()
}

/// The values of `Set-Cookie` that are evener's.
fn ours(response: &Response) -> Vec<&str> {
    response.fields.all("set-cookie").filter(|value| value.starts_with("evener=")).collect()
}

fn with_cookie(evener: &Evener, cookie: &str) -> Response {
    ask(evener, "GET", "/", &format!("Cookie: {cookie}\r\n"))
}

/// The client is led to this server so many times, without another cookie.
#[track_caller]
fn expect_led(evener: &Evener, cookie: &str, server: &str, requests: usize) {
    for _ in 0..requests {
        let response = with_cookie(evener, cookie);
        assert_eq!((response.status, response.text().as_str()), (200, server));
        assert!(ours(&response).is_empty(), "{response:?}");
    }
}

#[test]
fn a_client_is_led_back_over_many_connections() {
    let recorders = ["a", "b", "c"].map(named);
    let evener = in_front_of(&recorders.each_ref().map(Recorder::address), STICKY);
    let mut seen = BTreeSet::new();
    for _ in 0..6 {
        let first = ask(&evener, "GET", "/", "");
        let (server, cookie) = (first.text(), cookie(&first));
        expect_led(&evener, &cookie, &server, 5);
        expect_led(&evener, &format!("a=1; {cookie}; b=2"), &server, 5);
        seen.insert((server, cookie));
    }
    // Each server has one cookie, and new clients go by turns.
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[test]
fn the_cookie_has_the_attributes_of_the_config() {
    let server = named("a");
    for (sticky, expected) in [
        ("\"sid\"", "sid=*; Path=/; HttpOnly; SameSite=Lax"),
        ("{ cookie = \"sid\", max_age = \"1h\" }", "sid=*; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600"),
        ("{ cookie = \"sid\", secure = true }", "sid=*; Path=/; HttpOnly; SameSite=Lax; Secure"),
    ] {
        let evener = in_front_of(&[server.address()], &format!("sticky = {sticky}"));
        let response = ask(&evener, "GET", "/", "");
        let given = response.field("set-cookie").expect("a cookie is given");
        let (start, end) = expected.split_once('*').expect("a place for the value");
        let value = given.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
        let value = value.unwrap_or_else(|| panic!("{given} is not {expected}"));
        assert!(value.len() >= 22 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert!(!value.contains(&server.address().port().to_string()), "{value}");
    }
}

#[test]
fn a_cookie_that_is_not_ours_is_as_none() {
    let recorders = ["a", "b", "c"].map(named);
    let evener = in_front_of(&recorders.each_ref().map(Recorder::address), STICKY);
    let good = cookie(&ask(&evener, "GET", "/", ""));
    let mut tampered = good.clone().into_bytes();
    let last = tampered.last_mut().expect("it is not empty");
    *last = if *last == b'A' { b'B' } else { b'A' };
    let mut start = good.clone().into_bytes();
    start[7] = if start[7] == b'A' { b'B' } else { b'A' };
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it was text");
    for bad in [text(tampered), text(start), good.replace("evener=", "other="), "evener=".into(), "evener=x".into()] {
        let mut seen = BTreeSet::new();
        for _ in 0..6 {
            let response = with_cookie(&evener, &bad);
            expect_led(&evener, &cookie(&response), &response.text(), 1);
            seen.insert(response.text());
        }
        assert_eq!(seen.len(), 3, "by turns, as clients without a cookie: {bad}");
    }
}

#[test]
fn when_its_server_is_out_a_client_gets_another_one_and_stays_there() {
    let mut recorders = ["a", "b", "c"].map(named);
    let addresses = recorders.each_ref().map(Recorder::address);
    let evener = in_front_of(&addresses, STICKY);
    let old = loop {
        let response = ask(&evener, "GET", "/", "");
        if response.text() == "a" {
            break cookie(&response);
        }
    };
    recorders[0].stop();
    let response = with_cookie(&evener, &old);
    let (server, new) = (response.text(), cookie(&response));
    assert_ne!(server, "a");
    expect_led(&evener, &new, &server, 20);
    // When the first one is back, who has moved stays, and who still has the old cookie is led there again.
    let _back = Recorder::per_request_at(addresses[0], |_| vec![Step::send(ok("a"))]);
    eventually(PATIENCE, "it is back", || with_cookie(&evener, &old).text() == "a");
    expect_led(&evener, &new, &server, 10);
    expect_led(&evener, &old, "a", 10);
}

#[test]
fn a_server_without_weight_keeps_its_clients_and_gets_no_new_ones() {
    let recorders = ["a", "b"].map(named);
    let [a, b] = recorders.each_ref().map(Recorder::address);
    let evener = in_front_of(&[a, b], STICKY);
    let old = loop {
        let response = ask(&evener, "GET", "/", "");
        if response.text() == "a" {
            break cookie(&response);
        }
    };
    reload(&evener, &site(&tables(&[(a, ", weight = 0"), (b, "")], STICKY)));
    expect_led(&evener, &old, "a", 20);
    let new: Vec<String> = (0..20).map(|_| ask(&evener, "GET", "/", "").text()).collect();
    assert_eq!(count(&new, "b"), 20, "{new:?}");
    // Taken out of the list, it is gone for its clients too.
    reload(&evener, &site(&servers(&[b], STICKY)));
    let response = with_cookie(&evener, &old);
    assert_eq!(response.text(), "b");
    expect_led(&evener, &cookie(&response), "b", 3);
}

#[test]
fn a_switch_of_protocols_gives_the_cookie_too() {
    let switching = |name: &'static str| {
        let switched = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nX-Name: {name}\r\n\r\n"
        );
        Recorder::per_head(move |_| vec![Step::send(&switched), Step::ReadBytes(4), Step::send("pong"), Step::Close])
    };
    let recorders = ["a", "b"].map(switching);
    let evener = in_front_of(&recorders.each_ref().map(Recorder::address), STICKY);
    let open = |lines: &str| {
        let mut client = evener.connect();
        client.send(request("GET", "/", &format!("Connection: upgrade\r\nUpgrade: websocket\r\n{lines}")));
        let response = client.response();
        assert_eq!((response.status, client.send("ping").bytes(4)), (101, b"pong".to_vec()));
        response
    };
    let first = open("");
    let cookie = cookie(&first);
    for _ in 0..5 {
        let again = open(&format!("Cookie: {cookie}\r\n"));
        assert_eq!(again.field("x-name"), first.field("x-name"));
        assert!(ours(&again).is_empty());
    }
}

#[test]
fn processes_with_the_same_secret_honour_each_others_cookies() {
    let recorders = ["a", "b", "c", "d"].map(named);
    let mut addresses = recorders.each_ref().map(Recorder::address);
    let one = in_front_of(&addresses, SECRET);
    addresses.reverse();
    let other = in_front_of(&addresses, SECRET);
    let stranger = in_front_of(&addresses, &SECRET.replace("abcdef", "ABCDEF"));
    for _ in 0..4 {
        let first = ask(&one, "GET", "/", "");
        expect_led(&other, &cookie(&first), &first.text(), 5);
        // With another secret it is as none.
        cookie(&with_cookie(&stranger, &cookie(&first)));
    }
    // Over a restart with a secret, the cookies stay good.
    let first = ask(&one, "GET", "/", "");
    drop(one);
    let again = in_front_of(&addresses, SECRET);
    expect_led(&again, &cookie(&first), &first.text(), 5);
}

#[test]
fn a_secret_of_its_own_lasts_over_reloads() {
    let recorders = ["a", "b", "c"].map(named);
    let addresses = recorders.each_ref().map(Recorder::address);
    let evener = in_front_of(&addresses, STICKY);
    let first = ask(&evener, "GET", "/", "");
    reload(&evener, &site(&servers(&addresses, &format!("{STICKY}\nconnect_timeout = \"1s\""))));
    expect_led(&evener, &cookie(&first), &first.text(), 10);
}

#[test]
fn the_applications_own_cookies_stay() {
    let own = "HTTP/1.1 200 OK\r\nSet-Cookie: session=1; Path=/\r\nSet-Cookie: evening=2\r\nContent-Length: 0\r\n\r\n";
    let server = Recorder::answering(own);
    let evener = in_front_of(&[server.address()], STICKY);
    let first = ask(&evener, "GET", "/", "");
    let all: Vec<&str> = first.fields.all("set-cookie").collect();
    assert_eq!((all.len(), all.contains(&"session=1; Path=/"), all.contains(&"evening=2")), (3, true, true), "{all:?}");
    let again = ask(&evener, "GET", "/", &format!("Cookie: session=1; {}\r\n", cookie(&first)));
    assert_eq!(again.fields.all("set-cookie").collect::<Vec<_>>(), ["session=1; Path=/", "evening=2"]);
}

#[test]
fn after_a_retry_the_cookie_is_that_of_the_server_that_answered() {
    let bad = super::failing("bad");
    let good = named("good");
    let keys = "balance = \"first\"\nsticky = \"evener\"";
    let evener = in_front_of(&[bad.address(), good.address()], keys);
    let to_bad = ask(&evener, "GET", "/", "");
    assert_eq!(to_bad.text(), "bad");
    let lines = format!("Cookie: {}\r\n", cookie(&to_bad));
    let moved = ask(&evener, "GET", "/503", &lines);
    assert_eq!(moved.text(), "good");
    expect_led(&evener, &cookie(&moved), "good", 5);
    // What a server says itself, an error too, is no reason to move.
    let refused = ask(&evener, "GET", "/404", &lines);
    assert_eq!((refused.status, refused.text().as_str(), ours(&refused).len()), (404, "bad", 0));
}
