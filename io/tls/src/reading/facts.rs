//! What a certificate says: names, dates, the kind of its key.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// What a certificate says.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// The DNS names and addresses that it covers, in lower case.
    pub(crate) names: Vec<String>,
    /// From when it is valid, seconds since 1970.
    pub(crate) not_before: i64,
    /// Until when it is valid, seconds since 1970.
    pub(crate) not_after: i64,
    /// The kind of its key: `ECDSA P-256`, `RSA 2048`.
    pub(crate) kind: String,
    /// Its public key (SubjectPublicKeyInfo, DER).
    pub(crate) public_key: Vec<u8>,
}

impl Facts {
    /// Whether it is good for a host, which may be a pattern such as `*.example.com`.
    pub(crate) fn covers(&self, host: &str) -> bool {
        self.names.iter().any(|name| name_covers(name, host))
    }
}

/// What the certificate says; `None` if it is no certificate.
pub(crate) fn facts(der: &[u8]) -> Option<Facts> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    Some(Facts {
        names: names(&certificate),
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
        kind: kind(certificate.public_key()),
        public_key: certificate.public_key().raw.to_vec(),
    })
}

/// The DNS names and addresses of a certificate. A name with a NUL or another control in it is left out: it matches no
/// host, and must not be cut to one that does.
pub(super) fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) if name.bytes().all(|b| b.is_ascii_graphic()) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::V4(Ipv4Addr::from(octets)));
    }
    <[u8; 16]>::try_from(bytes).ok().map(|octets| IpAddr::V6(Ipv6Addr::from(octets)))
}

/// Whether the name of a certificate is good for a host: equal, or a wildcard in place of its first label
/// (RFC 6125 §6.4.3).
pub(crate) fn name_covers(name: &str, host: &str) -> bool {
    if name.eq_ignore_ascii_case(host) {
        return true;
    }
    let Some(parent) = name.strip_prefix("*.") else { return false };
    host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent))
}

/// The kind of a public key (SubjectPublicKeyInfo, DER).
pub(super) fn kind_of(public_key: &[u8]) -> String {
    SubjectPublicKeyInfo::from_der(public_key).map_or_else(|_| String::from("unknown"), |(_, key)| kind(&key))
}

fn kind(key: &SubjectPublicKeyInfo<'_>) -> String {
    let curve = key.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok()).map(|oid| oid.to_id_string());
    match (key.parsed(), key.algorithm.algorithm.to_id_string().as_str()) {
        (Ok(PublicKey::RSA(rsa)), _) => format!("RSA {}", rsa.key_size()),
        (Ok(PublicKey::EC(_)), _) => match curve.as_deref() {
            Some("1.2.840.10045.3.1.7") => String::from("ECDSA P-256"),
            Some("1.3.132.0.34") => String::from("ECDSA P-384"),
            Some("1.3.132.0.35") => String::from("ECDSA P-521"),
            _ => String::from("ECDSA on another curve"),
        },
        (_, "1.3.101.112") => String::from("Ed25519"),
        (_, other) => format!("algorithm {other}"),
    }
}
