//! What is wrong with a certificate, a key or a list, in words that an operator understands, and what to do about it.
//!
//! It does not find anything; `reading` and its neighbours do.

use crate::date::day;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

/// One thing that is wrong with what TLS needs.
#[derive(Debug, Clone)]
pub struct TlsFault {
    /// The path of the file as the plan has it, or the name of what has no file, such as a host.
    pub subject: String,
    /// What is wrong with it.
    pub problem: Problem,
    /// For whom it is wrong, as far as it concerns only some of a plan.
    pub parties: Box<[Party]>,
}

/// Of a plan, what certificates, keys and lists are for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Party {
    /// A site, by its index in `Plan::sites`.
    Site(usize),
    /// A service, by its index in `Plan::tcp`.
    Tcp(usize),
    /// An upstream, by its name.
    Upstream(String),
}

impl TlsFault {
    pub(crate) fn new(subject: impl Into<String>, problem: Problem) -> Self {
        Self { subject: subject.into(), problem, parties: Box::default() }
    }

    pub(crate) fn of(self, party: &Party) -> Self {
        Self { parties: Box::new([party.clone()]), ..self }
    }

    /// Each fault once, for all whom it concerns.
    pub fn merged(faults: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        let mut seen = HashMap::new();
        for fault in faults {
            match seen.entry(fault.to_string()) {
                Entry::Vacant(place) => {
                    place.insert(all.len());
                    all.push(fault);
                }
                Entry::Occupied(place) => {
                    let known = &mut all[*place.get()].parties;
                    let mut parties = std::mem::take(known).into_vec();
                    let others = fault.parties.into_iter().filter(|party| !parties.contains(party));
                    parties.extend(others.collect::<Vec<_>>());
                    *known = parties.into();
                }
            }
        }
        all
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.problem.severity()
    }

    /// Whether it also counts for a certificate that evener shows to servers, which needs no names of hosts.
    pub(crate) fn counts_towards_servers(&self) -> bool {
        !matches!(self.problem, Problem::NoNames | Problem::NotForServers | Problem::ChainIncomplete(_))
    }

    /// What can be done about it.
    pub fn fix(&self) -> String {
        self.problem.fix()
    }
}

impl fmt::Display for TlsFault {
    /// Without the fix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.problem)
    }
}

impl Error for TlsFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.problem {
            Problem::Unreadable(error) => Some(&**error),
            Problem::Refused(error) => Some(&**error),
            Problem::Authority(error) => Some(&**error),
            Problem::StateFolder(error) => Some(&**error),
            _ => None,
        }
    }
}

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It works, and should be better.
    Warning,
    /// Clients will turn away, all or some of them. A check fails; evener starts, for an old certificate is better than
    /// no site.
    Broken,
    /// There is nothing to work with. Neither a start nor a reload succeeds.
    Fatal,
}

