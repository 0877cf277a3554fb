//! From the settings of an upstream to the config of its connections, and from a changed file to a new config.

use super::Backend;
use super::named::Named;
use crate::fault::{Problem, TlsFault, TlsNotice};
use crate::file::Stamp;
use crate::gate::authorities;
use crate::provider::provider;
use crate::shelf::{CertificateSource, Shelf, Slot};
use arc_swap::ArcSwap;
use evener_plan::{Protocol, Trust, UpstreamTls};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::sync::Arc;
use std::time::SystemTime;

/// What is kept of an upstream from plan to plan: sessions, too, as long as the same authorities are trusted and the same
/// certificate is shown.
pub(crate) struct Held {
    pub(crate) backend: Arc<Backend>,
    tls: UpstreamTls,
    protocol: Protocol,
    slot: Option<Arc<Slot>>,
    /// The certificate that was in the slot when the config was made.
    shown: Vec<CertificateDer<'static>>,
    roots: Vec<CertificateDer<'static>>,
    stamp: Option<Stamp>,
}

impl Held {
    /// Makes what an upstream needs, and tells what is wrong with it.
    pub(crate) fn new(
        tls: &UpstreamTls,
        protocol: Protocol,
        shelf: &mut Shelf,
        now: SystemTime,
    ) -> (Option<Self>, Vec<TlsFault>) {
        let mut faults = Vec::new();
        let stamp = stamp(tls);
        let roots = roots(&tls.trust).map_err(|fault| faults.push(fault)).ok();
        let slot = client_slot(tls, shelf, now, &mut faults);
        let sni = sni(tls).map_err(|fault| faults.push(fault)).ok();
        let (Some(roots), Some(sni)) = (roots, sni) else { return (None, faults) };
        let config = config(tls, protocol, &roots, slot.as_ref());
        match config {
            Ok(config) => {
                let backend = Arc::new(Backend { config: ArcSwap::from_pointee(config), sni });
                let (tls, shown) = (tls.clone(), shown(slot.as_ref()));
                (Some(Self { backend, tls, protocol, slot, shown, roots, stamp }), faults)
            }
            Err(fault) => {
                faults.push(fault);
                (None, faults)
            }
        }
    }

    /// Whether it is for these settings.
    pub(crate) fn is_for(&self, tls: &UpstreamTls, protocol: Protocol) -> bool {
        self.tls == *tls && self.protocol == protocol
    }

    /// Whether some plan in use needs it.
    pub(crate) fn is_used(&self) -> bool {
        Arc::strong_count(&self.backend) > 1
    }

    /// Reads everything again and tells what is wrong; what works stays.
    pub(crate) fn renew(&mut self, shelf: &mut Shelf, now: SystemTime) -> Vec<TlsFault> {
        let mut faults = Vec::new();
        client_slot(&self.tls, shelf, now, &mut faults);
        if let Err(fault) = self.reload() {
            faults.push(fault);
        }
        self.show();
        faults
    }

    /// Reads the authorities again if their file has changed, and takes the certificate that is shown as it is now.
    pub(crate) fn refresh(&mut self) -> Option<TlsNotice> {
        let notice = self.refresh_roots();
        self.show();
        notice
    }

    fn refresh_roots(&mut self) -> Option<TlsNotice> {
        let Trust::File(path) = &self.tls.trust else { return None };
        let path = path.clone();
        if stamp(&self.tls) == self.stamp {
            return None;
        }
        match self.reload() {
            Ok(true) => Some(TlsNotice::Renewed { subject: path, not_after: None }),
            Ok(false) => None,
            Err(fault) => Some(TlsNotice::Kept(fault)),
        }
    }

    /// Reads the authorities again and, if they are others, makes the config anew: a session that was made on the word of
    /// an authority that is gone must not be resumed.
    fn reload(&mut self) -> Result<bool, TlsFault> {
        self.stamp = stamp(&self.tls);
        let roots = roots(&self.tls.trust)?;
        if roots == self.roots {
            return Ok(false);
        }
        self.remake(roots)?;
        Ok(true)
    }

    /// Makes the config anew if another certificate is shown now: to who resumes a session a server thinks that it speaks
    /// with the former.
    fn show(&mut self) {
        if shown(self.slot.as_ref()) != self.shown {
            // It was made of the same parts before; should it fail all the same, the former config stays.
            let _ = self.remake(self.roots.clone());
        }
    }

