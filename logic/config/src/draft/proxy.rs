//! Reads `proxy_protocol` of sites and TCP services.

use super::At;
use super::fields::{self, Fields};
use crate::diagnostic::Report;
use crate::keys;
use crate::source::Span;
use crate::tree::{Table, Value};
use crate::value;
use evener_plan::{AcceptProxy, Cidr, ProxyVersion};

/// Whose headers a site believes.
pub(super) fn of_site(fields: &Fields<'_>, span: Span, report: &mut Report) -> At<Option<AcceptProxy>> {
    let Some(entry) = fields.entry("proxy_protocol") else { return At { value: None, span } };
    let value = match &entry.node.value {
        Value::Boolean(true) => Some(AcceptProxy { from: Vec::new() }),
        Value::Table(table) => {
            let fields = Fields::open(&keys::ACCEPT_PROXY, table, report);
            if fields.lacks("from") {
                report
                    .error("missing-key", entry.node.span, "`proxy_protocol` needs `from`: who is believed")
                    .help("for example: { from = [\"10.0.0.0/8\"] }, or proxy_protocol = true for every peer");
            }
            Some(AcceptProxy { from: from(&fields, report) })
        }
        _ => None,
    };
    At { value, span: entry.key }
}

/// Whose headers a TCP service believes, and which it sends.
pub(super) fn of_tcp(
    fields: &Fields<'_>,
    span: Span,
    report: &mut Report,
) -> (At<Option<AcceptProxy>>, Option<ProxyVersion>) {
    match (fields.table("proxy_protocol"), fields.entry("proxy_protocol")) {
        (Some(table), Some(entry)) => {
            let (value, send) = settings(table, report);
            (At { value, span: entry.key }, send)
        }
        _ => (of_site(fields, span, report), None),
    }
}

fn settings(table: &Table, report: &mut Report) -> (Option<AcceptProxy>, Option<ProxyVersion>) {
    let fields = Fields::open(&keys::TCP_PROXY, table, report);
    let send = fields.word("send", report).map(|At { value: word, .. }| match word {
        "v1" => ProxyVersion::V1,
        _ => ProxyVersion::V2,
    });
    let blocks = from(&fields, report);
    let is_accepted = fields.flag("accept").unwrap_or_else(|| fields.entry("from").is_some());
    if let (false, Some(from), Some(accept)) = (is_accepted, fields.entry("from"), fields.entry("accept")) {
        report
            .error("from-in-vain", from.key, "`from` changes nothing: no header is accepted")
            .label(accept.node.span, "because of this")
            .help("write accept = true, or leave `from` out");
    }
    (is_accepted.then_some(AcceptProxy { from: blocks }), send)
}

fn from(fields: &Fields<'_>, report: &mut Report) -> Vec<Cidr> {
    let help = "leave `proxy_protocol` out to believe nobody, or write proxy_protocol = true to believe every peer";
    fields::refuse_empty(fields.entry("from"), help, report);
    let blocks = fields.texts("from", report, value::cidr).unwrap_or_default();
    blocks.into_iter().map(|at| at.value).collect()
}
