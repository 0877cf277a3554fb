//! Certificates, files and plans for the tests.

use evener_plan::{
    AccessFormat, Acme, CertificateFiles, Certificates, ClientAuth, HostPattern, Limits, Listen, LogPlan, LogTarget,
    Plan, ServerTls, Site, TcpService, TlsVersion, UpstreamId,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub(crate) const HTTPS: Listen = Listen::Any(443);

/// A folder that is gone when the test is over.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("evener-tls-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    /// Writes a file as careful programs do, so that its stamp differs whatever the clock's tick.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let (draft, path) = (self.path("draft"), self.path(name));
        fs::write(&draft, text).unwrap();
        set_mode(&draft, 0o600);
        fs::rename(&draft, &path).unwrap();
        path
    }

    /// Writes a certificate and its key under this name.
    pub(crate) fn put(&self, name: &str, issued: &Issued) -> CertificateFiles {
        CertificateFiles {
            certificate: self.write(&format!("{name}.pem"), &issued.chain),
            key: self.write(&format!("{name}.key"), &issued.key),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn set_mode(path: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls/fixtures").join(name).to_string_lossy().into_owned()
}

/// A certificate with its chain and its key, in PEM.
pub(crate) struct Issued {
    pub(crate) chain: String,
    pub(crate) key: String,
}

/// An authority.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// What a certificate is asked to be.
#[derive(Clone)]
pub(crate) struct Order<'a> {
    pub(crate) names: &'a [&'a str],
    pub(crate) kind: Kind,
    pub(crate) years: (i32, i32),
    pub(crate) serial: u64,
    pub(crate) usage: ExtendedKeyUsagePurpose,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Ecdsa,
    Rsa,
}

impl<'a> Order<'a> {
    pub(crate) fn server(names: &'a [&'a str]) -> Self {
        let usage = ExtendedKeyUsagePurpose::ServerAuth;
        Self { names, kind: Kind::Ecdsa, years: (2020, 2090), serial: 7, usage }
    }

    pub(crate) fn client(name: &'a [&'a str], serial: u64) -> Self {
        Self { usage: ExtendedKeyUsagePurpose::ClientAuth, serial, ..Self::server(name) }
    }
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = authority_params(name);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// An authority under this one.
    pub(crate) fn under(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = authority_params(name);
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn issue(&self, order: &Order<'_>) -> Issued {
        let key = match order.kind {
            Kind::Ecdsa => KeyPair::generate().unwrap(),
            Kind::Rsa => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap(),
        };
        let names: Vec<String> = order.names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, *order.names.first().unwrap_or(&"nobody"));
        params.not_before = date_time_ymd(order.years.0, 1, 1);
        params.not_after = date_time_ymd(order.years.1, 1, 1);
        params.serial_number = Some(SerialNumber::from(order.serial));
        params.extended_key_usages = vec![order.usage.clone()];
        let chain = params.signed_by(&key, &self.issuer).unwrap().pem();
        Issued { chain, key: key.serialize_pem() }
    }

    /// A list that revokes these serial numbers.
    pub(crate) fn revoke(&self, serials: &[u64], until: i32) -> String {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    pub(crate) fn roots(&self) -> RootCertStore {
        roots(&self.pem)
    }
}

pub(crate) fn roots(pem: &str) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for der in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(der.unwrap()).unwrap();
    }
    roots
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A site on [`HTTPS`] that does nothing.
pub(crate) fn site(hosts: &[&str], tls: ServerTls) -> Site {
    Site {
        listen: vec![HTTPS],
        tls: Some(tls),
        http2: true,
        accept_proxy: None,
        hosts: patterns(hosts),
        trusted_proxies: Vec::new(),
        routes: Vec::new(),
    }
}

pub(crate) fn tcp(listen: Listen, hosts: &[&str], tls: Option<ServerTls>) -> TcpService {
    TcpService {
        listen: vec![listen],
        hosts: patterns(hosts),
        tls,
        upstream: UpstreamId(0),
        idle_timeout: Duration::from_secs(60),
        send_proxy: None,
        accept_proxy: None,
    }
}

fn patterns(hosts: &[&str]) -> Vec<HostPattern> {
    let pattern = |host: &&str| match host.strip_prefix("*.") {
        Some(parent) => HostPattern::Wildcard(parent.to_owned()),
        None => HostPattern::Exact((*host).to_owned()),
    };
    hosts.iter().map(pattern).collect()
}

pub(crate) fn tls(certificates: &[&CertificateFiles]) -> ServerTls {
    let certificates = Certificates::Files(certificates.iter().map(|files| (*files).clone()).collect());
    ServerTls { certificates, client_auth: None, version_min: TlsVersion::V12 }
}

pub(crate) fn gated(certificate: &CertificateFiles, auth: ClientAuth) -> ServerTls {
    ServerTls { client_auth: Some(auth), ..tls(&[certificate]) }
}

pub(crate) fn plan(folder: &Folder, sites: Vec<Site>) -> Plan {
    Plan {
        workers: None,
        shutdown_grace: Duration::from_secs(1),
        log: LogPlan { access: LogTarget::Off, format: AccessFormat::Json },
        limits: Limits::default(),
        sites,
        acme: Acme::default(),
        admin: None,
        state_dir: folder.path("state"),
        tcp: Vec::new(),
        udp: Vec::new(),
        upstreams: Vec::new(),
    }
}
