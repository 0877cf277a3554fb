//! Rows 29 to 38, 53 and 54: field lines, names that are traps, and what concerns one connection.

use super::scene::Scene;
use super::{VIA, each, get_with, post_with};

const PATTERN: &str = "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n";

/// What one head may add to the program's memory.
const HEAD_MEMORY_BYTES_MAX: u64 = 2 << 20;

#[test]
fn nothing_stands_between_name_and_colon() {
    let mut scene = Scene::open();
    scene.refuses(29, 400, &["GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n"]);
    scene.refuses(29, 400, &each(PATTERN, &["X : b", "X\t: b", "X  \t : b", "Transfer-Encoding : chunked"]));
    scene.refuses(
        29,
        400,
        &[post_with("Content-Length : 5\r\n", "hello"), post_with("Content-Length\t: 5\r\n", "hello")],
    );
}

#[test]
fn folded_lines_are_refused() {
    let mut scene = Scene::open();
    scene.refuses(30, 400, &each(PATTERN, &["X: a\r\n b", "X: a\r\n\tb", "X:\r\n b", "X: a\r\n \r\n b", "X: a\r\n "]));
    scene.refuses(30, 400, &["GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"]);
    scene.refuses(
        32,
        400,
        &[
            post_with("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"),
            post_with("Transfer-Encoding: chunked\r\n , gzip\r\n", "0\r\n\r\n"),
            post_with("Transfer-Encoding: chunked\r\n \r\n", "0\r\n\r\n"),
            post_with("Content-Length:\r\n 5\r\n", "hello"),
            post_with("Content-Length: 5\r\n 0\r\n", "hello"),
        ],
    );
}

