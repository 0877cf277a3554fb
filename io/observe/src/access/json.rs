//! A line as one JSON object. Every line has the same names in the same order; what is not known is `null`.
//!
//! Times are in seconds, as in metrics. `path` and `query` are left to the reader of `target`, `pick` to
//! templates.

use super::{AccessRecord, push_number, push_seconds};
use crate::escape::push_json;
use crate::time::TimeText;
use std::time::Duration;

pub(crate) fn push(record: &AccessRecord<'_>, time: &mut TimeText, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"time\":\"");
    time.push_rfc3339(record.time, out);
    out.extend_from_slice(b"\",\"client\":\"");
    push_client(record, out);
    out.push(b'"');
    push_text("method", record.method, out);
    push_text("target", record.target, out);
    push_text("protocol", record.protocol.as_bytes(), out);
    push_text("host", record.host, out);
    push_name("status", out);
    push_number(record.status, out);
    push_name("bytes_out", out);
    push_number(record.bytes_out, out);
    push_name("bytes_in", out);
    push_number(record.bytes_in, out);
    push_name("duration", out);
    push_seconds(record.duration, out);
    push_text("upstream", record.upstream.as_bytes(), out);
    push_text("server", record.server.as_bytes(), out);
    push_seconds_or_null("server_time", record.server_time, out);
    push_seconds_or_null("queue_time", record.queue_time, out);
    push_name("retries", out);
    push_number(record.retries, out);
    push_text("reason", record.reason.unwrap_or_default().as_bytes(), out);
    push_text("referer", record.referer, out);
    push_text("user_agent", record.user_agent, out);
    out.push(b'}');
}

/// An address needs no escapes.
fn push_client(record: &AccessRecord<'_>, out: &mut Vec<u8>) {
    super::plain::push_address(record.client, out);
}

fn push_name(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn push_seconds_or_null(name: &str, duration: Option<Duration>, out: &mut Vec<u8>) {
    push_name(name, out);
    match duration {
        Some(duration) => push_seconds(duration, out),
        None => out.extend_from_slice(b"null"),
    }
}

fn push_text(name: &str, value: &[u8], out: &mut Vec<u8>) {
    push_name(name, out);
    if value.is_empty() {
        out.extend_from_slice(b"null");
    } else {
        push_json(value, out);
    }
}
