//! `evener check`: what the config says of itself, and what `run` would meet on this machine beyond that.
//!
//! It binds no port that is in the config, because evener may be running with this very file, and leaves no file behind.

use crate::certificates;
use crate::cli::Format;
use crate::control::listeners::overlap;
use crate::operator::{print, reason};
use crate::source::Source;
use crate::state_folder::{self, Asker};
use evener_config::{Diagnostic, Outcome, Place, Severity};
use evener_plan::{Listen, LogTarget, Plan};
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

/// Adds what this machine has against the config. One with errors is looked at as far as it could be read, so that all
/// that is wrong is told at once.
fn with_machine(mut outcome: Outcome) -> Outcome {
    if let Some(plan) = outcome.plan.as_ref().or(outcome.torso.as_ref()) {
        let mut findings = machine_findings(plan);
        if !has_guesses(&outcome) {
            findings.extend(overlaps(&plan.listens()));
            findings.extend(state_folder::finding(plan, &outcome, Asker::Check));
        }
        let faults = evener_tls::inspect(plan, SystemTime::now());
        findings.extend(certificates::checked(&faults, plan, &outcome));
        outcome.diagnostics.extend(findings);
        // In the order of the files; what has no place comes last.
        let order = |place: &Place| (place.source, place.range.start);
        outcome.diagnostics.sort_by_key(|finding| {
            let place = finding.place.as_ref().map(order);
            (place.is_none(), place)
        });
        if outcome.errors() > 0 {
            outcome.plan = None;
        }
    }
    outcome
}

/// Whether defaults may stand where something else is meant: a key could not be read. What follows from a default is no
/// finding then.
fn has_guesses(outcome: &Outcome) -> bool {
    let is_unread = |finding: &Diagnostic| finding.severity == Severity::Error && UNREAD.contains(&finding.code);
    outcome.diagnostics.iter().any(is_unread)
}

/// Findings about what could not be read at all.
const UNREAD: [&str; 6] = ["syntax", "duplicate-key", "unknown-key", "wrong-type", "bad-path", "unreadable-file"];

/// What is written for all to see, and cannot be done here.
pub(crate) fn machine_findings(plan: &Plan) -> Vec<Diagnostic> {
    let mut findings: Vec<Diagnostic> = plan.listens().iter().filter_map(foreign).collect();
    if let LogTarget::File(path) = &plan.log.access {
        findings.extend(log_file(Path::new(path)));
    }
    findings
}

pub(crate) fn overlaps(listens: &[Listen]) -> impl Iterator<Item = Diagnostic> {
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
