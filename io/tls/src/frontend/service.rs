//! One site or service towards clients: its config, made anew when its gate changes, and how it chooses among its
//! certificates.

use crate::gate::Gate;
use crate::policy::PolicyId;
use crate::provider::{provider, versions};
use crate::reading::Pair;
use crate::shelf::Slot;
use arc_swap::ArcSwap;
use evener_plan::TlsVersion;
use rustls::server::{ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, NamedGroup, ServerConfig, SignatureAlgorithm, SignatureScheme};
use std::sync::Arc;

/// One site or service towards clients.
#[derive(Debug)]
pub(crate) struct Service {
    policy: PolicyId,
    config: ArcSwap<ServerConfig>,
    recipe: Recipe,
}

/// What a config is made of.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) certificates: Certificates,
    pub(crate) gate: Option<Arc<Gate>>,
    pub(crate) version_min: TlsVersion,
    pub(crate) protocols: Vec<Vec<u8>>,
    pub(crate) ticketer: Arc<dyn ProducesTickets>,
}

impl Service {
    pub(crate) fn new(policy: PolicyId, recipe: Recipe) -> Result<Self, rustls::Error> {
        Ok(Self { policy, config: ArcSwap::from_pointee(recipe.make()?), recipe })
    }

    pub(crate) fn policy(&self) -> PolicyId {
        self.policy
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }

    /// The name of those that it answers for to which this one belongs, if its certificate has not come yet.
    pub(crate) fn awaited(&self, name: Option<&str>) -> Option<&str> {
        match &self.recipe.certificates {
            Certificates::Shared(_) => None,
            Certificates::Named(slots) => {
                let (own, slot) = named(slots, name)?;
                slot.load().is_none().then_some(own)
            }
        }
    }

    /// Whether clients pass this gate.
    pub(crate) fn has_gate(&self, gate: &Arc<Gate>) -> bool {
        self.recipe.gate.as_ref().is_some_and(|own| Arc::ptr_eq(own, gate))
    }

    /// Whether clients show certificates.
    pub(crate) fn is_gated(&self) -> bool {
        self.recipe.gate.is_some()
    }

    /// Makes the config anew, for its gate has changed.
    pub(crate) fn rebuild(&self) -> Result<(), rustls::Error> {
        self.config.store(Arc::new(self.recipe.make()?));
        Ok(())
    }
}

impl Recipe {
    fn make(&self) -> Result<ServerConfig, rustls::Error> {
        let builder =
            ServerConfig::builder_with_provider(provider()).with_protocol_versions(versions(self.version_min))?;
        let builder = match &self.gate {
            None => builder.with_no_client_auth(),
            // A gate without a verifier must never become an open door.
            Some(gate) => builder.with_client_cert_verifier(gate.verifier().ok_or_else(no_verifier)?),
        };
        let mut config = builder.with_cert_resolver(Arc::new(self.certificates.clone()));
        config.ignore_client_order = true;
        config.alpn_protocols.clone_from(&self.protocols);
        // Its default forgets sessions at every reload, and may resume one past the gate.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = Arc::clone(&self.ticketer);
        config.send_tls13_tickets = if self.ticketer.enabled() { TICKETS } else { 0 };
        config.max_early_data_size = 0;
        Ok(config)
    }
}

fn no_verifier() -> rustls::Error {
    rustls::Error::General(String::from("the certificate authorities for clients are not there"))
}

/// The certificates of a site or service.
#[derive(Debug, Clone)]
pub(crate) enum Certificates {
    /// For all of its names.
    Shared(Vec<Arc<Slot>>),
    /// One for each name, in the order of the plan.
    Named(Vec<(String, Arc<Slot>)>),
}

impl ResolvesServerCert for Certificates {
    /// `None`, and an alert for the client, while there is no certificate: a made-up one would teach people to click
    /// warnings away.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name();
        match self {
            Self::Shared(slots) => match slots.as_slice() {
                [only] => only.load().as_ref().map(|pair| Arc::clone(&pair.key)),
                several => best(several, &hello),
            },
            Self::Named(slots) => named(slots, name)?.1.load().as_ref().map(|pair| Arc::clone(&pair.key)),
        }
    }
}

fn named<'a>(slots: &'a [(String, Arc<Slot>)], name: Option<&str>) -> Option<(&'a str, &'a Slot)> {
    let is_it = |own: &str| name.is_none_or(|name| crate::reading::name_covers(own, undotted(name)));
    slots.iter().find(|(own, _)| is_it(own)).map(|(own, slot)| (own.as_str(), &**slot))
}

/// Of several certificates one that the client can check, rather one that covers the name, rather one that costs less.
fn best(slots: &[Arc<Slot>], hello: &ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
    let (name, schemes, groups) = (hello.server_name(), hello.signature_schemes(), groups(hello));
    let rank = |pair: &Pair| {
        let can_check = pair.key.key.choose_scheme(schemes).is_some() && is_on_known_curve(pair, groups);
        let is_named = name.is_none_or(|name| pair.facts.covers(undotted(name)));
        (!can_check, !is_named, cost(pair.key.key.algorithm()))
    };
    let pairs = slots.iter().filter_map(|slot| slot.load_full());
    pairs.min_by_key(|pair| rank(pair)).map(|pair| Arc::clone(&pair.key))
}

/// The curves that the client knows, if its signature schemes do not tell: in TLS 1.2 they name a hash alone (RFC 8422
/// §5.1.1). Who offers a suite of TLS 1.3 gets that version, unless he contradicts himself.
fn groups<'a>(hello: &ClientHello<'a>) -> Option<&'a [NamedGroup]> {
    let is_of_13 = |suite: &CipherSuite| (0x1301..=0x1305).contains(&u16::from(*suite));
    if hello.cipher_suites().iter().any(is_of_13) { None } else { hello.named_groups() }
}

fn is_on_known_curve(pair: &Pair, groups: Option<&[NamedGroup]>) -> bool {
    let signs_with = |scheme: SignatureScheme| pair.key.key.choose_scheme(&[scheme]).is_some();
    let curve = CURVES.iter().find(|(scheme, _)| signs_with(*scheme)).map(|(_, curve)| curve);
    curve.zip(groups).is_none_or(|(curve, groups)| groups.contains(curve))
}

/// The curve of whoever signs so.
const CURVES: [(SignatureScheme, NamedGroup); 3] = [
    (SignatureScheme::ECDSA_NISTP256_SHA256, NamedGroup::secp256r1),
    (SignatureScheme::ECDSA_NISTP384_SHA384, NamedGroup::secp384r1),
    (SignatureScheme::ECDSA_NISTP521_SHA512, NamedGroup::secp521r1),
];

/// The order of signatures by what they cost the server.
fn cost(algorithm: SignatureAlgorithm) -> u8 {
    match algorithm {
        SignatureAlgorithm::ECDSA => 0,
        SignatureAlgorithm::ED25519 => 1,
        _ => 2,
    }
}

fn undotted(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Tickets after a handshake: a browser opens more than one connection next time.
const TICKETS: usize = 2;
