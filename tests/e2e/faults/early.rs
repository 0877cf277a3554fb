//! Answers that come before the request has: the client reads them whole, although nobody takes the rest of its body.

use crate::harness::client::{RawClient, get};
use crate::harness::content::content;
use crate::harness::recorder::ok;
use crate::harness::wait::eventually;
use crate::harness::{Recorder, Step};

use super::{SOON, Trial, echo_server, expect_next_client_served, upstream};

const UPLOAD_BYTES: usize = 200_000_000;
const PIECE_BYTES: usize = 1 << 20;

/// Sends the whole upload, or as much as is taken.
fn upload_all(client: &mut RawClient, chunked: bool) {
    let piece = content(0, PIECE_BYTES);
    let mut left = UPLOAD_BYTES;
    while left > 0 {
        let piece = &piece[..left.min(PIECE_BYTES)];
        let sent = if chunked { client.try_send_chunk(piece) } else { client.try_send(piece) };
        if sent.is_err() {
            return;
        }
        left -= piece.len();
    }
}

fn upload_head(path: &str, chunked: bool) -> String {
    match chunked {
        true => format!("POST {path} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"),
        false => format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {UPLOAD_BYTES}\r\n\r\n"),
    }
}

/// The server answers right after the head, then behaves like this; the client reads only after it has sent all.
#[track_caller]
fn check_early_answer(status: &'static str, after: &[Step], chunked: bool) {
    let begin = vec![Step::ReadHead, Step::send(format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\nearly"))];
    let first = [begin, after.to_vec()].concat();
    let server = Recorder::scripted(move |number| match number {
        0 => first.clone(),
        _ => vec![Step::ReadRequest, Step::send(ok("GET /2")), Step::Again],
    });
    let trial = Trial::in_front_of(&[server.address()], "");
    let mut client = trial.evener.connect();
    client.send(upload_head("/1", chunked));
    upload_all(&mut client, chunked);
    let response = client.response_to("POST");
    assert_eq!(format!("{} {}", response.status, response.reason), status);
    assert_eq!(response.text(), "early");
    client.expect_close();
    expect_next_client_served(&trial.evener, "/2");
    drop(client);
    trial.end(server).expect_failures(&[]);
}

#[test]
fn an_early_refusal_is_read_whatever_the_server_does_next() {
    for chunked in [false, true] {
        check_early_answer("413 Content Too Large", &[Step::Close], chunked);
        check_early_answer("401 Unauthorized", &[Step::Reset], chunked);
        check_early_answer("401 Unauthorized", &[Step::HalfClose, Step::ReadToEnd], chunked);
        check_early_answer("413 Content Too Large", &[Step::Hold], chunked);
    }
}

#[test]
fn the_limit_on_bodies_is_a_413_that_is_read() {
    let server = echo_server();
    let config = upstream(&[server.address()], "");
    let trial = Trial::start(&format!("limits = {{ body = \"1MB\" }}\n{config}"));
    for chunked in [false, true] {
        let mut client = trial.evener.connect();
        client.send(upload_head("/1", chunked));
        upload_all(&mut client, chunked);
        let response = client.response_to("POST");
        assert_eq!((response.status, response.field("connection")), (413, Some("close")));
        client.expect_close();
    }
    // One that asks first is told before it sends anything.
    let mut polite = trial.evener.connect();
    polite.send("POST /1 HTTP/1.1\r\nHost: test\r\nContent-Length: 1000001\r\nExpect: 100-continue\r\n\r\n");
    let response = polite.response_to("POST");
    assert_eq!((response.status, response.interim.len()), (413, 0));
    // The limit itself is allowed.
    let mut exact = trial.evener.connect();
    exact.send("POST /2 HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n").send(content(0, 1_000_000));
    assert_eq!(exact.response_to("POST").text(), "POST /2");
    assert_eq!(exact.send(get("/3")).response().text(), "GET /3");

    let whole: Vec<String> = server.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(whole, ["/2", "/3"], "the server got no body beyond the limit as a whole one");
    eventually(SOON, "the cut upload has ended at the server", || {
        server.conversations().iter().filter(|one| one.text().starts_with("POST /1")).all(|one| one.is_over())
    });
    drop((polite, exact));
    trial.end(server).expect_failures(&[("body_too_large", 3)]);
}
