//! Rows 39 to 52: Content-Length and Transfer-Encoding.

use super::scene::Scene;
use super::{VIA, each, get_with, post_with};

/// A request hidden in a body, in each input for which a lax reader would find another end.
const HIDDEN: &str = "0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";

/// A POST with the line, then a body that is whole for either reading.
fn with_line(line: &str) -> String {
    post_with(&format!("{line}\r\n"), HIDDEN)
}

fn with_lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| with_line(line)).collect()
}

#[test]
fn a_length_beside_an_encoding_is_refused() {
    let mut scene = Scene::open();
    scene.refuses(
        39,
        400,
        &with_lines(&[
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            "Transfer-Encoding: chunked\r\nContent-Length: 0",
            "Content-Length: 41\r\nX: y\r\ntransfer-ENCODING: CHUNKED",
            "Transfer-Encoding: identity\r\nContent-Length: 5",
        ]),
    );
}

#[test]
fn two_lengths_are_refused_even_equal_ones() {
    let mut scene = Scene::open();
    let equal =
        ["Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5, 5", "Content-Length: 5,5", "Content-Length: 5,"];
    scene.refuses(40, 400, &with_lines(&equal));
    scene.refuses(40, 400, &with_lines(&["Content-Length: 0\r\ncontent-length: 0", "Content-Length: ,5"]));
    let different =
        ["Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5, 6", "Content-Length: 0\r\nContent-Length: 41"];
    scene.refuses(41, 400, &with_lines(&different));
}

#[test]
fn a_length_is_digits_and_nothing_else() {
    let mut scene = Scene::open();
    let bad = [
        "+5",
        "-0",
        "-1",
        "-5",
        "0x5",
        "0X5",
        "5 x",
        "5x",
        "x5",
        "1_0",
        "1 0",
        "5.0",
        "5e0",
        "",
        " ",
        "\u{ef}\u{bc}\u{95}",
        "\"5\"",
        "5;",
        "5\u{b}",
        "\u{b}5",
        "5\u{c}",
        "5\0",
        "\u{a0}5",
        "5\u{a0}",
        "\u{b2}",
        "0b1",
        "0o5",
        "'5'",
        "5\t5",
        "5 5",
        "NaN",
    ];
    let lines: Vec<String> = bad.iter().map(|value| format!("Content-Length: {value}")).collect();
    for line in &lines {
        scene.refuses(42, 400, &[with_line(line)]);
    }
    let onward = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n{VIA}hello");
    for line in ["Content-Length:  5 ", "Content-Length:\t5\t", "Content-Length:5", "Content-Length: 5 \t "] {
        let canonical = if line.ends_with(":5") { onward.replace("Length: 5", "Length:5") } else { onward.clone() };
        scene.forwards(42, &[(&post_with(&format!("{line}\r\n"), "hello"), &canonical)]);
    }
}

#[test]
fn leading_zeros_are_not_passed_on() {
    let mut scene = Scene::open();
    let onward = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n{VIA}hello");
    scene.forwards(43, &[(&post_with("Content-Length: 005\r\n", "hello"), &onward)]);
    let onward = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n{VIA}helloworld");
    scene.forwards("43, not octal", &[(&post_with("Content-Length: 010\r\n", "helloworld"), &onward)]);
    let onward = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n{VIA}");
    scene.forwards(43, &[(&post_with("Content-Length: 00\r\n", ""), &onward)]);
}

#[test]
fn lengths_do_not_overflow() {
    let mut scene = Scene::open();
    let long = "9".repeat(400);
    let numbers = [
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "18446744073709551621",
        "36893488147419103237",
        &long,
    ];
    let lines: Vec<String> = numbers.iter().map(|number| format!("Content-Length: {number}")).collect();
    for line in &lines {
        scene.refuses(44, 413, &[with_line(line)]);
    }
}

#[test]
fn chunked_must_be_the_one_coding() {
    let mut scene = Scene::open();
    let not_last = ["gzip", "chunked, gzip", "chunked;q=1", "chunked ;q=1", "chunked;", "deflate", "chunked,gzip,x"];
    let lines = |values: &[&str]| each("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {}\r\n\r\n{HIDDEN}", values);
    let inputs = |values: &[&str]| -> Vec<String> {
        lines(values).into_iter().map(|input| input.replace("{HIDDEN}", HIDDEN)).collect()
    };
    scene.refuses(45, 400, &inputs(&not_last));
    scene.refuses(46, 501, &inputs(&["gzip, chunked", "gzip,chunked", "x, y, chunked"]));
    scene.refuses(47, 400, &inputs(&["chunked, chunked", "chunked,chunked", "chunked\r\nTransfer-Encoding: chunked"]));
    scene.refuses(47, 400, &inputs(&["gzip\r\nTransfer-Encoding: chunked", "chunked\r\nTransfer-Encoding: gzip"]));
    scene.refuses(
        47,
        400,
        &inputs(&["chunked\r\nTransfer-Encoding: identity", "chunked\r\nX: y\r\ntransfer-encoding:"]),
    );
    scene.refuses(48, 400, &inputs(&[",chunked", "chunked,", "", " ", ",", "\t", ", chunked", "chunked ,"]));
    let others = [
        "xchunked",
        "\"chunked\"",
        "'chunked'",
        "chunk",
        "identity",
        "chunked\u{b}",
        "\u{b}chunked",
        "chunked\0",
        "\u{a0}chunked",
        "chunked\u{a0}",
        "chunked\u{c}",
        "chunkedx",
        "chun ked",
        "chunked chunked",
        "CHUNKED\u{85}",
        "\\chunked",
        "chunke",
    ];
    scene.refuses(49, 400, &inputs(&others));
    scene.refuses(49, 400, &[get_with("Transfer-Encoding: identity\r\n")]);
}

#[test]
fn chunked_is_passed_on_in_its_canonical_form() {
    let mut scene = Scene::open();
    let onward = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{VIA}5\r\nhello\r\n0\r\n\r\n");
    for line in ["ChUnKeD", "\tchunked", "chunked ", " chunked\t ", "CHUNKED"] {
        let input = post_with(&format!("Transfer-Encoding:{line}\r\n"), "5\r\nhello\r\n0\r\n\r\n");
        scene.forwards(50, &[(&input, &onward)]);
    }
    let lower = post_with("transfer-encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n");
    scene.forwards(50, &[(&lower, &onward.replace("Transfer-Encoding", "transfer-encoding"))]);
}

#[test]
fn http_1_0_has_no_chunks_and_no_body_without_a_length() {
    let mut scene = Scene::open();
    let chunks = "5\r\nhello\r\n0\r\n\r\n";
    scene.refuses(
        51,
        400,
        &[
            format!("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"),
            format!(
                "POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
            ),
            "GET / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            format!("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 15\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"),
        ],
    );
    for rest in ["", "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n", "hello"] {
        let input = format!("POST / HTTP/1.0\r\nHost: a\r\n\r\n{rest}");
        let onward = format!("POST / HTTP/1.1\r\nHost: a\r\n{VIA}");
        let (mut client, responses) = scene.converses(52, &input, &[200], &onward, 1);
        assert_eq!(responses[0].field("connection"), Some("close"), "row 52");
        client.expect_close();
    }
    let input = "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    scene.forwards(52, &[(input, &format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n{VIA}hello"))]);
}
