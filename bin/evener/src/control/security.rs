//! What the control thread does for TLS: certificates are read with the config and looked at again every few seconds, ticket
//! keys are turned, and certificates are ordered for sites with `tls = "auto"`.
//!
//! What is right and wrong with them is known in `evener-tls`, how they are ordered in `evener-acme`.

use crate::operator::say;
use evener_acme::{AcmeSettings, Certificate, Manager, Notice, Stage};
use evener_admin::Orders as Tally;
use evener_plan::{Certificates, HostPattern, Plan, ServerTls};
use evener_proxy::Security;
use evener_tls::{CertificateReport, Challenges, TlsFault, TlsKeeper};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often files are looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What outlives plans.
pub(super) struct Safe {
    keeper: Arc<Mutex<TlsKeeper>>,
    challenges: Arc<Challenges>,
    state_dir: String,
    orders: Option<Orders>,
    /// What they have come to, whatever their settings were.
    tally: Arc<Mutex<Tally>>,
    has_told_of_trust: bool,
}

/// What can be looked at of all this.
pub(super) struct Books {
    keeper: Arc<Mutex<TlsKeeper>>,
    tally: Arc<Mutex<Tally>>,
}

impl Books {
    /// The certificates in use.
    pub(super) fn certificates(&self) -> Vec<CertificateReport> {
        lock(&self.keeper).certificates()
    }

    /// What orders have come to.
    pub(super) fn orders(&self) -> Tally {
        lock(&self.tally).clone()
    }
}

/// Orders under way.
struct Orders {
    settings: AcmeSettings,
    hosts: watch::Sender<Vec<String>>,
    task: JoinHandle<()>,
}

impl Drop for Orders {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Safe {
    pub(super) fn new(plan: &Plan) -> Self {
        let keeper = TlsKeeper::new(PathBuf::from(&plan.state_dir));
        let challenges = keeper.challenges();
        let state_dir = plan.state_dir.clone();
        Self {
            keeper: Arc::new(Mutex::new(keeper)),
            challenges,
            state_dir,
            orders: None,
            tally: Arc::default(),
            has_told_of_trust: false,
        }
    }

    /// What can be looked at.
    pub(super) fn books(&self) -> Books {
        Books { keeper: Arc::clone(&self.keeper), tally: Arc::clone(&self.tally) }
    }

    /// What a plan needs, and all that is wrong with it. Without the former a fault is fatal, and everything stays as it
    /// was.
    pub(super) fn prepare(&self, plan: &Plan) -> (Option<Security>, Vec<TlsFault>) {
        let mut keeper = lock(&self.keeper);
        let (frontends, backends) = (keeper.frontends(plan), keeper.backends(plan));
        let mut faults = keeper.take_warnings();
        let frontends = frontends.map_err(|found| faults.extend(found)).ok();
        let backends = backends.map_err(|found| faults.extend(found)).ok();
        let security = frontends.zip(backends).map(|(frontends, backends)| Security {
            frontends,
            backends,
            challenges: Arc::clone(&self.challenges),
        });
        (security, faults)
    }

    /// A plan is run from now on.
    pub(super) fn installed(&mut self, plan: &Plan) {
        if plan.state_dir != self.state_dir {
            say("`state_dir` changes with the next start only");
        }
        let fronts = || {
            let sites = plan.sites.iter().map(|site| (site.tls.as_ref(), &site.hosts));
            sites.chain(plan.tcp.iter().map(|service| (service.tls.as_ref(), &service.hosts)))
        };
        let is_of = |tls: Option<&ServerTls>, kind: &Certificates| tls.is_some_and(|tls| tls.certificates == *kind);
        if !self.has_told_of_trust && fronts().any(|(tls, _)| is_of(tls, &Certificates::Internal)) {
            self.has_told_of_trust = true;
            say(lock(&self.keeper).trust_hint());
        }
        let automatic = fronts().filter(|(tls, _)| is_of(*tls, &Certificates::Auto)).flat_map(|(_, hosts)| hosts);
        let mut hosts: Vec<String> = automatic.filter_map(exact).collect();
        hosts.sort();
        hosts.dedup();
        self.order(plan, hosts);
    }