    fn remake(&mut self, roots: Vec<CertificateDer<'static>>) -> Result<(), TlsFault> {
        let shown = shown(self.slot.as_ref());
        let config = config(&self.tls, self.protocol, &roots, self.slot.as_ref())?;
        self.backend.config.store(Arc::new(config));
        (self.roots, self.shown) = (roots, shown);
        Ok(())
    }
}

/// What is wrong with the authorities and the name of an upstream.
pub(crate) fn check(tls: &UpstreamTls) -> Vec<TlsFault> {
    let config = || config(tls, Protocol::Http1, &roots(&tls.trust)?, None);
    [config().err(), sni(tls).err()].into_iter().flatten().collect()
}

fn config(
    tls: &UpstreamTls,
    protocol: Protocol,
    roots: &[CertificateDer<'static>],
    slot: Option<&Arc<Slot>>,
) -> Result<ClientConfig, TlsFault> {
    let verifier = verifier(&tls.trust, roots)?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsFault::new("tls", Problem::refused(error)))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match slot {
        None => builder.with_no_client_auth(),
        Some(slot) => builder.with_client_cert_resolver(Arc::new(Own(Arc::clone(slot)))),
    };
    config.alpn_protocols = match protocol {
        Protocol::Http1 => vec![b"http/1.1".to_vec()],
        Protocol::Http2 => vec![b"h2".to_vec()],
        Protocol::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    Ok(config)
}

fn verifier(trust: &Trust, roots: &[CertificateDer<'static>]) -> Result<Arc<dyn ServerCertVerifier>, TlsFault> {
    match trust {
        Trust::Anyone => Ok(Arc::new(Anyone)),
        Trust::File(path) => Ok(Arc::new(Named::new(path, roots)?)),
        Trust::System => of_system(roots),
    }
}

fn of_system(roots: &[CertificateDer<'static>]) -> Result<Arc<dyn ServerCertVerifier>, TlsFault> {
    let mut store = RootCertStore::empty();
    // One odd certificate among those of a machine must not make all the others useless.
    store.add_parsable_certificates(roots.iter().cloned());
    if store.is_empty() {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider()).build();
    let fault = |error| TlsFault::new("the authorities of the system", Problem::refused(error));
    verifier.map(|verifier| verifier as Arc<_>).map_err(fault)
}

/// The authorities to trust, unchecked; empty for the built-in ones of a machine that has none.
fn roots(trust: &Trust) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    match trust {
        Trust::File(path) => authorities(path),
        Trust::System => Ok(rustls_native_certs::load_native_certs().certs),
        Trust::Anyone => Ok(Vec::new()),
    }
}

fn client_slot(tls: &UpstreamTls, shelf: &mut Shelf, now: SystemTime, faults: &mut Vec<TlsFault>) -> Option<Arc<Slot>> {
    let (slot, found) = shelf.take(tls.certificate.as_ref()?, CertificateSource::Upstream, now);
    faults.extend(found);
    Some(slot)
}

fn shown(slot: Option<&Arc<Slot>>) -> Vec<CertificateDer<'static>> {
    slot.and_then(|slot| slot.load_full()).map(|pair| pair.key.cert.clone()).unwrap_or_default()
}

fn sni(tls: &UpstreamTls) -> Result<Option<ServerName<'static>>, TlsFault> {
    let Some(name) = &tls.sni else { return Ok(None) };
    let parsed = ServerName::try_from(name.clone()).map_err(|_| TlsFault::new(name, Problem::HostInvalid))?;
    Ok(Some(parsed))
}

fn stamp(tls: &UpstreamTls) -> Option<Stamp> {
    match &tls.trust {
        Trust::File(path) => Stamp::of(path),
        Trust::System | Trust::Anyone => None,
    }
}

/// The certificate that evener shows to servers, as it is now.
#[derive(Debug)]
struct Own(Arc<Slot>);

impl ResolvesClientCert for Own {
    fn resolve(&self, _hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let pair = self.0.load();
        let key = &pair.as_ref()?.key;
        key.key.choose_scheme(schemes).map(|_| Arc::clone(key))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Takes any certificate. The connection is secret then, but to whom it leads nobody knows: only `verify = false`, written
/// out, comes here.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Sessions that an upstream remembers, for all of its servers.
const SESSIONS: usize = 256;
