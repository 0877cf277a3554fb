//! Files with PEM in them: reading one whole within a bound, its sections, and the stamp by which a change is seen.
//!
//! What a section means is the business of `reading`.

use crate::fault::{Problem, TlsFault};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;

/// What changes when a file, or any symbolic link on the way to it, is replaced or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    place: (u64, u64),
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of what the path leads to; `None` while it leads nowhere.
    pub(crate) fn of(path: &str) -> Option<Self> {
        std::fs::metadata(path).ok().map(|metadata| Self::from(&metadata))
    }
}

impl From<&Metadata> for Stamp {
    fn from(m: &Metadata) -> Self {
        Self {
            place: (m.dev(), m.ino()),
            bytes: m.size(),
            modified: (m.mtime(), m.mtime_nsec()),
            // Also moves when a file of equal length is written twice within one tick, or its permissions change.
            changed: (m.ctime(), m.ctime_nsec()),
        }
    }
}

/// The bytes of a file and its permission bits.
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    pub(crate) mode: u32,
}

/// Reads a file whole.
pub(crate) fn read(path: &str, bytes_max: u64) -> Result<Content, TlsFault> {
    let fault = |problem| TlsFault::new(path, problem);
    // Opening a pipe would wait for a writer, so the kind is looked at before.
    let metadata = std::fs::metadata(path).map_err(|error| fault(Problem::unreadable(error)))?;
    if !metadata.is_file() {
        return Err(fault(Problem::NotAFile));
    }
    let file = File::open(path).map_err(|error| fault(Problem::unreadable(error)))?;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(|error| fault(Problem::unreadable(error)))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bytes_max {
        return Err(fault(Problem::TooLong(bytes_max)));
    }
    Ok(Content { bytes, mode: metadata.mode() & 0o777 })
}

/// The certificates in a text of PEM, in its order, at least one.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let all = sections(pem)?;
    if all.is_empty() { Err(Problem::NoCertificate(labels(pem))) } else { Ok(all) }
}

/// The revocation lists in a text of PEM, at least one.
pub(crate) fn lists(pem: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, Problem> {
    let all = sections(pem)?;
    if all.is_empty() { Err(Problem::NoList(labels(pem))) } else { Ok(all) }
}

/// The first private key in a text of PEM.
pub(crate) fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Problem> {
    let is_encrypted = |label: &String| label == "ENCRYPTED PRIVATE KEY";
    let labels = labels(pem);
    if labels.iter().any(is_encrypted) || contains(pem, b"Proc-Type: 4,ENCRYPTED") {
        return Err(Problem::KeyEncrypted);
    }
    sections(pem)?.into_iter().next().ok_or(Problem::NoKey(labels))
}

fn sections<T: PemObject>(pem: &[u8]) -> Result<Vec<T>, Problem> {
    if !contains(pem, b"-----BEGIN ") {
        return Err(Problem::NotPem(kind(pem)));
    }
    T::pem_slice_iter(pem).collect::<Result<Vec<T>, PemError>>().map_err(|error| Problem::Damaged(reason(&error)))
}

/// What a file that is not PEM looks like.
fn kind(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "empty",
        // SEQUENCE { INTEGER 3 …: the version of PKCS#12; other DER begins with other things.
        [0x30, 0x82, _, _, 0x02, 0x01, 0x03, ..] => "PKCS#12",
        [0x30, ..] => "DER",
        _ => "some other text or data",
    }
}

/// The library's reason, with its markers as text.
fn reason(error: &PemError) -> String {
    match error {
        PemError::MissingSectionEnd { end_marker } => {
            let label = String::from_utf8_lossy(end_marker);
            let label = label.trim_start_matches("-----END ").trim_end_matches(['-', '\r', '\n']);
            format!("the line -----END {label}----- is missing")
        }
        PemError::IllegalSectionStart { line } => {
            format!("the line {:?} begins no section", String::from_utf8_lossy(line).trim())
        }
        other => other.to_string(),
    }
}

/// What stands behind BEGIN in each section, at most [`LABELS_MAX`].
fn labels(pem: &[u8]) -> Vec<String> {
    let label = |line: &[u8]| {
        let rest = line.trim_ascii().strip_prefix(b"-----BEGIN ")?;
        Some(String::from_utf8_lossy(rest.strip_suffix(b"-----")?).into_owned())
    };
    pem.split(|byte| *byte == b'\n').filter_map(label).take(LABELS_MAX).collect()
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// Sections that a message about a file names.
const LABELS_MAX: usize = 5;
/// Bound on a file of certificates or keys; the longest bundles of authorities are a quarter of it.
pub(crate) const PEM_BYTES_MAX: u64 = 1024 * 1024;
/// Bound on a revocation list; those of large authorities have tens of megabytes.
pub(crate) const LIST_BYTES_MAX: u64 = 64 * 1024 * 1024;
