//! What is wrong with a certificate and those behind it: dates, order, what it is made for, weak keys.
//!
//! Whether a client trusts the last one is unknown here; that of a public authority that nobody knows is the one case
//! that can be told.

use super::facts::names;
use crate::fault::Problem;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::X509Name;

/// All that is wrong with a chain at this time, in seconds since 1970.
pub(super) fn problems(chain: &[CertificateDer<'static>], now: i64) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut parsed = Vec::new();
    for (index, der) in chain.iter().enumerate() {
        match X509Certificate::from_der(der) {
            Ok(([], certificate)) => parsed.push(certificate),
            _ => found.push(Problem::NotX509(index + 1)),
        }
    }
    if !found.is_empty() {
        return found;
    }
    for (index, certificate) in parsed.iter().enumerate() {
        of_each(certificate, index + 1, now, &mut found);
    }
    found.extend(parsed.first().into_iter().flat_map(of_server));
    order(&parsed, &mut found);
    found
}

/// What may be wrong with any certificate.
fn of_each(certificate: &X509Certificate<'_>, number: usize, now: i64, found: &mut Vec<Problem>) {
    let validity = certificate.validity();
    if validity.not_after.timestamp() < now {
        found.push(Problem::Expired(number, validity.not_after.timestamp()));
    } else if validity.not_before.timestamp() > now {
        found.push(Problem::NotYetValid(number, validity.not_before.timestamp()));
    }
    let signature = certificate.signature_algorithm.algorithm.to_id_string();
    if SHA1.contains(&signature.as_str()) && !is_same(certificate.issuer(), certificate.subject()) {
        found.push(Problem::WeakSignature(number));
    }
}

/// What may be wrong with the server's own certificate.
fn of_server(certificate: &X509Certificate<'_>) -> Vec<Problem> {
    let mut found = Vec::new();
    if let Ok(PublicKey::RSA(key)) = certificate.public_key().parsed()
        && key.key_size() < RSA_BITS_MIN
    {
        found.push(Problem::WeakKey(key.key_size()));
    }
    if names(certificate).is_empty() {
        found.push(Problem::NoNames);
    }
    if let Ok(Some(usage)) = certificate.extended_key_usage()
        && !usage.value.server_auth
        && !usage.value.any
    {
        found.push(Problem::NotForServers);
    }
    found
}

/// Whether each certificate was issued by the one behind it.
fn order(chain: &[X509Certificate<'_>], found: &mut Vec<Problem>) {
    for (index, certificate) in chain.iter().enumerate() {
        let Some(next) = chain.get(index + 1) else { break };
        if is_issued(certificate, next) {
            continue;
        }
        let issuer = certificate.issuer().to_string();
        let has_issuer = chain.iter().any(|other| is_issued(certificate, other));
        found.push(if has_issuer && !is_same(certificate.issuer(), certificate.subject()) {
            Problem::ChainOrder(index + 1, issuer)
        } else {
            Problem::ChainBroken { number: index + 1, issuer, found: next.subject().to_string() }
        });
    }
    if let [only] = chain
        && has_issuer_address(only)
        && !is_public_root(only.issuer())
    {
        found.push(Problem::ChainIncomplete(only.issuer().to_string()));
    }
}

/// Whether `issuer` issued `certificate`: by name and, where the algorithm can be checked, by signature.
fn is_issued(certificate: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    is_same(certificate.issuer(), issuer.subject())
        && match certificate.verify_signature(Some(issuer.public_key())) {
            Ok(()) | Err(X509Error::SignatureUnsupportedAlgorithm) => true,
            Err(_) => false,
        }
}

fn is_same(a: &X509Name<'_>, b: &X509Name<'_>) -> bool {
    a.as_raw() == b.as_raw()
}

/// Whether the certificate tells where its issuer's can be fetched, as those of public authorities do: then the issuer is
/// no root in the file of some company, which clients may well have.
fn has_issuer_address(certificate: &X509Certificate<'_>) -> bool {
    certificate.extensions().iter().any(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => {
            access.accessdescs.iter().any(|description| description.access_method.to_id_string() == CA_ISSUERS)
        }
        _ => false,
    })
}

fn is_public_root(name: &X509Name<'_>) -> bool {
    let contents = contents(name.as_raw());
    webpki_roots::TLS_SERVER_ROOTS.iter().any(|root| root.subject.as_ref() == contents)
}

/// The bytes within a DER value, without its tag and length.
fn contents(der: &[u8]) -> &[u8] {
    let skip = match der.get(1) {
        Some(length) if *length >= 0x80 => 2 + usize::from(length & 0x7f),
        _ => 2,
    };
    der.get(skip..).unwrap_or_default()
}

/// sha1WithRSAEncryption, ecdsa-with-SHA1, and the older sha1WithRSA.
const SHA1: [&str; 3] = ["1.2.840.113549.1.1.5", "1.2.840.10045.4.1", "1.3.14.3.2.29"];
/// id-ad-caIssuers, RFC 5280 §4.2.2.1.
const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";
/// Shorter keys are refused by clients and by the TLS library.
const RSA_BITS_MIN: usize = 2048;
