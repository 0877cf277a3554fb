//! Reads `[upstream.NAME]`. Keys with tables of their own are read in files of their own.

mod health;
mod overload;
mod retry;
mod servers;
mod spreading;
mod sticky;

pub(super) use servers::{server, servers};

use super::fields::Fields;
use super::{At, DraftUpstream, PoolSettings};
use crate::diagnostic::Report;
use crate::keys;
use crate::tree::{Entry, Table, Value};
use crate::value::{self, quote};

/// Bytes of a name, so that it fits logs and metrics.
const NAME_BYTES_MAX: usize = 64;

pub(super) fn read_all(table: &Table, report: &mut Report) -> Vec<DraftUpstream> {
    table.entries.iter().filter_map(|entry| read(entry, report)).collect()
}

fn read(entry: &Entry, report: &mut Report) -> Option<DraftUpstream> {
    let Value::Table(table) = &entry.node.value else { return None };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if entry.name.is_empty() || entry.name.len() > NAME_BYTES_MAX || !entry.name.bytes().all(is_name) {
        report
            .error("bad-name", entry.key, format!("{} cannot be the name of an upstream", quote(&entry.name)))
            .help("a name has letters, digits, - and _, at most 64 of them");
    }
    let fields = Fields::open(&keys::UPSTREAM, table, report);
    let servers = match fields.entry("servers").map(|entry| &entry.node) {
        Some(node) => servers(node, report),
        None => {
            if table.entry("servers").is_none() && !report.is_torn() {
                report
                    .error("no-servers", entry.node.span, format!("the upstream `{}` has no servers", entry.name))
                    .help("add servers = [\"127.0.0.1:8081\"]");
            }
            None
        }
    };
    let name = At { value: entry.name.clone(), span: entry.node.span };
    health::check_port(&fields, servers.as_deref().unwrap_or_default(), report);
    Some(DraftUpstream { name, servers, settings: settings_of(&fields, report) })
}

/// How an upstream treats its servers; all defaults if the table is empty.
pub(super) fn settings(table: &Table, report: &mut Report) -> PoolSettings {
    let fields = Fields::open(&keys::UPSTREAM, table, report);
    settings_of(&fields, report)
}

fn settings_of(fields: &Fields<'_>, report: &mut Report) -> PoolSettings {
    PoolSettings {
        balance: spreading::balance(fields, report),
        health: health::read(fields, report),
        sticky: sticky::read(fields, report),
        slow_start: fields.or_default("slow_start", report, value::duration_within("slow_start", "0s", "1h")),
        max_requests: overload::max_requests(fields, report),
        queue: overload::queue(fields, report),
        retry: retry::retry(fields, report),
        hedge: retry::hedge(fields, report),
        connect_timeout: fields.or_default("connect_timeout", report, value::duration),
        response_timeout: fields.or_default("response_timeout", report, value::duration),
        idle_timeout: fields.or_default("idle_timeout", report, value::duration),
    }
}
