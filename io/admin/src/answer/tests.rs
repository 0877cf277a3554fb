//! Each page and each reason not to show it.

use super::*;
use crate::metrics::tests::block_on;
use http_body_util::{BodyExt, Empty};
use hyper::header::{HOST, ORIGIN};
use std::sync::Arc;
use tokio::sync::watch;

fn views(readiness: Readiness) -> Views {
    let (_, readiness) = watch::channel(readiness);
    Views { metrics: Arc::new(|| String::from("the page\n")), readiness }
}

fn request(method: &str, target: &str) -> hyper::http::request::Builder {
    Request::builder().method(method).uri(target).header(HOST, "localhost")
}

fn asked(method: &str, target: &str, readiness: Readiness) -> (u16, String) {
    let request = request(method, target).body(Empty::<Bytes>::new()).unwrap();
    let response = answer(&request, Door::Tcp, &views(readiness));
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
    let status = response.status().as_u16();
    let body = block_on(response.into_body().collect()).unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn pages_are_answered() {
    let check = |target: &str, readiness, status: u16, body: &str| {
        assert_eq!(asked("GET", target, readiness), (status, body.to_owned()), "{target}");
        // What hyper sends without the body.
        assert_eq!(asked("HEAD", target, readiness), (status, body.to_owned()), "{target}");
    };
    check("/metrics", Readiness::Ready, 200, "the page\n");
    check("/metrics?name=x", Readiness::Draining, 200, "the page\n");
    check("/healthz", Readiness::Starting, 200, "ok\n");
    check("/healthz", Readiness::Draining, 200, "ok\n");
    check("/readyz", Readiness::Starting, 503, "starting\n");
    check("/readyz", Readiness::Ready, 200, "ready\n");
    check("/readyz", Readiness::Draining, 503, "draining\n");
    for target in ["/", "/metrics/", "/Metrics", "/metrics%2f", "//metrics", "/config", "*"] {
        assert_eq!(asked("GET", target, Readiness::Ready).0, 404, "{target}");
    }
}

#[test]
fn only_reading_is_allowed() {
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "PURGE"] {
        let request = request(method, "/metrics").body(Empty::<Bytes>::new()).unwrap();
        let response = answer(&request, Door::Tcp, &views(Readiness::Ready));
        assert_eq!(response.status(), 405, "{method}");
        assert_eq!(response.headers()[ALLOW], "GET, HEAD", "{method}");
        assert_eq!(asked(method, "/elsewhere", Readiness::Ready).0, 404, "{method}");
    }
    let request = request("GET", "/metrics").body(Full::new(Bytes::from_static(b"body"))).unwrap();
    assert_eq!(answer(&request, Door::Tcp, &views(Readiness::Ready)).status(), 413);
}

#[test]
fn the_type_is_that_of_the_format() {
    let kind = |target: &str| {
        let request = request("GET", target).body(Empty::<Bytes>::new()).unwrap();
        answer(&request, Door::Tcp, &views(Readiness::Ready)).headers()[CONTENT_TYPE].to_str().unwrap().to_owned()
    };
    assert_eq!(kind("/metrics"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(kind("/healthz"), "text/plain; charset=utf-8");
}

#[test]
fn refusals_have_their_status_and_show_nothing() {
    let check = |host: &str, origin: Option<&str>, expected: u16| {
        let mut request = Request::builder().uri("/metrics").header(HOST, host);
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        let response = answer(&request.body(Empty::<Bytes>::new()).unwrap(), Door::Tcp, &views(Readiness::Ready));
        assert_eq!(response.status().as_u16(), expected, "{host} {origin:?}");
        let body = block_on(response.into_body().collect()).unwrap().to_bytes();
        assert_eq!(body == "the page\n", expected == 200, "{host} {origin:?}");
    };
    check("localhost", None, 200);
    check("", None, 400);
    check("example.com", None, 421);
    check("localhost", Some("http://localhost"), 200);
    check("localhost", Some("http://example.com"), 403);
}
