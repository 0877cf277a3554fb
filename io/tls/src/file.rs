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
    if !contains(pem, BEGIN) {
        return Err(Problem::NotPem(kind(pem)));
    }
    if lines(pem).any(is_run_together) {
        return Err(Problem::LineBreaks);
    }
    T::pem_slice_iter(pem).collect::<Result<Vec<T>, PemError>>().map_err(|error| Problem::Damaged(reason(&error)))
}

/// Whether a mark of PEM shares its line with something that belongs on another. Text that speaks of one has blanks.
fn is_run_together(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let Some(at) = [BEGIN, END].iter().filter_map(|mark| find(line, mark)).min() else { return false };
    let (before, mark) = line.split_at(at);
    let label = mark.strip_prefix(BEGIN).or_else(|| mark.strip_prefix(END)).unwrap_or_default();
    let is_followed = find(label, DASHES).is_some_and(|end| end + DASHES.len() < label.len());
    !before.contains(&b' ') && (!before.is_empty() || is_followed)
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

/// The library's reason, without what stands in the file: where a mark is damaged its line may be the key itself.
fn reason(error: &PemError) -> String {
    match error {
        PemError::MissingSectionEnd { end_marker } => {
            format!("the line -----END {}----- is missing", label(end_marker).unwrap_or("…"))
        }
        PemError::IllegalSectionStart { .. } => String::from("a line -----BEGIN … does not end with -----"),
        PemError::Base64Decode(_) => String::from("it is not base64 between -----BEGIN …----- and -----END …-----"),
        other => other.to_string(),
    }
}

/// What stands behind BEGIN in each section, at most [`LABELS_MAX`].
fn labels(pem: &[u8]) -> Vec<String> {
    let begun = |line: &[u8]| Some(label(line.trim_ascii().strip_prefix(BEGIN)?.strip_suffix(DASHES)?)?.to_owned());
    lines(pem).filter_map(begun).take(LABELS_MAX).collect()
}

/// The text if it is like the label of a mark: nothing else of a file is ever told.
fn label(text: &[u8]) -> Option<&str> {
    let is_like_one = |byte: &u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b' ');
    let is_one = (1..=LABEL_BYTES_MAX).contains(&text.len()) && text.iter().all(is_like_one);
    str::from_utf8(text).ok().filter(|_| is_one)
}

/// The lines of a text of PEM, by whichever breaks.
fn lines(pem: &[u8]) -> impl Iterator<Item = &[u8]> {
    pem.split(|byte| matches!(byte, b'\n' | b'\r'))
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    find(bytes, what).is_some()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";
/// Bytes of a label; the longest that are in use have 27.
const LABEL_BYTES_MAX: usize = 40;
/// Sections that a message about a file names.
const LABELS_MAX: usize = 5;
/// Bound on a file of certificates or keys; the longest bundles of authorities are a quarter of it.
pub(crate) const PEM_BYTES_MAX: u64 = 1024 * 1024;
/// Bound on a revocation list; those of large authorities have tens of megabytes.
pub(crate) const LIST_BYTES_MAX: u64 = 64 * 1024 * 1024;
