//! What is answered to a request: three pages to read, and reasons for everything else.

use crate::connection::Door;
use crate::guard::{self, Refusal};
use crate::server::{Readiness, Views};
use http_body_util::Full;
use hyper::body::{Body, Bytes};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, Request, Response, StatusCode};

/// The answer. hyper leaves its body out for HEAD.
pub(crate) fn answer<B: Body>(request: &Request<B>, door: Door, views: &Views) -> Response<Full<Bytes>> {
    if let Err(refusal) = guard::check(door, request.uri(), request.headers()) {
        return refused(refusal);
    }
    let page = match request.uri().path() {
        "/metrics" => Page::Metrics,
        "/healthz" => Page::Health,
        "/readyz" => Page::Readiness,
        _ => return text(StatusCode::NOT_FOUND, String::from("there are /metrics, /healthz and /readyz\n")),
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, String::from("this can only be read\n"));
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    if !request.body().is_end_stream() {
        return text(StatusCode::PAYLOAD_TOO_LARGE, String::from("a body has no meaning here\n"));
    }
    match page {
        Page::Metrics => {
            let mut response = text(StatusCode::OK, (views.metrics)());
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(EXPOSITION_TYPE));
            response
        }
        Page::Health => text(StatusCode::OK, String::from("ok\n")),
        Page::Readiness => {
            let readiness = *views.readiness.borrow();
            let status = match readiness {
                Readiness::Ready => StatusCode::OK,
                Readiness::Starting | Readiness::Draining => StatusCode::SERVICE_UNAVAILABLE,
            };
            text(status, format!("{readiness}\n"))
        }
    }
}

enum Page {
    Metrics,
    Health,
    Readiness,
}

fn refused(refusal: Refusal) -> Response<Full<Bytes>> {
    let (status, why) = match refusal {
        Refusal::BadHost => (StatusCode::BAD_REQUEST, "the request names no host, or more than one\n"),
        Refusal::ForeignHost => (StatusCode::MISDIRECTED_REQUEST, "ask for localhost or a loopback address\n"),
        Refusal::ForeignOrigin => (StatusCode::FORBIDDEN, "a page from elsewhere may not ask\n"),
    };
    text(status, String::from(why))
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The text format of Prometheus.
const EXPOSITION_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

#[cfg(test)]
mod tests;
