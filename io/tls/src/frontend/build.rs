//! From the sites and services of a plan to what they need towards clients, with everything that is wrong with it.

use super::names::{Nameless, Names};
use super::service::{Certificates as Shown, Recipe, Service};
use super::{Frontend, Frontends, Owner, Place};
use crate::challenge::Challenges;
use crate::fault::{Party, Problem, TlsFault};
use crate::gate::Gates;
use crate::internal::Internal;
use crate::policy::Policies;
use crate::reading::Pair;
use crate::shelf::{CertificateSource, Shelf, Slot};
use evener_plan::{CertificateFiles, Certificates, HostPattern, Listen, Plan, ServerTls};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// What is kept from plan to plan, and what it takes to make anything of it.
pub(crate) struct Workshop<'a> {
    pub(crate) state_dir: &'a Path,
    pub(crate) shelf: &'a mut Shelf,
    pub(crate) gates: &'a mut Gates,
    pub(crate) policies: &'a mut Policies,
    pub(crate) internal: &'a mut Internal,
    pub(crate) challenges: &'a Arc<Challenges>,
    pub(crate) now: SystemTime,
}

/// What a plan needs towards clients, the services in it, and all that is wrong. A service without a usable certificate
/// is left out; then at least one fault is fatal.
pub(crate) fn frontends(plan: &Plan, shop: &mut Workshop<'_>) -> (Frontends, Vec<Arc<Service>>, Vec<TlsFault>) {
    let mut listens = HashMap::new();
    let (mut services, mut faults) = (Vec::new(), Vec::new());
    for (index, site) in plan.sites.iter().enumerate() {
        let Some(tls) = &site.tls else { continue };
        let protocols: &[&[u8]] = if site.http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        let found = shop.service(tls, &site.hosts, protocols, &Party::Site(index), &mut faults);
        let Some(service) = found else { continue };
        let owner = Owner::Site(index);
        put(&mut listens, shop, owner, &site.listen, &site.hosts, Some(Arc::clone(&service)));
        services.push(service);
    }
    for (index, tcp) in plan.tcp.iter().enumerate() {
        let owner = Owner::Tcp(index);
        let party = Party::Tcp(index);
        let service = tcp.tls.as_ref().map(|tls| shop.service(tls, &tcp.hosts, &[], &party, &mut faults));
        // A service that should end TLS and cannot must not pass it on instead.
        let Some(service) = service.map_or(Some(None), |service| service.map(Some)) else { continue };
        services.extend(service.clone());
        put(&mut listens, shop, owner, &tcp.listen, &tcp.hosts, service);
    }
    let by_name =
        |owner| matches!(owner, Owner::Tcp(index) if plan.tcp.get(index).is_some_and(|tcp| !tcp.hosts.is_empty()));
    listens.retain(|_, frontend: &mut Frontend| {
        frontend.names.has(|place| place.service.is_some() || by_name(place.owner))
    });
    (Frontends { listens: listens.into_iter().collect() }, services, faults)
}

fn put(
    listens: &mut HashMap<Listen, Frontend>,
    shop: &Workshop<'_>,
    owner: Owner,
    own: &[Listen],
    hosts: &[HostPattern],
    service: Option<Arc<Service>>,
) {
    let nameless = match owner {
        Owner::Site(_) => Nameless::First,
        Owner::Tcp(_) => Nameless::Nobody,
    };
    for listen in own {
        let make = || Frontend { names: Names::new(), challenges: Arc::clone(shop.challenges) };
        let place = Place { owner, service: service.clone() };
        listens.entry(*listen).or_insert_with(make).names.add(place, hosts, nameless);
    }
}

