//! Reads `[[site]]` and `[[site.route]]`.

use super::fields::{Fields, LEAVE_OUT, distinct, refuse_empty};
use super::{At, DraftRoute, DraftSite, action, listens, proxy, tls};
use crate::diagnostic::Report;
use crate::keys;
use crate::source::Span;
use crate::tree::Table;
use crate::value;

pub(super) fn read(table: &Table, span: Span, report: &mut Report) -> DraftSite {
    let fields = Fields::open(&keys::SITE, table, report);
    refuse_empty(fields.entry("hosts"), LEAVE_OUT, report);
    let tls = tls::read(&fields, table, report);
    DraftSite {
        span,
        listens: listens::read(&fields, span, tls.as_ref(), report),
        http2: At {
            value: fields.flag("http2").unwrap_or_else(|| tls.is_some()),
            span: fields.entry("http2").map_or(span, |entry| entry.key),
        },
        accept_proxy: proxy::of_site(&fields, span, report),
        tls,
        hosts: fields
            .texts("hosts", report, value::host_pattern)
            .map_or_else(Vec::new, |hosts| distinct(hosts, "host-twice", report)),
        trusted_proxies: fields
            .texts("trusted_proxies", report, value::cidr)
            .map_or_else(Vec::new, |blocks| blocks.into_iter().map(|at| at.value).collect()),
        action: action::read(&fields, table, report),
        routes: fields.tables("route").map(|(table, span)| route(table, span, report)).collect(),
    }
}

fn route(table: &Table, span: Span, report: &mut Report) -> DraftRoute {
    let fields = Fields::open(&keys::ROUTE, table, report);
    refuse_empty(fields.entry("methods"), LEAVE_OUT, report);
    let path = match table.entry("path") {
        Some(_) => fields.text("path", report, value::path_match),
        None => Some(At { value: fields.or_default("path", report, value::path_match), span }),
    };
    let mut methods: Vec<String> = Vec::new();
    for method in fields.texts("methods", report, value::method).unwrap_or_default() {
        if !methods.contains(&method.value) {
            methods.push(method.value);
        }
    }
    let headers = fields.entry("headers").map_or_else(Vec::new, |entry| action::header_matches(&entry.node, report));
    DraftRoute { span, path, methods, headers, action: action::read(&fields, table, report) }
}
