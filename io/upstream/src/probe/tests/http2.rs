//! Probes over HTTP/2 of servers that answer well, badly, without end or not at all.

use super::tls::{serve_tls, trusting};
use super::*;
use ::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite};

/// What a server does with a request.
pub(super) type Answer = fn(Request<RecvStream>, SendResponse<Bytes>);

/// Speaks HTTP/2 on a connection until it is closed.
pub(super) async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin, answer: Answer) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        answer(request, respond);
    }
}

/// A server with prior knowledge.
pub(super) async fn serve_h2c(answer: Answer) -> Server {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let server = tcp(&[listener.local_addr().unwrap()]);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            speak(stream, answer).await;
        }
    });
    server
}

/// Answers 200 for `/good`, 404 otherwise, and tells what it was asked in the body.
fn by_path(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let status = if request.uri().path() == "/good" { 200 } else { 404 };
    let response = Response::builder().status(status).body(()).unwrap();
    let mut stream = respond.send_response(response, false).unwrap();
    let agent = request.headers()["user-agent"].to_str().unwrap();
    let text = format!("{} {} from {agent}", request.method(), request.uri());
    stream.send_data(text.into(), true).unwrap();
}

/// Keeps the stream open and says nothing.
pub(super) fn keep_silent(request: Request<RecvStream>, respond: SendResponse<Bytes>) {
    tokio::spawn(async move {
        let _kept = (request, respond);
        std::future::pending::<()>().await;
    });
}

/// Sends a body that does not end with it.
pub(super) fn send_gigabyte(mut stream: SendStream<Bytes>) {
    static PIECE: [u8; 1 << 20] = [0; 1 << 20];
    for _ in 0..1024 {
        stream.send_data(Bytes::from_static(&PIECE), false).unwrap();
    }
    tokio::spawn(async move {
        let _kept = stream;
        std::future::pending::<()>().await;
    });
}

#[tokio::test]
async fn the_status_and_the_text_decide() {
    let server = serve_h2c(by_path).await;
    let good = get("/good");
    probe(&server, &good, Protocol::Http2, None).await.unwrap();
    let fault = probe(&server, &get("/bad"), Protocol::Http2, None).await.unwrap_err();
    assert_eq!(fault.to_string(), "answered 404, wanted 200-399");
    for (text, is_there) in [("GET http://example.com/good?a=1 from evener-check", true), ("nothing", false)] {
        let host = Some("example.com".to_owned());
        let status = vec![200..=200];
        let asked = Probe::Http { path: "/good?a=1".into(), host, status, body: Some(text.into()) };
        let outcome = probe(&server, &Health { probe: asked, ..get("/") }, Protocol::Http2, None).await;
        assert_eq!(outcome.is_ok(), is_there, "{outcome:?}");
    }
    let fault = probe(&server, &get("/a<b"), Protocol::Http2, None).await.unwrap_err();
    assert!(fault.to_string().starts_with("cannot be asked over HTTP/2"), "{fault}");
}

#[tokio::test]
async fn alpn_decides_what_is_spoken() {
    for protocol in [Protocol::Http2, Protocol::Auto] {
        let (security, config) = trusting(&["h2", "http/1.1"], &["h2"]);
        let (server, _task) = serve_tls(config, 2, |stream| speak(stream, by_path)).await;
        let status = vec![200..=200];
        let host = Some("example.com".to_owned());
        let body = Some("GET https://example.com/good".to_owned());
        let asked = Health { probe: Probe::Http { path: "/good".into(), host, status, body }, ..get("/") };
        probe(&server, &asked, protocol, Some(security.clone())).await.unwrap();
        let fault = probe(&server, &get("/bad"), protocol, Some(security)).await.unwrap_err();
        assert_eq!(fault.to_string(), "answered 404, wanted 200-399");
    }
}

#[tokio::test]
async fn interim_answers_are_passed_over() {
    let server = serve_h2c(|_, mut respond| {
        for _ in 0..3 {
            respond.send_informational(Response::builder().status(103).body(()).unwrap()).unwrap();
        }
        respond.send_response(Response::builder().status(204).body(()).unwrap(), true).unwrap();
    })
    .await;
    probe(&server, &get("/"), Protocol::Http2, None).await.unwrap();
}

