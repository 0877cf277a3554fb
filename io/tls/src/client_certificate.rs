//! What servers are told of a client's certificate, as values of header fields.
//!
//! Whether the certificate is good was decided in the handshake.

use crate::date::rfc3339;
use crate::reading::facts;
use aws_lc_rs::digest::{SHA256, digest};
use std::fmt::Write;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// A client's certificate. Each text is visible ASCII without the bytes that end or split a field's value; others stand in
/// it as `%XX`. None is longer than 512 bytes but the PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Whose it is, such as `CN=app 1, O=Example`; spaces are kept but for those at the ends of a value, which are encoded
    /// as a comma or plus in it is.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// The serial number, hexadecimal in lower case.
    pub serial: String,
    /// SHA-256 of the certificate, hexadecimal in lower case.
    pub fingerprint_sha256: String,
    /// From when it is valid, RFC 3339.
    pub not_before: String,
    /// Until when it is valid, RFC 3339.
    pub not_after: String,
    /// Its DNS names and addresses, at most 16.
    pub names: Vec<String>,
    /// The whole certificate in PEM, percent-encoded; `None` if that takes more than 6 KiB.
    pub pem_urlencoded: Option<String>,
}

impl ClientCertificate {
    /// What the certificate says; `None` if it is no X.509.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let facts = facts(der)?;
        Some(Self {
            subject: distinguished(certificate.subject()),
            issuer: distinguished(certificate.issuer()),
            serial: cut(hex(certificate.raw_serial())),
            fingerprint_sha256: hex(digest(&SHA256, der).as_ref()),
            not_before: rfc3339(facts.not_before),
            not_after: rfc3339(facts.not_after),
            names: facts.names.iter().take(NAMES_MAX).map(|name| visible(name, b",")).collect(),
            pem_urlencoded: Some(pem(der)).filter(|text| text.len() <= PEM_BYTES_MAX),
        })
    }

    /// The fields that servers are told it in, for a request each.
    pub fn into_fields(self) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("x-client-cert-subject", self.subject),
            ("x-client-cert-issuer", self.issuer),
            ("x-client-cert-serial", self.serial),
            ("x-client-cert-fingerprint", self.fingerprint_sha256),
            ("x-client-cert-not-after", self.not_after),
            ("x-client-cert-names", self.names.join(",")),
        ];
        fields.extend(self.pem_urlencoded.map(|pem| ("x-client-cert", pem)));
        fields.retain(|(_, value)| !value.is_empty());
        fields
    }
}

/// A name as RFC 4514 orders its parts, but the other way round: as they stand in the certificate.
fn distinguished(name: &X509Name<'_>) -> String {
    let mut out = String::new();
    for (index, part) in name.iter_rdn().enumerate() {
        for (inner, attribute) in part.iter().enumerate() {
            out.push_str(if inner > 0 {
                " + "
            } else if index > 0 {
                ", "
            } else {
                ""
            });
            write_attribute(attribute, &mut out);
            if out.len() >= TEXT_BYTES_MAX {
                out.truncate(TEXT_BYTES_MAX);
                return out;
            }
        }
    }
    out
}

/// A value that held the mark between two attributes could pass itself off as another attribute.
fn write_attribute(attribute: &AttributeTypeAndValue<'_>, out: &mut String) {
    let kind = attribute.attr_type();
    match oid2abbrev(kind, oid_registry()) {
        Ok(word) => out.push_str(word),
        Err(_) => out.push_str(&kind.to_id_string()),
    }
    out.push('=');
    match attribute.as_str() {
        Ok(text) => out.push_str(&visible(text, b",+")),
        Err(_) => {
            out.push('#');
            out.push_str(&cut(hex(attribute.as_slice())));
        }
    }
}

/// The text with all but visible ASCII and spaces encoded, and these marks and the percent sign too, so that it can be
/// decoded.
fn visible(text: &str, marks: &[u8]) -> String {
    let mut out = String::with_capacity(text.len().min(TEXT_BYTES_MAX));
    let last = text.len().saturating_sub(1);
    for (index, byte) in text.bytes().enumerate() {
        if out.len() + 3 > TEXT_BYTES_MAX {
            break;
        }
        match byte {
            mark if marks.contains(&mark) => percent(&mut out, mark),
            // At the end of a field it would be cut off, and two names would look alike.
            b' ' if index == 0 || index == last => percent(&mut out, b' '),
            b' ' | b'!'..=b'$' | b'&'..=b'~' => out.push(char::from(byte)),
            other => percent(&mut out, other),
        }
    }
    out
}

/// The certificate in PEM, with all but letters, digits and a few marks encoded.
fn pem(der: &[u8]) -> String {
    let base64 = base64(der);
    let mut lines = String::from("-----BEGIN CERTIFICATE-----\n");
    for (index, character) in base64.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            lines.push('\n');
        }
        lines.push(character);
    }
    lines.push_str("\n-----END CERTIFICATE-----\n");
    let mut out = String::with_capacity(lines.len() * 5 / 4);
    for byte in lines.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => percent(&mut out, other),
        }
    }
    out
}

/// RFC 4648 §4.
fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let letter = BASE64[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

fn percent(out: &mut String, byte: u8) {
    let _ = write!(out, "%{byte:02X}");
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

fn cut(mut text: String) -> String {
    text.truncate(TEXT_BYTES_MAX);
    text
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Bytes of one text.
pub(crate) const TEXT_BYTES_MAX: usize = 512;
/// Names that are told.
pub(crate) const NAMES_MAX: usize = 16;
/// Bytes of the encoded PEM; servers take heads of 8 KiB, some of 4.
pub(crate) const PEM_BYTES_MAX: usize = 6 * 1024;
