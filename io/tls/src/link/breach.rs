//! What ends TLS after the handshake: an alert of the peer, or what it must not send.

use rustls::{AlertDescription, Error};
use std::{fmt, io};

/// Whether this is why TLS ended, not why the connection below it did. A server that turns our certificate away says so
/// only after the handshake, where TLS 1.3 is spoken.
pub fn is_of_tls(error: &io::Error) -> bool {
    // The `h2` crate passes the kind on, and the words alone of the cause.
    error.kind() == io::ErrorKind::InvalidData && error.get_ref().is_some()
}

/// The cause of such an error, in words.
#[derive(Debug)]
pub(super) struct Breach(Error);

impl Breach {
    pub(super) fn error(fault: Error) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, Self(fault))
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Error::AlertReceived(alert) => write!(f, "it sent the alert `{}`", words(alert)),
            ref other => other.fmt(f),
        }
    }
}

impl std::error::Error for Breach {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// The name of an alert as people look for it: `CertificateRequired` is `certificate required`.
fn words(alert: AlertDescription) -> String {
    let mut words = String::new();
    let mut was_lower = false;
    for letter in format!("{alert:?}").chars() {
        if letter.is_ascii_uppercase() && was_lower {
            words.push(' ');
        }
        was_lower = letter.is_ascii_lowercase();
        words.push(letter.to_ascii_lowercase());
    }
    words
}
