//! Which site takes a request: by its host, by the listener it came to, and which one when several could.

use std::net::SocketAddr;

use super::{ask, request};
use crate::harness::Evener;
use crate::harness::client::{RawClient, get};
use crate::harness::ports::free_address;

/// A site that answers with its name; `keys` are further lines of it.
fn site(name: &str, listen: &str, keys: &str) -> String {
    format!("[[site]]\nlisten = {listen}\n{keys}\nrespond = {{ body = \"{name}\" }}\n\n")
}

const HERE: &str = "\"{listen}\"";

#[test]
fn an_exact_host_goes_before_the_longest_wildcard_and_that_before_any_host() {
    let evener = Evener::start(
        &[
            site("any", HERE, ""),
            site("wide", HERE, "hosts = \"*.example.com\""),
            site("deep", HERE, "hosts = [\"*.eu.example.com\", \"other.test\"]"),
            site("exact", HERE, "hosts = [\"example.com\", \"www.eu.example.com\"]"),
            site("address", HERE, "hosts = [\"127.0.0.1\", \"[::1]\"]"),
        ]
        .concat(),
    );
    for (host, name) in [
        ("example.com", "exact"),
        ("EXAMPLE.Com", "exact"),
        ("example.com.", "exact"),
        ("example.com:8080", "exact"),
        ("Example.COM.:443", "exact"),
        ("www.eu.example.com", "exact"),
        ("a.eu.example.com", "deep"),
        ("a.b.EU.example.com:1", "deep"),
        ("eu.example.com", "wide"),
        ("a.example.com.", "wide"),
        ("a.b.c.example.com", "wide"),
        ("other.test", "deep"),
        ("a.other.test", "any"),
        ("notexample.com", "any"),
        ("example.com.evil.test", "any"),
        ("127.0.0.1", "address"),
        ("127.0.0.1:99", "address"),
        ("[::1]:99", "address"),
        ("127.0.0.2", "any"),
    ] {
        assert_eq!(ask(&evener, "GET", "/", host, "").text(), name, "{host}");
    }
    let mut old = evener.connect();
    assert_eq!(old.send("GET / HTTP/1.0\r\n\r\n").response().text(), "any", "a request without a host");
}

#[test]
fn a_connection_may_ask_for_one_site_after_another() {
    let evener = Evener::start(&(site("a", HERE, "hosts = \"a.test\"") + &site("b", HERE, "hosts = \"b.test\"")));
    let mut client = evener.connect();
    for host in ["a.test", "b.test", "b.test", "a.test"] {
        let response = client.send(request("GET", "/", host, "")).response();
        assert_eq!(response.text(), host[..1], "{host}");
    }
    let missing = client.send(request("GET", "/", "c.test", "")).response();
    assert_eq!((missing.status, missing.text().as_str()), (404, "404 Not Found\n"));
    // The answer does not end the connection.
    assert_eq!(client.send(request("GET", "/", "a.test", "")).response().text(), "a");
    let absolute = "GET http://b.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n";
    assert_eq!(client.send(absolute).response().text(), "b");
}

#[test]
fn a_site_answers_on_each_of_its_listeners_and_on_no_other() {
    let (second, third) = (free_address(), free_address());
    let both = format!("[\"{{listen}}\", \"{second}\"]");
    let two = format!("[\"{second}\", \"{third}\"]");
    let evener = Evener::start(
        &[
            site("both", &both, "hosts = \"both.test\""),
            site("two", &two, "hosts = \"two.test\""),
            site("rest", &format!("\"{third}\""), ""),
        ]
        .concat(),
    );
    let first = evener.address();
    let rows: [(SocketAddr, &str, u16, &str); 6] = [
        (first, "both.test", 200, "both"),
        (first, "two.test", 404, "404 Not Found\n"),
        (second, "both.test", 200, "both"),
        (second, "two.test", 200, "two"),
        (third, "two.test", 200, "two"),
        (third, "both.test", 200, "rest"),
    ];
    for (address, host, status, text) in rows {
        let mut client = RawClient::connect(address);
        let response = client.send(request("GET", "/", host, "")).response();
        assert_eq!((response.status, response.text().as_str()), (status, text), "{address} {host}");
    }
}

#[test]
fn a_listener_of_every_interface_takes_both_families() {
    let port = free_address().port();
    let evener = Evener::start(&(site("here", HERE, "") + &site("every", &format!("\":{port}\""), "")));
    for address in [format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        let address: SocketAddr = address.parse().expect("it is an address");
        assert_eq!(RawClient::connect(address).send(get("/")).response().text(), "every", "{address}");
    }
    assert_eq!(evener.get("/").text(), "here");
}
