//! Rows 16 to 23: the request-target and its four forms.

use super::scene::Scene;
use super::{VIA, each};

const PATTERN: &str = "GET {} HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn targets_are_visible_ascii() {
    let mut scene = Scene::open();
    let bad = (0..0x20).chain([0x7f, 0x80, 0x85, 0xa0, 0xc3, 0xff]).map(char::from);
    let targets: Vec<String> = bad.flat_map(|byte| [format!("/a{byte}b"), format!("/?a{byte}b")]).collect();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    scene.refuses(16, 400, &each(PATTERN, &targets));
}

#[test]
fn targets_have_one_of_four_forms() {
    let mut scene = Scene::open();
    scene.refuses(17, 400, &each(PATTERN, &["/x#frag", "/x?y#frag", "/#", "http://a/#frag", "#"]));
    scene.refuses(
        18,
        400,
        &each(PATTERN, &["foo", "../x", "a/b", "?q", ".", "a", "a:80", "http:/a", "http:a", "://a/"]),
    );
    scene.refuses(19, 400, &each(PATTERN, &["*", "*/x", "/* HTTP/1.1 *"]));
    scene.refuses(19, 400, &each("OPTIONS {} HTTP/1.1\r\nHost: a\r\n\r\n", &["*/x", "**", "*?x", "x*"]));
    scene.refuses(19, 400, &["POST * HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"]);
    let line = "OPTIONS * HTTP/1.1\r\nHost: a\r\n";
    scene.forwards(19, &[(&format!("{line}\r\n"), &format!("{line}{VIA}"))]);
}

#[test]
fn the_host_of_an_absolute_target_wins() {
    let mut scene = Scene::open();
    let via = VIA.replace("Host: a", "Host: b");
    let table = [
        ("http://b/x", "GET /x HTTP/1.1\r\nHost: b\r\n"),
        ("HTTP://b/x", "GET /x HTTP/1.1\r\nHost: b\r\n"),
        ("http://b", "GET / HTTP/1.1\r\nHost: b\r\n"),
        ("http://b?q", "GET /?q HTTP/1.1\r\nHost: b\r\n"),
        ("http://b:/x", "GET /x HTTP/1.1\r\nHost: b\r\n"),
        ("http://b/x?http://c/", "GET /x?http://c/ HTTP/1.1\r\nHost: b\r\n"),
    ];
    for (target, onward) in table {
        scene.forwards(20, &[(&PATTERN.replace("{}", target), &format!("{onward}{via}"))]);
    }
    let input = "OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n";
    scene.forwards(20, &[(input, &format!("OPTIONS * HTTP/1.1\r\nHost: b\r\n{via}"))]);
    // The Host that is not used still has to be a host.
    scene.refuses(20, 400, &["GET http://b/x HTTP/1.1\r\n\r\n", "GET http://b/x HTTP/1.1\r\nHost: a b\r\n\r\n"]);
    scene.refuses(20, 400, &["GET http://b/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"]);
}

#[test]
fn the_host_of_an_absolute_target_is_routed() {
    let site = "hosts = [\"b\"]\n[[site]]\nlisten = \"{listen}\"\nrespond = { status = 404, body = \"another\" }\n\
                [[site]]\nlisten = \"{listen}\"\nhosts = [\"a\"]\nto = [\"{server}\"]\n";
    let mut scene = Scene::with("", site);
    let via = VIA.replace("Host: a", "Host: b");
    scene.forwards(
        20,
        &[("GET http://b/x HTTP/1.1\r\nHost: c\r\n\r\n", &format!("GET /x HTTP/1.1\r\nHost: b\r\n{via}"))],
    );
    scene.converses(20, "GET http://c/x HTTP/1.1\r\nHost: b\r\n\r\n", &[404], "", 0);
}

#[test]
fn bad_authorities_and_other_schemes_are_refused() {
    let mut scene = Scene::open();
    let authorities = ["http://u:p@b/", "http://u@b/", "http://@b/", "http:///x", "http://b:99999/", "http://b c/"];
    scene.refuses(21, 400, &each(PATTERN, &authorities));
    scene.refuses(22, 421, &each(PATTERN, &["https://a/", "HTTPS://a/x"]));
    scene.refuses(22, 400, &each(PATTERN, &["ftp://a/", "ws://a/", "file:///etc/passwd", "javascript://a/"]));
    let input = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n";
    scene.forwards(22, &[(input, &format!("GET / HTTP/1.1\r\nHost: a\r\n{VIA}"))]);
}

#[test]
fn connect_is_not_served() {
    let mut scene = Scene::open();
    let pattern = "CONNECT {} HTTP/1.1\r\nHost: a\r\n\r\n";
    scene.refuses(23, 501, &each(pattern, &["a:80", "a:443", "[::1]:80"]));
    scene.refuses(
        23,
        400,
        &each(pattern, &["/", "http://a:80", "a", "a:", "a:99999", "u@a:80", "*", "a:80/x", "/a:80"]),
    );
    scene.refuses(
        "23, pipelined",
        501,
        &["CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\nGET /in HTTP/1.1\r\nHost: a\r\n\r\n"],
    );
}
