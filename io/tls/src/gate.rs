//! Who of the clients is let in: the authorities that may sign their certificates and the lists of revoked ones.
//!
//! It fails closed. What cannot be read at the start is a fault; what cannot be read later leaves what was read before,
//! and a list that is over turns clients away.

use crate::date::{DAY, seconds};
use crate::fault::{Problem, Severity, TlsFault, TlsNotice};
use crate::file::{self, LIST_BYTES_MAX, PEM_BYTES_MAX, Stamp};
use crate::provider::provider;
use arc_swap::ArcSwapOption;
use evener_plan::ClientAuth;
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

/// What looks at the certificates of clients.
#[derive(Debug)]
pub(crate) struct Gate {
    verifier: ArcSwapOption<Verifier>,
}

#[derive(Debug)]
struct Verifier(Arc<dyn ClientCertVerifier>);

impl Gate {
    /// What looks at them now; `None` only before the first reading has succeeded.
    pub(crate) fn verifier(&self) -> Option<Arc<dyn ClientCertVerifier>> {
        self.verifier.load().as_ref().map(|verifier| Arc::clone(&verifier.0))
    }
}

/// The gates in use, and the watch on their files.
#[derive(Default)]
pub(crate) struct Gates {
    held: HashMap<ClientAuth, Held>,
}

struct Held {
    gate: Arc<Gate>,
    stamps: Vec<Option<Stamp>>,
    /// The day, counted since 1970, of the last reading.
    day: i64,
}

impl Gates {
    /// The gate of these settings, read now, and what is wrong with it.
    pub(crate) fn take(&mut self, auth: &ClientAuth, now: SystemTime) -> (Arc<Gate>, Vec<TlsFault>) {
        let gate = || Arc::new(Gate { verifier: ArcSwapOption::empty() });
        let make = || Held { gate: gate(), stamps: Vec::new(), day: 0 };
        let held = self.held.entry(auth.clone()).or_insert_with(make);
        (held.stamps, held.day) = (stamps(auth), seconds(now) / DAY);
        let (verifier, faults) = read(auth, now);
        if let Some(verifier) = verifier {
            held.gate.verifier.store(Some(Arc::new(Verifier(verifier))));
        }
        (Arc::clone(&held.gate), faults)
    }

    /// Reads again what has changed, and everything once a day, for lists end. Also gives the gates that have changed.
    pub(crate) fn refresh(&mut self, now: SystemTime) -> (Vec<Arc<Gate>>, Vec<TlsNotice>) {
        let (mut changed, mut notices) = (Vec::new(), Vec::new());
        for (auth, held) in &mut self.held {
            let before = (std::mem::replace(&mut held.stamps, stamps(auth)), held.day);
            held.day = seconds(now) / DAY;
            if before.0 == held.stamps && before.1 == held.day {
                continue;
            }
            let (verifier, faults) = read(auth, now);
            let wrap = |fault: TlsFault| match fault.severity() {
                Severity::Fatal => TlsNotice::Kept(fault),
                Severity::Broken | Severity::Warning => TlsNotice::Flawed(fault),
            };
            notices.extend(faults.into_iter().map(wrap));
            let Some(verifier) = verifier.filter(|_| before.0 != held.stamps) else { continue };
            held.gate.verifier.store(Some(Arc::new(Verifier(verifier))));
            let changed_ones = paths(auth).zip(before.0.iter().zip(&held.stamps)).filter(|(_, (old, new))| old != new);
            let renewed = |(path, _): (&String, _)| TlsNotice::Renewed { subject: path.clone(), not_after: None };
            notices.extend(changed_ones.map(renewed));
            changed.push(Arc::clone(&held.gate));
        }
        (changed, notices)
    }

    /// Lets go of what no plan in use names.
    pub(crate) fn prune(&mut self) {
        self.held.retain(|_, held| Arc::strong_count(&held.gate) > 1);
    }
}

