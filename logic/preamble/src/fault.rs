//! What can be wrong with a preamble. It is always the doing of whoever opened the connection.
//! What happens to the connection is not said here; there is no answer to give, so it is closed.

use std::error::Error;
use std::fmt;

/// Why a preamble is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PreambleFault {
    /// The connection begins with something else than a PROXY header.
    ProxyMissing,
    /// The PROXY header breaks the grammar of its version.
    ProxyMalformed,
    /// The PROXY header is longer than its version or evener allows.
    ProxyTooLong,
    /// The checksum in the PROXY header is not that of its bytes.
    ProxyChecksum,
    /// The authority in the PROXY header is not a host name.
    ProxyAuthority,
    /// The lengths or values in the ClientHello contradict each other.
    HelloMalformed,
    /// The ClientHello has more bytes, records or extensions than evener reads.
    HelloTooLong,
    /// The TLS connection begins with another message than a ClientHello.
    HelloUnexpected,
    /// The server name in the ClientHello is not one DNS name.
    HelloServerName,
}

impl PreambleFault {
    /// Every fault, for tables and documents.
    pub const ALL: &[Self] = &[
        Self::ProxyMissing,
        Self::ProxyMalformed,
        Self::ProxyTooLong,
        Self::ProxyChecksum,
        Self::ProxyAuthority,
        Self::HelloMalformed,
        Self::HelloTooLong,
        Self::HelloUnexpected,
        Self::HelloServerName,
    ];

    /// The stable reason code for logs and metrics.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::ProxyMissing => "proxy_header_missing",
            Self::ProxyMalformed => "proxy_header_malformed",
            Self::ProxyTooLong => "proxy_header_too_long",
            Self::ProxyChecksum => "proxy_header_checksum",
            Self::ProxyAuthority => "proxy_header_authority",
            Self::HelloMalformed => "client_hello_malformed",
            Self::HelloTooLong => "client_hello_too_long",
            Self::HelloUnexpected => "client_hello_unexpected",
            Self::HelloServerName => "client_hello_server_name",
        }
    }
}

impl fmt::Display for PreambleFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ProxyMissing => "the connection does not begin with a PROXY header",
            Self::ProxyMalformed => "the PROXY header breaks its grammar",
            Self::ProxyTooLong => "the PROXY header is too long",
            Self::ProxyChecksum => "the checksum of the PROXY header is wrong",
            Self::ProxyAuthority => "the authority in the PROXY header is not a host name",
            Self::HelloMalformed => "the ClientHello is malformed",
            Self::HelloTooLong => "the ClientHello is too long",
            Self::HelloUnexpected => "the TLS connection does not begin with a ClientHello",
            Self::HelloServerName => "the server name in the ClientHello is not a DNS name",
        })
    }
}

impl Error for PreambleFault {}
