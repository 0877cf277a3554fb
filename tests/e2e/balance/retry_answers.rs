//! What is left of an answer that was given up for another server's: nothing that the client sees, and a connection only
//! if the answer was whole.

use super::{answer, ask, in_front_of, named, texts};
use crate::harness::client::get;
use crate::harness::recorder::ok;
use crate::harness::wait::{PATIENCE, eventually};
use crate::harness::{Evener, Recorder, Step};

/// The steps for every second request, beginning with the first one, are these; the others are answered well.
fn every_second(steps: impl Fn() -> Vec<Step> + Send + Sync + 'static) -> Recorder {
    Recorder::per_request(move |request| match request.target.as_str() {
        "/well" => vec![Step::send(ok("first"))],
        _ => steps(),
    })
}

fn behind(first: &Recorder, second: &Recorder) -> Evener {
    // One worker, so that there is one pool of connections.
    let config = super::site(&super::servers(&[first.address(), second.address()], "balance = \"first\""));
    Evener::start(&config.replace("workers = 2", "workers = 1"))
}

#[test]
fn no_field_and_no_byte_of_it_reaches_the_client() {
    let leaky = "HTTP/1.1 503 Busy\r\nContent-Length: 6\r\nX-Leak: field\r\nSet-Cookie: leak=1\r\nRetry-After: 0\r\n\
                 ETag: \"leak\"\r\nContent-Encoding: leak\r\n\r\nLEAKED";
    let chunked = "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\nTrailer: x-leak\r\n\r\n6\r\nLEAKED\r\n0\r\nX-Leak: a\r\n\r\n";
    for bad in [leaky, chunked] {
        let first = every_second(move || vec![Step::send(bad)]);
        let second = Recorder::per_request(|request| match request.target.as_str() {
            "/chunked" => {
                vec![Step::send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n")]
            }
            "/empty" => vec![Step::send("HTTP/1.1 204 No Content\r\nX-Good: 1\r\n\r\n")],
            _ => vec![Step::send("HTTP/1.1 200 OK\r\nX-Good: 1\r\nContent-Length: 4\r\n\r\ngood")],
        });
        let evener = behind(&first, &second);
        let mut client = evener.connect();
        for target in ["/length", "/chunked", "/empty", "/length"] {
            let response = client.send(get(target)).response();
            let expected = if target == "/empty" { (204, "") } else { (200, "good") };
            assert_eq!((response.status, response.text().as_str()), expected);
            for name in ["x-leak", "set-cookie", "retry-after", "etag", "content-encoding"] {
                assert_eq!(response.field(name), None, "{target}: {response:?}");
            }
            assert!(response.trailers.0.is_empty(), "{response:?}");
            // Between two failures it does well.
            assert_eq!(client.send(get("/well")).response().text(), "first");
        }
    }
}

#[test]
fn when_all_fail_the_client_gets_the_last_servers_answer_and_only_that() {
    let failing = |name: &'static str, status: u16| {
        Recorder::answering(format!("HTTP/1.1 {status} {name}\r\nX-{name}: yes\r\nContent-Length: 1\r\n\r\n{name}"))
    };
    let servers = [failing("A", 502), failing("B", 504), failing("C", 503)];
    let addresses = servers.each_ref().map(Recorder::address);
    let evener = in_front_of(&addresses, "balance = \"first\"\nretry = { attempts = 2 }");
    let response = ask(&evener, "GET", "/", "");
    assert_eq!((response.status, response.text().as_str()), (503, "C"));
    assert_eq!(["x-a", "x-b", "x-c"].map(|name| response.field(name)), [None, None, Some("yes")]);
    assert_eq!(response.field("x-evener-reason"), None, "it is the server's answer, not ours");
}

#[test]
fn the_connection_of_a_whole_answer_is_used_again() {
    let first = every_second(|| vec![Step::send(answer(503, "whole"))]);
    let second = named("second");
    let evener = behind(&first, &second);
    let mut client = evener.connect();
    for _ in 0..4 {
        assert_eq!(texts_of(&mut client, &["/well", "/503"]), ["first", "second"]);
    }
    assert_eq!(first.conversations().len(), 1);
    assert_eq!((first.requests().len(), second.conversations().len()), (8, 1));
}

fn texts_of(client: &mut crate::harness::client::RawClient, targets: &[&str]) -> Vec<String> {
    targets.iter().map(|target| client.send(get(target)).response().text()).collect()
}

#[test]
fn the_connection_of_an_answer_that_is_not_whole_is_closed() {
    let head = "HTTP/1.1 503 Busy\r\nContent-Length: 100000\r\n\r\npart";
    let chunks = "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n";
    let until_close = "HTTP/1.1 503 Busy\r\n\r\npart";
    let asks_to_close = "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let surplus = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    for begun in [head, chunks, until_close, asks_to_close, surplus] {
        let first = every_second(move || vec![Step::send(begun), Step::Hold]);
        let second = named("second");
        let evener = behind(&first, &second);
        let mut client = evener.connect();
        for turn in 0..3 {
            assert_eq!(client.send(get("/503")).response().text(), "second", "{begun:?}");
            let conversation = first.conversation(turn);
            eventually(PATIENCE, "it is closed", || conversation.is_over());
            // The next request for the first server has a new connection, and gets its own answer.
            assert_eq!(client.send(get("/well")).response().text(), "first", "{begun:?}");
        }
        assert_eq!(texts(&mut evener.connect(), 1), ["second"]);
    }
}
