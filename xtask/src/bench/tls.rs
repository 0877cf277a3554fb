//! TLS for the bench: a certificate for the proxies, and what clients offer.
//!
//! All clients offer the same and nothing else: TLS 1.3, AES-128-GCM and X25519. So no proxy can
//! win by choosing cheaper arithmetic than another. The certificate is signed by itself and clients
//! look at nothing in it; what is measured is the proxy's side.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme, version};

/// Writes a fresh P-256 certificate, its key and both in one file, and the settings of the clients
/// that are linked with OpenSSL.
pub(crate) fn prepare(folder: &Path) -> Result<(), String> {
    let fault = |error: rcgen::Error| format!("no certificate: {error}");
    let names = [NAME.to_owned(), "127.0.0.1".to_owned()];
    let own = rcgen::generate_simple_self_signed(names).map_err(fault)?;
    let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    let files = [
        ("both.pem", format!("{certificate}{key}")),
        ("cert.pem", certificate),
        ("key.pem", key),
        (OPENSSL_FILE, OPENSSL_SETTINGS.to_owned()),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// Where [`prepare`] wrote the settings for `OPENSSL_CONF`.
pub(crate) fn openssl_settings() -> Result<PathBuf, String> {
    Ok(super::stand::folder()?.join(OPENSSL_FILE))
}

/// What this program's own clients offer. Sessions are never resumed.
pub(crate) fn client(protocol: &str) -> Result<Arc<ClientConfig>, String> {
    let provider = CryptoProvider {
        cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256],
        kx_groups: vec![aws_lc_rs::kx_group::X25519],
        ..aws_lc_rs::default_provider()
    };
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&version::TLS13])
        .map_err(|error| format!("TLS settings: {error}"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    Ok(Arc::new(config))
}

/// The name that clients ask for.
pub(crate) fn name() -> Result<ServerName<'static>, String> {
    ServerName::try_from(NAME).map_err(|error| format!("`{NAME}`: {error}"))
}

/// Believes every certificate: the proxies are our own, and checking signatures would only slow
/// the load down.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

const NAME: &str = "localhost";
const OPENSSL_FILE: &str = "openssl.cnf";
/// `wrk` has no options for this; OpenSSL's default would put AES-256 first.
const OPENSSL_SETTINGS: &str = "\
openssl_conf = settings
[settings]
ssl_conf = ssl
[ssl]
system_default = clients
[clients]
MinProtocol = TLSv1.3
Ciphersuites = TLS_AES_128_GCM_SHA256
Groups = X25519
";
