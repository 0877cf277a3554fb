//! Reads `[upstream.NAME]`. Keys with tables of their own are read in files of their own.

mod health;
mod overload;
mod retry;
mod servers;
mod spreading;
mod sticky;
mod tls;

pub(super) use servers::{server, servers};

use super::fields::Fields;
use super::{At, DraftUpstream, PoolSettings};
use crate::diagnostic::Report;
use crate::keys;
use crate::tree::{Entry, Table, Value};
use crate::value::{self, quote};
use evener_plan::{Balance, HashKey, Protocol};

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
            if fields.lacks("servers") {
                report
                    .error("no-servers", entry.node.span, format!("the upstream `{}` has no servers", entry.name))
                    .help("add servers = [\"127.0.0.1:8081\"]");
            }
            None
        }
    };
    let name = At { value: entry.name.clone(), span: entry.node.span };
    health::check_port(&fields, servers.as_deref().unwrap_or_default(), report);
    tls::check_sockets(&fields, servers.as_deref().unwrap_or_default(), report);
    let settings = settings_of(&fields, report);
    let tls_key = fields.entry("tls").filter(|_| settings.tls.is_some()).map(|entry| entry.key);
    Some(DraftUpstream { name, servers, http_only: http_only(&fields, &settings), tls_key, settings })
}

/// The keys of which a service that passes bytes on can make nothing.
fn http_only(fields: &Fields<'_>, settings: &PoolSettings) -> Vec<At<&'static str>> {
    let is_meant = |name: &&'static str| match *name {
        "hash_key" => !matches!(settings.balance, Balance::Hash(HashKey::ClientIp)),
        "protocol" => settings.protocol != Protocol::Http1,
        "sticky" => settings.sticky.is_some(),
        _ => settings.hedge.is_some(),
    };
    let names = ["hash_key", "protocol", "sticky", "hedge"].into_iter().filter(is_meant);
    names.filter_map(|name| fields.entry(name).map(|entry| At { value: name, span: entry.key })).collect()
}

/// How an upstream treats its servers; all defaults if the table is empty.
pub(super) fn settings(table: &Table, report: &mut Report) -> PoolSettings {
    let fields = Fields::open(&keys::UPSTREAM, table, report);
    settings_of(&fields, report)
}

fn settings_of(fields: &Fields<'_>, report: &mut Report) -> PoolSettings {
    let protocol = tls::protocol(fields, report);
    PoolSettings {
        balance: spreading::balance(fields, report),
        health: health::read(fields, protocol, report),
        sticky: sticky::read(fields, report),
        slow_start: fields.or_default("slow_start", report, value::duration_within("slow_start", "0s", "1h")),
        max_requests: overload::max_requests(fields, report),
        queue: overload::queue(fields, report),
        retry: retry::retry(fields, report),
        hedge: retry::hedge(fields, report),
        protocol,
        tls: tls::tls(fields, report),
        connect_timeout: fields.or_default("connect_timeout", report, value::duration),
        response_timeout: fields.or_default("response_timeout", report, value::duration),
        idle_timeout: fields.or_default("idle_timeout", report, value::duration),
    }
}
