//! Rows 24 to 28: the Host field.

use super::scene::Scene;
use super::{VIA, each};

const PATTERN: &str = "GET / HTTP/1.1\r\nHost: {}\r\n\r\n";

#[test]
fn exactly_one_host_is_needed() {
    let mut scene = Scene::open();
    scene.refuses(
        24,
        400,
        &["GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nX-Host: a\r\n\r\n", "GET / HTTP/1.2\r\n\r\n"],
    );
    scene.refuses(
        25,
        400,
        &[
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nhOST: b\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost:\r\n\r\n",
        ],
    );
}

#[test]
fn http_1_0_may_come_without_a_host() {
    let mut scene = Scene::open();
    let server = scene.recorder.address();
    let input = "GET / HTTP/1.0\r\n\r\n";
    let via = VIA.replace("X-Forwarded-Host: a\r\n", "");
    // RFC 9112 §3.2: there is always a Host in what is sent; here its value is unknown, so it is empty.
    let onward = format!("GET / HTTP/1.1\r\nHost: \r\n{via}");
    let (mut client, responses) = scene.converses(24, input, &[200], &onward, 1);
    assert_eq!(responses[0].field("connection"), Some("close"), "row 24, server {server}");
    client.expect_close();
}

#[test]
fn hosts_that_are_none_are_refused() {
    let mut scene = Scene::open();
    let listed = ["a b", "a,b", "a/x", "u@a", "a:99999", "[::1", "a#"];
    scene.refuses(26, 400, &each(PATTERN, &listed));
    let more =
        ["::1]", "[::1]x", "a:b", "a:8 0", "a:-1", "a:+80", "a:80:80", "a?", "a\\b", "a%00b", "a\"", "<a>", "a\tb"];
    scene.refuses(26, 400, &each(PATTERN, &more));
    scene.refuses(
        26,
        400,
        &each(PATTERN, &["\u{e9}", "a;b", "a|b", "a..b", ".", ".a", "http://a", "[]", "[a]", ":80"]),
    );
    let onward = format!("GET / HTTP/1.1\r\nHost: a\r\n{VIA}");
    scene.forwards(26, &[(&PATTERN.replace("{}", "a:"), &onward)]);
    let address = "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n";
    scene.forwards(
        26,
        &[(&format!("{address}\r\n"), &format!("{address}{}", VIA.replace("Host: a", "Host: [::1]:8080")))],
    );
}

#[test]
fn an_empty_host_is_refused() {
    let mut scene = Scene::open();
    scene.refuses(
        27,
        400,
        &["GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / HTTP/1.1\r\nHost: \r\n\r\n", "GET / HTTP/1.1\r\nHost: \t \r\n\r\n"],
    );
}

#[test]
fn case_dot_and_port_do_not_change_the_route() {
    let site = "hosts = [\"a.example\"]\n[[site]]\nlisten = \"{listen}\"\nrespond = { status = 404, body = \"another\" }\n\
                [[site]]\nlisten = \"{listen}\"\nhosts = [\"a\"]\nto = [\"{server}\"]\n";
    let mut scene = Scene::with("", site);
    for (line, host) in [
        ("HOST: A.Example.", "A.Example."),
        ("Host: a.example", "a.example"),
        ("host: A.EXAMPLE:8080", "A.EXAMPLE:8080"),
        ("Host: a.example.:80", "a.example.:80"),
    ] {
        let via = VIA.replace("Host: a", &format!("Host: {host}"));
        let input = format!("GET / HTTP/1.1\r\n{line}\r\n\r\n");
        scene.forwards(28, &[(&input, &format!("GET / HTTP/1.1\r\n{line}\r\n{via}"))]);
    }
    for other in ["a.example.org", "b.a.example", "aexample", "a-example"] {
        scene.converses(28, &PATTERN.replace("{}", other), &[404], "", 0);
    }
}
