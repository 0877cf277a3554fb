//! The answer to a challenge, shown for as long as the value lives.
//!
//! Nothing here speaks with the authority.

use std::sync::Arc;

use instant_acme::KeyAuthorization;
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};

use crate::fault::Fault;
use crate::schedule::Challenge;
use crate::stage::Stage;

/// Dropping it takes the answer away, so that none outlives an order that failed, hung or was given up.
pub(crate) struct Answer<S: Stage> {
    stage: Arc<S>,
    host: String,
    shown: Shown,
}

enum Shown {
    Http { token: String },
    Alpn,
}

impl<S: Stage> Answer<S> {
    /// Shows the answer for this host.
    pub(crate) fn show(
        stage: &Arc<S>,
        host: &str,
        challenge: Challenge,
        token: &str,
        authorization: &KeyAuthorization,
    ) -> Result<Self, Fault> {
        let shown = match challenge {
            Challenge::Http => {
                stage.set_http(host, checked(token)?, authorization.as_str());
                Shown::Http { token: String::from(token) }
            }
            Challenge::TlsAlpn => {
                let (certificate, key) = alpn_certificate(host, authorization).map_err(Fault::Crypto)?;
                stage.set_alpn(host, &certificate, &key);
                Shown::Alpn
            }
        };
        Ok(Self { stage: Arc::clone(stage), host: String::from(host), shown })
    }
}

impl<S: Stage> Drop for Answer<S> {
    fn drop(&mut self) {
        match &self.shown {
            Shown::Http { token } => self.stage.clear_http(&self.host, token),
            Shown::Alpn => self.stage.clear_alpn(&self.host),
        }
    }
}

/// RFC 8555 §8.1: a token is base64url. It becomes part of a path, so that nothing else may pass.
fn checked(token: &str) -> Result<&str, Fault> {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=TOKEN_BYTES_MAX).contains(&token.len()) && token.bytes().all(is_fit) {
        return Ok(token);
    }
    Err(Fault::Malformed { what: "the token of a challenge is not base64url", cause: None })
}

/// RFC 8737 §3: a self-signed certificate for the host with the digest of the authorization in an extension.
fn alpn_certificate(host: &str, authorization: &KeyAuthorization) -> Result<(Vec<u8>, Vec<u8>), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut wanted = CertificateParams::new([String::from(host)])?;
    wanted.distinguished_name = DistinguishedName::new();
    wanted.custom_extensions = vec![CustomExtension::new_acme_identifier(authorization.digest().as_ref())];
    let certificate = wanted.self_signed(&key)?;
    Ok((certificate.der().to_vec(), key.serialize_der()))
}

/// Tokens have 43 bytes with the known authorities.
const TOKEN_BYTES_MAX: usize = 256;
