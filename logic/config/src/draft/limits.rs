//! Reads `[limits]`.

use super::fields::{self, Fields};
use crate::diagnostic::Report;
use crate::keys;
use crate::tree::{Table, Value};
use crate::value::{self, Fault};
use evener_plan::Limits;
use std::time::Duration;

/// A head in one buffer: large enough for any real one, small enough for one in each connection.
const HEAD_BYTES: std::ops::RangeInclusive<u64> = 1024..=1024 * 1024;

pub(super) fn read(table: &Table, report: &mut Report) -> Limits {
    let fields = Fields::open(&keys::LIMITS, table, report);
    let head = amount(&fields, "head", report, head).unwrap_or_else(|| fields::default(fields.key("head"), head));
    if let Some(entry) = fields.entry("connections").filter(|entry| matches!(entry.node.value, Value::Text(_))) {
        debug_assert_eq!(entry.name, "connections");
        fields.word("connections", report);
    }
    fields.word("connections_per_address", report);
    Limits {
        head_bytes_max: usize::try_from(head).unwrap_or(usize::MAX),
        fields_max: fields.number_or_default("fields"),
        body_bytes_max: amount(&fields, "body", report, body)
            .unwrap_or_else(|| fields::default(fields.key("body"), body)),
        head_timeout: fields.or_default("head_timeout", report, value::duration),
        idle_timeout: fields.or_default("idle_timeout", report, value::duration),
        rate_bytes_per_second_min: amount(&fields, "body_rate", report, rate)
            .unwrap_or_else(|| fields::default(fields.key("body_rate"), rate)),
        rate_window: fields.or_default("rate_window", report, window),
        send_timeout: fields.or_default("send_timeout", report, value::duration),
        handshake_timeout: fields.or_default("handshake_timeout", report, value::duration),
        handshakes_max: fields.number_or_default("handshakes"),
        streams_max: fields.number_or_default("streams"),
        tunnel_idle_timeout: fields.or_default("tunnel_idle_timeout", report, value::duration),
        connections_max: fields.number("connections").and_then(|number| usize::try_from(number).ok()),
        connections_per_address_max: fields
            .number("connections_per_address")
            .and_then(|number| u32::try_from(number).ok()),
    }
}

/// A key that takes a text or a number of bytes; the number is read as the text of the same digits.
fn amount<T>(fields: &Fields<'_>, name: &str, report: &mut Report, parse: fn(&str) -> Result<T, Fault>) -> Option<T> {
    let Some(number) = fields.number(name) else { return fields.text(name, report, parse).map(|at| at.value) };
    let span = fields.entry(name)?.node.span;
    match parse(&number.to_string()) {
        Ok(value) => Some(value),
        Err(fault) => {
            let finding = report.error(fault.code, span, fault.message);
            if let Some(help) = fault.help {
                finding.help(help);
            }
            None
        }
    }
}

fn head(text: &str) -> Result<u64, Fault> {
    let bytes = value::size(text)?;
    if HEAD_BYTES.contains(&bytes) {
        return Ok(bytes);
    }
    let nearest = if bytes < *HEAD_BYTES.start() { "the smallest is \"1KiB\"" } else { "the largest is \"1MiB\"" };
    Err(Fault::new("out-of-range", "`head` must be from 1KiB to 1MiB").help(nearest))
}

fn body(text: &str) -> Result<Option<u64>, Fault> {
    if text == "none" {
        return Ok(None);
    }
    value::size(text).map(Some).map_err(|fault| or_word(text, fault, "none"))
}

fn rate(text: &str) -> Result<u64, Fault> {
    if text == "off" {
        return Ok(0);
    }
    match value::size(text).map_err(|fault| or_word(text, fault, "off"))? {
        0 => Err(Fault::new("out-of-range", "a rate of 0 is no bound").help("write \"off\"")),
        rate => Ok(rate),
    }
}

/// A text that is no size: if it has no digit, the word was meant.
fn or_word(text: &str, fault: Fault, word: &str) -> Fault {
    if text.contains(|character: char| character.is_ascii_digit()) {
        return fault;
    }
    fault.help(format!("write a size such as \"64KiB\", or \"{word}\" for no bound"))
}

fn window(text: &str) -> Result<Duration, Fault> {
    let window = value::duration(text)?;
    if window < Duration::from_secs(1) {
        return Err(
            Fault::new("out-of-range", "`rate_window` must be at least one second").help("the shortest is \"1s\"")
        );
    }
    Ok(window)
}
