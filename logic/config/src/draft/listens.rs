//! Reads where a site listens: `listen` and `redirect_from`, which mean something else with `tls` than without.

use super::fields::{Fields, LEAVE_OUT, distinct, refuse_empty};
use super::{At, DraftListens, DraftTls};
use crate::diagnostic::Report;
use crate::source::Span;
use crate::tree::{Entry, Value};
use crate::value;
use evener_plan::Listen;

/// The port of HTTP without TLS, and that of HTTP over TLS.
const PLAIN_PORT: u16 = 80;
const TLS_PORT: u16 = 443;

pub(super) fn read(fields: &Fields<'_>, span: Span, tls: Option<&DraftTls>, report: &mut Report) -> DraftListens {
    refuse_empty(fields.entry("listen"), LEAVE_OUT, report);
    let written = fields.texts("listen", report, value::listen).map(|all| distinct(all, "listen-twice", report));
    let from = fields.texts("redirect_from", report, value::listen);
    let from = from.map(|all| distinct(all, "listen-twice", report));
    let Some(tls) = tls else {
        if let Some(entry) = fields.entry("redirect_from").filter(|_| fields.lacks("tls")) {
            report
                .error("needs-tls", entry.key, "`redirect_from` leads to the site's own TLS, but it has no `tls`")
                .help("add tls = \"auto\", or leave `redirect_from` out");
        }
        let own =
            written.unwrap_or_else(|| vec![At { value: fields.or_default("listen", report, value::listen), span }]);
        return DraftListens { own, redirecting: Vec::new(), is_redirect_implied: false };
    };
    let Some(written) = written else {
        let at = |port| vec![At { value: Listen::Any(port), span }];
        let is_redirect_implied = fields.entry("redirect_from").is_none();
        return DraftListens {
            own: at(TLS_PORT),
            redirecting: from.unwrap_or_else(|| at(PLAIN_PORT)),
            is_redirect_implied,
        };
    };
    let (plain, own): (Vec<_>, Vec<_>) = written.into_iter().partition(|at| at.value.port() == PLAIN_PORT);
    match fields.entry("redirect_from") {
        Some(entry) => check_plain(&plain, from.as_deref().unwrap_or_default(), entry, report),
        None => check_own(&plain, &own, tls, report),
    }
    DraftListens { own, redirecting: from.unwrap_or(plain), is_redirect_implied: false }
}

/// Reports a site with TLS that has no address for it.
fn check_own(plain: &[At<Listen>], own: &[At<Listen>], tls: &DraftTls, report: &mut Report) {
    if let (Some(plain), []) = (plain.first(), own) {
        report
            .error("no-tls-address", plain.span, "the site has TLS, but with `tls` port 80 only redirects")
            .label(tls.key, "TLS is asked for here")
            .help(format!("write listen = [\"{}\", \":{TLS_PORT}\"]", plain.value));
    }
}

/// Reports an address with port 80 in `listen` that a written `redirect_from` does not have.
fn check_plain(plain: &[At<Listen>], from: &[At<Listen>], entry: &Entry, report: &mut Report) {
    for at in plain {
        if from.iter().any(|from| from.value == at.value) {
            continue;
        }
        let is_none = matches!(&entry.node.value, Value::List(items) if items.is_empty());
        let help = match is_none {
            true => String::from("take this address out of `listen`"),
            false => format!("take it out of `listen`, or add \"{}\" to `redirect_from`", at.value),
        };
        report
            .error("plain-listen", at.span, "with `tls` port 80 only redirects, but `redirect_from` leaves it out")
            .label(entry.key, "it is written here")
            .help(help);
    }
}