/// What is wrong. Dates are seconds since 1970.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Problem {
    /// The file cannot be read.
    Unreadable(Arc<io::Error>),
    /// It is no regular file.
    NotAFile,
    /// It is longer than anything of its kind; with the bound in bytes.
    TooLong(u64),
    /// It has no PEM in it; with what it looks like.
    NotPem(&'static str),
    /// What should stand on lines of its own stands on one.
    LineBreaks,
    /// A section of the PEM cannot be read; with the reason.
    Damaged(String),
    /// No certificate is in it; with what is.
    NoCertificate(Vec<String>),
    /// No private key is in it; with what is.
    NoKey(Vec<String>),
    /// No revocation list is in it; with what is.
    NoList(Vec<String>),
    /// The private key needs a passphrase.
    KeyEncrypted,
    /// The TLS library takes the key, certificate or list not.
    Refused(Arc<dyn Error + Send + Sync>),
    /// The bytes of certificate number n (from 1) or of a list are not X.509.
    NotX509(usize),
    /// The key is not the one of the certificate.
    KeyMismatch {
        /// Path or name of the key.
        key_path: String,
        /// The kind of the key in the certificate.
        certificate: Box<str>,
        /// The kind of the private key.
        key: Box<str>,
        /// The certificate of the file to which the key belongs (from 1), if any.
        belongs_to: Option<usize>,
    },
    /// Certificate number n (from 1) is over.
    Expired(usize, i64),
    /// Certificate number n (from 1) is not valid before this date.
    NotYetValid(usize, i64),
    /// Certificates stand in the wrong order: that of `issuer` should stand behind number n.
    ChainOrder(usize, String),
    /// The certificate behind number n did not issue it.
    ChainBroken {
        /// The number of the certificate, from 1.
        number: usize,
        /// Who issued it.
        issuer: String,
        /// Whose certificate stands behind it.
        found: String,
    },
    /// The file has only the server's own certificate, and clients do not know its issuer.
    ChainIncomplete(String),
    /// The certificate does not cover a host name of the site; with the names that it covers.
    HostMissing(String, Vec<String>),
    /// The certificate names no host at all.
    NoNames,
    /// The certificate may not be used by a server.
    NotForServers,
    /// An RSA key of so few bits.
    WeakKey(usize),
    /// A signature with SHA-1 on certificate number n (from 1).
    WeakSignature(usize),
    /// The key may be read by everybody; with the permission bits.
    KeyExposed(u32),
    /// The revocation list is over: clients are turned away until there is a newer one.
    ListExpired(i64),
    /// There are revocation lists, but none of this authority: its clients are turned away.
    ListMissing(String),
    /// Not the name of a host.
    HostInvalid,
    /// This is wrong with a certificate that was ordered and kept: another is ordered in its place.
    Replaced(Box<Self>),
    /// The internal certificate authority cannot be made or kept.
    Authority(Arc<dyn Error + Send + Sync>),
    /// The folder for the internal certificate authority cannot be made or written.
    StateFolder(Arc<io::Error>),
}

impl Problem {
    pub(crate) fn unreadable(error: io::Error) -> Self {
        Self::Unreadable(Arc::new(error))
    }

    pub(crate) fn refused(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Refused(Arc::new(error))
    }

    pub(crate) fn authority(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Authority(Arc::new(error))
    }

    fn severity(&self) -> Severity {
        match self {
            Self::HostMissing(..) | Self::NoNames | Self::WeakSignature(_) | Self::KeyExposed(_) => Severity::Warning,
            Self::ChainIncomplete(_) | Self::ListMissing(_) | Self::WeakKey(_) => Severity::Warning,
            Self::Replaced(_) => Severity::Warning,
            Self::Expired(..) | Self::NotYetValid(..) | Self::ChainOrder(..) => Severity::Broken,
            Self::ChainBroken { .. } | Self::NotForServers | Self::ListExpired(_) => Severity::Broken,
            Self::Unreadable(_) | Self::NotAFile | Self::TooLong(_) | Self::NotPem(_) | Self::Damaged(_) => {
                Severity::Fatal
            }
            Self::NoCertificate(_) | Self::NoKey(_) | Self::NoList(_) | Self::KeyEncrypted => Severity::Fatal,
            Self::LineBreaks => Severity::Fatal,
            Self::Refused(_) | Self::NotX509(_) | Self::KeyMismatch { .. } | Self::HostInvalid => Severity::Fatal,
            Self::Authority(_) | Self::StateFolder(_) => Severity::Fatal,
        }
    }

