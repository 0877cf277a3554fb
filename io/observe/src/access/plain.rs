//! Lines of plain text: the common and the combined format, and templates.

use super::{AccessRecord, path_and_query, push_decimal, push_number, push_seconds};
use crate::escape::push_plain;
use crate::time::TimeText;
use evener_plan::TemplatePart;
use std::io::Write;
use std::net::IpAddr;
use std::time::Duration;

/// `CLIENT - - [TIME] "METHOD TARGET PROTOCOL" STATUS BYTES`.
pub(crate) fn push_common(record: &AccessRecord<'_>, time: &mut TimeText, out: &mut Vec<u8>) {
    push_address(record.client, out);
    out.extend_from_slice(b" - - [");
    time.push_clf(record.time, out);
    out.extend_from_slice(b"] \"");
    push_plain(record.method, out);
    // A request that could not be read is `-` alone.
    if !record.method.is_empty() {
        out.push(b' ');
        push_plain(record.target, out);
        if !record.protocol.is_empty() {
            out.push(b' ');
            push_plain(record.protocol.as_bytes(), out);
        }
    }
    out.extend_from_slice(b"\" ");
    push_number(record.status, out);
    out.push(b' ');
    push_number(record.bytes_out, out);
}

/// The common format, then `"REFERER" "USER AGENT"`.
pub(crate) fn push_combined(record: &AccessRecord<'_>, time: &mut TimeText, out: &mut Vec<u8>) {
    push_common(record, time, out);
    out.extend_from_slice(b" \"");
    push_plain(record.referer, out);
    out.extend_from_slice(b"\" \"");
    push_plain(record.user_agent, out);
    out.push(b'"');
}

pub(crate) fn push_template(parts: &[TemplatePart], record: &AccessRecord<'_>, time: &mut TimeText, out: &mut Vec<u8>) {
    for part in parts {
        match part {
            TemplatePart::Text(text) => out.extend_from_slice(text.as_bytes()),
            TemplatePart::Field(name) => push_field(name, record, time, out),
        }
    }
}

/// Appends the value of a field of [`super::FIELD_NAMES`]; one that is not known is `-`.
fn push_field(name: &str, record: &AccessRecord<'_>, time: &mut TimeText, out: &mut Vec<u8>) {
    match name {
        "time" => time.push_rfc3339(record.time, out),
        "client" => push_address(record.client, out),
        "method" => push_plain(record.method, out),
        "target" => push_plain(record.target, out),
        "path" => push_plain(path_and_query(record.target).0, out),
        "query" => push_plain(path_and_query(record.target).1, out),
        "protocol" => push_plain(record.protocol.as_bytes(), out),
        "host" => push_plain(record.host, out),
        "status" => push_number(record.status, out),
        "bytes_out" => push_number(record.bytes_out, out),
        "bytes_in" => push_number(record.bytes_in, out),
        "duration" => push_seconds(record.duration, out),
        "duration_ms" => push_milliseconds(record.duration, out),
        "upstream" => push_plain(record.upstream.as_bytes(), out),
        "server" => push_plain(record.server.as_bytes(), out),
        "server_time" => push_perhaps(record.server_time, out),
        "queue_time" => push_perhaps(record.queue_time, out),
        "pick" => push_plain(record.pick.as_bytes(), out),
        "retries" => push_number(record.retries, out),
        "reason" => push_plain(record.reason.unwrap_or_default().as_bytes(), out),
        "referer" => push_plain(record.referer, out),
        "user_agent" => push_plain(record.user_agent, out),
        _ => {
            debug_assert!(false, "a plan holds only names of fields that exist, not {name}");
            out.push(b'-');
        }
    }
}

fn push_perhaps(duration: Option<Duration>, out: &mut Vec<u8>) {
    match duration {
        Some(duration) => push_seconds(duration, out),
        None => out.push(b'-'),
    }
}

pub(crate) fn push_address(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => {
            for (place, octet) in address.octets().into_iter().enumerate() {
                if place > 0 {
                    out.push(b'.');
                }
                push_number(octet, out);
            }
        }
        IpAddr::V6(address) => write!(out, "{address}").expect("writing to memory does not fail"),
    }
}

/// Milliseconds with microseconds.
fn push_milliseconds(duration: Duration, out: &mut Vec<u8>) {
    let whole = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    push_decimal(whole, u64::from(duration.subsec_micros() % 1_000), 3, out);
}