/// Reads the authorities and the lists. Without a verifier at least one fault is fatal.
pub(crate) fn read(auth: &ClientAuth, now: SystemTime) -> (Option<Arc<dyn ClientCertVerifier>>, Vec<TlsFault>) {
    let mut faults = Vec::new();
    let authorities = authorities(&auth.ca).map_err(|fault| faults.push(fault)).unwrap_or_default();
    let mut lists = Vec::new();
    for path in &auth.crls {
        match read_lists(path, now) {
            Ok((read, over)) => {
                lists.extend(read);
                faults.extend(over);
            }
            Err(fault) => faults.push(fault),
        }
    }
    let is_fatal = |faults: &[TlsFault]| faults.iter().any(|fault| fault.severity() == Severity::Fatal);
    if is_fatal(&faults) {
        return (None, faults);
    }
    faults.extend(missing_lists(auth, &authorities, &lists));
    match build(auth, authorities, lists) {
        Ok(verifier) => (Some(verifier), faults),
        Err(problem) => {
            faults.push(TlsFault::new(&auth.ca, problem));
            (None, faults)
        }
    }
}

fn build(
    auth: &ClientAuth,
    authorities: Vec<CertificateDer<'static>>,
    lists: Vec<CertificateRevocationListDer<'static>>,
) -> Result<Arc<dyn ClientCertVerifier>, Problem> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority).map_err(Problem::refused)?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .with_crls(lists)
        // An attacker who can hold back the newer list must not gain by it.
        .enforce_revocation_expiration();
    let builder = if auth.is_required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(Problem::refused)
}

/// The certificates in a file of authorities, each of which is X.509.
pub(crate) fn authorities(path: &str) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let fault = |problem| TlsFault::new(path, problem);
    let all = file::certificates(&file::read(path, PEM_BYTES_MAX)?.bytes).map_err(fault)?;
    match all.iter().position(|der| X509Certificate::from_der(der).is_err()) {
        Some(index) => Err(fault(Problem::NotX509(index + 1))),
        None => Ok(all),
    }
}

type Lists = Vec<CertificateRevocationListDer<'static>>;

/// The lists of a file, and those of them that are over.
fn read_lists(path: &str, now: SystemTime) -> Result<(Lists, Vec<TlsFault>), TlsFault> {
    let fault = |problem| TlsFault::new(path, problem);
    let lists = file::lists(&file::read(path, LIST_BYTES_MAX)?.bytes).map_err(fault)?;
    let mut over = Vec::new();
    for (index, list) in lists.iter().enumerate() {
        let Ok((_, list)) = CertificateRevocationList::from_der(list) else {
            return Err(fault(Problem::NotX509(index + 1)));
        };
        if let Some(end) = list.next_update().map(|end| end.timestamp()).filter(|end| *end < seconds(now)) {
            over.push(fault(Problem::ListExpired(end)));
        }
    }
    Ok((lists, over))
}

/// Authorities of which there is no list while there are lists: none of their clients is let in.
fn missing_lists(auth: &ClientAuth, authorities: &[CertificateDer<'static>], lists: &Lists) -> Vec<TlsFault> {
    if lists.is_empty() {
        return Vec::new();
    }
    let is_of = |list: &CertificateRevocationListDer<'static>, subject: &[u8]| {
        CertificateRevocationList::from_der(list).is_ok_and(|(_, list)| list.issuer().as_raw() == subject)
    };
    let missing = |der: &CertificateDer<'static>| {
        let (_, authority) = X509Certificate::from_der(der).ok()?;
        let subject = authority.subject();
        let has_list = lists.iter().any(|list| is_of(list, subject.as_raw()));
        (!has_list).then(|| TlsFault::new(&auth.ca, Problem::ListMissing(subject.to_string())))
    };
    authorities.iter().filter_map(missing).collect()
}

fn stamps(auth: &ClientAuth) -> Vec<Option<Stamp>> {
    paths(auth).map(|path| Stamp::of(path)).collect()
}

fn paths(auth: &ClientAuth) -> impl Iterator<Item = &String> {
    std::iter::once(&auth.ca).chain(&auth.crls)
}