#[test]
fn field_lines_have_a_token_and_a_colon() {
    let mut scene = Scene::open();
    scene.refuses(33, 400, &each(PATTERN, &["X", ": v", ":", "X v", "Content-Length 5"]));
    let names =
        ["X Y", "X(", "X)", "X[", "X]", "X\0", "X\u{85}", "X\u{a0}", "\u{c3}\u{bc}", "X\x7f", "X/", "X@", "X\"", "X{"];
    let lines: Vec<String> = names.iter().map(|name| format!("{name}: v")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    scene.refuses(34, 400, &each(PATTERN, &lines));
    scene.refuses(34, 400, &[post_with("\u{a0}Transfer-Encoding: chunked\r\n", "0\r\n\r\n")]);
}

#[test]
fn values_hold_no_control_bytes() {
    let mut scene = Scene::open();
    scene.refuses(
        35,
        400,
        &each(PATTERN, &["X: a\0b", "X: \0", "X: a\rb", "X: a\nb", "X: a\r\rb", "X: a\nY: b", "X: a\n"]),
    );
    let control = (1..0x20).chain([0x7f]).map(char::from).filter(|byte| !"\t\r\n".contains(*byte));
    let lines: Vec<String> = control.map(|byte| format!("X: a{byte}b")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    scene.refuses(36, 400, &each(PATTERN, &lines));
    let opaque: String = (0x80..=0xff).map(char::from).collect();
    for value in ["a\tb", opaque.as_str()] {
        let input = get_with(&format!("X: {value}\r\n"));
        scene.forwards(36, &[(&input, &format!("GET / HTTP/1.1\r\nHost: a\r\nX: {value}\r\n{VIA}"))]);
    }
}

#[test]
fn names_that_a_server_may_read_as_others_are_dropped() {
    let mut scene = Scene::open();
    let onward = format!("GET / HTTP/1.1\r\nHost: a\r\nX_Mine: kept\r\n{VIA}");
    let traps = [
        "X_Forwarded_For: 1.2.3.4",
        "X_FORWARDED-FOR: 1.2.3.4",
        "x.forwarded.for: 1.2.3.4",
        "Content_Length: 5",
        "Content.Length: 5",
        "Transfer_Encoding: chunked",
        "X.Real.IP: 1.2.3.4",
        "X_Real-IP: 1.2.3.4",
        "X_Forwarded_Proto: https",
        "X_Forwarded_Anything: x",
        // And what an untrusted peer says under the real names.
        "X-Forwarded-For: 1.2.3.4",
        "X-Forwarded-Host: evil",
        "X-Forwarded-Anything: x",
        "X-Real-IP: 1.2.3.4",
        "Forwarded: for=1.2.3.4",
    ];
    for trap in traps {
        scene.forwards(37, &[(&get_with(&format!("{trap}\r\nX_Mine: kept\r\n")), &onward)]);
    }
}

#[test]
fn heads_have_a_limit_in_fields_bytes_and_memory() {
    let mut scene = Scene::open();
    scene.expect_next_served("row 38, before");
    let memory = scene.evener.process.rss_bytes();
    let many = "a: b\r\n".repeat(10_000);
    let long_name = format!("{}: v\r\n", "n".repeat(100 * 1024));
    let long_value = format!("X: {}\r\n", "v".repeat(1 << 20));
    let endless_name = "n".repeat(1 << 20);
    scene.refuses(38, 431, &[get_with(&many), get_with(&long_name), get_with(&long_value)]);
    scene.refuses(38, 431, &[format!("GET / HTTP/1.1\r\nHost: a\r\n{endless_name}")]);
    let grown = scene.evener.process.peak_rss_bytes().saturating_sub(memory);
    assert!(grown < HEAD_MEMORY_BYTES_MAX, "row 38: {grown} bytes more memory");
}

#[test]
fn framing_names_cannot_be_nominated() {
    let mut scene = Scene::open();
    let names =
        ["Transfer-Encoding", "Content-Length", "Host", "host", "close, Host", "keep-alive,content-length,close"];
    let lines: Vec<String> = names.iter().map(|name| format!("Connection: {name}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    scene.refuses(53, 400, &each(PATTERN, &lines));
    scene.refuses(53, 400, &[post_with("Connection: Content-Length\r\nContent-Length: 5\r\n", "hello")]);
    scene.refuses(
        53,
        400,
        &[post_with("Transfer-Encoding: chunked\r\nConnection: Transfer-Encoding\r\n", "0\r\n\r\n")],
    );
}

#[test]
fn nominated_fields_go_unless_they_are_protected() {
    let mut scene = Scene::open();
    let kept = [
        ("Connection: Authorization\r\nAuthorization: b\r\n", "Authorization: b\r\n"),
        ("Authorization: b\r\nConnection: authorization\r\n", "Authorization: b\r\n"),
        ("Connection: Cookie\r\nCookie: c=d\r\n", "Cookie: c=d\r\n"),
        ("Connection: X-Forwarded-For\r\nX-Forwarded-For: 1.2.3.4\r\n", ""),
        ("Connection: X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host\r\n", ""),
        ("Connection: keep-alive, X-Own\r\nX-Own: gone\r\nX-Other: kept\r\n", "X-Other: kept\r\n"),
        ("Connection: x-one\r\nX-One: gone\r\nConnection: X-TWO\r\nX-Two: gone\r\nX-One: gone\r\n", ""),
    ];
    for (lines, onward) in kept {
        scene.forwards(53, &[(&get_with(lines), &format!("GET / HTTP/1.1\r\nHost: a\r\n{onward}{VIA}"))]);
    }
    let input = get_with("Connection: close, X-Auth\r\nX-Auth: gone\r\n");
    let onward = format!("GET / HTTP/1.1\r\nHost: a\r\n{VIA}");
    let (mut client, responses) = scene.converses(53, &input, &[200], &onward, 1);
    assert_eq!(responses[0].field("connection"), Some("close"), "row 53");
    client.expect_close();
}

#[test]
fn fields_of_one_connection_go_without_being_named() {
    let mut scene = Scene::open();
    let plain = format!("GET / HTTP/1.1\r\nHost: a\r\n{VIA}");
    let names = [
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "TE: gzip",
        "Trailer: X",
        "Upgrade: x",
        "Proxy-Authorization: Basic eDp5",
    ];
    for line in names {
        scene.forwards(54, &[(&get_with(&format!("{line}\r\n")), &plain)]);
    }
    let with_te = format!("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n{VIA}");
    for line in
        ["TE: trailers", "te: gzip, trailers", "TE: trailers\r\nConnection: TE", "TE: \tTrailers , deflate;q=0.5"]
    {
        scene.forwards(54, &[(&get_with(&format!("{line}\r\n")), &with_te)]);
    }
}
