//! Who is answered, and what is not an address for the admin listener.

use super::{SITE, ask, config, request, start};
use crate::harness::client::RawClient;
use crate::harness::evener::{Folder, evener};
use crate::harness::ports::free_address;

#[test]
fn only_requests_of_this_machine_that_read_are_answered() {
    let admin = free_address();
    let _evener = start(&config(admin), admin);
    let check = |text: String, expected: u16| {
        let method = text.split(' ').next().expect("a method").to_owned();
        let response = RawClient::connect(admin).send(&text).response_to(&method);
        assert_eq!(response.status, expected, "{text}");
        response
    };
    let hosted = |host: &str| format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n");
    for host in ["localhost", "127.0.0.1", &admin.to_string(), "[::1]:9911"] {
        assert!(check(hosted(host), 200).text().contains("evener_build_info"));
    }
    // A name that was made to lead here.
    for host in ["rebound.example", "rebound.example:9911", "10.0.0.1", "localhost.example"] {
        assert!(!check(hosted(host), 421).text().contains("evener_"));
    }
    check(hosted(""), 400);
    check(String::from("GET /metrics HTTP/1.1\r\n\r\n"), 400);
    check(String::from("GET http://rebound.example/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400);
    check(request("GET", "/metrics", "Host: rebound.example\r\n"), 400);
    for origin in ["http://rebound.example", "null", "http://localhost:1"] {
        assert!(!check(request("GET", "/metrics", &format!("Origin: {origin}\r\n")), 403).text().contains("evener_"));
    }
    check(request("GET", "/metrics", "Origin: http://localhost\r\n"), 200);

    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        assert_eq!(check(request(method, "/metrics", ""), 405).field("allow"), Some("GET, HEAD"), "{method}");
    }
    let head = check(request("HEAD", "/metrics", ""), 200);
    assert!(head.field("content-length").is_some() && head.body.is_empty());
    for path in ["/", "/config", "/status", "/metrics/"] {
        check(request("GET", path, ""), 404);
    }
    check(request("GET", "/metrics", &format!("x: {}\r\n", "y".repeat(20_000))), 431);
    check(request("GET", "/metrics", "Content-Length: 100\r\n"), 413);
    // Nobody may read an answer across origins, nor keep it.
    let response = ask(admin, "/healthz");
    assert_eq!((response.text().as_str(), response.field("cache-control")), ("ok\n", Some("no-store")));
    assert!(response.fields.all("access-control-allow-origin").next().is_none());
}

#[test]
fn requests_follow_each_other_on_a_connection() {
    let admin = free_address();
    let _evener = start(&config(admin), admin);
    let mut client = RawClient::connect(admin);
    for _ in 0..3 {
        assert_eq!(client.send(request("GET", "/readyz", "")).response().text(), "ready\n");
    }
    client.send(request("GET", "/healthz", "").repeat(2));
    assert_eq!((client.response().text(), client.response().text()), (String::from("ok\n"), String::from("ok\n")));
    client.send(request("GET", "/healthz", "Connection: close\r\n")).response();
    client.expect_close();
}

#[test]
fn an_address_that_others_can_reach_is_an_error_with_a_suggestion() {
    let folder = Folder::new();
    let path = folder.0.join("evener.toml");
    let path = path.to_str().expect("temporary folders have plain names");
    let said = |admin: &str| {
        let site = SITE.replace("{listen}", ":8080");
        std::fs::write(path, format!("admin = \"{admin}\"\n{site}")).expect("it can be written");
        let ended = evener(&["check", path]);
        assert!(!ended.status.success(), "{admin}");
        assert!(!evener(&["run", path]).status.success(), "{admin}");
        ended.stderr + &ended.stdout
    };
    let everybody = said("0.0.0.0:9911");
    for part in ["evener.toml:1:10", "^^^^^^^", "other machines can reach this address", "write \"127.0.0.1:9911\""] {
        assert!(everybody.contains(part), "{part} is not in {everybody}");
    }
    assert!(said("127.0.0.1:8080").contains("cannot share its port with \":8080\""));
    assert!(said("of").contains("did you mean \"off\"?"));
    assert!(said("/run/evener/admin.sock").contains("unix:/run/evener/admin.sock"));
}
