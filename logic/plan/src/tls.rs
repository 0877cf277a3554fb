//! TLS: with which certificates sites answer, which clients they admit, and how servers are spoken to. Certificates are
//! paths here; reading and checking them is the work of `evener-tls`.

use std::fmt;
use std::time::Duration;

/// TLS towards clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTls {
    /// Where the certificates come from.
    pub certificates: Certificates,
    /// Which certificate a client must or may show; `None`: none is asked for.
    pub client_auth: Option<ClientAuth>,
    /// The oldest version that is spoken.
    pub version_min: TlsVersion,
}

/// Where certificates come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificates {
    /// Files; never empty. Several for one name may differ in the kind of key; the client's signature algorithms decide.
    Files(Vec<CertificateFiles>),
    /// Ordered and renewed over ACME, one for each host name of the site or service. It has at least one, and all are
    /// exact names, no addresses.
    Auto,
    /// Signed by a certificate authority of evener's own, for development.
    Internal,
}

/// A certificate with its key, both in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CertificateFiles {
    /// Path of the certificate and its chain, the server's own first.
    pub certificate: String,
    /// Path of the private key.
    pub key: String,
}

/// Client certificates.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientAuth {
    /// Path of the certificates (PEM) of the authorities that may sign those of clients.
    pub ca: String,
    /// Whether a client without a certificate is turned away.
    pub is_required: bool,
    /// Paths of revocation lists (PEM), each once; an unreadable one turns every client away.
    pub crls: Vec<String>,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// TLS 1.2, RFC 5246.
    V12,
    /// TLS 1.3, RFC 8446.
    V13,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V12 => "1.2",
            Self::V13 => "1.3",
        })
    }
}

/// TLS towards servers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UpstreamTls {
    /// Whose signature on a server's certificate is good.
    pub trust: Trust,
    /// The name that a server's certificate must have, and that it is asked for; a name in lower case or an address
    /// without brackets. `None`: the server's own name as written, which may be an address; never for a unix socket.
    pub sni: Option<String>,
    /// The certificate that evener shows.
    pub certificate: Option<CertificateFiles>,
}

/// Whose signature is good.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Trust {
    /// The authorities that the machine trusts.
    System,
    /// Those in this file (PEM).
    File(String),
    /// Anybody's: the connection is secret, but whose it is nobody knows.
    Anyone,
}

/// Which protocol servers speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2: over TLS by ALPN, which a server must accept; without TLS with prior knowledge.
    Http2,
    /// What the server prefers by ALPN; only over TLS.
    Auto,
}

/// How certificates are ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// URL of the directory; begins with `https://`.
    pub directory: String,
    /// Where the authority may write about problems.
    pub email: Option<String>,
    /// Path of the certificates (PEM) that vouch for the directory's own connection; `None`: those of the system.
    pub ca: Option<String>,
    /// Key identifier and key (base64url) of an account binding, which some authorities ask for.
    pub binding: Option<AccountBinding>,
    /// How long before its end a certificate is renewed if the authority does not say.
    pub renew_before: Duration,
}

/// An external account binding, RFC 8555 §7.3.4.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountBinding {
    /// Key identifier.
    pub id: String,
    /// Key, base64url without padding.
    pub key: String,
}

impl fmt::Debug for AccountBinding {
    /// Without the key: plans are printed into logs and test results.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountBinding").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            directory: String::from(LETS_ENCRYPT),
            email: None,
            ca: None,
            binding: None,
            renew_before: Duration::from_secs(30 * 24 * 3600),
        }
    }
}

/// The directory of Let's Encrypt.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// Its directory for trials, whose certificates nobody trusts.
pub const LETS_ENCRYPT_STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";
