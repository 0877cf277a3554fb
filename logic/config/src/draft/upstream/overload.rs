//! Reads `max_requests` and `queue`.

use super::super::fields::Fields;
use crate::diagnostic::Report;
use crate::keys;
use crate::tree::{Table, Value};
use crate::value;
use evener_plan::{MaxRequests, Queue};

pub(super) fn max_requests(fields: &Fields<'_>, report: &mut Report) -> Option<MaxRequests> {
    match &fields.entry("max_requests")?.node.value {
        Value::Text(_) => fields.word("max_requests", report).map(|_| MaxRequests::Auto),
        _ => {
            let number = fields.number("max_requests")?;
            u32::try_from(number).ok().map(MaxRequests::Fixed)
        }
    }
}

pub(super) fn queue(fields: &Fields<'_>, report: &mut Report) -> Queue {
    let queue = match fields.entry("queue").map(|entry| &entry.node.value) {
        Some(Value::Table(written)) => settings(written, report),
        Some(Value::Text(_)) => {
            fields.word("queue", report);
            Queue { size: 0, ..settings(&Table::default(), report) }
        }
        _ => settings(&Table::default(), report),
    };
    let is_unbounded = fields.lacks("max_requests");
    if let Some(entry) = fields.entry("queue").filter(|_| queue.size > 0 && is_unbounded) {
        report
            .warning("queue-in-vain", entry.key, "nothing ever waits in the queue: there is no `max_requests`")
            .help("add max_requests = 100 or max_requests = \"auto\"");
    }
    queue
}

fn settings(table: &Table, report: &mut Report) -> Queue {
    let fields = Fields::open(&keys::QUEUE, table, report);
    Queue {
        size: fields.number_or_default("size"),
        wait: fields.or_default("wait", report, value::duration_within("wait", "1ms", "10m")),
    }
}
