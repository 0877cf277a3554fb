//! Servers whose own certificate stands in the `ca` file, as those do that were made for one server and signed by
//! themselves.

use crate::backends::{connect, trusting, upstreams};
use crate::workshop::Folder;
use evener_plan::{Protocol, UpstreamId};
use evener_tls::{Backends, TlsKeeper};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SerialNumber,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;

/// What `openssl req -x509` makes for `app.local`: signed by itself and marked as an authority's.
fn wanted() -> CertificateParams {
    let mut params = CertificateParams::new([String::from("app.local")]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2090, 1, 1));
    params.serial_number = Some(SerialNumber::from(1));
    params
}

/// The same with a change.
fn with(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = wanted();
    change(&mut params);
    params
}

/// A server that shows this certificate and signs with this key, whether they fit or not.
fn server(certificate: &Certificate, key: &KeyPair) -> Arc<ServerConfig> {
    #[derive(Debug)]
    struct Shown(Arc<CertifiedKey>);
    impl ResolvesServerCert for Shown {
        fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }
    }
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let shown = Shown(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key)));
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    Arc::new(builder.with_cert_resolver(Arc::new(shown)))
}

/// An upstream that trusts this text of PEM.
fn upstream(pem: &str) -> (Folder, Arc<Backends>) {
    let folder = Folder::new();
    let tls = trusting(folder.write("ca.pem", pem));
    let plan = upstreams(&folder, vec![(Some(tls), Protocol::Http1)]);
    let backends = TlsKeeper::new(folder.0.clone()).backends(&plan).unwrap();
    (folder, backends)
}

/// How a connection to `name` goes if the server shows what it signed itself and the file has.
fn outcome(params: &CertificateParams, name: &str) -> Result<(), String> {
    let key = KeyPair::generate().unwrap();
    let own = params.self_signed(&key).unwrap();
    let (_folder, backends) = upstream(&own.pem());
    connect(backends.get(UpstreamId(0)).unwrap(), name, &server(&own, &key)).map(drop)
}

#[track_caller]
fn refused(outcome: Result<(), String>, why: &str) {
    let told = outcome.unwrap_err();
    assert!(told.contains(why), "{told}");
}

#[test]
fn a_certificate_of_the_file_is_believed_with_every_other_proof() {
    outcome(&wanted(), "app.local:443").unwrap();
    refused(outcome(&wanted(), "other.local:443"), "not valid for name \"other.local\"");
    let over = with(|params| params.not_after = date_time_ymd(2021, 1, 1));
    refused(outcome(&over, "app.local:443"), "certificate expired");
    let early = with(|params| params.not_before = date_time_ymd(2089, 1, 1));
    refused(outcome(&early, "app.local:443"), "certificate not valid yet");
    let used_for = |usage| with(|params| params.extended_key_usages = vec![usage]);
    refused(outcome(&used_for(ExtendedKeyUsagePurpose::ClientAuth), "app.local:443"), "InvalidPurpose");
    outcome(&used_for(ExtendedKeyUsagePurpose::ServerAuth), "app.local:443").unwrap();
    outcome(&used_for(ExtendedKeyUsagePurpose::Any), "app.local:443").unwrap();
    // Without the mark of an authority, too.
    outcome(&with(|params| params.is_ca = IsCa::ExplicitNoCa), "app.local:443").unwrap();
}

#[test]
fn the_key_must_be_the_one_of_the_certificate() {
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let own = wanted().self_signed(&key).unwrap();
    let (_folder, backends) = upstream(&own.pem());
    let backend = backends.get(UpstreamId(0)).unwrap();
    refused(connect(backend, "app.local:443", &server(&own, &other)).map(drop), "BadSignature");
    connect(backend, "app.local:443", &server(&own, &key)).unwrap();
}

#[test]
fn nothing_but_the_very_bytes_counts() {
    let key = KeyPair::generate().unwrap();
    let own = wanted().self_signed(&key).unwrap();
    let (_folder, backends) = upstream(&own.pem());
    let backend = backends.get(UpstreamId(0)).unwrap();
    // The same names and the same key, but another certificate: that is nobody's word.
    let again = with(|params| params.serial_number = Some(SerialNumber::from(2)));
    let twin = again.self_signed(&key).unwrap();
    refused(connect(backend, "app.local:443", &server(&twin, &key)).map(drop), "not one of those in `ca`");
    let foreign = KeyPair::generate().unwrap();
    let stranger = wanted().self_signed(&foreign).unwrap();
    refused(connect(backend, "app.local:443", &server(&stranger, &foreign)).map(drop), "not one of those in `ca`");
    // What it has issued goes the way of all certificates: as a server's it is good, as an authority's it is not.
    let issuer = Issuer::new(wanted(), &key);
    let inner = KeyPair::generate().unwrap();
    let plain = with(|params| params.is_ca = IsCa::NoCa).signed_by(&inner, &issuer).unwrap();
    connect(backend, "app.local:443", &server(&plain, &inner)).unwrap();
    let middle = with(|params| params.serial_number = Some(SerialNumber::from(3)));
    let middle = middle.signed_by(&inner, &issuer).unwrap();
    refused(connect(backend, "app.local:443", &server(&middle, &inner)).map(drop), "not one of those in `ca`");
}