#[tokio::test]
async fn a_huge_body_is_left_alone() {
    let server = serve_h2c(|_, mut respond| send_gigabyte(respond.send_response(Response::new(()), false).unwrap()));
    let server = server.await;
    probe(&server, &get("/"), Protocol::Http2, None).await.unwrap();
    let fault = probe(&server, &get_text("ready"), Protocol::Http2, None).await.unwrap_err();
    assert_eq!(fault.to_string(), "answered without \"ready\" in the body");
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_a_fault() {
    let refusing = serve_h2c(|_, mut respond| respond.send_reset(h2::Reason::REFUSED_STREAM)).await;
    let fault = probe(&refusing, &get("/"), Protocol::Http2, None).await.unwrap_err();
    assert!(
        fault.to_string().starts_with("got no whole answer over HTTP/2: stream error received: refused"),
        "{fault}"
    );
    let cut = serve_h2c(|_, mut respond| {
        let mut stream = respond.send_response(Response::new(()), false).unwrap();
        stream.send_reset(h2::Reason::INTERNAL_ERROR);
    })
    .await;
    let outcome = probe(&cut, &get_text("ready"), Protocol::Http2, None).await;
    assert!(matches!(outcome, Err(ProbeFault::Http2(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_head_may_not_be_too_large() {
    let server = serve_h2c(|_, mut respond| {
        let mut response = Response::new(());
        let mut fields = HeaderMap::new();
        for _ in 0..20 {
            fields.append("x", "y".repeat(5_000).parse().unwrap());
        }
        *response.headers_mut() = fields;
        let _outcome = respond.send_response(response, true);
    })
    .await;
    let outcome = probe(&server, &get("/"), Protocol::Http2, None).await;
    assert!(matches!(outcome, Err(ProbeFault::Http2(_))), "{outcome:?}");
}

#[tokio::test]
async fn silence_ends_with_the_time_out() {
    let server = serve_h2c(keep_silent).await;
    let hasty = Health { timeout: Duration::from_millis(200), ..get("/") };
    let fault = probe(&server, &hasty, Protocol::Http2, None).await.unwrap_err();
    assert_eq!(fault.to_string(), "got no answer within 200ms");
}

/// The outcome of a check of a server that says this, and then that again and again.
async fn flooded(first: &'static [u8], again: &'static [u8]) -> String {
    let (listener, address) = listen();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // The request has come, so that there is a stream to speak on.
        std::thread::sleep(Duration::from_millis(50));
        stream.write_all(first).unwrap();
        while stream.write_all(&again.repeat(100)).is_ok() {}
    });
    let health = Health { timeout: Duration::from_secs(10), ..get("/") };
    let begun = Instant::now();
    let outcome = probe(&tcp(&[address]), &health, Protocol::Http2, None).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    thread.join().unwrap();
    let fault = outcome.unwrap_err();
    fault.cause().map_or_else(|| fault.to_string(), |cause| format!("{fault}: {cause}"))
}

const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";

#[tokio::test]
async fn floods_are_cut_off() {
    // Not one frame of HTTP/2.
    let fault = flooded(b"HTTP/1.1 400 Bad Request\r\n\r\n", b"x").await;
    assert!(fault.starts_with("got no whole answer over HTTP/2"), "{fault}");
    // Frames that say nothing.
    let pings = flooded(SETTINGS, b"\0\0\x08\x06\0\0\0\0\0evenever").await;
    assert_eq!(pings, "lost the connection: it sent more than 1 MiB without an end");
    // A head that is 200, and goes on without an end.
    const HEAD: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\0\0\0\0\x01\x88";
    let head = flooded(HEAD, b"\0\0\x08\x09\0\0\0\0\x01\0\x01x\x04aaaa").await;
    assert!(head.starts_with("got no whole answer over HTTP/2"), "{head}");
    // Answers that are never the last one: 103 in a literal.
    let interim = flooded(SETTINGS, b"\0\0\x05\x01\x04\0\0\0\x01\x08\x03103").await;
    assert_eq!(interim, "lost the connection: it sent more than 1 MiB without an end");
}

#[tokio::test]
async fn a_connection_that_closes_is_a_fault() {
    let (listener, address) = listen();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(SETTINGS).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        // Nothing is left unread, so that it ends in order.
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        while stream.read(&mut [0; 1_000]).is_ok_and(|count| count > 0) {}
        stream.shutdown(Shutdown::Both).unwrap();
    });
    let fault = probe(&tcp(&[address]), &get("/"), Protocol::Http2, None).await.unwrap_err();
    assert_eq!(fault.to_string(), "got no answer before the connection was closed");
    thread.join().unwrap();
}

#[tokio::test]
async fn a_check_may_run_on_any_thread() {
    let server = serve_h2c(by_path).await;
    let check = async move { probe(&server, &get("/good"), Protocol::Http2, None).await };
    tokio::spawn(check).await.unwrap().unwrap();
}
