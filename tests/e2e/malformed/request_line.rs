//! Rows 1 to 15: line ends, the request line, methods and versions.

use super::scene::Scene;
use super::{VIA, each, get_with};

#[test]
fn lines_end_in_crlf_and_nothing_else() {
    let mut scene = Scene::open();
    scene.refuses(
        1,
        400,
        &[
            "GET / HTTP/1.1\nHost: a\n\n",
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ],
    );
    scene.refuses(
        2,
        400,
        &[
            "GET / HTTP/1.1\rHost: a\r\r",
            "GET / HTTP/1.1\rHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
            "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
        ],
    );
}

#[test]
fn leading_empty_lines_are_no_requests() {
    let mut scene = Scene::open();
    let plain = get_with("");
    let onward = format!("GET / HTTP/1.1\r\nHost: a\r\n{VIA}");
    for input in [format!("\r\n{plain}"), format!("\r\n\r\n{plain}")] {
        scene.forwards(3, &[(&input, &onward)]);
    }
    scene.refuses(3, 400, &[format!("\r\n\r\n\r\n{plain}")]);

    // An old client's CRLF after a body belongs to no request.
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n";
    let input = format!("{post}\r\nab\r\n{plain}");
    let (mut client, responses) = scene.converses(3, &input, &[200, 200], &format!("{post}{VIA}ab{onward}"), 2);
    assert_eq!(responses[1].text(), "GET /", "row 3");
    client.send("\r\n").half_close();
    client.expect_close();
    scene.expect_next_served("row 3, only an empty line");
}

#[test]
fn white_space_after_the_request_line_is_refused() {
    let mut scene = Scene::open();
    scene.refuses(
        4,
        400,
        &[
            "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
            "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\n X: b\r\nHost: a\r\n\r\n",
        ],
    );
}

#[test]
fn a_request_line_is_three_parts_and_two_spaces() {
    let mut scene = Scene::open();
    let lines = [
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET  /  HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET /\tHTTP/1.1",
        "GET\x0b/ HTTP/1.1",
        "GET /\x0bHTTP/1.1",
        "GET\x0c/ HTTP/1.1",
        " GET / HTTP/1.1",
    ];
    scene.refuses(5, 400, &each("{}\r\nHost: a\r\n\r\n", &lines));
    scene.refuses(6, 400, &each("{}\r\nHost: a\r\n\r\n", &["GET /a b HTTP/1.1", "GET /a HTTP/1.1 HTTP/1.1"]));
    let lines = ["GET / HTTP/1.1 ", "GET / HTTP/1.1\t", "GET / HTTP/1.1junk", "GET / HTTP/1.1 junk"];
    scene.refuses(7, 400, &each("{}\r\nHost: a\r\n\r\n", &lines));
    scene.refuses(8, 400, &["GET /\r\n", "GET /\r\n\r\n", "GET / \r\nHost: a\r\n\r\n", "GET\r\n\r\n"]);
}

#[test]
fn versions_other_than_1_x_are_refused_and_later_1_x_become_1_1() {
    let mut scene = Scene::open();
    let pattern = "GET / {}\r\nHost: a\r\n\r\n";
    scene.refuses(9, 505, &each(pattern, &["HTTP/2.0", "HTTP/9.9", "HTTP/0.9", "HTTP/3.0"]));
    scene.refuses("9, preface of HTTP/2", 400, &["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]);
    let malformed = ["http/1.1", "Http/1.1", "HTTP/01.1", "HTTP/1.10", "HTTP/1", "HTTP/1.", "HTTP/.1", "HTTP/1,1"];
    scene.refuses(10, 400, &each(pattern, &malformed));
    scene.refuses(10, 400, &each(pattern, &["HTTP/11", "HTTP/+1.1", "HTTP /1.1", "HTTPS/1.1", "HTTP/1.1\0"]));
    let onward = format!("GET / HTTP/1.1\r\nHost: a\r\n{VIA}");
    for version in ["HTTP/1.2", "HTTP/1.9"] {
        scene.forwards(11, &[(&pattern.replace("{}", version), &onward)]);
    }
}

#[test]
fn methods_are_tokens() {
    let mut scene = Scene::open();
    let pattern = "{} / HTTP/1.1\r\nHost: a\r\n\r\n";
    let listed = [
        "G@T",
        "\"GET",
        "GET\"",
        "GE T",
        "",
        "G\0T",
        "\0GET",
        "G\x7fT",
        "G\u{80}T",
        "G\u{e9}T",
        "\u{ef}\u{bb}\u{bf}GET",
    ];
    scene.refuses(12, 400, &each(pattern, &listed));
    for delimiter in "\"(),/:;<=>?@[\\]{}".chars() {
        scene.refuses(12, 400, &[pattern.replace("{}", &format!("G{delimiter}T"))]);
    }
}

#[test]
fn methods_are_case_sensitive() {
    let mut scene = Scene::with(
        "",
        "[[site.route]]\npath = \"/only-get/\"\nmethods = [\"GET\"]\nto = [\"{server}\"]\n\
         [[site.route]]\npath = \"/only-get/\"\nrespond = { status = 405, body = \"not a GET\" }\n",
    );
    for method in ["get", "Get", "gET"] {
        let line = format!("{method} / HTTP/1.1\r\nHost: a\r\n");
        scene.forwards(13, &[(&format!("{line}\r\n"), &format!("{line}{VIA}"))]);
        let input = format!("{method} /only-get/x HTTP/1.1\r\nHost: a\r\n\r\n");
        scene.converses(13, &input, &[405], "", 0);
    }
    let line = "GET /only-get/x HTTP/1.1\r\nHost: a\r\n";
    scene.forwards(13, &[(&format!("{line}\r\n"), &format!("{line}{VIA}"))]);
}

#[test]
fn unknown_methods_go_on_and_endless_ones_do_not() {
    let mut scene = Scene::open();
    for method in ["FOO", "!#$%&'*+-.^_`|~09Az", &"M".repeat(64)] {
        let line = format!("{method} / HTTP/1.1\r\nHost: a\r\n");
        scene.forwards(14, &[(&format!("{line}\r\n"), &format!("{line}{VIA}"))]);
    }
    let long = "M".repeat(100 * 1024);
    scene.refuses(14, 501, &[format!("{long} / HTTP/1.1\r\nHost: a\r\n\r\n"), long]);
}

#[test]
fn targets_have_a_limit() {
    let mut scene = Scene::open();
    for length in [8_000, 60_000] {
        let line = format!("GET /{} HTTP/1.1\r\nHost: a\r\n", "t".repeat(length - 1));
        scene.forwards(15, &[(&format!("{line}\r\n"), &format!("{line}{VIA}"))]);
    }
    let long = format!("GET /{}", "t".repeat(100 * 1024));
    scene.refuses(15, 414, &[format!("{long} HTTP/1.1\r\nHost: a\r\n\r\n"), long]);
    let query = format!("GET /?{}", "q".repeat(100 * 1024));
    scene.refuses(15, 414, &[format!("{query} HTTP/1.1\r\nHost: a\r\n\r\n"), query]);
}