impl Workshop<'_> {
    fn service(
        &mut self,
        tls: &ServerTls,
        hosts: &[HostPattern],
        protocols: &[&[u8]],
        party: &Party,
        faults: &mut Vec<TlsFault>,
    ) -> Option<Arc<Service>> {
        let mut found = Vec::new();
        let service = self.of_settings(tls, hosts, protocols, &mut found);
        faults.extend(found.into_iter().map(|fault| fault.of(party)));
        service
    }

    fn of_settings(
        &mut self,
        tls: &ServerTls,
        hosts: &[HostPattern],
        protocols: &[&[u8]],
        faults: &mut Vec<TlsFault>,
    ) -> Option<Arc<Service>> {
        let certificates = self.certificates(&tls.certificates, hosts, faults);
        let gate = tls.client_auth.as_ref().map(|auth| {
            let (gate, found) = self.gates.take(auth, self.now);
            faults.extend(found);
            gate
        });
        // Its absence is among the faults.
        if gate.as_ref().is_some_and(|gate| gate.verifier().is_none()) {
            return None;
        }
        let (policy, ticketer) = self.policies.of(tls);
        let protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let recipe = Recipe { certificates: certificates?, gate, version_min: tls.version_min, protocols, ticketer };
        let service = Service::new(policy, recipe);
        service.map_err(|error| faults.push(TlsFault::new("tls", Problem::refused(error)))).map(Arc::new).ok()
    }

    fn certificates(
        &mut self,
        certificates: &Certificates,
        hosts: &[HostPattern],
        faults: &mut Vec<TlsFault>,
    ) -> Option<Shown> {
        match certificates {
            Certificates::Files(all) => {
                let mut take = |files: &CertificateFiles| {
                    let (slot, found) = self.shelf.take(files, CertificateSource::File, self.now);
                    faults.extend(found);
                    slot
                };
                let slots: Vec<Arc<Slot>> = all.iter().map(&mut take).collect();
                let pairs: Vec<Arc<Pair>> = slots.iter().filter_map(|slot| slot.load_full()).collect();
                faults.extend(uncovered(&all.first()?.certificate, hosts, &pairs));
                (!pairs.is_empty()).then_some(Shown::Shared(slots))
            }
            Certificates::Auto => {
                let mut take = |host: &HostPattern| {
                    let name = text(host);
                    let files = acme_files(self.state_dir, &name);
                    let (slot, found) = self.shelf.take(&files, CertificateSource::Acme, self.now);
                    // A broken one is ordered anew; the start does not wait for that.
                    let is_fit = slot.load().is_some();
                    faults.extend(found.into_iter().filter(|_| is_fit));
                    (name, slot)
                };
                Some(Shown::Named(hosts.iter().map(&mut take).collect()))
            }
            Certificates::Internal => {
                let slot = self.internal.take(internal_hosts(hosts), self.now);
                let slot = slot.map_err(|fault| faults.push(fault)).ok()?;
                Some(Shown::Shared(vec![slot]))
            }
        }
    }
}

/// The hosts that no certificate covers.
pub(crate) fn uncovered(subject: &str, hosts: &[HostPattern], pairs: &[Arc<Pair>]) -> Vec<TlsFault> {
    let names: Vec<String> = pairs.iter().flat_map(|pair| pair.facts.names.clone()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let missing = hosts.iter().map(text).filter(|host| !pairs.iter().any(|pair| pair.facts.covers(host)));
    missing.map(|host| TlsFault::new(subject, Problem::HostMissing(host, names.clone()))).collect()
}

/// The names in a certificate of the internal authority.
pub(crate) fn internal_hosts(hosts: &[HostPattern]) -> Vec<String> {
    if hosts.is_empty() {
        return ["localhost", "127.0.0.1", "::1"].map(String::from).to_vec();
    }
    hosts.iter().map(text).collect()
}

/// Where the certificate that was ordered for a host is kept.
pub(crate) fn acme_files(state_dir: &Path, host: &str) -> CertificateFiles {
    let path = |ending| state_dir.join("acme/certificates").join(format!("{host}.{ending}"));
    let text = |ending| path(ending).to_string_lossy().into_owned();
    CertificateFiles { certificate: text("pem"), key: text("key") }
}

pub(crate) fn text(host: &HostPattern) -> String {
    match host {
        HostPattern::Exact(name) => name.clone(),
        HostPattern::Wildcard(parent) => format!("*.{parent}"),
    }
}
