//! Why there is no certificate, and whose doing it was.
//!
//! How long to wait afterwards is decided in `schedule`; here stands only what the authority asked for.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::client::is_bad_nonce;
use crate::schedule::{Challenge, Setback};

/// Why something with the authority or the store went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Ours: a setting or a file that it names cannot be used.
    Setting {
        /// What is wrong.
        what: String,
        /// The cause, if there is one.
        cause: Option<Box<dyn Error + Send + Sync>>,
    },
    /// Ours: nothing can be kept in the state folder, so that nothing was asked for.
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Ours: reading or writing below the state folder failed.
    State {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Ours: keys or requests could not be made.
    Crypto(rcgen::Error),
    /// Ours: a step of the program broke off.
    Broken,
    /// Ours or the authority's: the certificate of its own server is not trusted.
    Untrusted(rustls::Error),
    /// The authority's: no connection.
    Unreachable(Box<dyn Error + Send + Sync>),
    /// The authority's: a request was not answered in time.
    Unanswered(Duration),
    /// The authority's: an answer that is not what RFC 8555 says.
    Malformed {
        /// What was expected.
        what: &'static str,
        /// The cause, if there is one.
        cause: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The authority says no, RFC 8555 §6.7.
    Refused {
        /// Status of its answer; 0 if it came in an order's state.
        status: u16,
        /// The problem's type, such as `urn:ietf:params:acme:error:rateLimited`.
        kind: String,
        /// Its words.
        detail: String,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The authority could not find the challenge answer, or found another.
    Challenge {
        /// Which challenge it was.
        challenge: Challenge,
        /// The authority's words.
        detail: String,
    },
    /// The authority offers no challenge that evener can answer.
    NoChallenge,
    /// The order was not over in time.
    Slow(Duration),
    /// A certificate that cannot be used.
    Unusable(&'static str),
    /// The authority cannot tell when to renew.
    NoRenewalInfo,
}

impl Fault {
    /// Whether it is about the authority as a whole, so that other hosts would meet it too.
    pub(crate) fn is_authority_wide(&self) -> bool {
        match self {
            Self::Setting { .. } | Self::Unwritable { .. } | Self::State { .. } => true,
            Self::Untrusted(_) | Self::Unreachable(_) | Self::Unanswered(_) => true,
            Self::Refused { status, .. } => *status >= 500 || self.is_account_unknown(),
            Self::Crypto(_)
            | Self::Broken
            | Self::Malformed { .. }
            | Self::Challenge { .. }
            | Self::NoChallenge
            | Self::Slow(_)
            | Self::Unusable(_)
            | Self::NoRenewalInfo => false,
        }
    }

    /// What it costs if it is all that happened. That something cannot be stored may show only after an account was made, so
    /// that it counts.
    pub(crate) fn setback(&self) -> Setback {
        match self {
            Self::Setting { .. } | Self::Untrusted(_) | Self::Unreachable(_) | Self::Unanswered(_) => Setback::Outage,
            Self::Unwritable { .. } | Self::Refused { status: 500.., .. } => Setback::Outage,
            Self::Refused { .. }
            | Self::State { .. }
            | Self::Crypto(_)
            | Self::Broken
            | Self::Malformed { .. }
            | Self::Challenge { .. }
            | Self::NoChallenge
            | Self::Slow(_)
            | Self::Unusable(_)
            | Self::NoRenewalInfo => Setback::Counted,
        }
    }

    /// Whether the authority does not know the account any more.
    pub(crate) fn is_account_unknown(&self) -> bool {
        matches!(self, Self::Refused { kind, .. } if kind.ends_with(":accountDoesNotExist"))
    }

    /// How long the authority wants to be left alone.
    pub(crate) fn wanted_pause(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after: Some(pause), .. } => Some(*pause),
            Self::Refused { kind, status, .. } if kind.ends_with(":rateLimited") || *status == 429 => {
                Some(LIMITED_PAUSE)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { what, .. } => f.write_str(what),
            Self::Unwritable { path, .. } => write!(f, "{} cannot be written", path.display()),
            Self::State { path, .. } => write!(f, "{} cannot be used", path.display()),
            Self::Crypto(_) => f.write_str("cannot make a key or a request"),
            Self::Broken => f.write_str("the work broke off"),
            Self::Untrusted(_) => f.write_str("the authority's server shows a certificate that is not trusted"),
            Self::Unreachable(_) => f.write_str("the authority cannot be reached"),
            Self::Unanswered(deadline) => write!(f, "the authority did not answer within {deadline:?}"),
            Self::Malformed { what, .. } => write!(f, "the authority's answer is malformed: {what}"),
            Self::Refused { kind, detail, .. } => write!(f, "the authority refused: {detail} ({kind})"),
            Self::Challenge { challenge, detail } => write!(f, "the authority could not verify {challenge}: {detail}"),
            Self::NoChallenge => f.write_str("the authority offers neither tls-alpn-01 nor http-01"),
            Self::Slow(deadline) => write!(f, "the order was not over within {deadline:?}"),
            Self::Unusable(why) => write!(f, "unusable certificate: {why}"),
            Self::NoRenewalInfo => f.write_str("it offers no renewal information"),
        }
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Setting { cause, .. } | Self::Malformed { cause, .. } => cause.as_deref().map(|cause| cause as _),
            Self::State { error, .. } | Self::Unwritable { error, .. } => Some(error),
            Self::Crypto(error) => Some(error),
            Self::Untrusted(error) => Some(error),
            Self::Unreachable(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}

impl From<instant_acme::Error> for Fault {
    fn from(error: instant_acme::Error) -> Self {
        use instant_acme::Error as Acme;
        match error {
            // Our own client's faults travel through the library in this variant.
            Acme::Other(cause) => match cause.downcast::<Self>() {
                Ok(fault) => *fault,
                Err(cause) => Self::Malformed { what: "unexpected answer", cause: Some(cause) },
            },
            // Only bad nonces come this way as answers; all the rest stood in the state of an order or a challenge.
            Acme::Api(problem) => Self::Refused {
                status: if is_bad_nonce(&problem) { 400 } else { 0 },
                kind: problem.r#type.unwrap_or_default(),
                detail: shortened(&problem.detail.unwrap_or_default()),
                retry_after: None,
            },
            Acme::Unsupported(_) => Self::NoRenewalInfo,
            error => Self::Malformed { what: "unexpected answer", cause: Some(Box::new(error)) },
        }
    }
}

/// The words of the authority, bounded: they go into logs.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(DETAIL_CHARS_MAX).collect()
}

/// How long to leave an authority alone that limits the rate and does not say for how long. Guessed; the limits of the
/// big authorities refill within hours.
const LIMITED_PAUSE: Duration = Duration::from_secs(3600);
/// Bound on the authority's words in an error.
const DETAIL_CHARS_MAX: usize = 512;
