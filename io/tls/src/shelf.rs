//! The certificates that are in use, each once however many sites share it, and the watch on their files.
//!
//! # LIFECYCLE
//! A certificate is put on the shelf by the first plan that names it, read again whenever its files change or a plan names
//! it again, and taken off when no plan in use names it any more. What is broken never replaces what works. Sites hold
//! the slot, not the certificate, so that a new one serves the next handshake of every connection's config.

use crate::date::{DAY, seconds, system_time};
use crate::fault::{Problem, Severity, TlsFault, TlsNotice};
use crate::file::Stamp;
use crate::reading::{self, Pair, Reading};
use arc_swap::ArcSwapOption;
use evener_plan::CertificateFiles;
use rustls::pki_types::CertificateDer;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

/// Where a certificate in use stands; empty while there is none.
pub(crate) type Slot = ArcSwapOption<Pair>;

/// Where a certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CertificateSource {
    /// Files that the config names for sites and services.
    File,
    /// Files that the config names for an upstream; shown to its servers.
    Upstream,
    /// An authority, over ACME.
    Acme,
    /// The internal authority.
    Internal,
}

/// A certificate in use, for status and metrics.
#[derive(Debug, Clone)]
pub struct CertificateReport {
    /// Path of the certificate, or the name of what has no file.
    pub subject: String,
    /// The names that it covers.
    pub names: Vec<String>,
    /// The kind of its key, such as `ECDSA P-256`.
    pub key: String,
    /// Until when it is valid.
    pub not_after: SystemTime,
    /// Where it comes from.
    pub source: CertificateSource,
}

impl CertificateReport {
    pub(crate) fn of(subject: &str, pair: &Pair, source: CertificateSource) -> Self {
        Self {
            subject: subject.to_owned(),
            names: pair.facts.names.clone(),
            key: pair.facts.kind.clone(),
            not_after: system_time(pair.facts.not_after),
            source,
        }
    }
}

/// The certificates in use that come from files.
#[derive(Default)]
pub(crate) struct Shelf {
    held: HashMap<(CertificateFiles, CertificateSource), Held>,
}

#[derive(Default)]
struct Held {
    slot: Arc<Slot>,
    stamps: Stamps,
    /// The day, counted since 1970, on which its end was last announced.
    announced: Option<i64>,
}

/// Of the certificate and the key.
type Stamps = (Option<Stamp>, Option<Stamp>);

impl Shelf {
    /// The slot of a certificate, read now, and what is wrong with it. One that comes over ACME may not be there yet.
    pub(crate) fn take(
        &mut self,
        files: &CertificateFiles,
        source: CertificateSource,
        now: SystemTime,
    ) -> (Arc<Slot>, Vec<TlsFault>) {
        let held = self.held.entry((files.clone(), source)).or_default();
        // Before reading: a change while it is read will be seen as one afterwards.
        let before = std::mem::replace(&mut held.stamps, stamps(files));
        // One that was installed and could not be stored is newer than the files, if they have not changed since.
        let is_installed = source == CertificateSource::Acme && before == held.stamps && held.slot.load().is_some();
        if held.is_awaited(source) {
            return (Arc::clone(&held.slot), Vec::new());
        }
        let Reading { pair, faults } = read(files, source, now);
        if is_installed {
            let is_same = |own: &Pair| pair.is_some_and(|stored| stored.key.cert == own.key.cert);
            let is_stored = held.slot.load().as_deref().is_some_and(is_same);
            return (Arc::clone(&held.slot), if is_stored { faults } else { Vec::new() });
        }
        if let Some(pair) = pair {
            held.slot.store(Some(Arc::new(pair)));
        }
        (Arc::clone(&held.slot), faults)
    }

