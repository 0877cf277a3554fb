//! Reads `[[site]]` and `[[site.route]]`.

use super::fields::Fields;
use super::{At, DraftRoute, DraftSite, action};
use crate::diagnostic::Report;
use crate::keys;
use crate::source::Span;
use crate::tree::{Entry, Table, Value};
use crate::value;

pub(super) fn read(table: &Table, span: Span, report: &mut Report) -> DraftSite {
    let fields = Fields::open(&keys::SITE, table, report);
    for name in ["listen", "hosts"] {
        refuse_empty(fields.entry(name), report);
    }
    let listen = match fields.texts("listen", report, value::listen) {
        Some(listen) => listen,
        None => vec![At { value: fields.or_default("listen", report, value::listen), span }],
    };
    DraftSite {
        span,
        listen: distinct(listen, "listen-twice", report),
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
    refuse_empty(fields.entry("methods"), report);
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

fn refuse_empty(entry: Option<&Entry>, report: &mut Report) {
    let Some(entry) = entry else { return };
    if matches!(&entry.node.value, Value::List(items) if items.is_empty()) {
        report
            .error("empty-list", entry.node.span, format!("`{}` is an empty list", entry.name))
            .help("leave the key out for its default");
    }
}

/// Each value once; a second time is a slip and changes nothing.
fn distinct<T: PartialEq>(all: Vec<At<T>>, code: &'static str, report: &mut Report) -> Vec<At<T>> {
    let mut kept: Vec<At<T>> = Vec::new();
    for at in all {
        match kept.iter().find(|known| known.value == at.value) {
            Some(first) => {
                report.warning(code, at.span, "this is in the list twice").label(first.span, "first written here");
            }
            None => kept.push(at),
        }
    }
    kept
}
