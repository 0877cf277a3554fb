//! Rows 55 to 62: the chunked coding. Each fault comes once with the head, when the server must
//! not hear of the request, and once behind good chunks that are on their way: then what was
//! begun must not look complete.

use super::scene::{Scene, expect_farewell, name, read};
use super::{VIA, post_with};
use crate::harness::message::Framing;

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
const HEAD: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n";

/// What a million chunks of one byte may cost.
const SMALL_CHUNKS_MEMORY_BYTES_MAX: u64 = 4 << 20;

/// Each body is refused, whether it comes with its head or after good chunks.
fn refuse(scene: &mut Scene, row: u32, status: u16, bodies: &[&str]) {
    for body in bodies {
        scene.refuses(row, status, &[post_with(CHUNKED, body)]);
        let what = name(&format!("{row}, later"), body);
        let mut client = scene.evener.connect();
        client.send(format!("{HEAD}\r\n3\r\nabc\r\n"));
        scene.account(&what, &format!("{HEAD}{VIA}3\r\nabc\r\n"), 0);
        let number = scene.connections() - 1;
        client.send(super::scene::latin(body));
        let response = read(&mut client, &what, "POST");
        assert_eq!(response.status, status, "{what}");
        expect_farewell(&mut client, &what, &response);
        scene.expect_dropped(&what, number);
        scene.account(&what, "", 0);
        scene.expect_next_served(&what);
    }
}

#[test]
fn sizes_are_hexadecimal_digits() {
    let mut scene = Scene::open();
    let tail = "hello\r\n0\r\n\r\n";
    let sizes = [
        "0x5\r\n",
        "+5\r\n",
        "-5\r\n",
        " 5\r\n",
        "\t5\r\n",
        "5 \r\n",
        "5\t\r\n",
        "5_0\r\n",
        "5;\n",
        "g\r\n",
        "\r\n",
        "5\n",
        ";a\r\n",
        "5,\r\n",
        "5.0\r\n",
        "\0\r\n",
        "5\0\r\n",
        "\"5\"\r\n",
        "5 5\r\n",
        "\n",
        "\u{ef}\u{bc}\u{95}\r\n",
    ];
    for size in sizes {
        refuse(&mut scene, 55, 400, &[&format!("{size}{tail}")]);
    }
}

#[test]
fn sizes_do_not_overflow() {
    let mut scene = Scene::open();
    let zeros = "0".repeat(500);
    for size in
        ["10000000000000005", "ffffffffffffffff0", "00000000000000005", &format!("{zeros}5"), &format!("{zeros}0")]
    {
        refuse(&mut scene, 56, 400, &[&format!("{size}\r\nhello\r\n0\r\n\r\n")]);
    }
    for size in ["ffffffffffffffff", "8000000000000000"] {
        refuse(&mut scene, 56, 413, &[&format!("{size}\r\nhello\r\n0\r\n\r\n")]);
    }
}

#[test]
fn extensions_are_dropped() {
    let mut scene = Scene::open();
    let onward = format!("{HEAD}{VIA}5\r\nhello\r\n0\r\n\r\n");
    let sizes = [
        "5;a=b",
        "5 ; a=\"x\\\"y\"",
        "5;a",
        "5;a=\"b;c\"",
        "5 ;a = b",
        "5;a;b=c",
        "5;a=\"\"",
        "05;a=\"\t\u{e9}\"",
        "0005",
    ];
    for size in sizes {
        scene.forwards(57, &[(&post_with(CHUNKED, &format!("{size}\r\nhello\r\n0\r\n\r\n")), &onward)]);
    }
    scene.forwards(57, &[(&post_with(CHUNKED, "5\r\nhello\r\n0;last=1\r\n\r\n"), &onward)]);
    scene.forwards(57, &[(&post_with(CHUNKED, "2;x\r\nhe\r\n3;y=z\r\nllo\r\n000\r\n\r\n"), &onward)]);
}

#[test]
fn extensions_have_a_limit() {
    let mut scene = Scene::open();
    let long = format!("5;a={}\r\nhello\r\n0\r\n\r\n", "x".repeat(64 * 1024));
    refuse(&mut scene, 58, 413, &[&long]);
    let many = format!("1;a={}\r\nx\r\n", "y".repeat(1020)).repeat(10_000);
    scene.refuses(58, 413, &[post_with(CHUNKED, &many)]);
    // Each of these is short enough; only all of them together are too long.
    let short = format!("1;a={}\r\nx\r\n", "y".repeat(200)).repeat(10_000);
    scene.gives_up(58, 413, &post_with(CHUNKED, &short), &format!("{HEAD}{VIA}"));
}

