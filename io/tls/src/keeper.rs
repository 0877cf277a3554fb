//! What of TLS outlives a plan: certificates that were read, ticket keys, the internal authority, challenges. It lives on
//! the control thread as long as the process.
//!
//! It waits for nothing: somebody calls [`TlsKeeper::refresh`] and [`TlsKeeper::rotate_tickets`] every few seconds.

use crate::backend::{self, Backends};
use crate::challenge::Challenges;
use crate::fault::{Party, Severity, TlsFault, TlsNotice};
use crate::frontend::{self, Frontends, Service, Workshop};
use crate::gate::Gates;
use crate::internal::Internal;
use crate::policy::Policies;
use crate::shelf::{CertificateReport, Shelf};
use evener_plan::Plan;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::SystemTime;

/// What of TLS outlives a plan.
pub struct TlsKeeper {
    state_dir: PathBuf,
    shelf: Shelf,
    gates: Gates,
    policies: Policies,
    internal: Internal,
    challenges: Arc<Challenges>,
    /// The services of all plans that are in use somewhere.
    services: Vec<Weak<Service>>,
    /// What upstreams need, by their names.
    backends: Vec<(String, backend::Held)>,
    warnings: Vec<TlsFault>,
}

impl TlsKeeper {
    /// One that holds nothing yet.
    pub fn new(state_dir: PathBuf) -> Self {
        Self {
            shelf: Shelf::default(),
            gates: Gates::default(),
            policies: Policies::new(SystemTime::now()),
            internal: Internal::new(&state_dir),
            challenges: Arc::new(Challenges::default()),
            services: Vec::new(),
            backends: Vec::new(),
            warnings: Vec::new(),
            state_dir,
        }
    }

    /// What the sites and services of a plan need towards clients. Ticket keys and policies are those of before; files are
    /// read again, and what is good replaces what was read before, also for the plan in use.
    ///
    /// # Errors
    /// All that is wrong if something is fatal. What is not goes to [`Self::take_warnings`].
    pub fn frontends(&mut self, plan: &Plan) -> Result<Arc<Frontends>, Vec<TlsFault>> {
        let mut shop = Workshop {
            state_dir: &self.state_dir,
            shelf: &mut self.shelf,
            gates: &mut self.gates,
            policies: &mut self.policies,
            internal: &mut self.internal,
            challenges: &self.challenges,
            now: SystemTime::now(),
        };
        let (frontends, services, faults) = frontend::frontends(plan, &mut shop);
        self.services.retain(|service| service.strong_count() > 0);
        self.services.extend(services.iter().map(Arc::downgrade));
        // A gate is made anew by this, too, for the services of the plan in use.
        self.rebuild(Service::is_gated);
        self.judge(faults).map(|()| Arc::new(frontends))
    }

    /// What the upstreams of a plan need towards servers. An upstream that is as it was keeps its sessions.
    ///
    /// # Errors
    /// All that is wrong if something is fatal. What is not goes to [`Self::take_warnings`].
    pub fn backends(&mut self, plan: &Plan) -> Result<Arc<Backends>, Vec<TlsFault>> {
        let now = SystemTime::now();
        self.backends.retain(|(_, held)| held.is_used());
        let (mut all, mut faults) = (Vec::new(), Vec::new());
        for upstream in &plan.upstreams {
            let Some(tls) = &upstream.tls else {
                all.push(None);
                continue;
            };
            let party = Party::Upstream(upstream.name.clone());
            let is_it =
                |name: &str, held: &backend::Held| *name == upstream.name && held.is_for(tls, upstream.protocol);
            if let Some((_, held)) = self.backends.iter_mut().find(|(name, held)| is_it(name, held)) {
                faults.extend(held.renew(&mut self.shelf, now).into_iter().map(|fault| fault.of(&party)));
                all.push(Some(Arc::clone(&held.backend)));
                continue;
            }
            let (held, found) = backend::Held::new(tls, upstream.protocol, &mut self.shelf, now);
            faults.extend(found.into_iter().map(|fault| fault.of(&party)));
            all.push(held.as_ref().map(|held| Arc::clone(&held.backend)));
            self.backends.extend(held.map(|held| (upstream.name.clone(), held)));
        }
        self.judge(faults).map(|()| Arc::new(Backends { all }))
    }

