//! Answers to an authority that checks whether a host is ours (ACME): http-01 (RFC 8555 §8.3) and tls-alpn-01 (RFC 8737).
//! Set by the control thread, read by the workers.
//!
//! Only the exact token of the exact host is answered. Anything else goes the way of every request.

use crate::fault::{Problem, TlsFault};
use crate::provider::{provider, versions};
use crate::tickets::NoTickets;
use arc_swap::ArcSwap;
use evener_plan::TlsVersion;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use std::collections::HashMap;
use std::sync::Arc;

/// The challenges that are to be answered now. Reading takes no lock.
#[derive(Debug, Default)]
pub struct Challenges {
    pending: ArcSwap<Pending>,
}

#[derive(Debug, Default, Clone)]
struct Pending {
    /// Host -> token -> answer.
    http: HashMap<String, HashMap<String, String>>,
    /// Host -> what answers its handshake.
    alpn: HashMap<String, Arc<ServerConfig>>,
}

impl Challenges {
    /// Answers http-01 for this token of this host.
    pub fn set_http(&self, host: &str, token: &str, key_authorization: &str) {
        self.change(|pending| {
            let tokens = pending.http.entry(canonical(host)).or_default();
            tokens.insert(token.to_owned(), key_authorization.to_owned());
        });
    }

    /// No longer answers http-01 for this token of this host.
    pub fn clear_http(&self, host: &str, token: &str) {
        let host = canonical(host);
        self.change(|pending| {
            let Some(tokens) = pending.http.get_mut(&host) else { return };
            tokens.remove(token);
            if tokens.is_empty() {
                pending.http.remove(&host);
            }
        });
    }

    /// The body of the answer to `/.well-known/acme-challenge/TOKEN` of a host without its port; `None` if it is not ours
    /// to answer.
    pub fn http_answer(&self, host: &str, token: &str) -> Option<String> {
        let pending = self.pending.load();
        if pending.http.is_empty() {
            return None;
        }
        pending.http.get(&canonical(host))?.get(token).cloned()
    }

    /// Answers tls-alpn-01 for this host with this certificate, which holds the digest of the key authorization. Both are
    /// DER; the key is PKCS#8, SEC1 or PKCS#1.
    ///
    /// # Errors
    /// The certificate or the key cannot be used.
    pub fn set_alpn(&self, host: &str, certificate_der: &[u8], key_der: &[u8]) -> Result<(), TlsFault> {
        let config = config(certificate_der, key_der).map_err(|error| TlsFault::new(host, Problem::refused(error)))?;
        let config = Arc::new(config);
        self.change(|pending| {
            pending.alpn.insert(canonical(host), Arc::clone(&config));
        });
        Ok(())
    }

    /// No longer answers tls-alpn-01 for this host.
    pub fn clear_alpn(&self, host: &str) {
        let host = canonical(host);
        self.change(|pending| {
            pending.alpn.remove(&host);
        });
    }

    /// What answers a handshake that asks for `acme-tls/1` alone, as RFC 8737 §3 has it.
    pub(crate) fn alpn_answer<'a>(
        &self,
        host: Option<&str>,
        mut alpn: impl Iterator<Item = &'a [u8]>,
    ) -> Option<Arc<ServerConfig>> {
        let pending = self.pending.load();
        if pending.alpn.is_empty() || alpn.next() != Some(PROTOCOL) || alpn.next().is_some() {
            return None;
        }
        pending.alpn.get(&canonical(host?)).cloned()
    }

    fn change(&self, change: impl Fn(&mut Pending)) {
        self.pending.rcu(|pending| {
            let mut pending = Pending::clone(pending);
            change(&mut pending);
            pending
        });
    }
}

fn config(certificate_der: &[u8], key_der: &[u8]) -> Result<ServerConfig, rustls::Error> {
    let key = PrivateKeyDer::try_from(key_der).map_err(|reason| rustls::Error::General(reason.to_owned()))?;
    let chain = vec![CertificateDer::from(certificate_der.to_vec())];
    // Not `with_single_cert`, which reads the certificate and refuses its critical extension (RFC 8737 §3).
    let certified = CertifiedKey::new(chain, provider().key_provider.load_private_key(key.clone_key())?);
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions(TlsVersion::V12))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = Arc::new(NoTickets);
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// A host name as it is looked up: lower case, without the dot at its end.
fn canonical(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// The protocol of RFC 8737.
const PROTOCOL: &[u8] = b"acme-tls/1";
