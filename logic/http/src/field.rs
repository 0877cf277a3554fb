//! Field lines of a head and what each of them is to a proxy.
//! Whether a field goes on is decided where heads are written, not here.

use crate::grammar::{self, DASH_ALIAS};
use crate::message::Span;

/// One field line of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name as sent.
    pub name: Span,
    /// The value without white space around it.
    pub value: Span,
    /// From the first byte of the name to after the CRLF.
    pub line: Span,
    /// What the field is to a proxy.
    pub kind: FieldKind,
    /// Whether `Connection` nominated it and it may be removed (K05).
    pub dropped: bool,
}

/// What a field is to a proxy, decided once while parsing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldKind {
    /// Anything that only the two ends care about.
    Other,
    /// Host
    Host,
    /// Content-Length
    ContentLength,
    /// Transfer-Encoding
    TransferEncoding,
    /// Connection
    Connection,
    /// Keep-Alive
    KeepAlive,
    /// Proxy-Connection
    ProxyConnection,
    /// Proxy-Authorization
    ProxyAuthorization,
    /// TE
    Te,
    /// Trailer
    Trailer,
    /// Upgrade
    Upgrade,
    /// Expect
    Expect,
    /// HTTP2-Settings
    Http2Settings,
    /// X-Forwarded-For
    XForwardedFor,
    /// X-Forwarded-Proto
    XForwardedProto,
    /// X-Forwarded-Host
    XForwardedHost,
    /// Forwarded, X-Real-IP and every other X-Forwarded-…
    XForwarded,
    /// X-Client-Cert and every X-Client-Cert-…, which tell a server of the certificate that a client has shown
    ClientCertificate,
    /// A name that equals a known one when `_` and `.` are read as `-`, as gateways to CGI-like servers do (K06).
    Alias,
    /// Date
    Date,
    /// Server
    Server,
}

impl FieldKind {
    /// A bit of its own for sets of kinds.
    pub(crate) const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// The kind of a name whose bytes have the classes `met`.
    #[inline]
    pub(crate) fn read(name: &[u8], met: u8) -> Self {
        let kind = Self::of_plain_name(name);
        if met & DASH_ALIAS != 0 && kind == Self::Other { Self::of_alias(name) } else { kind }
    }

    /// The kind of any name.
    pub(crate) fn of(name: &[u8]) -> Self {
        Self::read(name, DASH_ALIAS)
    }

    /// Length and first letter leave at most one candidate.
    #[inline]
    fn of_plain_name(name: &[u8]) -> Self {
        let Some(first) = name.first() else { return Self::Other };
        let (known, kind): (&[u8], Self) = match (name.len(), first | 0x20) {
            (2, b't') => (b"te", Self::Te),
            (4, b'h') => (b"host", Self::Host),
            (4, b'd') => (b"date", Self::Date),
            (6, b's') => (b"server", Self::Server),
            (6, b'e') => (b"expect", Self::Expect),
            (7, b'u') => (b"upgrade", Self::Upgrade),
            (7, b't') => (b"trailer", Self::Trailer),
            (9, b'f') => (b"forwarded", Self::XForwarded),
            (9, b'x') => (b"x-real-ip", Self::XForwarded),
            (10, b'c') => (b"connection", Self::Connection),
            (10, b'k') => (b"keep-alive", Self::KeepAlive),
            (14, b'c') => (b"content-length", Self::ContentLength),
            (14, b'h') => (b"http2-settings", Self::Http2Settings),
            (16, b'p') => (b"proxy-connection", Self::ProxyConnection),
            (17, b't') => (b"transfer-encoding", Self::TransferEncoding),
            (19, b'p') => (b"proxy-authorization", Self::ProxyAuthorization),
            (11.., b'x') => return Self::of_vouched(name),
            _ => return Self::Other,
        };
        if is_known(name, known) { kind } else { Self::Other }
    }

