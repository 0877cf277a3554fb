//! Reads servers, wherever they stand.

use super::super::fields::{self, Fields};
use super::super::{At, DraftServer};
use crate::diagnostic::Report;
use crate::keys;
use crate::tree::{Node, Value};
use crate::value;

/// A list of servers; `None` if one of them could not be read, or if there is none.
pub(in crate::draft) fn servers(node: &Node, report: &mut Report) -> Option<Vec<DraftServer>> {
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

/// One server: an address, or a table with an address and more.
pub(in crate::draft) fn server(node: &Node, report: &mut Report) -> Option<DraftServer> {
    let table = match &node.value {
        Value::Text(_) => return at(node, At { value: 1, span: node.span }, 0, report),
        Value::Table(table) => table,
        _ => return None,
    };
    let fields = Fields::open(&keys::SERVER, table, report);
    let weight = At {
        value: fields.number_or_default("weight"),
        span: fields.entry("weight").map_or(node.span, |entry| entry.node.span),
    };
    let tier = tier(&fields, report);
    if let Some(entry) = fields.entry("address") {
        return at(&entry.node, weight, tier, report);
    }
    if fields.lacks("address") {
        report
            .error("missing-key", node.span, "a server needs an `address`")
            .help("for example: { address = \"10.0.0.2:8080\", weight = 2 }");
    }
    None
}

/// The tier, by its number or as `backup`.
fn tier(fields: &Fields<'_>, report: &mut Report) -> u8 {
    let tier: u8 = fields.number_or_default("tier");
    let Some(is_backup) = fields.flag("backup") else { return tier };
    let meant = u8::from(is_backup);
    if let (Some(written), Some(backup)) = (fields.entry("tier"), fields.entry("backup"))
        && meant != tier
    {
        report
            .error("backup-and-tier", written.node.span, format!("this says tier {tier}, and `backup` says {meant}"))
            .label(backup.node.span, format!("this is the same as `tier = {meant}`"))
            .help("keep one of the two");
    }
    meant
}

fn at(node: &Node, weight: At<u16>, tier: u8, report: &mut Report) -> Option<DraftServer> {
    let Value::Text(text) = &node.value else { return None };
    let endpoint = fields::text(node, report, value::endpoint)?.value;
    Some(DraftServer { label: At { value: text.content.clone(), span: node.span }, endpoint, weight, tier })
}
