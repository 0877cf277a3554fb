//! A certificate with its key, checked: it parses, the key is its own and it is good for its host.
//!
//! Whether it is good today is not checked. The authority's clock is right more often than the machine's, and an expired
//! certificate that is renewed late is still the best one at hand.

use std::fmt;
use std::time::{Duration, SystemTime};

use rcgen::{KeyPair, PublicKeyData as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

use crate::fault::Fault;
use crate::schedule::Validity;

/// A certificate that can be used.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    host: String,
    chain_pem: String,
    key_pem: String,
    leaf: CertificateDer<'static>,
    validity: Validity,
}

impl Certificate {
    /// Checks a chain and a key, both PEM, for this host.
    pub(crate) fn check(host: &str, chain_pem: String, key_pem: String) -> Result<Self, Fault> {
        let leaf = read_chain(&chain_pem)?;
        let (_, parsed) =
            X509Certificate::from_der(&leaf).map_err(|_malformed| Fault::Unusable("it does not parse"))?;
        let key = KeyPair::from_pem(&key_pem).map_err(|_malformed| Fault::Unusable("its key does not parse"))?;
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err(Fault::Unusable("it belongs to another key"));
        }
        if !names(&parsed).any(|name| name.eq_ignore_ascii_case(host)) {
            return Err(Fault::Unusable("it is not for this host"));
        }
        let validity = Validity {
            not_before: system_time(parsed.validity().not_before),
            not_after: system_time(parsed.validity().not_after),
        };
        if validity.not_before >= validity.not_after {
            return Err(Fault::Unusable("it ends before it begins"));
        }
        Ok(Self { host: String::from(host), chain_pem, key_pem, leaf, validity })
    }

    /// The host name that it was ordered for.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The certificate and those of the authorities above it, PEM.
    pub fn chain_pem(&self) -> &str {
        &self.chain_pem
    }

    /// Its private key, PKCS #8 in PEM.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// From when it is good.
    pub fn not_before(&self) -> SystemTime {
        self.validity.not_before
    }

    /// Until when it is good.
    pub fn not_after(&self) -> SystemTime {
        self.validity.not_after
    }

    pub(crate) fn validity(&self) -> Validity {
        self.validity
    }

    /// The certificate itself, DER.
    pub(crate) fn leaf(&self) -> &CertificateDer<'static> {
        &self.leaf
    }
}

impl fmt::Debug for Certificate {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("host", &self.host)
            .field("not_before", &self.validity.not_before)
            .field("not_after", &self.validity.not_after)
            .finish_non_exhaustive()
    }
}

/// The first certificate of the chain; all of them must be readable.
fn read_chain(chain_pem: &str) -> Result<CertificateDer<'static>, Fault> {
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(chain_pem.as_bytes()).take(CHAIN_LENGTH_MAX + 1).collect();
    let chain = chain.map_err(|_malformed| Fault::Unusable("its chain does not parse"))?;
    if chain.len() > CHAIN_LENGTH_MAX {
        return Err(Fault::Unusable("its chain is too long"));
    }
    chain.into_iter().next().ok_or(Fault::Unusable("its chain is empty"))
}

fn names<'a>(certificate: &'a X509Certificate<'_>) -> impl Iterator<Item = &'a str> {
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    alternatives.into_iter().flat_map(|extension| &extension.value.general_names).filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(*name),
        _ => None,
    })
}

fn system_time(time: ASN1Time) -> SystemTime {
    let seconds = u64::try_from(time.timestamp()).unwrap_or(0);
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Chains have two to four certificates; more would only make handshakes slow.
const CHAIN_LENGTH_MAX: usize = 10;

#[cfg(test)]
mod tests;
