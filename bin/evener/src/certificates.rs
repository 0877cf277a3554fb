//! What is wrong with certificates, keys and lists, told where the config names them: by `check` and by whoever runs it.
//!
//! It finds nothing itself; `evener-tls` does.

use evener_config::{Diagnostic, Outcome, Place, Severity};
use evener_tls::{Problem, TlsFault};
use std::collections::HashSet;

/// What a check makes of faults: what clients will turn away is an error.
pub(crate) fn checked(faults: &[TlsFault], outcome: &Outcome) -> Vec<Diagnostic> {
    findings(faults, outcome, |severity| match severity {
        evener_tls::Severity::Warning => Severity::Warning,
        evener_tls::Severity::Broken | evener_tls::Severity::Fatal => Severity::Error,
    })
}

/// What a start or a reload makes of them: only what leaves nothing to work with is an error.
pub(crate) fn met(faults: &[TlsFault], outcome: &Outcome) -> Vec<Diagnostic> {
    findings(faults, outcome, |severity| match severity {
        evener_tls::Severity::Warning | evener_tls::Severity::Broken => Severity::Warning,
        evener_tls::Severity::Fatal => Severity::Error,
    })
}

/// Each fault once, in the order of the config.
fn findings(faults: &[TlsFault], outcome: &Outcome, judge: fn(evener_tls::Severity) -> Severity) -> Vec<Diagnostic> {
    let mut seen = HashSet::new();
    let distinct = faults.iter().filter(|fault| seen.insert(fault.to_string()));
    let mut findings: Vec<Diagnostic> =
        distinct.map(|fault| finding(fault, judge(fault.severity()), outcome)).collect();
    let order = |place: &Place| (place.source, place.range.start);
    findings.sort_by_key(|finding| finding.place.as_ref().map(order));
    findings
}

/// One fault, at the path that the config has of its file.
fn finding(fault: &TlsFault, severity: Severity, outcome: &Outcome) -> Diagnostic {
    let mut places = places(fault, outcome).into_iter();
    let place = places.next();
    let mut labels: Vec<_> = places.map(|place| (place, String::from("it is named here, too"))).collect();
    if let Problem::KeyMismatch { key_path, .. } = &fault.problem {
        let keys = outcome.places(&["key"], key_path).into_iter();
        labels.extend(keys.map(|place| (place, String::from("the key"))));
    }
    Diagnostic { code: "bad-certificate", severity, message: fault.to_string(), place, labels, help: Some(fault.fix()) }
}

/// Where the path stands, at the key that it is wrong for if that is known.
fn places(fault: &TlsFault, outcome: &Outcome) -> Vec<Place> {
    let likely: &[&str] = match &fault.problem {
        Problem::NoCertificate(_) => &["cert", "client_ca", "ca"],
        Problem::NoKey(_) | Problem::KeyEncrypted | Problem::KeyExposed(_) => &["key"],
        Problem::NoList(_) | Problem::ListExpired(_) => &["client_crl"],
        _ => PATH_KEYS,
    };
    let places = outcome.places(likely, &fault.subject);
    if places.is_empty() { outcome.places(PATH_KEYS, &fault.subject) } else { places }
}

/// The keys of the config whose values are paths of certificates, keys and lists.
const PATH_KEYS: &[&str] = &["cert", "key", "client_ca", "client_crl", "ca"];
