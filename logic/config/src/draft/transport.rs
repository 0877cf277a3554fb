//! Reads `[[tcp]]` and `[[udp]]`.

use super::fields::{Fields, LEAVE_OUT, distinct, refuse_empty};
use super::{At, Choice, DraftTcp, DraftUdp, action, proxy, tls};
use crate::diagnostic::Report;
use crate::keys;
use crate::source::Span;
use crate::tree::Table;
use crate::value;
use evener_plan::Listen;

pub(super) fn tcp(table: &Table, span: Span, report: &mut Report) -> DraftTcp {
    let fields = Fields::open(&keys::TCP, table, report);
    refuse_empty(fields.entry("hosts"), LEAVE_OUT, report);
    let hosts = fields.texts("hosts", report, value::host_pattern).unwrap_or_default();
    let (accept_proxy, send_proxy) = proxy::of_tcp(&fields, span, report);
    DraftTcp {
        span,
        listen: listen(&fields, "[[tcp]]", ":5432", span, report),
        hosts: distinct(hosts, "host-twice", report),
        tls: tls::read(&fields, table, report),
        to: to(&fields, "[[tcp]]", span, report),
        idle_timeout: fields.or_default("idle_timeout", report, value::duration),
        accept_proxy,
        send_proxy,
    }
}

pub(super) fn udp(table: &Table, span: Span, report: &mut Report) -> DraftUdp {
    let fields = Fields::open(&keys::UDP, table, report);
    DraftUdp {
        listen: listen(&fields, "[[udp]]", ":53", span, report),
        to: to(&fields, "[[udp]]", span, report),
        idle_timeout: fields.or_default("idle_timeout", report, value::duration),
        sessions_max: fields.number_or_default("max_sessions"),
    }
}

fn listen(fields: &Fields<'_>, what: &str, example: &str, span: Span, report: &mut Report) -> Vec<At<Listen>> {
    if fields.lacks("listen") {
        report
            .error("missing-key", span, format!("a {what} needs `listen`"))
            .help(format!("for example: listen = \"{example}\""));
    }
    refuse_empty(fields.entry("listen"), "write an address such as \":5432\"", report);
    let listen = fields.texts("listen", report, value::listen).unwrap_or_default();
    distinct(listen, "listen-twice", report)
}

fn to(fields: &Fields<'_>, what: &str, span: Span, report: &mut Report) -> Option<At<Choice>> {
    let Some(entry) = fields.entry("to") else {
        if fields.lacks("to") {
            report
                .error("missing-key", span, format!("a {what} needs `to`"))
                .help("add to = [\"127.0.0.1:8081\"], or the name of an upstream");
        }
        return None;
    };
    action::to(&entry.node, report).map(|value| At { value, span: entry.node.span })
}
