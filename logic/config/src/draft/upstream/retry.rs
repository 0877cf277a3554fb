//! Reads `retry` and `hedge`.

use super::super::At;
use super::super::fields::{self, Fields};
use crate::diagnostic::Report;
use crate::keys;
use crate::tree::{Node, Table, Value};
use crate::value::{self, Fault};
use evener_plan::{Hedge, Retry, RetryOn};

/// What [`keys::RETRY`] says of `on`.
const ON: [RetryOn; 6] = [
    RetryOn::Connect,
    RetryOn::Reset,
    RetryOn::Status(502),
    RetryOn::Status(503),
    RetryOn::Status(504),
    RetryOn::WorseThanPool,
];

pub(super) fn retry(fields: &Fields<'_>, report: &mut Report) -> Retry {
    match fields.entry("retry").map(|entry| &entry.node.value) {
        Some(Value::Table(written)) => retry_table(written, report),
        Some(Value::Text(_)) => {
            fields.word("retry", report);
            Retry { attempts: 0, ..retry_table(&Table::default(), report) }
        }
        _ => retry_table(&Table::default(), report),
    }
}

fn retry_table(table: &Table, report: &mut Report) -> Retry {
    let fields = Fields::open(&keys::RETRY, table, report);
    let on = match fields.items("on", "to switch retries off, write retry = \"off\"", report) {
        Some(items) => {
            let on = items.iter().filter_map(|item| failure(item, report)).collect();
            fields::distinct(on, "failure-twice", report).into_iter().map(|at| at.value).collect()
        }
        None => ON.to_vec(),
    };
    Retry {
        attempts: fields.number_or_default("attempts"),
        on,
        budget: fields.or_default("budget", report, value::share),
    }
}

/// Numbers out of range were reported when the shape was checked.
fn failure(node: &Node, report: &mut Report) -> Option<At<RetryOn>> {
    match node.value {
        Value::Integer(number) => {
            let status = number.and_then(|number| u16::try_from(number).ok())?;
            Some(At { value: RetryOn::Status(status), span: node.span })
        }
        _ => fields::text(node, report, value::retry_on),
    }
}

pub(super) fn hedge(fields: &Fields<'_>, report: &mut Report) -> Option<Hedge> {
    let node = &fields.entry("hedge")?.node;
    match &node.value {
        Value::Table(written) => hedge_table(written, node, report),
        Value::Text(text) if value::hedge_after(&text.content).is_ok() => {
            fields::text(node, report, |text| Err::<(), _>(bare_time(text)));
            None
        }
        _ => {
            fields.word("hedge", report);
            None
        }
    }
}

fn bare_time(text: &str) -> Fault {
    Fault::new("unknown-word", format!("`hedge` cannot be {}", value::quote(text)))
        .help(format!("write {{ after = \"{text}\" }}"))
}

fn hedge_table(table: &Table, node: &Node, report: &mut Report) -> Option<Hedge> {
    let fields = Fields::open(&keys::HEDGE, table, report);
    let budget = fields.or_default("budget", report, value::share);
    if fields.lacks("after") {
        report
            .error("missing-key", node.span, "`hedge` needs `after`: when the second copy is sent")
            .help("for example: { after = \"p95\", budget = \"2%\" }");
    }
    let after = fields.text("after", report, value::hedge_after)?.value;
    Some(Hedge { after, budget })
}