    fn order(&mut self, plan: &Plan, hosts: Vec<String>) {
        let settings = AcmeSettings::new(plan.acme.clone(), PathBuf::from(&self.state_dir));
        if let Some(orders) = self.orders.as_ref().filter(|orders| orders.settings == settings) {
            // Also if they are the same: whoever reloads wants what waits for the authority to be tried now.
            orders.hosts.send_replace(hosts);
            return;
        }
        self.orders = None;
        lock(&self.tally).next.clear();
        if hosts.is_empty() {
            return;
        }
        let (sender, receiver) = watch::channel(hosts);
        let stage = Arc::new(Show {
            keeper: Arc::clone(&self.keeper),
            challenges: Arc::clone(&self.challenges),
            tally: Arc::clone(&self.tally),
        });
        let task = tokio::spawn(Manager::run(settings.clone(), receiver, stage));
        self.orders = Some(Orders { settings, hosts: sender, task });
    }

    /// Looks at files that may have changed, and at the age of keys.
    pub(super) fn look(&self) {
        let now = SystemTime::now();
        let mut keeper = lock(&self.keeper);
        keeper.rotate_tickets(now);
        keeper.refresh(now).iter().for_each(say);
    }
}

fn exact(host: &HostPattern) -> Option<String> {
    match host {
        HostPattern::Exact(name) => Some(name.clone()),
        HostPattern::Wildcard(_) => None,
    }
}

/// A panic while it was held has been told, and what it holds is replaced piece by piece.
fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

fn text(fault: &TlsFault) -> String {
    format!("{fault}; {}", fault.fix())
}

/// Where orders show their answers and results.
struct Show {
    keeper: Arc<Mutex<TlsKeeper>>,
    challenges: Arc<Challenges>,
    tally: Arc<Mutex<Tally>>,
}

impl Stage for Show {
    fn set_http(&self, host: &str, token: &str, key_authorization: &str) {
        self.challenges.set_http(host, token, key_authorization);
    }

    fn clear_http(&self, host: &str, token: &str) {
        self.challenges.clear_http(host, token);
    }

    fn set_alpn(&self, host: &str, certificate_der: &[u8], key_der: &[u8]) {
        if let Err(fault) = self.challenges.set_alpn(host, certificate_der, key_der) {
            say(format_args!("cannot answer the authority for {host}: {}", text(&fault)));
        }
    }

    fn clear_alpn(&self, host: &str) {
        self.challenges.clear_alpn(host);
    }

    fn installed(&self, certificate: &Certificate) -> bool {
        let (host, chain, key) = (certificate.host(), certificate.chain_pem(), certificate.key_pem());
        let installed = lock(&self.keeper).install(host, chain, key);
        if let Err(fault) = &installed {
            say(format_args!("cannot use the certificate for {host}: {}", text(fault)));
        }
        installed.is_ok()
    }

    fn tell(&self, notice: Notice) {
        let mut tally = lock(&self.tally);
        match notice {
            Notice::Ordered { .. } => tally.done += 1,
            Notice::OrderFailed { .. } => tally.failed += 1,
            Notice::AuthorityFailed { .. } => tally.authority_failed += 1,
            _ => {}
        }
        drop(tally);
        say(notice);
    }

    fn expects(&self, host: &str, order_at: Option<SystemTime>) {
        let next = &mut lock(&self.tally).next;
        match (order_at, next.get_mut(host)) {
            (Some(at), Some(known)) => *known = at,
            (Some(at), None) => {
                next.insert(host.to_owned(), at);
            }
            (None, _) => {
                next.remove(host);
            }
        }
    }
}
