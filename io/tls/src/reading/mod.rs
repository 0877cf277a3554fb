//! Certificates with their keys: from two files, or two texts, to what a handshake needs, with everything that is wrong.
//!
//! It keeps nothing and watches nothing; `shelf` does.

mod chain;
mod facts;

pub(crate) use facts::{Facts, facts, name_covers};

use crate::date::seconds;
use crate::fault::{Problem, Severity, TlsFault};
use crate::file::{self, PEM_BYTES_MAX};
use crate::provider::provider;
use evener_plan::CertificateFiles;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey};
use std::sync::Arc;
use std::time::SystemTime;

/// A certificate with its chain and its key, ready for handshakes.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) key: Arc<CertifiedKey>,
    pub(crate) facts: Facts,
}

/// What came of reading a certificate and its key.
pub(crate) struct Reading {
    /// `None` if something is fatal.
    pub(crate) pair: Option<Pair>,
    /// All that is wrong.
    pub(crate) faults: Vec<TlsFault>,
}

/// Reads a certificate and its key.
pub(crate) fn read(files: &CertificateFiles, now: SystemTime) -> Reading {
    let mut faults = Vec::new();
    let mut collect = |result: Result<file::Content, TlsFault>| result.map_err(|fault| faults.push(fault)).ok();
    let certificate = collect(file::read(&files.certificate, PEM_BYTES_MAX));
    let key = collect(file::read(&files.key, PEM_BYTES_MAX));
    if let Some(content) = key.as_ref().filter(|content| content.mode & 0o004 != 0) {
        faults.push(TlsFault::new(&files.key, Problem::KeyExposed(content.mode)));
    }
    let (certificate, key) = (certificate.map(|c| c.bytes), key.map(|c| c.bytes));
    let parsed = parse(files, certificate.as_deref(), key.as_deref(), now);
    faults.extend(parsed.faults);
    Reading { pair: parsed.pair, faults }
}

/// Makes a certificate and its key of texts in PEM; `None` for what could not be read at all. The names of `files` stand
/// in the faults.
pub(crate) fn parse(
    files: &CertificateFiles,
    certificate: Option<&[u8]>,
    key: Option<&[u8]>,
    now: SystemTime,
) -> Reading {
    let mut faults = Vec::new();
    let chain = certificate.and_then(|pem| {
        let chain = file::certificates(pem);
        chain.map_err(|problem| faults.push(TlsFault::new(&files.certificate, problem))).ok()
    });
    let key = key.and_then(|pem| {
        let key = file::key(pem).and_then(signing_key);
        key.map_err(|problem| faults.push(TlsFault::new(&files.key, problem))).ok()
    });
    let problems = chain.as_deref().map(|chain| chain::problems(chain, seconds(now))).unwrap_or_default();
    faults.extend(problems.into_iter().map(|problem| TlsFault::new(&files.certificate, problem)));
    let pair = join(files, chain, key, &mut faults);
    let is_fatal = faults.iter().any(|fault| fault.severity() == Severity::Fatal);
    Reading { pair: pair.filter(|_| !is_fatal), faults }
}

/// Puts a chain and a key together if they belong together.
fn join(
    files: &CertificateFiles,
    chain: Option<Vec<CertificateDer<'static>>>,
    key: Option<Arc<dyn SigningKey>>,
    faults: &mut Vec<TlsFault>,
) -> Option<Pair> {
    let (chain, key) = (chain?, key?);
    let facts = facts(chain.first()?)?;
    if let Some(public) = key.public_key()
        && public.as_ref() != facts.public_key
    {
        let owner =
            chain.iter().position(|der| facts::facts(der).is_some_and(|other| other.public_key == public.as_ref()));
        let problem = Problem::KeyMismatch {
            key_path: files.key.clone(),
            certificate: facts.kind.as_str().into(),
            key: facts::kind_of(public.as_ref()).into(),
            belongs_to: owner.map(|index| index + 1),
        };
        faults.push(TlsFault::new(&files.certificate, problem));
        return None;
    }
    let certified = CertifiedKey::new(chain, key);
    if let Err(error) = certified.keys_match() {
        faults.push(TlsFault::new(&files.certificate, Problem::refused(error)));
        return None;
    }
    Some(Pair { key: Arc::new(certified), facts })
}

fn signing_key(key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Problem> {
    provider().key_provider.load_private_key(key).map_err(Problem::refused)
}
