//! Reads the keys that sites and routes share: `to`, `redirect`, `respond` and what goes with them. Whether they go
//! together is checked in `build`.

use super::fields::{self, Fields};
use super::{At, Choice, DraftAction, upstream};
use crate::diagnostic::Report;
use crate::keys;
use crate::tree::{Entry, Node, Table, Text, Value};
use crate::value::{self, Fault};
use evener_plan::{HeaderMatch, Respond, SetHeader};

pub(super) fn read(fields: &Fields<'_>, table: &Table, report: &mut Report) -> DraftAction {
    let to = fields.entry("to").and_then(|entry| to(&entry.node, report));
    let redirect = fields.entry("redirect").and_then(|entry| redirect(&entry.node, report));
    let respond = fields.entry("respond").and_then(|entry| respond(&entry.node, report));
    DraftAction {
        written: written(table, &ACTIONS),
        is_missing: ACTIONS.iter().all(|name| fields.lacks(name)),
        lacks_to: fields.lacks("to"),
        choice: to.or(redirect).or(respond),
        options: written(table, &["strip_prefix", "timeout", "set_headers", "host"]),
        strip_prefix: fields.text("strip_prefix", report, value::strip_prefix),
        timeout: fields.text("timeout", report, value::duration).map(|at| at.value),
        set_headers: fields.entry("set_headers").map_or_else(Vec::new, |entry| set_headers(&entry.node, report)),
        host: fields.text("host", report, value::host_mode).map(|at| at.value),
    }
}

/// What a site or a route can do.
const ACTIONS: [&str; 3] = ["to", "redirect", "respond"];

/// Which of the keys stand in the table, in the order of the file.
fn written(table: &Table, names: &[&'static str]) -> Vec<At<&'static str>> {
    let known = |entry: &Entry| names.iter().find(|name| **name == entry.name).copied();
    table.entries.iter().filter_map(|entry| known(entry).map(|value| At { value, span: entry.key })).collect()
}

/// Where requests or connections go.
pub(super) fn to(node: &Node, report: &mut Report) -> Option<Choice> {
    match &node.value {
        // A name has no colon and every address has one. What looks like an address without a port is read as an
        // address, for the sake of the finding.
        Value::Text(text) if text.content.contains([':', '.', '/']) => {
            let server = upstream::server(node, report)?;
            Some(Choice::ToServers(At { value: vec![server], span: node.span }))
        }
        Value::Text(text) => Some(Choice::ToName(At { value: text.content.clone(), span: node.span })),
        _ => {
            let servers = upstream::servers(node, report)?;
            Some(Choice::ToServers(At { value: servers, span: node.span }))
        }
    }
}

fn redirect(node: &Node, report: &mut Report) -> Option<Choice> {
    let Value::Table(table) = &node.value else {
        let location = fields::text(node, report, value::location)?.value;
        return Some(Choice::Redirect { status: 308, location });
    };
    let fields = Fields::open(&keys::REDIRECT, table, report);
    let status = fields.number("status").and_then(|status| u16::try_from(status).ok()).unwrap_or(308);
    if fields.lacks("to") {
        report
            .error("missing-key", node.span, "a redirect needs a target")
            .help("for example: { to = \"https://{host}{uri}\", status = 301 }");
    }
    let location = fields.text("to", report, value::location)?.value;
    Some(Choice::Redirect { status, location })
}

fn respond(node: &Node, report: &mut Report) -> Option<Choice> {
    let Value::Table(table) = &node.value else { return None };
    let fields = Fields::open(&keys::RESPOND, table, report);
    let status = fields.number("status").and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
    let body = fields.or_default("body", report, |text| Ok(text.to_owned()));
    // RFC 9110 §15.3.5, §15.3.6 and §15.4.5: these answers have no content.
    if matches!(status, 204 | 205 | 304) && !body.is_empty() {
        let span = fields.entry("body").map_or(node.span, |entry| entry.node.span);
        report.error("body-forbidden", span, format!("an answer with the status {status} has no body"));
    }
    let content_type = fields.or_default("content_type", report, value::content_type);
    Some(Choice::Respond(Respond { status, body, content_type }))
}

fn set_headers(node: &Node, report: &mut Report) -> Vec<SetHeader> {
    pairs(node, report, value::settable_name).into_iter().map(|(name, value)| SetHeader { name, value }).collect()
}

/// The fields that a route asks for.
pub(super) fn header_matches(node: &Node, report: &mut Report) -> Vec<HeaderMatch> {
    pairs(node, report, value::field_name).into_iter().map(|(name, value)| HeaderMatch { name, value }).collect()
}

/// Names and values of header fields, in the order of the file.
fn pairs(node: &Node, report: &mut Report, parse_name: fn(&str) -> Result<String, Fault>) -> Vec<(String, String)> {
    let Value::Table(table) = &node.value else { return Vec::new() };
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut places = Vec::new();
    for entry in &table.entries {
        let name = match parse_name(&entry.name) {
            Ok(name) => name,
            Err(fault) => {
                fields::raise(fault, &Text { content: String::new(), is_verbatim: false }, entry.key, report);
                continue;
            }
        };
        let Some(value) = fields::text(&entry.node, report, value::field_value) else { continue };
        if let Some(first) = pairs.iter().position(|(known, _)| *known == name) {
            report
                .error("set-twice", entry.key, format!("`{name}` is written twice; case makes no difference"))
                .label(places[first], "first written here");
            continue;
        }
        places.push(entry.key);
        pairs.push((name, value.value));
    }
    pairs
}
