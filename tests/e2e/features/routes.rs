//! Which route takes a request: by path, method and header fields, and what is said when none does.

use super::{ask, request};
use crate::harness::Evener;
use crate::harness::message::Response;

/// Routes in an order that is not the one in which they are tried; each answers with its own path.
const ROUTES: &str = r#"
[log]
access = "./access.log"
format = "{target} {status} {reason}"

[[site]]
listen = "{listen}"
trusted_proxies = ["127.0.0.0/8"]
respond = { status = 404, body = "the site's own" }

  [[site.route]]
  path = "~ ^/v[0-9]+/"
  respond = { body = "versions" }

  [[site.route]]
  path = "~ \\.png$"
  respond = { body = "images" }

  [[site.route]]
  path = "/v1/"
  respond = { body = "prefix v1" }

  [[site.route]]
  path = "/api/"
  respond = { body = "prefix api/" }

  [[site.route]]
  path = "/api/deep/"
  respond = { body = "prefix deep" }

  [[site.route]]
  path = "/word"
  respond = { body = "prefix word" }

  [[site.route]]
  path = "= /api/exact"
  respond = { body = "exact" }
"#;

#[test]
fn an_exact_path_goes_before_the_longest_prefix_and_that_before_expressions_in_their_order() {
    let evener = Evener::start(ROUTES);
    let mut client = evener.connect();
    for (target, text) in [
        ("/api/exact", "exact"),
        ("/api/exact?q=/api/deep/", "exact"),
        ("/api/exact/", "prefix api/"),
        ("/api/exactly", "prefix api/"),
        ("/api/deep/x", "prefix deep"),
        ("/api/deep", "prefix api/"),
        ("/api/", "prefix api/"),
        ("/api", "the site's own"),
        ("/API/", "the site's own"),
        ("/word", "prefix word"),
        ("/word/x", "prefix word"),
        ("/word?x", "prefix word"),
        ("/words", "the site's own"),
        ("/v1/a.png", "prefix v1"),
        ("/v2/a.png", "versions"),
        ("/x/a.png", "images"),
        ("/x/a.png?v2", "images"),
        ("/x?a.png", "the site's own"),
        ("/", "the site's own"),
        ("/?", "the site's own"),
        ("*", "the site's own"),
    ] {
        let method = if target == "*" { "OPTIONS" } else { "GET" };
        let response = client.send(request(method, target, "a.test", "")).response();
        assert_eq!(response.text(), text, "{target}");
        assert_eq!(response.status, if text == "the site's own" { 404 } else { 200 }, "{target}");
    }
}

#[test]
fn a_path_that_servers_read_in_two_ways_is_refused_where_the_ways_differ() {
    let evener = Evener::start(ROUTES);
    let mut client = evener.connect();
    for target in
        ["/api/../word", "/word/../api/", "/%77ord", "/x/%2e%2e/api/", "/api%2fexact", "//api/", "/api//exact"]
    {
        let response = client.send(request("GET", target, "a.test", "")).response();
        assert_eq!(
            (response.status, response.field("x-evener-reason")),
            (400, Some("ambiguous_path")),
            "{target}: {}",
            response.text()
        );
    }
    for (target, text) in
        [("/api/a%20b", "prefix api/"), ("/api/x/../y", "prefix api/"), ("/nothing//x", "the site's own")]
    {
        assert_eq!(client.send(request("GET", target, "a.test", "")).response().text(), text, "{target}");
    }
}

const CONDITIONS: &str = r#"
[[site]]
listen = "{listen}"
hosts = "a.test"
trusted_proxies = ["127.0.0.0/8"]

  [[site.route]]
  path = "/things/"
  methods = ["GET", "HEAD"]
  respond = { body = "read" }

  [[site.route]]
  path = "/things/"
  methods = "POST"
  respond = { status = 201, body = "made" }

  [[site.route]]
  path = "/things/"
  methods = "GET"
  headers = { x-canary = "1", x-zone = "eu" }
  respond = { body = "canary of a zone" }

  [[site.route]]
  path = "/things/"
  headers = { X-Canary = "1" }
  methods = "GET"
  respond = { body = "canary" }

  [[site.route]]
  path = "/only/"
  headers = { x-key = "Secret" }
  respond = { body = "with a key" }
"#;

fn status_and_text(response: &Response) -> (u16, String) {
    (response.status, response.text())
}

#[test]
fn methods_and_header_fields_choose_among_routes_of_one_path() {
    let evener = Evener::start(CONDITIONS);
    for (method, lines, status, text) in [
        ("GET", "", 200, "read"),
        ("POST", "Content-Length: 0\r\n", 201, "made"),
        ("GET", "X-CANARY: 1\r\n", 200, "canary"),
        ("GET", "x-canary:   1  \r\n", 200, "canary"),
        ("GET", "x-canary: 0\r\nx-canary: 1\r\n", 200, "canary"),
        ("GET", "x-zone: eu\r\nx-canary: 1\r\n", 200, "canary of a zone"),
        ("GET", "x-zone: EU\r\nx-canary: 1\r\n", 200, "canary"),
        ("GET", "x-canary: 11\r\n", 200, "read"),
        ("GET", "x-canary: \r\n", 200, "read"),
        ("HEAD", "x-canary: 1\r\n", 200, ""),
    ] {
        let response = ask(&evener, method, "/things/1", "a.test", lines);
        assert_eq!(status_and_text(&response), (status, text.to_owned()), "{method} {lines:?}");
    }
    let head = ask(&evener, "HEAD", "/things/1", "a.test", "");
    assert_eq!(head.field("content-length"), Some("4"), "the length of what a GET would get");
}

#[test]
fn a_request_without_a_route_is_told_why() {
    let evener = Evener::start(CONDITIONS);
    let mut client = evener.connect();
    for method in ["DELETE", "get", "PURGE"] {
        let response = client.send(request(method, "/things/1", "a.test", "")).response_to(method);
        assert_eq!((response.status, response.field("allow")), (405, Some("GET, HEAD, POST")), "{method}");
        assert_eq!(response.field("x-evener-reason"), Some("method_not_allowed"));
    }
    // Where no method would do, the path is not there at all.
    for (target, lines) in [("/only/", ""), ("/only/", "x-key: secret\r\n"), ("/", ""), ("/things", "")] {
        let response = client.send(request("PUT", target, "a.test", lines)).response();
        assert_eq!((response.status, response.field("allow")), (404, None), "{target}");
        assert_eq!(response.field("x-evener-reason"), Some("no_route"), "{target}");
    }
    // Of a host without a site nobody knows whom to trust.
    let response = client.send(request("GET", "/", "b.test", "")).response();
    assert_eq!((response.status, response.field("x-evener-reason")), (404, None));
    let found = client.send(request("PUT", "/only/", "a.test", "x-key: Secret\r\n")).response();
    assert_eq!(found.text(), "with a key");
}

#[test]
fn a_refused_request_with_a_body_does_not_harm_the_next_one() {
    let evener = Evener::start(CONDITIONS);
    let mut client = evener.connect();
    let refused = client.send(request("PUT", "/nothing", "a.test", "Content-Length: 5\r\n") + "GET /").response();
    assert_eq!(refused.status, 404);
    let next = client.send(request("GET", "/things/", "a.test", "")).response();
    assert_eq!(next.text(), "read");
}