    /// The faults of what was made last that stand in nobody's way.
    pub fn take_warnings(&mut self) -> Vec<TlsFault> {
        std::mem::take(&mut self.warnings)
    }

    /// Reads again the files that have changed and puts what is good in place, for the next handshakes; connections and
    /// their snapshots stay. A broken file leaves what was read before. Also tells, once a day, what ends soon.
    pub fn refresh(&mut self, now: SystemTime) -> Vec<TlsNotice> {
        self.prune();
        let mut notices = self.shelf.refresh(now);
        let (changed, of_gates) = self.gates.refresh(now);
        notices.extend(of_gates);
        self.rebuild(|service| changed.iter().any(|gate| service.has_gate(gate)));
        notices.extend(self.backends.iter_mut().filter_map(|(_, held)| held.refresh()));
        notices.extend(self.internal.refresh(now).into_iter().map(TlsNotice::Kept));
        notices
    }

    /// Turns the ring of ticket keys if its twelve hours are over.
    pub fn rotate_tickets(&mut self, now: SystemTime) {
        self.policies.ring().turn(now);
    }

    /// The challenges that workers answer.
    pub fn challenges(&self) -> Arc<Challenges> {
        Arc::clone(&self.challenges)
    }

    /// Puts in place, for the next handshake, the certificate that was ordered for a host.
    ///
    /// # Errors
    /// The certificate and the key cannot be used together; what was there before stays.
    pub fn install(&mut self, host: &str, chain_pem: &str, key_pem: &str) -> Result<(), TlsFault> {
        let files = frontend::acme_files(&self.state_dir, host);
        self.shelf.install(&files, chain_pem, key_pem, SystemTime::now())
    }

    /// The certificates in use.
    pub fn certificates(&self) -> Vec<CertificateReport> {
        let mut all: Vec<CertificateReport> = self.shelf.reports().chain(self.internal.reports()).collect();
        all.sort_by(|a, b| (&a.subject, &a.names).cmp(&(&b.subject, &b.names)));
        all
    }

    /// How people make their machine trust the internal authority.
    pub fn trust_hint(&self) -> String {
        let root = self.internal.root_path();
        let root = root.display();
        format!(
            "to trust the certificates of `tls = \"internal\"` on this machine:\n  \
             Debian, Ubuntu: cp {root} /usr/local/share/ca-certificates/evener.crt && update-ca-certificates\n  \
             Fedora: trust anchor {root}\n  \
             macOS: security add-trusted-cert -d -k /Library/Keychains/System.keychain {root}\n  \
             curl: curl --cacert {root} https://localhost/\n  \
             Firefox, Chromium: settings, certificates, authorities, import {root}\n  \
             Node: NODE_EXTRA_CA_CERTS={root}"
        )
    }

    /// Passes faults on if one is fatal, else keeps them as warnings.
    fn judge(&mut self, faults: Vec<TlsFault>) -> Result<(), Vec<TlsFault>> {
        let faults = TlsFault::merged(faults);
        if faults.iter().any(|fault| fault.severity() == Severity::Fatal) {
            return Err(faults);
        }
        self.warnings.extend(faults);
        Ok(())
    }

    fn rebuild(&self, is_due: impl Fn(&Service) -> bool) {
        for service in self.services.iter().filter_map(Weak::upgrade).filter(|service| is_due(service)) {
            // It was made of the same parts before; should it fail all the same, the former config stays.
            let _ = service.rebuild();
        }
    }

    fn prune(&mut self) {
        self.services.retain(|service| service.strong_count() > 0);
        self.backends.retain(|(_, held)| held.is_used());
        self.shelf.prune();
        self.gates.prune();
        self.internal.prune();
    }
}
