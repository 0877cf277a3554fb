//! Reads `health`.

use super::super::fields::{self, Fields};
use super::super::{At, DraftServer};
use crate::diagnostic::Report;
use crate::keys;
use crate::tree::{Node, Table, Value};
use crate::value::{self, Endpoint, Fault, quote};
use evener_plan::{Health, Probe, Protocol};
use std::ops::RangeInclusive;

/// As much of a body as a check looks at; more text could not be found there.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Bytes of the name of a service, so that a question fits one frame.
const SERVICE_BYTES_MAX: usize = 1024;

/// The active checks; `None` if there are none.
pub(super) fn read(fields: &Fields<'_>, protocol: Protocol, report: &mut Report) -> Option<Health> {
    let node = &fields.entry("health")?.node;
    let empty = Table::default();
    match &node.value {
        Value::Boolean(false) => None,
        Value::Boolean(true) => Some(table(&empty, report)),
        Value::Text(text) if text.content == "off" => None,
        Value::Text(_) => {
            let path = fields::text(node, report, bare_path)?.value;
            let status = statuses(&Fields::checked(&keys::HEALTH, &empty), report);
            Some(Health { probe: Probe::Http { path, host: None, status, body: None }, ..table(&empty, report) })
        }
        Value::Table(written) => {
            check_grpc(fields, written, protocol, report);
            Some(table(written, report))
        }
        _ => None,
    }
}

/// Reports a port for checks of servers that have none.
pub(super) fn check_port(fields: &Fields<'_>, servers: &[DraftServer], report: &mut Report) {
    let Some(Value::Table(table)) = fields.entry("health").map(|entry| &entry.node.value) else { return };
    let Some(port) = table.entry("port") else { return };
    if let Some(server) = servers.iter().find(|server| matches!(server.endpoint, Endpoint::Unix(_))) {
        report
            .error("port-of-socket", port.key, "checks cannot have a port: a unix socket has none")
            .label(server.label.span, "this server is a unix socket")
            .help("leave `port` out, or put this server in an upstream of its own");
    }
}

/// Reports a question of gRPC beside one of HTTP/1.1, or to servers that do not speak HTTP/2.
fn check_grpc(upstream: &Fields<'_>, table: &Table, protocol: Protocol, report: &mut Report) {
    let Some(grpc) = table.entry("grpc") else { return };
    for entry in ["path", "status", "body", "host"].iter().filter_map(|name| table.entry(name)) {
        report
            .error("grpc-and-path", entry.key, format!("`{}` and `grpc` exclude each other", entry.name))
            .label(grpc.key, "the check asks by gRPC")
            .help("keep one of the two");
    }
    let is_plain = upstream.entry("protocol").is_some() || upstream.lacks("protocol");
    // A word that does not exist may be meant to be the right one.
    let is_word = |node: &Node| matches!(&node.value, Value::Text(text) if value::protocol(&text.content).is_ok());
    let is_known = upstream.entry("protocol").is_none_or(|entry| is_word(&entry.node));
    if protocol != Protocol::Http2 && is_known && is_plain {
        let finding =
            report.error("needs-http2", grpc.key, "gRPC needs HTTP/2, which these servers are not said to speak");
        if let Some(entry) = upstream.entry("protocol") {
            finding.label(entry.node.span, "this is what they speak");
        }
        finding.help("add protocol = \"h2c\", or protocol = \"h2\" and tls = true");
    }
}

fn table(table: &Table, report: &mut Report) -> Health {
    let fields = Fields::open(&keys::HEALTH, table, report);
    Health {
        probe: probe(&fields, report),
        port: fields.number("port").and_then(|port| u16::try_from(port).ok()),
        every: fields.or_default("every", report, value::duration_within("every", "100ms", "1h")),
        timeout: fields.or_default("timeout", report, value::duration_within("timeout", "1ms", "5m")),
        up: fields.number_or_default("up"),
        down: fields.number_or_default("down"),
    }
}

fn probe(fields: &Fields<'_>, report: &mut Report) -> Probe {
    let path = fields.text("path", report, value::probe_path);
    let host = fields.text("host", report, value::host_field).map(|at| at.value);
    let status = statuses(fields, report);
    let body = fields.text("body", report, body).map(|at| at.value);
    if let Some(At { value: service, .. }) = fields.text("grpc", report, service) {
        return Probe::Grpc { service };
    }
    if let Some(At { value: path, .. }) = path {
        return Probe::Http { path, host, status, body };
    }
    if fields.lacks("path") && fields.lacks("grpc") {
        for entry in ["status", "body", "host"].iter().filter_map(|name| fields.entry(name)) {
            report
                .error(
                    "needs-path",
                    entry.key,
                    format!("`{}` needs a `path`: without one a check asks nothing", entry.name),
                )
                .help("add path = \"/healthz\"");
        }
    }
    Probe::Tcp
}

fn statuses(fields: &Fields<'_>, report: &mut Report) -> Vec<RangeInclusive<u16>> {
    let Some(items) = fields.items("status", fields::LEAVE_OUT, report) else {
        return fields::default(fields.key("status"), value::statuses);
    };
    items.iter().filter_map(|item| status(item, report)).flatten().collect()
}

/// Numbers out of range were reported when the shape was checked.
fn status(node: &Node, report: &mut Report) -> Option<Vec<RangeInclusive<u16>>> {
    match node.value {
        Value::Integer(number) => {
            number.and_then(|number| u16::try_from(number).ok()).map(|status| vec![status..=status])
        }
        _ => fields::text(node, report, value::statuses).map(|at| at.value),
    }
}

/// The path in place of a table.
fn bare_path(text: &str) -> Result<String, Fault> {
    let is_wish = matches!(text.to_ascii_lowercase().as_str(), "on" | "true" | "yes" | "auto" | "tcp");
    value::probe_path(text).map_err(|fault| match is_wish {
        true => fault.help("to check connections only, write health = true"),
        false => fault,
    })
}

/// The name of a service; the empty one is the server as a whole.
fn service(text: &str) -> Result<String, Fault> {
    match text.bytes().all(|byte| byte.is_ascii_graphic()) && text.len() <= SERVICE_BYTES_MAX {
        true => Ok(text.to_owned()),
        false => Err(Fault::new("bad-service", format!("{} is not the name of a service", quote(text)))
            .help("for example: \"shop.v1.Orders\", or \"\" for the server as a whole")),
    }
}

fn body(text: &str) -> Result<String, Fault> {
    match text.len() {
        0 => Err(Fault::new("empty-text", "every body holds the empty text").help("leave `body` out for any body")),
        1..=BODY_BYTES_MAX => Ok(text.to_owned()),
        _ => Err(Fault::new("out-of-range", format!("{} is longer than what a check looks at", quote(text)))
            .help("a check looks at the first 64 KiB of a body")),
    }
}
