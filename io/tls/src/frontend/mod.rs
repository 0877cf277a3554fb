//! TLS towards clients: from the name in a ClientHello to the config that its handshake goes by, on each address.
//!
//! No socket is touched here, and no file: what sites show is on the shelf.

mod build;
mod names;
mod service;

pub(crate) use build::{Workshop, acme_files, frontends, text, uncovered};
pub(crate) use service::Service;

use crate::challenge::Challenges;
use crate::policy::PolicyId;
use evener_plan::Listen;
use names::Names;
use rustls::ServerConfig;
use std::sync::Arc;

/// What the sites and services of one plan need towards clients.
#[derive(Debug, Default)]
pub struct Frontends {
    /// Few: looking through them costs less than a hash.
    listens: Vec<(Listen, Frontend)>,
}

impl Frontends {
    /// What is needed on an address; `None` where no TLS ends and no service is chosen by its name.
    pub fn get(&self, listen: Listen) -> Option<&Frontend> {
        self.listens.iter().find(|(own, _)| *own == listen).map(|(_, frontend)| frontend)
    }
}

/// What is needed on one address.
#[derive(Debug)]
pub struct Frontend {
    names: Names<Place>,
    challenges: Arc<Challenges>,
}

/// A site or a service under one of its names.
#[derive(Debug)]
struct Place {
    owner: Owner,
    /// `None`: a service that passes TLS on as it is.
    service: Option<Arc<Service>>,
}

/// Whom a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A site, by its index in `Plan::sites`.
    Site(usize),
    /// A service, by its index in `Plan::tcp`.
    Tcp(usize),
}

/// What a handshake goes by.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The config.
    pub config: Arc<ServerConfig>,
    /// What the connection is for.
    pub purpose: Purpose,
    /// The name whose certificate has not come yet, so that the handshake will fail.
    pub awaited: Option<String>,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A site or service.
    Serve {
        /// The policy that it is made under.
        policy: PolicyId,
        /// Whose it is.
        owner: Owner,
    },
    /// An authority that checks a host (RFC 8737): it is closed when the handshake is done.
    Challenge,
}

impl Frontend {
    /// What a handshake goes by, by the name (SNI) and the protocols (ALPN) of its ClientHello: the site with this very
    /// name, then the one with the longest wildcard, then the one without hosts. Without a name the one without hosts,
    /// else the first site. `None`: nobody has the name, or a service that does not end TLS; a client is told so with
    /// the alert `unrecognized_name`.
    pub fn choose<'a>(&self, sni: Option<&str>, alpn: impl Iterator<Item = &'a [u8]>) -> Option<Chosen> {
        if let Some(config) = self.challenges.alpn_answer(sni, alpn) {
            return Some(Chosen { config, purpose: Purpose::Challenge, awaited: None });
        }
        let place = self.names.find(sni)?;
        let service = place.service.as_ref()?;
        let purpose = Purpose::Serve { policy: service.policy(), owner: place.owner };
        Some(Chosen { config: service.config(), purpose, awaited: service.awaited(sni).map(str::to_owned) })
    }

    /// Whose a connection with this name is, also where TLS does not end here.
    pub fn owner(&self, sni: Option<&str>) -> Option<Owner> {
        self.names.find(sni).map(|place| place.owner)
    }

    /// The policy that a connection for this host (without port) would have been made under; `None` if nobody has it. A
    /// request for a host with another policy than its connection's is answered with 421.
    pub fn policy_of(&self, host: &str) -> Option<PolicyId> {
        self.names.of(host)?.service.as_ref().map(|service| service.policy())
    }
}