    fn fix(&self) -> String {
        let fixed = match self {
            Self::Unreadable(error) => match error.kind() {
                io::ErrorKind::NotFound => "check the path; a relative one starts at the folder evener runs in",
                io::ErrorKind::PermissionDenied => "let the user that evener runs as read it, and enter its folders",
                _ => "check the disk and the path",
            },
            Self::NotAFile => "name a file, not a folder, pipe or device",
            Self::TooLong(_) => "check the path: this is some other file",
            Self::NotPem("DER") => "convert it: openssl x509 -inform der -in FILE -out FILE.pem (a key: openssl pkey)",
            Self::NotPem("PKCS#12") => "convert it: openssl pkcs12 -in FILE -out FILE.pem -nodes",
            Self::NotPem(_) => "it must hold lines -----BEGIN …----- and -----END …----- with base64 between them",
            Self::LineBreaks => {
                "line breaks are missing: -----BEGIN …----- and -----END …----- must each be a line of its own"
            }
            Self::Damaged(_) => "copy the file again, whole and as text",
            Self::NoCertificate(found) => certificate_fix(found),
            Self::NoKey(found) => key_fix(found),
            Self::NoList(_) => "a revocation list is a section X509 CRL; convert DER: openssl crl -inform der",
            Self::KeyEncrypted => "evener cannot ask for a passphrase; remove it: openssl pkey -in FILE -out FILE.key",
            Self::Refused(_) => "use RSA of 2048 to 8192 bits, ECDSA P-256, P-384 or P-521, or Ed25519, undamaged",
            Self::NotX509(_) => "copy the file again from where the certificate was issued",
            Self::KeyMismatch { belongs_to: Some(_), .. } => {
                "put the server's own certificate first, then the one that issued it, and so on"
            }
            Self::KeyMismatch { .. } => "name the key that the certificate was ordered with, or order a new one",
            Self::Expired(..) => "renew the certificate",
            Self::NotYetValid(..) => "check the machine's clock, or wait",
            Self::ChainOrder(..) => "put the server's own certificate first, then the one that issued it, and so on",
            Self::ChainBroken { .. } => "replace it by the certificate of the issuer, or remove what does not belong",
            Self::ChainIncomplete(_) => "append the certificate of the issuer, often called fullchain or bundle",
            Self::HostMissing(..) => "order a certificate with this name, or take the name from the site's hosts",
            Self::NoNames => "order one with the names in subjectAltName; clients do not read the common name",
            Self::NotForServers => "order one with the extended key usage serverAuth",
            Self::WeakKey(_) => "order a certificate for ECDSA P-256 or RSA of at least 2048 bits",
            Self::WeakSignature(_) => "order a certificate signed with SHA-256",
            Self::KeyExposed(_) => "chmod 600, or 640 with the group that evener runs as",
            Self::ListExpired(_) => "fetch the current list from the authority",
            Self::ListMissing(_) => "add a list of this authority; also an empty one says who is revoked",
            Self::Replaced(_) => "nothing need be done but to start evener, which orders another one",
            Self::HostInvalid => "write a host name or an address, without port",
            Self::Authority(_) => "check the folder internal in state_dir; remove it to have a new authority made",
            Self::StateFolder(_) => "name another folder with state_dir, or let the user that evener runs as write it",
        };
        fixed.to_owned()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Self::NotAFile => f.write_str("is not a regular file"),
            Self::TooLong(bytes_max) => write!(f, "is longer than {bytes_max} bytes"),
            Self::NotPem(kind) => write!(f, "is not PEM but {kind}"),
            Self::LineBreaks => f.write_str("has lost its line breaks"),
            Self::Damaged(reason) => write!(f, "is damaged: {reason}"),
            Self::NoCertificate(found) => write!(f, "has no certificate in it{}", Found(found)),
            Self::NoKey(found) => write!(f, "has no private key in it{}", Found(found)),
            Self::NoList(found) => write!(f, "has no revocation list in it{}", Found(found)),
            Self::KeyEncrypted => f.write_str("the private key is encrypted with a passphrase"),
            Self::Refused(error) => write!(f, "cannot be used: {error}"),
            Self::NotX509(number) => write!(f, "item {number} is not valid X.509"),
            Self::KeyMismatch { key_path, certificate, key, belongs_to } => {
                write!(f, "the key {key_path} ({key}) does not match the certificate ({certificate})")?;
                belongs_to.map_or(Ok(()), |number| write!(f, " but certificate {number} of the file"))
            }
            Self::Expired(number, when) => write!(f, "certificate {number} expired on {}", day(*when)),
            Self::NotYetValid(number, when) => write!(f, "certificate {number} is not valid before {}", day(*when)),
            Self::ChainOrder(number, issuer) => {
                write!(f, "wrong order: behind certificate {number} must stand that of its issuer, {issuer}")
            }
            Self::ChainBroken { number, issuer, found } => {
                write!(f, "certificate {number} was issued by {issuer}, but behind it stands {found}")
            }
            Self::ChainIncomplete(issuer) => {
                write!(f, "the chain is incomplete: the certificate of {issuer} is missing, which clients do not know")
            }
            Self::HostMissing(host, names) => {
                write!(f, "does not cover the host {host}, only {}", names.join(", "))
            }
            Self::NoNames => f.write_str("names no host (no subjectAltName)"),
            Self::NotForServers => f.write_str("is not made for servers"),
            Self::WeakKey(bits) => write!(f, "the RSA key has only {bits} bits"),
            Self::WeakSignature(number) => write!(f, "certificate {number} is signed with SHA-1"),
            Self::KeyExposed(mode) => write!(f, "everybody on the machine may read the key (mode {mode:03o})"),
            Self::ListExpired(when) => write!(f, "the revocation list ended on {}: clients are refused", day(*when)),
            Self::ListMissing(authority) => {
                write!(f, "no revocation list of {authority} is given: its clients are refused")
            }
            Self::HostInvalid => f.write_str("is not a host name"),
            Self::Replaced(problem) => write!(f, "the certificate that was ordered and kept is of no use: {problem}"),
            Self::Authority(error) => write!(f, "the internal certificate authority fails: {error}"),
            Self::StateFolder(error) => write!(f, "the internal certificate authority cannot be kept here: {error}"),
        }
    }
}