    /// What proxies vouch for.
    fn of_vouched(name: &[u8]) -> Self {
        match name.split_at_checked(X_FORWARDED.len()) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case(X_FORWARDED) => match rest.len() {
                3 if rest.eq_ignore_ascii_case(b"for") => Self::XForwardedFor,
                5 if rest.eq_ignore_ascii_case(b"proto") => Self::XForwardedProto,
                4 if rest.eq_ignore_ascii_case(b"host") => Self::XForwardedHost,
                _ => Self::XForwarded,
            },
            Some(_) if is_client_certificate(name) => Self::ClientCertificate,
            Some(_) => Self::Other,
            None if name.eq_ignore_ascii_case(b"x-forwarded") => Self::XForwarded,
            None => Self::Other,
        }
    }

    /// Reads `_` and `.` as `-` and looks again.
    #[cold]
    fn of_alias(name: &[u8]) -> Self {
        let mut buffer = [0; ALIAS_BYTES_MAX];
        // A longer name equals no known name, but may still begin with `X_Forwarded_`.
        let name = name.get(..ALIAS_BYTES_MAX).unwrap_or(name);
        for (to, from) in buffer.iter_mut().zip(name) {
            *to = if grammar::is(*from, DASH_ALIAS) { b'-' } else { *from };
        }
        let plain = &buffer[..name.len()];
        let is_known = plain != name && (Self::of_plain_name(plain) != Self::Other || is_end_to_end(plain));
        if is_known { Self::Alias } else { Self::Other }
    }
}

fn is_client_certificate(name: &[u8]) -> bool {
    name.split_at_checked(X_CLIENT_CERT.len())
        .is_some_and(|(prefix, rest)| matches!(rest, [] | [b'-', ..]) && prefix.eq_ignore_ascii_case(X_CLIENT_CERT))
}

/// Whether a token is the known name of the same length, case aside.
///
/// The known names are of lower-case letters, digits and dashes, and setting bit 5 makes such a byte only of itself and its
/// upper case, as a token has no control bytes.
#[inline]
fn is_known(token: &[u8], known: &[u8]) -> bool {
    const LOWER: u64 = u64::from_le_bytes([0x20; 8]);
    let same_word = |token: &[u8; 8], known: &[u8; 8]| u64::from_le_bytes(*token) | LOWER == u64::from_le_bytes(*known);
    match (token.last_chunk::<8>(), known.last_chunk::<8>()) {
        (Some(token_end), Some(known_end)) => {
            // The last words may overlap the whole ones before them.
            let whole = token.as_chunks::<8>().0.iter().zip(known.as_chunks::<8>().0);
            same_word(token_end, known_end) && whole.into_iter().all(|(token, known)| same_word(token, known))
        }
        _ => token.iter().zip(known).all(|(token, known)| token | 0x20 == *known),
    }
}

/// Whether a name is the two ends' own business, so that no `Connection` field may remove it (K05, RFC 9110 §7.6.1)
/// and no trailer may set it (RFC 9110 §6.5.1).
pub(crate) fn is_end_to_end(name: &[u8]) -> bool {
    END_TO_END.iter().any(|known| name.eq_ignore_ascii_case(known))
}

const X_FORWARDED: &[u8] = b"x-forwarded-";
const X_CLIENT_CERT: &[u8] = b"x-client-cert";
const ALIAS_BYTES_MAX: usize = 32;

/// Credentials, content, conditions and caching: what a server decides by.
const END_TO_END: &[&[u8]] = &[
    b"accept",
    b"accept-encoding",
    b"age",
    b"authorization",
    b"cache-control",
    b"content-disposition",
    b"content-encoding",
    b"content-language",
    b"content-location",
    b"content-range",
    b"content-security-policy",
    b"content-type",
    b"cookie",
    b"etag",
    b"expires",
    b"if-match",
    b"if-modified-since",
    b"if-none-match",
    b"if-range",
    b"if-unmodified-since",
    b"last-modified",
    b"location",
    b"max-forwards",
    b"origin",
    b"pragma",
    b"proxy-authenticate",
    b"range",
    b"referer",
    b"retry-after",
    b"set-cookie",
    b"strict-transport-security",
    b"user-agent",
    b"vary",
    b"via",
    b"warning",
    b"www-authenticate",
];