    /// Puts a certificate in place that has just been ordered.
    pub(crate) fn install(
        &mut self,
        files: &CertificateFiles,
        chain_pem: &str,
        key_pem: &str,
        now: SystemTime,
    ) -> Result<(), TlsFault> {
        let Reading { pair, faults } = reading::parse(files, Some(chain_pem.as_bytes()), Some(key_pem.as_bytes()), now);
        if let Some(pair) = pair {
            let held = self.held.entry((files.clone(), CertificateSource::Acme)).or_default();
            held.stamps = stamps(files);
            held.slot.store(Some(Arc::new(pair)));
            return Ok(());
        }
        match faults.into_iter().max_by_key(TlsFault::severity) {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    /// Reads again what has changed, and tells what ends soon.
    pub(crate) fn refresh(&mut self, now: SystemTime) -> Vec<TlsNotice> {
        let mut notices = Vec::new();
        for ((files, source), held) in &mut self.held {
            let stamps = stamps(files);
            if stamps != held.stamps {
                held.stamps = stamps;
                held.reread(files, *source, now, &mut notices);
            }
            held.announce(files, now, &mut notices);
        }
        notices
    }

    /// Lets go of what no plan in use names.
    pub(crate) fn prune(&mut self) {
        self.held.retain(|_, held| Arc::strong_count(&held.slot) > 1);
    }

    /// The certificates in use.
    pub(crate) fn reports(&self) -> impl Iterator<Item = CertificateReport> {
        self.held.iter().filter_map(|((files, source), held)| {
            held.slot.load().as_deref().map(|pair| CertificateReport::of(&files.certificate, pair, *source))
        })
    }
}

impl Held {
    /// Whether it is still to be ordered: then there is nothing to read and nothing wrong.
    fn is_awaited(&self, source: CertificateSource) -> bool {
        source == CertificateSource::Acme && self.stamps == (None, None)
    }

    fn reread(
        &mut self,
        files: &CertificateFiles,
        source: CertificateSource,
        now: SystemTime,
        notices: &mut Vec<TlsNotice>,
    ) {
        if self.is_awaited(source) {
            return;
        }
        let Reading { pair, faults } = read(files, source, now);
        let wrap = |fault: TlsFault| match fault.severity() {
            Severity::Fatal => TlsNotice::Kept(fault),
            Severity::Broken | Severity::Warning => TlsNotice::Flawed(fault),
        };
        // That it is over will be told as its end.
        let is_end = |fault: &TlsFault| pair.is_some() && matches!(fault.problem, Problem::Expired(1, _));
        notices.extend(faults.into_iter().filter(|fault| !is_end(fault)).map(wrap));
        let Some(pair) = pair else { return };
        let is_new = self.slot.load().as_deref().is_none_or(|old| chain(old) != chain(&pair));
        if is_new {
            let not_after = Some(pair.facts.not_after);
            notices.push(TlsNotice::Renewed { subject: files.certificate.clone(), not_after });
            self.announced = None;
        }
        self.slot.store(Some(Arc::new(pair)));
    }

    fn announce(&mut self, files: &CertificateFiles, now: SystemTime, notices: &mut Vec<TlsNotice>) {
        let Some(pair) = self.slot.load_full() else { return };
        let today = seconds(now) / DAY;
        if self.announced == Some(today) {
            return;
        }
        if let Some(notice) = end(&files.certificate, &pair, now) {
            self.announced = Some(today);
            notices.push(notice);
        }
    }
}

/// What is to be said of the end of a certificate that is near or past. A short-lived one is announced later, for its
/// renewal is due when a third of its life is left.
fn end(subject: &str, pair: &Pair, now: SystemTime) -> Option<TlsNotice> {
    let facts = &pair.facts;
    let left = facts.not_after - seconds(now);
    if left < 0 {
        let problem = Problem::Expired(1, facts.not_after);
        return Some(TlsNotice::Flawed(TlsFault::new(subject, problem)));
    }
    let notice = (NOTICE_DAYS * DAY).min((facts.not_after - facts.not_before) / 4);
    let (subject, not_after) = (subject.to_owned(), facts.not_after);
    (left < notice).then_some(TlsNotice::Expires { subject, days: left / DAY, not_after })
}

fn read(files: &CertificateFiles, source: CertificateSource, now: SystemTime) -> Reading {
    let mut reading = reading::read(files, now);
    if source == CertificateSource::Upstream {
        reading.faults.retain(TlsFault::counts_towards_servers);
    }
    reading
}

fn chain(pair: &Pair) -> &[CertificateDer<'static>] {
    &pair.key.cert
}

fn stamps(files: &CertificateFiles) -> Stamps {
    (Stamp::of(&files.certificate), Stamp::of(&files.key))
}

/// Days before the end of a certificate from which on it is announced: later than any renewal is due.
const NOTICE_DAYS: i64 = 14;
