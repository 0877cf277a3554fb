//! Connections that take too long or send what is no request, with a clock of the test's own.

use super::*;
use crate::server::Readiness;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::advance;

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A client of a connection that is served.
struct Client {
    stream: DuplexStream,
    served: tokio::task::JoinHandle<()>,
    closing: watch::Sender<bool>,
}

impl Client {
    /// So many bytes may be under way.
    fn new(bytes_max: usize) -> Self {
        let (stream, other) = duplex(bytes_max);
        let (_, readiness) = watch::channel(Readiness::Ready);
        let views = Views { metrics: Arc::new(|| "x".repeat(10_000)), readiness };
        let (closing, receiver) = watch::channel(false);
        Self { stream, served: tokio::spawn(serve(other, Door::Tcp, views, receiver)), closing }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next answer that ends in this text.
    async fn expect(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            let mut byte = [0];
            assert_eq!(self.stream.read(&mut byte).await.unwrap(), 1, "{:?}", String::from_utf8_lossy(&text));
            text.push(byte[0]);
        }
        String::from_utf8(text).unwrap()
    }

    /// Lets time pass, and what is due happen.
    async fn pass(&self, time: Duration) {
        settle().await;
        advance(time).await;
        settle().await;
    }

    fn is_over(&self) -> bool {
        self.served.is_finished()
    }
}

async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_closed() {
    let client = Client::new(1000);
    client.pass(HEAD - SECOND).await;
    assert!(!client.is_over());
    client.pass(SECOND * 2).await;
    assert!(client.is_over());
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_is_closed() {
    let mut client = Client::new(1000);
    for byte in &REQUEST[..10] {
        client.send(&[*byte]).await;
        client.pass(HEAD / 11).await;
    }
    assert!(!client.is_over());
    client.send(&REQUEST[10..11]).await;
    client.pass(HEAD / 5).await;
    assert!(client.is_over());
}

#[tokio::test(start_paused = true)]
async fn a_connection_rests_between_requests_but_not_for_ever() {
    let mut client = Client::new(1000);
    for _ in 0..3 {
        client.send(REQUEST).await;
        client.expect("ok\n").await;
        client.pass(IDLE - SECOND).await;
        assert!(!client.is_over());
    }
    // The next head has its own time, from its first byte.
    client.send(&REQUEST[..5]).await;
    client.pass(HEAD - SECOND).await;
    assert!(!client.is_over());
    client.send(&REQUEST[5..]).await;
    client.expect("ok\n").await;
    client.pass(IDLE + SECOND).await;
    assert!(client.is_over());
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_the_answer_is_closed() {
    let mut client = Client::new(100);
    client.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    client.pass(IDLE - SECOND).await;
    assert!(!client.is_over());
    client.pass(SECOND * 2).await;
    assert!(client.is_over());
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_the_first_request_for_a_short_time_only() {
    let (mut asking, silent) = (Client::new(1000), Client::new(1000));
    settle().await;
    asking.closing.send(true).unwrap();
    silent.closing.send(true).unwrap();
    settle().await;
    asking.send(REQUEST).await;
    assert!(asking.expect("ok\n").await.contains("connection: close"));
    settle().await;
    assert!(asking.is_over() && !silent.is_over());
    silent.pass(LINGER + SECOND).await;
    assert!(silent.is_over());
}

#[tokio::test(start_paused = true)]
async fn a_resting_connection_ends_at_once_with_its_listener() {
    let mut client = Client::new(1000);
    client.send(REQUEST).await;
    client.expect("ok\n").await;
    client.closing.send(true).unwrap();
    settle().await;
    assert!(client.is_over());
}

#[tokio::test(start_paused = true)]
async fn a_head_has_a_bound_and_nonsense_is_refused() {
    let check = async |head: String, expected: &str| {
        let mut client = Client::new(100_000);
        client.send(head.as_bytes()).await;
        let mut text = String::new();
        client.stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with(&format!("HTTP/1.1 {expected}")), "{head:.60}: {text:.60}");
        settle().await;
        assert!(client.is_over(), "{head:.60}");
    };
    let start = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
    check(format!("{start}x: {}\r\n\r\n", "y".repeat(HEAD_BYTES_MAX)), "431").await;
    check(format!("{start}{}\r\n", "x: y\r\n".repeat(FIELDS_MAX)), "431").await;
    check(String::from("nonsense\r\n\r\n"), "400").await;
    check(format!("{start}\0: y\r\n\r\n"), "400").await;
    check(format!("{start}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"), "413").await;
    check(format!("{start}content-length: 1000000\r\n\r\n"), "413").await;
}

#[tokio::test(start_paused = true)]
async fn answers_to_head_have_no_body() {
    let mut client = Client::new(1000);
    client.send(&[b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", REQUEST].concat()).await;
    let head = client.expect("\r\n\r\n").await;
    assert!(head.contains("content-length: 3\r\n"), "{head}");
    assert!(client.expect("\r\n\r\n").await.starts_with("HTTP/1.1 200"));
    assert_eq!(client.expect("ok\n").await, "ok\n");
}
