//! gRPC health checks of servers that are well, are not, or do not know what they are asked.

use super::http2::{Answer, keep_silent, send_gigabyte, serve_h2c, speak};
use super::tls::{serve_tls, trusting};
use super::*;
use ::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;

const SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 1];

fn health(service: &str) -> Health {
    Health { probe: Probe::Grpc { service: service.to_owned() }, ..get("/") }
}

fn head(fields: &[(&'static str, &str)]) -> Response<()> {
    let mut response = Response::builder().header("content-type", "application/grpc");
    for (name, value) in fields {
        response = response.header(*name, *value);
    }
    response.body(()).unwrap()
}

/// Sends a head, a message and trailers.
fn answer(mut respond: SendResponse<Bytes>, message: &'static [u8], status: &str) {
    let mut stream = respond.send_response(head(&[]), false).unwrap();
    stream.send_data(Bytes::from_static(message), false).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.parse().unwrap());
    stream.send_trailers(trailers).unwrap();
}

/// What a check finds wrong with a server that answers like this.
async fn found(answer: Answer) -> String {
    let server = serve_h2c(answer).await;
    probe(&server, &health("shop"), Protocol::Http2, None).await.unwrap_err().to_string()
}

/// A server that knows one service, and is well as a whole.
fn well(request: Request<RecvStream>, respond: SendResponse<Bytes>) {
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri().path(), "/grpc.health.v1.Health/Check");
    assert_eq!(request.headers()["content-type"], "application/grpc");
    assert_eq!(request.headers()["te"], "trailers");
    assert_eq!(request.headers()["grpc-timeout"], "20000m");
    tokio::spawn(async move {
        let mut body = request.into_body();
        let mut asked = Vec::new();
        while let Some(piece) = body.data().await {
            asked.extend_from_slice(&piece.unwrap());
        }
        match &asked[..] {
            [0, 0, 0, 0, 0] | [0, 0, 0, 0, 6, 0x0a, 4, b's', b'h', b'o', b'p'] => answer(respond, SERVING, "0"),
            _ => answer(respond, &[], "5"),
        }
    });
}

#[tokio::test]
async fn a_service_that_is_well_is_good() {
    let server = serve_h2c(well).await;
    for service in ["", "shop"] {
        probe(&server, &health(service), Protocol::Http2, None).await.unwrap();
    }
    let fault = probe(&server, &health("bank"), Protocol::Http2, None).await.unwrap_err();
    assert_eq!(fault.to_string(), "answered gRPC status NOT_FOUND");
    assert!(!fault.is_of_connecting());
}

#[tokio::test]
async fn it_is_asked_under_tls() {
    let (security, config) = trusting(&["h2"], &["h2", "http/1.1"]);
    let (server, _task) = serve_tls(config, 1, |stream| speak(stream, well)).await;
    probe(&server, &health("shop"), Protocol::Http2, Some(security)).await.unwrap();
    let (security, config) = trusting(&["http/1.1"], &["http/1.1"]);
    let (server, _task) = serve_tls(config, 1, |stream| speak(stream, well)).await;
    let fault = probe(&server, &health("shop"), Protocol::Http1, Some(security)).await.unwrap_err();
    assert_eq!(fault.to_string(), "did not choose HTTP/2");
}

#[tokio::test]
async fn another_state_is_a_fault() {
    let not_serving = found(|_, respond| answer(respond, &[0, 0, 0, 0, 2, 8, 2], "0")).await;
    assert_eq!(not_serving, "answered NOT_SERVING");
    let unknown = found(|_, respond| answer(respond, &[0, 0, 0, 0, 0], "0")).await;
    assert_eq!(unknown, "answered UNKNOWN");
    let future = found(|_, respond| answer(respond, &[0, 0, 0, 0, 2, 8, 9], "0")).await;
    assert_eq!(future, "answered the unknown state 9");
}

#[tokio::test]
async fn another_status_is_a_fault_wherever_it_stands() {
    let unimplemented = found(|_, mut respond| {
        respond.send_response(head(&[("grpc-status", "12")]), true).unwrap();
    });
    assert_eq!(unimplemented.await, "answered gRPC status UNIMPLEMENTED: it has no health service");
    let told = found(|_, mut respond| {
        let fields = [("grpc-status", "12"), ("grpc-message", "unknown service grpc.health.v1.Health")];
        respond.send_response(head(&fields), true).unwrap();
    });
    assert_eq!(told.await, "answered gRPC status UNIMPLEMENTED: \"unknown service grpc.health.v1.Health\"");
    let behind = found(|_, respond| answer(respond, SERVING, "14")).await;
    assert_eq!(behind, "answered gRPC status UNAVAILABLE");
    let odd = found(|_, respond| answer(respond, SERVING, "99")).await;
    assert_eq!(odd, "answered gRPC status 99");
    let nothing = found(|_, mut respond| {
        respond.send_response(head(&[("grpc-status", "0")]), true).unwrap();
    });
    assert_eq!(nothing.await, "answered a broken message: there is none");
}

#[tokio::test]
async fn what_is_no_grpc_is_a_fault() {
    let page = found(|_, mut respond| {
        let response = Response::builder().header("content-type", "text/html").body(()).unwrap();
        respond.send_response(response, true).unwrap();
    });
    assert_eq!(page.await, "answered 200, but not in gRPC");
    let missing = found(|_, mut respond| {
        respond.send_response(Response::builder().status(404).body(()).unwrap(), true).unwrap();
    });
    assert_eq!(missing.await, "answered 404, wanted 200");
    // A status ahead of a message does not count, for it may not be the last word.
    let unended = found(|_, mut respond| {
        let mut stream = respond.send_response(head(&[("grpc-status", "0")]), false).unwrap();
        stream.send_data(Bytes::from_static(SERVING), true).unwrap();
    });
    assert_eq!(unended.await, "answered without a gRPC status");
    assert_eq!(found(|_, respond| answer(respond, SERVING, "fine")).await, "answered without a gRPC status");
}

#[tokio::test]
async fn a_message_must_be_whole_and_short() {
    let garbage = found(|_, respond| answer(respond, b"\0\0\0\0\x05hello", "0")).await;
    assert!(garbage.starts_with("answered a broken message"), "{garbage}");
    let cut = found(|_, respond| answer(respond, &[0, 0, 0, 0, 2, 8], "0")).await;
    assert_eq!(cut, "answered a broken message: its length is not that of the prefix");
    let endless = found(|_, mut respond| send_gigabyte(respond.send_response(head(&[]), false).unwrap()));
    assert_eq!(endless.await, "answered a broken message: it is longer than 64 KiB");
}

#[tokio::test]
async fn silence_ends_with_the_time_out() {
    // The message has come, and no status.
    let unended: Answer = |request, mut respond| {
        let mut stream = respond.send_response(head(&[]), false).unwrap();
        stream.send_data(Bytes::from_static(SERVING), false).unwrap();
        tokio::spawn(async move {
            let _kept = (request, stream);
            std::future::pending::<()>().await;
        });
    };
    for answer in [keep_silent, unended] {
        let server = serve_h2c(answer).await;
        let hasty = Health { timeout: Duration::from_millis(200), ..health("") };
        let fault = probe(&server, &hasty, Protocol::Http2, None).await.unwrap_err();
        assert_eq!(fault.to_string(), "got no answer within 200ms");
    }
}
