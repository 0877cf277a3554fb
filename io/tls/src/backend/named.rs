//! Whom an upstream believes that names its authorities in a file: servers whose certificate one of them has issued, and
//! those whose certificate is itself in the file.
//!
//! The second kind is what people make for one server and itself vouches for nobody else; most tools mark it as an
//! authority's, and for that mark alone it would be turned away. It needs no issuer, but every other proof: dates, name,
//! purpose, and that the server has the key.

use crate::fault::{Problem, TlsFault};
use crate::provider::provider;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

/// Believes what the certificates of a file vouch for.
#[derive(Debug)]
pub(super) struct Named {
    issued: Arc<WebPkiServerVerifier>,
    /// Every certificate of the file.
    file: Vec<CertificateDer<'static>>,
}

impl Named {
    pub(super) fn new(path: &str, file: &[CertificateDer<'static>]) -> Result<Self, TlsFault> {
        let mut store = RootCertStore::empty();
        for certificate in file {
            store.add(certificate.clone()).map_err(|error| TlsFault::new(path, Problem::refused(error)))?;
        }
        let issued = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider()).build();
        let issued = issued.map_err(|error| TlsFault::new(path, Problem::refused(error)))?;
        Ok(Self { issued, file: file.to_vec() })
    }
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let issued = self.issued.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        issued.or_else(|fault| match self.file.contains(end_entity) {
            true => itself(end_entity, server_name, now),
            false => Err(explained(fault, end_entity)),
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.issued.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.issued.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.issued.supported_verify_schemes()
    }
}

/// A certificate that is in the file, byte for byte. That the server has its key is proved by the handshake.
fn itself(certificate: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<ServerCertVerified, Error> {
    let Ok(([], parsed)) = X509Certificate::from_der(certificate) else {
        return Err(CertificateError::BadEncoding.into());
    };
    let (begin, end) = (unix(parsed.validity().not_before), unix(parsed.validity().not_after));
    if now < begin {
        return Err(CertificateError::NotValidYetContext { time: now, not_before: begin }.into());
    }
    if now > end {
        return Err(CertificateError::ExpiredContext { time: now, not_after: end }.into());
    }
    match parsed.extended_key_usage() {
        Ok(None) => {}
        Ok(Some(usage)) if usage.value.server_auth || usage.value.any => {}
        Ok(Some(_)) => return Err(CertificateError::InvalidPurpose.into()),
        Err(_) => return Err(CertificateError::BadEncoding.into()),
    }
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
    Ok(ServerCertVerified::assertion())
}

/// The reason in words where that of the library would lead astray: it finds fault with the mark of an authority, but what
/// is missing is the certificate in the file.
fn explained(fault: Error, certificate: &CertificateDer<'_>) -> Error {
    let is_authority =
        || X509Certificate::from_der(certificate).is_ok_and(|(_, parsed)| parsed.tbs_certificate.is_ca());
    match fault {
        Error::InvalidCertificate(CertificateError::Other(_)) if is_authority() => {
            Error::Other(OtherError(Arc::new(Stranger)))
        }
        other => other,
    }
}

/// A server shows the certificate of an authority, most often one that it made itself, and the file does not have it.
#[derive(Debug)]
struct Stranger;

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server shows an authority's own certificate, which is not one of those in `ca`")
    }
}

impl std::error::Error for Stranger {}

/// Times before 1970 count as 1970: nobody's clock is there.
fn unix(time: ASN1Time) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(time.timestamp()).unwrap_or(0)))
}
