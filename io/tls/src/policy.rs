//! Policies of TLS: what sets apart the clients that a site admits. Connections and sessions never cross from one to
//! another.

use crate::tickets::{NoTickets, Ring, Ticketer};
use evener_plan::{ClientAuth, ServerTls, TlsVersion};
use rustls::server::ProducesTickets;
use std::sync::Arc;
use std::time::SystemTime;

/// Which policy a connection was made under. Equal for sites that ask the same of clients: then a connection that was made
/// for one may carry requests for another (RFC 9113 §9.1.1); where it differs, the answer is 421.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PolicyId(usize);

/// All policies that there ever were in this process, with their tickets.
pub(crate) struct Policies {
    ring: Arc<Ring>,
    known: Vec<Policy>,
}

struct Policy {
    client_auth: Option<ClientAuth>,
    version_min: TlsVersion,
    ticketer: Arc<dyn ProducesTickets>,
}

impl Policies {
    pub(crate) fn new(now: SystemTime) -> Self {
        Self { ring: Ring::new(now), known: Vec::new() }
    }

    pub(crate) fn ring(&self) -> &Ring {
        &self.ring
    }

    /// The policy of these settings, and its tickets. It keeps both through every reload.
    pub(crate) fn of(&mut self, tls: &ServerTls) -> (PolicyId, Arc<dyn ProducesTickets>) {
        let is_it = |policy: &Policy| policy.client_auth == tls.client_auth && policy.version_min == tls.version_min;
        let index = self.known.iter().position(is_it).unwrap_or_else(|| {
            let ticketer = self.ticketer(tls);
            let (client_auth, version_min) = (tls.client_auth.clone(), tls.version_min);
            self.known.push(Policy { client_auth, version_min, ticketer });
            self.known.len() - 1
        });
        (PolicyId(index), Arc::clone(&self.known[index].ticketer))
    }

    /// Where clients show certificates there are no tickets: a resumed session would skip looking at the certificate,
    /// which may be revoked or its authority gone since.
    fn ticketer(&self, tls: &ServerTls) -> Arc<dyn ProducesTickets> {
        match tls.client_auth {
            Some(_) => Arc::new(NoTickets),
            None => Ticketer::new(Arc::clone(&self.ring), format!("clients=any version_min={}", tls.version_min)),
        }
    }
}
