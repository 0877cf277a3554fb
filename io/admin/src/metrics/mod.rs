//! The page of metrics: what the workers counted, and what the control thread knows of the process, of certificates and of
//! orders. The page `docs/metrics.md` describes every family; a test compares the two.

use evener_observe::{Exposition, Family, Kind, Totals, Value};
use evener_tls::{CertificateReport, CertificateSource};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Everything that the page tells.
#[derive(Debug)]
pub struct Measured {
    /// What the workers counted.
    pub totals: Totals,
    /// When the process began.
    pub started_at: SystemTime,
    /// The certificates in use.
    pub certificates: Vec<CertificateReport>,
    /// What orders of certificates have come to.
    pub orders: Orders,
}

/// What orders of certificates have come to.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    /// Orders that brought a certificate.
    pub done: u64,
    /// Orders that did not.
    pub failed: u64,
    /// Times that no order could even begin: the authority is out of reach, or refuses the account.
    pub authority_failed: u64,
    /// When a certificate is ordered next, for each host.
    pub next: BTreeMap<String, SystemTime>,
}

/// The page in the text format of Prometheus.
pub fn page(measured: &Measured) -> String {
    let mut page = Exposition::new();
    page.family(&BUILD).put(&[("version", env!("CARGO_PKG_VERSION"))], Value::Count(1));
    page.family(&START).put(&[], since_1970(measured.started_at));
    measured.totals.expose(&mut page);
    certificates(&measured.certificates, &mut page);
    orders(&measured.orders, &mut page);
    page.into_text()
}

fn certificates(reports: &[CertificateReport], page: &mut Exposition) {
    // Of certificates that no label tells apart, the first to end matters.
    let mut ends: BTreeMap<(&str, &str, &str), SystemTime> = BTreeMap::new();
    for report in reports {
        let file = match report.source {
            CertificateSource::File | CertificateSource::Upstream => report.subject.as_str(),
            CertificateSource::Acme | CertificateSource::Internal => "",
        };
        let name = report.names.first().map_or(report.subject.as_str(), String::as_str);
        let end = ends.entry((name, source(report.source), file)).or_insert(report.not_after);
        *end = report.not_after.min(*end);
    }
    let omitted = ends.len().saturating_sub(SERIES_MAX);
    let mut sorted: Vec<_> = ends.into_iter().collect();
    if omitted > 0 {
        // Those that end last are left out.
        sorted.sort_by_key(|(_, end)| *end);
        sorted.truncate(SERIES_MAX);
    }
    let mut expiry = page.family(&EXPIRY);
    for ((name, source, file), end) in sorted {
        expiry.put(&[("name", name), ("source", source), ("file", file)], since_1970(end));
    }
    page.family(&EXPIRY_OMITTED).put(&[], Value::Count(omitted as u64));
}

fn source(source: CertificateSource) -> &'static str {
    match source {
        CertificateSource::File => "file",
        CertificateSource::Upstream => "upstream",
        CertificateSource::Acme => "acme",
        CertificateSource::Internal => "internal",
    }
}

fn orders(orders: &Orders, page: &mut Exposition) {
    let mut ended = page.family(&ORDERS);
    ended.put(&[("result", "ok")], Value::Count(orders.done));
    ended.put(&[("result", "failed")], Value::Count(orders.failed));
    page.family(&AUTHORITY_FAILURES).put(&[], Value::Count(orders.authority_failed));
    let mut next: Vec<_> = orders.next.iter().collect();
    next.sort_by_key(|(_, at)| **at);
    let mut attempts = page.family(&NEXT_ATTEMPT);
    for (name, at) in next.into_iter().take(SERIES_MAX) {
        attempts.put(&[("name", name)], since_1970(*at));
    }
}

/// Whole seconds: nothing here is known better. A time before 1970 counts as 1970.
fn since_1970(time: SystemTime) -> Value {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Value::Seconds(Duration::from_secs(since.as_secs()))
}

/// Series of one family that may grow with the config.
const SERIES_MAX: usize = 1000;

const BUILD: Family =
    Family { name: "evener_build_info", kind: Kind::Gauge, help: "1, with the version of evener as a label." };
const START: Family = Family {
    name: "evener_process_start_time_seconds",
    kind: Kind::Gauge,
    help: "When the process began, in seconds since 1970.",
};
const EXPIRY: Family = Family {
    name: "evener_tls_certificate_expiry_timestamp_seconds",
    kind: Kind::Gauge,
    help: "Until when a certificate in use is valid, in seconds since 1970.",
};
const EXPIRY_OMITTED: Family = Family {
    name: "evener_tls_certificates_omitted",
    kind: Kind::Gauge,
    help: "Certificates in use beyond the first 1000 to end, which have no series.",
};
const ORDERS: Family = Family {
    name: "evener_acme_orders_total",
    kind: Kind::Counter,
    help: "Orders of certificates over ACME that came to an end, by result.",
};
const AUTHORITY_FAILURES: Family = Family {
    name: "evener_acme_authority_failures_total",
    kind: Kind::Counter,
    help: "Times that no order could begin, since the authority was out of reach or refused the account.",
};
const NEXT_ATTEMPT: Family = Family {
    name: "evener_acme_next_attempt_timestamp_seconds",
    kind: Kind::Gauge,
    help: "When a certificate is ordered next for a host, in seconds since 1970: its renewal, or another try.",
};

#[cfg(test)]
pub(crate) mod tests;
