//! Who may ask, and who may not.

use super::*;
use hyper::header::HeaderName;

#[track_caller]
fn check_all(door: Door, fields: &[(HeaderName, &str)], expected: Result<(), Refusal>) {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    assert_eq!(check(door, &Uri::from_static("/metrics"), &map), expected, "{door:?} {fields:?}");
}

#[test]
fn hosts_over_a_port_are_of_this_machine() {
    let own =
        ["localhost", "localhost:9911", "LocalHost:1", "127.0.0.1", "127.0.0.1:9911", "127.1.2.3", "[::1]", "[::1]:80"];
    for host in own.into_iter().chain(["[::ffff:127.0.0.1]"]) {
        check_all(Door::Tcp, &[(HOST, host)], Ok(()));
    }
    let foreign = [
        "example.com",
        "localhost.example.com",
        "localhost.",
        "notlocalhost",
        "127.0.0.1.example.com",
        "10.0.0.1:9911",
        "0.0.0.0",
        "[::]",
        "[::ffff:10.0.0.1]",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "metrics.localhost",
    ];
    for host in foreign {
        check_all(Door::Tcp, &[(HOST, host)], Err(Refusal::ForeignHost));
    }
    for host in ["", "localhost@example.com", "example.com@localhost", "localhost/", "local host", "[::1", "a b:1"] {
        check_all(Door::Tcp, &[(HOST, host)], Err(Refusal::BadHost));
    }
    check_all(Door::Tcp, &[], Err(Refusal::BadHost));
    check_all(Door::Tcp, &[(HOST, "localhost"), (HOST, "localhost")], Err(Refusal::BadHost));
}

#[test]
fn a_unix_socket_takes_any_host() {
    check_all(Door::Unix, &[(HOST, "example.com")], Ok(()));
    check_all(Door::Unix, &[(HOST, "")], Ok(()));
    check_all(Door::Unix, &[], Err(Refusal::BadHost));
    check_all(Door::Unix, &[(HOST, "a"), (HOST, "b")], Err(Refusal::BadHost));
}

#[test]
fn an_origin_is_this_very_server() {
    let host = (HOST, "localhost:9911");
    for origin in ["http://localhost:9911", "http://LOCALHOST:9911", "https://localhost:9911"] {
        check_all(Door::Tcp, &[host.clone(), (ORIGIN, origin)], Ok(()));
        check_all(Door::Unix, &[host.clone(), (ORIGIN, origin)], Ok(()));
    }
    let foreign = [
        "http://example.com",
        "http://localhost",
        "http://localhost:3000",
        "http://127.0.0.1:9911",
        "null",
        "",
        "localhost:9911",
        "file://localhost:9911",
        "http://localhost:9911.example.com",
    ];
    for origin in foreign {
        check_all(Door::Tcp, &[host.clone(), (ORIGIN, origin)], Err(Refusal::ForeignOrigin));
        check_all(Door::Unix, &[host.clone(), (ORIGIN, origin)], Err(Refusal::ForeignOrigin));
    }
    let both = [host, (ORIGIN, "http://localhost:9911"), (ORIGIN, "http://example.com")];
    check_all(Door::Tcp, &both, Err(Refusal::ForeignOrigin));
}

#[test]
fn a_target_with_a_host_of_its_own_is_not_for_us() {
    let mut fields = HeaderMap::new();
    fields.insert(HOST, HeaderValue::from_static("localhost"));
    for target in ["http://example.com/metrics", "http://localhost/metrics", "localhost:80"] {
        assert_eq!(check(Door::Tcp, &Uri::from_static(target), &fields), Err(Refusal::BadHost), "{target}");
    }
}
