//! Reads `health`.

use super::super::fields::{self, Fields};
use super::super::{At, DraftServer};
use crate::diagnostic::Report;
use crate::keys;
use crate::tree::{Node, Table, Value};
use crate::value::{self, Endpoint, Fault, quote};
use evener_plan::{Health, Probe};
use std::ops::RangeInclusive;

/// As much of a body as a check looks at; more text could not be found there.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The active checks; `None` if there are none.
pub(super) fn read(fields: &Fields<'_>, report: &mut Report) -> Option<Health> {
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
        Value::Table(written) => Some(table(written, report)),
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

fn table(table: &Table, report: &mut Report) -> Health {
    let fields = Fields::open(&keys::HEALTH, table, report);
    Health {
        probe: probe(&fields, table, report),
        port: fields.number("port").and_then(|port| u16::try_from(port).ok()),
        every: fields.or_default("every", report, value::duration_within("every", "100ms", "1h")),
        timeout: fields.or_default("timeout", report, value::duration_within("timeout", "1ms", "5m")),
        up: fields.number_or_default("up"),
        down: fields.number_or_default("down"),
    }
}

fn probe(fields: &Fields<'_>, table: &Table, report: &mut Report) -> Probe {
    let path = fields.text("path", report, value::probe_path);
    let host = fields.text("host", report, value::host_field).map(|at| at.value);
    let status = statuses(fields, report);
    let body = fields.text("body", report, body).map(|at| at.value);
    if let Some(At { value: path, .. }) = path {
        return Probe::Http { path, host, status, body };
    }
    if table.entry("path").is_none() && fields.is_whole() {
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

fn body(text: &str) -> Result<String, Fault> {
    match text.len() {
        0 => Err(Fault::new("empty-text", "every body holds the empty text").help("leave `body` out for any body")),
        1..=BODY_BYTES_MAX => Ok(text.to_owned()),
        _ => Err(Fault::new("out-of-range", format!("{} is longer than what a check looks at", quote(text)))
            .help("a check looks at the first 64 KiB of a body")),
    }
}
