//! `hash`: requests with the same key get the same server, as long as it is there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::{ask, in_front_of, named, reload, request, servers, site};
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder};

const KEYS: usize = 80;
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn pool() -> (Vec<Recorder>, Vec<SocketAddr>) {
    let servers: Vec<Recorder> = NAMES.map(named).into();
    let addresses = servers.iter().map(Recorder::address).collect();
    (servers, addresses)
}

fn hashing(addresses: &[SocketAddr], key: &str) -> Evener {
    in_front_of(addresses, &format!("balance = \"hash\"\nhash_key = \"{key}\""))
}

/// A request with the key of that number: its target and further lines.
type Keyed = fn(usize) -> (String, String);

/// Which server each key gets. Requests for one key come on several connections.
#[track_caller]
fn servers_of_keys(evener: &Evener, keyed: Keyed) -> Vec<String> {
    let one = |number: usize| {
        let (target, lines) = keyed(number);
        ask(evener, "GET", &target, &lines).text()
    };
    let first: Vec<String> = (0..KEYS).map(one).collect();
    for _ in 0..2 {
        let again: Vec<String> = (0..KEYS).map(one).collect();
        assert_eq!(again, first, "every key has kept its server");
    }
    first
}

/// Each key has one server, and each server has some keys. By chance a server gets none in one of 10^9 runs.
#[track_caller]
fn check_spread(key: &str, keyed: Keyed) {
    let (_servers, addresses) = pool();
    let evener = hashing(&addresses, key);
    let distinct: BTreeSet<String> = servers_of_keys(&evener, keyed).into_iter().collect();
    assert_eq!(distinct.len(), NAMES.len(), "{key}: {distinct:?}");
}

/// What is not the key does not matter: all of these get the same server.
#[track_caller]
fn check_same(key: &str, keyed: Keyed) {
    let (_servers, addresses) = pool();
    let evener = hashing(&addresses, key);
    let distinct: BTreeSet<String> = servers_of_keys(&evener, keyed).into_iter().collect();
    assert_eq!(distinct.len(), 1, "{key}: {distinct:?}");
}

#[test]
fn each_kind_of_key_sticks_to_a_server_and_spreads_over_all() {
    check_spread("path", |number| (format!("/{number}"), String::new()));
    check_spread("uri", |number| (format!("/same?{number}"), String::new()));
    check_spread("header:x-user", |number| ("/".into(), format!("X-User: {number}\r\n")));
    check_spread("cookie:user", |number| (format!("/{number}"), format!("Cookie: a=1; user={number}; b=2\r\n")));
    check_spread("query:user", |number| ("/?a=1&user=".to_owned() + &number.to_string() + "&b=2", String::new()));
    check_spread("client_ip", |number| ("/".into(), format!("X-Forwarded-For: 203.0.113.{number}\r\n")));
}

#[test]
fn what_is_not_the_key_does_not_matter() {
    check_same("path", |number| (format!("/same?{number}"), format!("X-Forwarded-For: 203.0.113.{number}\r\n")));
    check_same("header:x-user", |number| (format!("/{number}"), "x-user: same\r\n".into()));
    check_same("cookie:user", |number| (format!("/{number}"), format!("Cookie: user=same; a={number}\r\n")));
    check_same("query:user", |number| (format!("/{number}?user=same&a={number}"), String::new()));
    check_same("client_ip", |number| (format!("/{number}"), "X-Forwarded-For: 203.0.113.7\r\n".into()));
}

#[test]
fn a_request_without_the_key_goes_by_its_client() {
    for key in ["header:x-user", "cookie:user", "query:user"] {
        check_same(key, |number| (format!("/{number}?a={number}"), String::new()));
        check_spread(key, |number| ("/".into(), format!("X-Forwarded-For: 203.0.113.{number}\r\n")));
    }
}

#[test]
fn the_word_of_a_peer_that_is_not_trusted_is_no_key() {
    let (_servers, addresses) = pool();
    let config = site(&servers(&addresses, "balance = \"hash\""));
    let evener = Evener::start(&config.replace("trusted_proxies = \"127.0.0.1\"", "trusted_proxies = \"10.0.0.1\""));
    let keyed: Keyed = |number| ("/".into(), format!("X-Forwarded-For: 203.0.113.{number}\r\n"));
    let distinct: BTreeSet<String> = servers_of_keys(&evener, keyed).into_iter().collect();
    assert_eq!(distinct.len(), 1, "{distinct:?}");
}

#[test]
fn a_server_that_goes_moves_its_own_keys_only_and_has_them_back_when_it_returns() {
    let (_servers, addresses) = pool();
    let keys = "balance = \"hash\"\nhash_key = \"path\"";
    let evener = in_front_of(&addresses, keys);
    let keyed: Keyed = |number| (format!("/{number}"), String::new());
    let before = servers_of_keys(&evener, keyed);
    // The order of the list does not matter either.
    let fewer = [addresses[3], addresses[0], addresses[2]];
    reload(&evener, &site(&servers(&fewer, keys)));
    let meanwhile = servers_of_keys(&evener, keyed);
    let mut moved = BTreeMap::new();
    for (was, is) in before.iter().zip(&meanwhile) {
        match was.as_str() {
            "b" => *moved.entry(is.clone()).or_insert(0) += 1,
            _ => assert_eq!(was, is, "{before:?} {meanwhile:?}"),
        }
    }
    assert!(moved.len() > 1, "its keys are spread over the others: {moved:?}");
    reload(&evener, &site(&servers(&addresses, keys)));
    assert_eq!(servers_of_keys(&evener, keyed), before);
}

#[test]
fn two_processes_agree_on_every_key() {
    let (_servers, addresses) = pool();
    let keyed: Keyed = |number| (format!("/{number}"), String::new());
    let first = servers_of_keys(&hashing(&addresses, "path"), keyed);
    let mut turned = addresses;
    turned.rotate_left(1);
    assert_eq!(servers_of_keys(&hashing(&turned, "path"), keyed), first);
}

#[test]
fn a_server_that_refuses_hands_its_keys_to_the_others_and_gets_them_back() {
    let (mut recorders, addresses) = pool();
    let evener = hashing(&addresses, "path");
    let keyed: Keyed = |number| (format!("/{number}"), String::new());
    let before = servers_of_keys(&evener, keyed);
    recorders[1].stop();
    let mut client = evener.connect();
    for (number, was) in before.iter().enumerate() {
        let response = client.send(request("GET", &format!("/{number}"), "")).response();
        assert_eq!(response.status, 200);
        assert!(if was == "b" { response.text() != "b" } else { response.text() == *was }, "{was}");
    }
    let _back =
        Recorder::per_request_at(addresses[1], |_| vec![crate::harness::Step::send(crate::harness::recorder::ok("b"))]);
    let own = before.iter().position(|was| was == "b").expect("it had some key");
    let target = format!("/{own}");
    eventually(PATIENCE, "it has its key back", || ask(&evener, "GET", &target, "").text() == "b");
    assert_eq!(servers_of_keys(&evener, keyed), before);
}
