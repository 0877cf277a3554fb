//! An authority of a test's own: what it issues, and what it takes back.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    date_time_ymd,
};

/// An authority.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key in PEM.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) chain: String,
    pub(crate) key: String,
}

/// What a certificate is asked to be.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    pub(crate) names: &'a [&'a str],
    pub(crate) key: Key,
    pub(crate) years: (i32, i32),
    pub(crate) serial: u64,
    pub(crate) usage: Usage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Ecdsa,
    Rsa,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usage {
    Server,
    Client,
}

impl<'a> Order<'a> {
    pub(crate) fn server(names: &'a [&'a str]) -> Self {
        Self { names, key: Key::Ecdsa, years: (2020, 2090), serial: 7, usage: Usage::Server }
    }

    pub(crate) fn client(names: &'a [&'a str], serial: u64) -> Self {
        Self { usage: Usage::Client, serial, ..Self::server(names) }
    }
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let params = authority(name);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// An authority that this one vouches for.
    pub(crate) fn under(&self, name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let params = authority(name);
        let pem = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn issue(&self, order: &Order<'_>) -> Issued {
        let key = match order.key {
            Key::Ecdsa => KeyPair::generate(),
            Key::Rsa => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048),
        };
        let key = key.expect("a key");
        let names: Vec<String> = order.names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("good names");
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, *order.names.first().unwrap_or(&"nobody"));
        params.not_before = date_time_ymd(order.years.0, 1, 1);
        params.not_after = date_time_ymd(order.years.1, 1, 1);
        params.serial_number = Some(SerialNumber::from(order.serial));
        params.extended_key_usages = vec![match order.usage {
            Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        let chain = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Issued { chain, key: key.serialize_pem() }
    }

    /// A list that takes these serial numbers back.
    pub(crate) fn revoke(&self, serials: &[u64]) -> String {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2090, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).expect("a list").pem().expect("a list in PEM")
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}
