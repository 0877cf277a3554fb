//! What is wrong with certificates, keys and lists, told where the config names them: by `check` and by whoever runs it.
//!
//! It finds nothing itself; `evener-tls` does.

use crate::state_folder::{self, Asker};
use evener_config::{Diagnostic, Outcome, Place, Section, Severity};
use evener_plan::Plan;
use evener_tls::{Party, Problem, TlsFault};
use std::path::Path;

/// What a check makes of faults: what clients will turn away is an error.
pub(crate) fn checked(faults: &[TlsFault], plan: &Plan, outcome: &Outcome) -> Vec<Diagnostic> {
    findings(faults.iter(), plan, outcome, |severity| match severity {
        evener_tls::Severity::Warning => Severity::Warning,
        evener_tls::Severity::Broken | evener_tls::Severity::Fatal => Severity::Error,
    })
}

/// What a start or a reload makes of them: only what leaves nothing to work with is an error. Where things are to be kept
/// is looked at, too.
pub(crate) fn met(faults: &[TlsFault], plan: &Plan, outcome: &Outcome) -> Vec<Diagnostic> {
    let is_of_folder = |fault: &TlsFault| {
        matches!(fault.problem, Problem::StateFolder(_)) && keeper(&fault.subject, plan) == Some("internal")
    };
    let asker = if faults.iter().any(is_of_folder) { Asker::FailedStart } else { Asker::Start };
    let of_folder = state_folder::finding(plan, outcome, asker);
    let others = faults.iter().filter(|fault| of_folder.is_none() || !is_of_folder(fault));
    let mut findings = findings(others, plan, outcome, |severity| match severity {
        evener_tls::Severity::Warning | evener_tls::Severity::Broken => Severity::Warning,
        evener_tls::Severity::Fatal => Severity::Error,
    });
    findings.extend(of_folder);
    findings
}

/// Each fault once, in the order of the config.
fn findings<'f>(
    faults: impl Iterator<Item = &'f TlsFault>,
    plan: &Plan,
    outcome: &Outcome,
    judge: fn(evener_tls::Severity) -> Severity,
) -> Vec<Diagnostic> {
    let distinct = TlsFault::merged(faults.cloned());
    let mut findings: Vec<Diagnostic> =
        distinct.iter().map(|fault| finding(fault, judge(fault.severity()), plan, outcome)).collect();
    let order = |place: &Place| (place.source, place.range.start);
    findings.sort_by_key(|finding| finding.place.as_ref().map(order));
    findings
}

/// One fault, at the path that the config has of its file.
fn finding(fault: &TlsFault, severity: Severity, plan: &Plan, outcome: &Outcome) -> Diagnostic {
    let pairs = match &fault.problem {
        Problem::KeyMismatch { key_path, .. } => pairs(fault, key_path, outcome),
        _ => Vec::new(),
    };
    let (places, keys): (Vec<Place>, Vec<Place>) =
        if pairs.is_empty() { (places(fault, plan, outcome), Vec::new()) } else { pairs.into_iter().unzip() };
    let mut places = places.into_iter();
    let place = places.next();
    let mut labels: Vec<_> = places.map(|place| (place, String::from("it is named here, too"))).collect();
    labels.extend(keys.into_iter().map(|place| (place, String::from("the key"))));
    Diagnostic { code: "bad-certificate", severity, message: fault.to_string(), place, labels, help: Some(fault.fix()) }
}

/// Each certificate with the key beside it that it does not fit: either file may be named in several pairs.
fn pairs(fault: &TlsFault, key_path: &str, outcome: &Outcome) -> Vec<(Place, Place)> {
    let certificates = written(fault, &["cert"], &fault.subject, outcome);
    let keys = written(fault, &["key"], key_path, outcome);
    let key_of = |certificate: &Place| {
        let key = nearest(certificate, &keys)?;
        (nearest(key, &certificates)? == certificate).then(|| (certificate.clone(), key.clone()))
    };
    certificates.iter().filter_map(key_of).collect()
}

/// The place in the same file with the least between it and this one.
fn nearest<'a>(to: &Place, places: &'a [Place]) -> Option<&'a Place> {
    let gap = |place: &&Place| {
        let (first, second) = if place.range.start < to.range.start { (*place, to) } else { (to, *place) };
        second.range.start.saturating_sub(first.range.end)
    };
    places.iter().filter(|place| place.source == to.source).min_by_key(gap)
}

/// Where the path stands, at the key that it is wrong for if that is known; or the word on whose behalf evener itself keeps
/// the file.
fn places(fault: &TlsFault, plan: &Plan, outcome: &Outcome) -> Vec<Place> {
    if let Some(word) = keeper(&fault.subject, plan) {
        return written(fault, &["tls", "source"], word, outcome);
    }
    let likely: &[&str] = match &fault.problem {
        Problem::NoCertificate(_) => &["cert", "client_ca", "ca"],
        Problem::NoKey(_) | Problem::KeyEncrypted | Problem::KeyExposed(_) => &["key"],
        Problem::NoList(_) | Problem::ListExpired(_) => &["client_crl"],
        Problem::ListMissing(_) => &["client_ca"],
        Problem::HostMissing(..) | Problem::KeyMismatch { .. } | Problem::NoNames | Problem::NotForServers => &["cert"],
        Problem::Expired(..) | Problem::NotYetValid(..) | Problem::WeakKey(_) | Problem::WeakSignature(_) => &["cert"],
        Problem::ChainOrder(..) | Problem::ChainBroken { .. } | Problem::ChainIncomplete(_) => &["cert"],
        _ => PATH_KEYS,
    };
    let places = written(fault, likely, &fault.subject, outcome);
    if places.is_empty() { outcome.places(PATH_KEYS, &fault.subject) } else { places }
}

/// Where a text is written as the value of one of these keys, for those whom the fault concerns.
fn written(fault: &TlsFault, keys: &[&str], text: &str, outcome: &Outcome) -> Vec<Place> {
    if fault.parties.is_empty() {
        return outcome.places(keys, text);
    }
    fault.parties.iter().flat_map(|party| outcome.places_in(&section(party), keys, text)).collect()
}

/// The part of the config that stands for a party of the plan. Sites that only redirect follow those of the config.
fn section(party: &Party) -> Section {
    match party {
        Party::Site(index) => Section::Site(*index),
        Party::Tcp(index) => Section::Tcp(*index),
        Party::Upstream(name) => Section::Upstream(name.clone()),
    }
}

/// The word of `tls` for which evener keeps this file in its state folder, if it does.
fn keeper(path: &str, plan: &Plan) -> Option<&'static str> {
    let inside = Path::new(path).strip_prefix(&plan.state_dir).ok()?;
    [("internal", "internal"), ("acme", "auto")]
        .into_iter()
        .find(|(folder, _)| inside.starts_with(folder))
        .map(|(_, word)| word)
}

/// The keys of the config whose values are paths of certificates, keys and lists.
const PATH_KEYS: &[&str] = &["cert", "key", "client_ca", "client_crl", "ca"];