#[test]
fn chunk_lines_end_in_crlf() {
    let mut scene = Scene::open();
    let bodies = [
        "5;\nhello\r\n0\r\n\r\n",
        "5\rXhello\r\n0\r\n\r\n",
        "5;\0\r\nhello\r\n0\r\n\r\n",
        "5\r\r;a\r\nhello\r\n0\r\n\r\n",
        "5;a\nhello\r\n0\r\n\r\n",
        "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n",
        "5;\r\nhello\r\n0\r\n\r\n",
        "5;a=\r\nhello\r\n0\r\n\r\n",
        "5;a=\"b\r\nhello\r\n0\r\n\r\n",
        "5;a\x7f\r\nhello\r\n0\r\n\r\n",
        "5\r\r\nhello\r\n0\r\n\r\n",
    ];
    refuse(&mut scene, 59, 400, &bodies);
}

#[test]
fn chunk_data_is_as_long_as_its_size() {
    let mut scene = Scene::open();
    let bodies = [
        "5\r\nhelloo\r\n0\r\n\r\n",
        "5\r\nhell\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\rX0\r\n\r\n",
        "1\r\nhello\r\n0\r\n\r\n",
        "4\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    refuse(&mut scene, 60, 400, &bodies);
}

#[test]
fn a_million_chunks_of_one_byte_are_joined() {
    const COUNT: usize = 1_000_000;
    let mut scene = Scene::open();
    scene.expect_next_served("row 61, before");
    let (memory, time) = (scene.evener.process.rss_bytes(), scene.evener.process.processor_time());
    let before: usize = scene.recorder.conversations().iter().map(|one| one.length()).sum();
    let mut client = scene.evener.connect();
    client.send(format!("{HEAD}\r\n"));
    for _ in 0..10 {
        client.send("1\r\nx\r\n".repeat(COUNT / 10));
    }
    client.send("0\r\n\r\n");
    assert_eq!(client.response_to("POST").status, 200, "row 61");
    let requests = scene.recorder.requests();
    let request = requests.iter().find(|request| request.method == "POST").expect("row 61: the request is there");
    assert_eq!(request.framing, Framing::Chunked, "row 61");
    assert!(request.body.len() == COUNT && request.body.iter().all(|byte| *byte == b'x'), "row 61: the body");
    let received: usize = scene.recorder.conversations().iter().map(|one| one.length()).sum::<usize>() - before;
    assert!(received < COUNT + COUNT / 10, "row 61: {received} bytes for a body of {COUNT}");
    let grown = scene.evener.process.peak_rss_bytes().saturating_sub(memory);
    assert!(grown < SMALL_CHUNKS_MEMORY_BYTES_MAX, "row 61: {grown} bytes more memory");
    let used = scene.evener.process.processor_time().saturating_sub(time);
    assert!(used.as_secs() < 3, "row 61: {used:?} of processor time");
    assert_eq!(scene.evener.get("/next/0").text(), "GET /next/0", "row 61: the next client");
}

#[test]
fn the_last_chunk_ends_the_body_and_nothing_else_does() {
    let mut scene = Scene::open();
    let bodies = [
        "0\r\nXPOST / HTTP/1.1\r\nHost: a\r\n\r\n",
        "0\n\n",
        "0\r\n\n",
        "0\n\r\n",
        "0\r\n\rX",
        "0\r\n \r\n\r\n",
        "0\r\nPOST /hidden HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    refuse(&mut scene, 62, 400, &bodies);
    // With a colon it is a trailer by the grammar: it stays in this request, and what follows is no request of its own.
    let input = post_with(CHUNKED, "5\r\nhello\r\n0\r\nX:POST /hidden HTTP/1.1\r\nHost: b\r\n\r\n");
    let onward = format!("{HEAD}{VIA}5\r\nhello\r\n0\r\nX: POST /hidden HTTP/1.1\r\n\r\n");
    scene.forwards(62, &[(&input, &onward)]);
}
