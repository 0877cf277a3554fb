//! What the manager tells the rest of evener, and the words for it.
//!
//! The stage shows challenge answers and uses certificates. How they come to the workers is not known here.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::certificate::Certificate;
use crate::fault::Fault;

/// Where challenge answers and certificates go. The calls come from the control thread and must not wait.
///
/// An answer is shown from `set_…` until `clear_…`, which comes also if the order fails, hangs or is given up.
pub trait Stage: Send + Sync + 'static {
    /// Answers `GET /.well-known/acme-challenge/TOKEN` for exactly this host with `key_authorization`.
    fn set_http(&self, host: &str, token: &str, key_authorization: &str);
    /// Answers this token no more.
    fn clear_http(&self, host: &str, token: &str);
    /// Shows this certificate (DER; the key is PKCS #8) to a client that asks for exactly this host with the one protocol
    /// `acme-tls/1`, RFC 8737. It has a critical extension that rustls does not know, so that `CertifiedKey::from_der` and
    /// `keys_match` refuse it; `CertifiedKey::new` takes it.
    fn set_alpn(&self, host: &str, certificate_der: &[u8], key_der: &[u8]);
    /// Shows it no more.
    fn clear_alpn(&self, host: &str);
    /// Use this certificate for its host from now on. Comes for stored certificates at the start too: in place of one that
    /// turns out to be of no use (false) another one is ordered.
    fn installed(&self, certificate: &Certificate) -> bool;
    /// Something that the operator may want to know.
    fn tell(&self, notice: Notice);
    /// When a certificate is ordered for this host next, as far as it is known now; `None`: the host is gone. Comes often,
    /// mostly with the same time. Who does not show it need not listen.
    fn expects(&self, _host: &str, _order_at: Option<SystemTime>) {}
}

/// Something that the operator may want to know.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice {
    /// The account is ready.
    AccountOpened {
        /// URL of the directory.
        directory: String,
        /// Whether it was made just now.
        is_new: bool,
    },
    /// The authority could not be reached, or it refuses the account.
    AuthorityFailed {
        /// Why.
        fault: Fault,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// No certificate can ever be ordered for this host.
    HostRefused {
        /// The host as it was given.
        host: String,
        /// Why.
        reason: &'static str,
    },
    /// A new certificate is in use.
    Ordered {
        /// Its host.
        host: String,
        /// Its end.
        not_after: SystemTime,
    },
    /// There is no new certificate; the old one, if there is one, stays in use.
    OrderFailed {
        /// The host.
        host: String,
        /// Why.
        fault: Fault,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// A certificate whose renewal fails comes to its end. Told once for each step: 14, 7, 3, 1 and 0 days.
    Expiring {
        /// Its host.
        host: String,
        /// The time that is left; zero if it has ended.
        expires_in: Duration,
    },
    /// The authority does not say when to renew; the certificate's own end decides.
    RenewalUnknown {
        /// The host.
        host: String,
        /// Why.
        fault: Fault,
    },
    /// A certificate is used but could not be stored; what was stored before is untouched.
    NotStored {
        /// Its host.
        host: String,
        /// The folder that does not take it.
        folder: PathBuf,
        /// Why.
        error: io::Error,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// What is stored for this host cannot be used, so that a new certificate is ordered.
    StoredUnusable {
        /// The host.
        host: String,
        /// Why.
        fault: Fault,
    },
}

impl Notice {
    /// A fixed short name for logs and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::AccountOpened { .. } => "acme_account",
            Self::AuthorityFailed { .. } => "acme_authority_failed",
            Self::HostRefused { .. } => "acme_host_refused",
            Self::Ordered { .. } => "acme_ordered",
            Self::OrderFailed { .. } => "acme_order_failed",
            Self::Expiring { .. } => "acme_expiring",
            Self::RenewalUnknown { .. } => "acme_renewal_unknown",
            Self::NotStored { .. } => "acme_not_stored",
            Self::StoredUnusable { .. } => "acme_stored_unusable",
        }
    }

    /// Whether something is wrong.
    pub fn is_failure(&self) -> bool {
        !matches!(self, Self::AccountOpened { .. } | Self::Ordered { .. })
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccountOpened { directory, is_new: true } => write!(f, "made an account at {directory}"),
            Self::AccountOpened { directory, is_new: false } => write!(f, "opened the account at {directory}"),
            Self::AuthorityFailed { fault: fault @ Fault::Unwritable { .. }, retry_in } => write!(
                f,
                "nothing is asked of the certificate authority, because it could not be kept: {}; name another folder with \
                 state_dir = \"…\", or let the user that evener runs as write this one; next try in {}",
                Chain(fault),
                Span(*retry_in),
            ),
            Self::AuthorityFailed { fault, retry_in } => {
                write!(f, "cannot use the certificate authority: {}; next try in {}", Chain(fault), Span(*retry_in))
            }
            Self::HostRefused { host, reason } => write!(f, "no certificate can be ordered for {host:?}: {reason}"),
            Self::Ordered { host, .. } => write!(f, "got a certificate for {host}"),
            Self::OrderFailed { host, fault, retry_in } => {
                write!(f, "no certificate for {host}: {}; next try in {}", Chain(fault), Span(*retry_in))
            }
            Self::Expiring { host, expires_in: Duration::ZERO } => {
                write!(f, "the certificate of {host} has expired and its renewal fails")
            }
            Self::Expiring { host, expires_in } => {
                write!(f, "the certificate of {host} expires in {} and its renewal fails", Span(*expires_in))
            }
            Self::RenewalUnknown { host, fault } => {
                write!(f, "the authority does not say when to renew the certificate of {host}: {}", Chain(fault))
            }
            Self::NotStored { host, folder, error, retry_in } => {
                let (folder, wait) = (folder.display(), Span(*retry_in));
                write!(f, "cannot store the certificate of {host} in {folder}: {error}; next try in {wait}")
            }
            Self::StoredUnusable { host, fault } => {
                write!(f, "the stored certificate of {host} cannot be used: {}", Chain(fault))
            }
        }
    }
}

/// An error with all its causes.
struct Chain<'a>(&'a Fault);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// A time in the largest unit that fits twice.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0..120 => write!(f, "{seconds} s"),
            120..7200 => write!(f, "{} min", seconds / 60),
            7200..172_800 => write!(f, "{} h", seconds / 3600),
            _ => write!(f, "{} days", seconds / 86_400),
        }
    }
}
