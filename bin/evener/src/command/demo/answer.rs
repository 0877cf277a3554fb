//! What the demo's servers answer: who they are and what they saw of the request, or the page that asks them.
//!
//! It sends nothing and waits for nothing.

use super::server::{SPEEDS, STOPPED, Speed};
use evener_http::{Method, RequestHead};

/// An answer before it has a form on the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    kind: &'static str,
    server: &'static str,
    /// The server that stops once this is sent.
    pub(crate) stops: Option<usize>,
}

/// Whether the body goes over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Sent,
    /// The answer to HEAD.
    LeftOut,
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    GoOn,
    Close,
}

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
static PAGE: &str = include_str!("page.html");

/// The answer of a server to a request whose head stands in `message`.
pub(crate) fn answer(server: &Speed, head: &RequestHead, message: &[u8]) -> Answer {
    let path = head.path.of(message);
    let text = |status, body| Answer { status, body, kind: TEXT, server: server.name, stops: None };
    if let Some(name) = path.strip_prefix(b"/stop/") {
        let Some(stopped) = SPEEDS.iter().position(|speed| speed.name.as_bytes() == name) else {
            let names: Vec<&str> = SPEEDS.iter().map(|speed| speed.name).collect();
            return text(404, format!("The servers are {}.\n", names.join(", ")));
        };
        if head.method != Method::Post {
            return text(405, String::from("To stop a server, send a POST: curl -X POST …\n"));
        }
        let body = format!("{} refuses connections for {} s from now on.\n", SPEEDS[stopped].name, STOPPED.as_secs());
        return Answer { stops: Some(stopped), ..text(200, body) };
    }
    if path == b"/" && accepts_html(head, message) {
        return Answer { kind: HTML, ..text(200, PAGE.to_owned()) };
    }
    text(200, echo(server, head, message))
}

impl Answer {
    /// The answer to what is not a request.
    pub(crate) fn refusal(status: u16) -> Self {
        let body = String::from("This is not a request that the demo understands.\n");
        Self { status, body, kind: TEXT, server: "demo", stops: None }
    }

    /// The whole response.
    pub(crate) fn bytes(&self, body: Body, then: Then) -> Vec<u8> {
        let reason = match self.status {
            200 => "OK",
            404 => "Not Found",
            405 => "Method Not Allowed",
            _ => "Refused",
        };
        let allow = if self.status == 405 { "Allow: POST\r\n" } else { "" };
        let close = match then {
            Then::GoOn => "",
            Then::Close => "Connection: close\r\n",
        };
        // Parts of the request are in the text, so a browser must not take it for a page.
        let mut response = format!(
            "HTTP/1.1 {} {reason}\r\nContent-Type: {}\r\nContent-Length: {}\r\nX-Content-Type-Options: nosniff\r\n\
             Cache-Control: no-store\r\nVary: Accept\r\nX-Demo-Server: {}\r\n{allow}{close}\r\n",
            self.status,
            self.kind,
            self.body.len(),
            self.server,
        );
        if body == Body::Sent {
            response.push_str(&self.body);
        }
        response.into_bytes()
    }
}

fn accepts_html(head: &RequestHead, message: &[u8]) -> bool {
    let mut accepts = head.fields.iter().filter(|field| field.name.of(message).eq_ignore_ascii_case(b"accept"));
    accepts.any(|field| field.value.of(message).windows(9).any(|window| window == b"text/html"))
}

/// Who answers, and what of the request is worth seeing: its target, and what the balancer says of the client.
fn echo(server: &Speed, head: &RequestHead, message: &[u8]) -> String {
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut text = format!(
        "{} answers, after {} ms\n{} {}\n",
        server.name,
        server.delay.as_millis(),
        shown(head.method_text.of(message)),
        shown(head.target.of(message)),
    );
    for field in &head.fields {
        let name = shown(field.name.of(message)).to_ascii_lowercase();
        if name == "host" || name.starts_with("x-forwarded-") {
            text.push_str(&format!("{name}: {}\n", shown(field.value.of(message))));
        }
    }
    text
}
