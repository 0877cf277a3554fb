//! `evener check`: what the config says of itself, and what `run` would meet on this machine beyond that.
//!
//! It binds no port that is in the config, because evener may be running with this very file, and makes no file.

use crate::cli::Format;
use crate::control::listeners::overlap;
use crate::operator::{print, reason};
use crate::source::Source;
use evener_config::{Diagnostic, Outcome, Place, Severity};
use evener_plan::{Listen, LogTarget, Plan};
use evener_tls::{Problem, TlsFault};
use rustix::fs::{Access, access};
use std::io::{ErrorKind, Result as IoResult};
use std::net::{IpAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

/// Checks a file and prints what was found.
pub(crate) fn check(path: &str, format: Format) -> ExitCode {
    let source = Source::File(path.to_owned());
    let outcome = with_machine(source.load());
    let is_good = outcome.plan.is_some();
    let printed = match format {
        Format::Json => print(&format!("{}\n", outcome.to_json())),
        Format::Text => {
            source.tell(&outcome);
            if is_good { print(&format!("{path} is good\n")) } else { ExitCode::SUCCESS }
        }
    };
    if is_good { printed } else { ExitCode::FAILURE }
}

/// Adds what this machine has against a plan that is right in itself.
fn with_machine(mut outcome: Outcome) -> Outcome {
    if let Some(plan) = &outcome.plan {
        let mut findings = machine_findings(plan);
        findings.extend(certificate_findings(plan, &outcome));
        outcome.diagnostics.extend(findings);
        if outcome.errors() > 0 {
            outcome.plan = None;
        }
    }
    outcome
}

pub(crate) fn machine_findings(plan: &Plan) -> Vec<Diagnostic> {
    let listens = plan.listens();
    let mut findings: Vec<Diagnostic> = overlaps(&listens).chain(listens.iter().filter_map(foreign)).collect();
    if let LogTarget::File(path) = &plan.log.access {
        findings.extend(log_file(Path::new(path)));
    }
    findings
}

/// What is wrong with certificates, keys and lists, in the order of the config.
fn certificate_findings(plan: &Plan, outcome: &Outcome) -> Vec<Diagnostic> {
    let faults = evener_tls::inspect(plan, SystemTime::now());
    let mut findings: Vec<Diagnostic> = faults.iter().map(|fault| certificate(fault, outcome)).collect();
    let order = |place: &Place| (place.source, place.range.start);
    findings.sort_by_key(|finding| finding.place.as_ref().map(order));
    findings
}

/// Something about a certificate, a key or a list, at the path that the config has of it.
fn certificate(fault: &TlsFault, outcome: &Outcome) -> Diagnostic {
    let severity = match fault.severity() {
        evener_tls::Severity::Warning => Severity::Warning,
        evener_tls::Severity::Broken | evener_tls::Severity::Fatal => Severity::Error,
    };
    let mut places = places_of(fault, outcome).into_iter();
    let mut found = finding("bad-certificate", severity, fault.to_string(), &fault.fix());
    found.place = places.next();
    found.labels = places.map(|place| (place, String::from("it is named here, too"))).collect();
    if let Problem::KeyMismatch { key_path, .. } = &fault.problem {
        let keys = outcome.places(&["key"], key_path).into_iter();
        found.labels.extend(keys.map(|place| (place, String::from("the key"))));
    }
    found
}

/// Where the path stands, at the key that it is wrong for if that is known.
fn places_of(fault: &TlsFault, outcome: &Outcome) -> Vec<Place> {
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

fn overlaps(listens: &[Listen]) -> impl Iterator<Item = Diagnostic> {
    let before = |at: usize| listens.iter().take(at);
    listens.iter().enumerate().flat_map(move |(at, listen)| {
        before(at).filter(|earlier| overlap(**earlier, *listen)).map(move |earlier| {
            finding(
                "listen-overlap",
                Severity::Error,
                format!("`{earlier}` and `{listen}` cannot both be listened on: one takes in the other"),
                "keep the wider one, and tell the sites apart by `hosts`",
            )
        })
    })
}

/// An address that no interface of this machine has.
fn foreign(listen: &Listen) -> Option<Diagnostic> {
    let Listen::At(address) = listen else { return None };
    // Port 0 is any free port, so nobody who listens on the address is in the way.
    let error =
        TcpListener::bind((address.ip(), 0)).err().filter(|error| error.kind() == ErrorKind::AddrNotAvailable)?;
    let any = if matches!(address.ip(), IpAddr::V6(_)) { "IPv6 and IPv4" } else { "every interface" };
    Some(finding(
        "foreign-address",
        Severity::Error,
        format!("this machine cannot listen on `{address}`: {}", reason(&error)),
        &format!("`ip addr` lists the addresses it has; \":{}\" is {any}", address.port()),
    ))
}

fn log_file(path: &Path) -> Option<Diagnostic> {
    let problem = match path.metadata() {
        Ok(found) if found.is_dir() => return Some(log_error(path, "it is a folder", "name a file in it")),
        Ok(_) => may(path, Access::WRITE_OK),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder =
                path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
            if !folder.is_dir() {
                let help = format!("make it: mkdir -p {}", folder.display());
                return Some(log_error(path, "its folder does not exist", &help));
            }
            may(folder, Access::WRITE_OK | Access::EXEC_OK)
        }
        Err(error) => Err(error),
    };
    let error = problem.err()?;
    // Often another user runs evener than the one who checks.
    Some(finding(
        "log-not-writable",
        Severity::Warning,
        format!("this user cannot write the access log `{}`: {}", path.display(), reason(&error)),
        "no matter if evener runs as another user who can",
    ))
}

fn may(path: &Path, what: Access) -> IoResult<()> {
    Ok(access(path, what)?)
}

fn log_error(path: &Path, problem: &str, help: &str) -> Diagnostic {
    let message = format!("the access log `{}` cannot be opened: {problem}", path.display());
    finding("bad-log-path", Severity::Error, message, help)
}

fn finding(code: &'static str, severity: Severity, message: String, help: &str) -> Diagnostic {
    Diagnostic { code, severity, message, place: None, labels: Vec::new(), help: Some(help.to_owned()) }
}