/// The remedy where a certificate should be, by what is there.
fn certificate_fix(found: &[String]) -> &'static str {
    match found {
        [] => "check the path: the file has no section of PEM",
        all if all.iter().any(|label| label == "TRUSTED CERTIFICATE") => {
            "convert it to the usual form: openssl x509 -in FILE -out FILE.pem"
        }
        all if all.iter().any(|label| label.ends_with("PRIVATE KEY")) => {
            "name the certificate here; this file holds a private key"
        }
        _ => "name the certificate here; this file holds something else",
    }
}

/// The remedy where a private key should be, by what is there.
fn key_fix(found: &[String]) -> &'static str {
    match found {
        [] => "check the path: the file has no section of PEM",
        all if all.iter().any(|label| label.ends_with("CERTIFICATE")) => {
            "name the private key here; this file holds a certificate"
        }
        _ => "name the private key here; this file holds something else",
    }
}

/// What is in a file in place of what should be.
struct Found<'a>(&'a [String]);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ", only {}", self.0.join(", ")) }
    }
}

/// What happened to certificates and lists while evener runs.
#[derive(Debug, Clone)]
pub enum TlsNotice {
    /// A file has changed and what it holds is in use.
    Renewed {
        /// Path or name.
        subject: String,
        /// The end of the new certificate, seconds since 1970; `None` for a list of authorities or revocations.
        not_after: Option<i64>,
    },
    /// A file has changed and cannot be used: what was read before stays in use.
    Kept(TlsFault),
    /// What is in use has a fault.
    Flawed(TlsFault),
    /// A certificate ends soon.
    Expires {
        /// Path or name.
        subject: String,
        /// Days until then.
        days: i64,
        /// The end, seconds since 1970.
        not_after: i64,
    },
}

impl fmt::Display for TlsNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renewed { subject, not_after: Some(end) } => {
                write!(f, "{subject}: the new certificate is in use, valid until {}", day(*end))
            }
            Self::Renewed { subject, not_after: None } => write!(f, "{subject}: the new content is in use"),
            Self::Kept(fault) => write!(f, "{fault}; what was read before stays in use; {}", fault.fix()),
            Self::Flawed(fault) => write!(f, "{fault}; {}", fault.fix()),
            Self::Expires { subject, days, not_after } => {
                write!(f, "{subject}: the certificate expires in {days} days, on {}", day(*not_after))
            }
        }
    }
}
