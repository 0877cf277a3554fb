//! Answers without a server: `redirect` and `respond`.

use super::{ask, request};
use crate::harness::Evener;
use crate::harness::message::Framing;
use crate::harness::wait::{PATIENCE, eventually};

const REDIRECTS: &str = r#"
[[site]]
listen = "{listen}"
redirect = "https://{host}{uri}"

  [[site.route]]
  path = "/path/"
  redirect = { to = "https://new.test{path}", status = 301 }

  [[site.route]]
  path = "/query/"
  redirect = { to = "/search?was={query}&from={host}", status = 302 }

  [[site.route]]
  path = "/here/"
  redirect = { to = "{uri}x", status = 307 }

  [[site.route]]
  path = "/braces/"
  redirect = { to = "/{{id}}", status = 303 }
"#;

#[test]
fn a_redirect_names_the_parts_of_the_request() {
    let evener = Evener::start(&REDIRECTS.replace("\"{uri}x\"", "\"/x{uri}\""));
    let mut client = evener.connect();
    for (host, target, status, location) in [
        ("A.test:8080", "/a/b?c=d&e", 308, "https://A.test:8080/a/b?c=d&e"),
        ("a.test", "/", 308, "https://a.test/"),
        ("a.test", "/?", 308, "https://a.test/?"),
        ("a.test", "/%0d%0aSet-Cookie:x", 308, "https://a.test/%0d%0aSet-Cookie:x"),
        ("a.test", "http://b.test/x?y", 308, "https://b.test/x?y"),
        ("a.test", "http://b.test", 308, "https://b.test/"),
        ("a.test", "/path/x?y=z", 301, "https://new.test/path/x"),
        ("a.test", "/query/x?y=z", 302, "/search?was=y=z&from=a.test"),
        ("a.test", "/query/x", 302, "/search?was=&from=a.test"),
        ("a.test", "/here/x?y", 307, "/x/here/x?y"),
        ("a.test", "/braces/x", 303, "/{id}"),
    ] {
        let host = if target.starts_with("http") { "b.test" } else { host };
        let response = client.send(request("GET", target, host, "")).response();
        let got = (response.status, response.field("location"));
        assert_eq!(got, (status, Some(location)), "{target}");
        assert_eq!(response.framing, Framing::Length(0), "{target}");
    }
    let response = client.send(request("POST", "/path/", "a.test", "Content-Length: 2\r\n") + "ab").response();
    assert_eq!(response.field("location"), Some("https://new.test/path/"));
    let response = client.send(request("HEAD", "/path/", "a.test", "")).response_to("HEAD");
    assert_eq!(response.status, 301);
}

const RESPONDS: &str = r#"
[log]
access = "./access.log"
format = "{method} {target} {status} {bytes_out}"

[[site]]
listen = "{listen}"
respond = {}

  [[site.route]]
  path = "/json"
  respond = { status = 418, body = '{"a": "ä"}', content_type = "application/json" }

  [[site.route]]
  path = "/204"
  respond = { status = 204 }

  [[site.route]]
  path = "/304"
  respond = { status = 304 }

  [[site.route]]
  path = "/599"
  respond = { status = 599, body = "own" }
"#;

#[test]
fn a_fixed_answer_is_what_was_written() {
    let evener = Evener::start(RESPONDS);
    let json = ask(&evener, "GET", "/json", "a.test", "");
    assert_eq!((json.status, json.reason.as_str()), (418, "I'm a teapot"));
    assert_eq!((json.field("content-type"), json.framing), (Some("application/json"), Framing::Length(11)));
    assert_eq!(json.json()["a"], "ä");
    let empty = ask(&evener, "GET", "/", "a.test", "");
    assert_eq!((empty.status, empty.framing, empty.field("content-type")), (200, Framing::Length(0), None));
    assert_eq!(ask(&evener, "GET", "/599", "a.test", "").field("content-type"), Some("text/plain; charset=utf-8"));
}

#[test]
fn an_answer_without_a_body_has_none_and_its_connection_goes_on() {
    let evener = Evener::start(RESPONDS);
    let mut client = evener.connect();
    for (method, target, status, length) in [
        ("HEAD", "/json", 418, Some("11")),
        ("GET", "/204", 204, None),
        ("GET", "/304", 304, None),
        ("HEAD", "/204", 204, None),
    ] {
        // What is not a body would be read as the next answer.
        for _ in 0..2 {
            let response = client.send(request(method, target, "a.test", "")).response_to(method);
            assert_eq!((response.status, response.field("content-length")), (status, length), "{method} {target}");
        }
    }
    client.send(request("GET", "/599", "a.test", "Connection: close\r\n"));
    let last = client.response();
    assert_eq!((last.text().as_str(), last.field("connection")), ("own", Some("close")));
    client.expect_close();
    let log = evener.config_path().with_file_name("access.log");
    let lines = || std::fs::read_to_string(&log).unwrap_or_default();
    eventually(PATIENCE, "nine lines", || lines().lines().count() == 9);
    assert!(lines().contains("GET /599 599 3\n"), "{}", lines());
    assert!(lines().contains("HEAD /json 418 0\n"), "what was not sent is not counted:\n{}", lines());
}

#[test]
fn a_client_of_1_0_is_told_that_its_connection_stays() {
    let evener = Evener::start(&RESPONDS.replace("respond = {}", "to = \"127.0.0.1:1\""));
    let mut client = evener.connect();
    for (target, status) in [("/json", 418), ("/204", 204), ("/599", 599), ("/refused", 502)] {
        let request = format!("GET {target} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        let response = client.send(request).response();
        assert_eq!((response.status, response.field("connection")), (status, Some("keep-alive")), "{target}");
    }
    let last = client.send("GET /599 HTTP/1.0\r\n\r\n").response();
    assert_eq!(last.field("connection"), Some("close"));
    client.expect_close();
}
