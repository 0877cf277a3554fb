//! Malformed and ambiguous messages: the tables of RFC 9112's dark corners, row by row, sent to
//! the running program with a server behind it that records every byte.
//!
//! It holds no unit tests of the codec. The number that each check begins with is that of the row
//! in the list of inputs that the project keeps; `R` stands for what a server says.

mod bodies;
mod chunks;
mod expect;
mod fields;
mod framing;
mod hosts;
mod paths;
mod pipeline;
mod pool;
mod request_line;
mod responses;
mod scene;
mod targets;
mod timing;
mod trailers;
mod upgrade;

/// What evener adds to a request for the host `a`, and the end of the head.
const VIA: &str = "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n\r\n";

/// A GET for the host `a` with further lines, which have their line ends.
fn get_with(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}

/// A POST for the host `a` with further lines and what follows the head.
fn post_with(lines: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n{body}")
}

/// Each text in the place of `{}` in the pattern.
fn each(pattern: &str, texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| pattern.replace("{}", text)).collect()
}
