//! Reads `[upstream.NAME]`, and servers wherever they stand.

use super::fields::{self, Fields};
use super::{At, DraftServer, DraftUpstream, PoolSettings};
use crate::diagnostic::Report;
use crate::keys;
use crate::tree::{Entry, Node, Table, Value};
use crate::value::{self, quote};
use evener_plan::Balance;

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
    Some(DraftUpstream { name, servers, settings: settings(&fields, report) })
}

/// How an upstream treats its servers; all defaults if the table is empty.
pub(super) fn settings(fields: &Fields<'_>, report: &mut Report) -> PoolSettings {
    let balance = fields.word("balance", report).map_or("round_robin", |at| at.value);
    PoolSettings {
        balance: balance_of(balance),
        connect_timeout: fields.or_default("connect_timeout", report, value::duration),
        response_timeout: fields.or_default("response_timeout", report, value::duration),
        idle_timeout: fields.or_default("idle_timeout", report, value::duration),
    }
}

fn balance_of(word: &str) -> Balance {
    match word {
        "random" => Balance::Random,
        "least_requests" => Balance::LeastRequests,
        "first" => Balance::First,
        _ => Balance::RoundRobin,
    }
}

/// A list of servers; `None` if one of them could not be read, or if there is none.
pub(super) fn servers(node: &Node, report: &mut Report) -> Option<Vec<DraftServer>> {
    let Value::List(items) = &node.value else { return None };
    if items.is_empty() {
        report
            .error("no-servers", node.span, "the list of servers is empty")
            .help("add an address such as \"127.0.0.1:8081\"");
        return None;
    }
    let servers: Vec<DraftServer> = items.iter().filter_map(|item| server(item, report)).collect();
    if servers.len() < items.len() {
        return None;
    }
    if servers.iter().all(|server| server.weight.value == 0) {
        report
            .error("no-weight", node.span, "every server has the weight 0, so none takes a request")
            .help("give one of them a weight of at least 1");
        return None;
    }
    Some(servers)
}

/// One server: an address, or a table with an address and a weight.
pub(super) fn server(node: &Node, report: &mut Report) -> Option<DraftServer> {
    let table = match &node.value {
        Value::Text(_) => return at(node, At { value: 1, span: node.span }, report),
        Value::Table(table) => table,
        _ => return None,
    };
    let fields = Fields::open(&keys::SERVER, table, report);
    let weight_span = fields.entry("weight").map_or(node.span, |entry| entry.node.span);
    let weight = fields.number("weight").and_then(|weight| u16::try_from(weight).ok()).unwrap_or(1);
    match fields.entry("address") {
        Some(entry) => at(&entry.node, At { value: weight, span: weight_span }, report),
        None => {
            if table.entry("address").is_none() && !report.is_torn() {
                report
                    .error("missing-key", node.span, "a server needs an `address`")
                    .help("for example: { address = \"10.0.0.2:8080\", weight = 2 }");
            }
            None
        }
    }
}

fn at(node: &Node, weight: At<u16>, report: &mut Report) -> Option<DraftServer> {
    let Value::Text(text) = &node.value else { return None };
    let endpoint = fields::text(node, report, value::endpoint)?;
    Some(DraftServer { label: At { value: text.content.clone(), span: node.span }, endpoint: endpoint.value, weight })
}
