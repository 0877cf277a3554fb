//! What `evener check` says about TLS: reads every certificate, key and list that a plan names, and changes nothing.

use crate::backend;
use crate::fault::{Party, Problem, Severity, TlsFault};
use crate::file::Stamp;
use crate::frontend::{acme_files, text, uncovered};
use crate::gate;
use crate::internal::Internal;
use crate::reading::{self, Pair, Reading};
use evener_plan::{Certificates, HostPattern, Plan, ServerTls};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// Everything that is wrong with the certificates, keys and lists of a plan. What is to be ordered over ACME or made by the
/// internal authority and is not there yet is not wrong.
pub fn inspect(plan: &Plan, now: SystemTime) -> Vec<TlsFault> {
    let state_dir = Path::new(&plan.state_dir);
    let sites = plan.sites.iter().enumerate();
    let of_sites = sites.map(|(index, site)| (Party::Site(index), site.tls.as_ref(), site.hosts.as_slice()));
    let tcp = plan.tcp.iter().enumerate();
    let of_tcp = tcp.map(|(index, tcp)| (Party::Tcp(index), tcp.tls.as_ref(), tcp.hosts.as_slice()));
    let mut faults = Vec::new();
    for (party, tls, hosts) in of_sites.chain(of_tcp) {
        let found = tls.map(|tls| of_service(tls, hosts, state_dir, now)).unwrap_or_default();
        faults.extend(found.into_iter().map(|fault| fault.of(&party)));
    }
    for upstream in &plan.upstreams {
        let Some(tls) = &upstream.tls else { continue };
        let certificate = tls.certificate.iter().flat_map(|files| reading::read(files, now).faults);
        let certificate = certificate.filter(TlsFault::counts_towards_servers);
        let party = Party::Upstream(upstream.name.clone());
        faults.extend(backend::check(tls).into_iter().chain(certificate).map(|fault| fault.of(&party)));
    }
    let is_ordered = |tls: Option<&ServerTls>| tls.is_some_and(|tls| tls.certificates == Certificates::Auto);
    let services = plan.sites.iter().map(|site| site.tls.as_ref()).chain(plan.tcp.iter().map(|tcp| tcp.tls.as_ref()));
    if services.into_iter().any(is_ordered) {
        faults.extend(plan.acme.ca.as_ref().and_then(|ca| gate::authorities(ca).err()));
    }
    TlsFault::merged(faults)
}

fn of_service(tls: &ServerTls, hosts: &[HostPattern], state_dir: &Path, now: SystemTime) -> Vec<TlsFault> {
    let mut faults = Vec::new();
    match &tls.certificates {
        Certificates::Files(all) => {
            let mut pairs = Vec::new();
            for files in all {
                let Reading { pair, faults: found } = reading::read(files, now);
                faults.extend(found);
                pairs.extend(pair.map(Arc::<Pair>::new));
            }
            let subject = all.first().map(|files| files.certificate.as_str()).unwrap_or_default();
            faults.extend(uncovered(subject, hosts, &pairs));
        }
        Certificates::Auto => {
            let all = hosts.iter().map(|host| acme_files(state_dir, &text(host)));
            let ordered = all.filter(|files| Stamp::of(&files.certificate).is_some());
            faults.extend(ordered.flat_map(|files| reading::read(&files, now).faults).map(replaced));
        }
        Certificates::Internal => faults.extend(Internal::new(state_dir).faults(now)),
    }
    if let Some(auth) = &tls.client_auth {
        faults.extend(gate::read(auth, now).1);
    }
    faults
}

/// What is wrong with an ordered certificate that is kept: in place of one that is over or cannot be used a start orders
/// another one, so that it stands in nobody's way. Any other is served as it is.
fn replaced(fault: TlsFault) -> TlsFault {
    let is_replaced = fault.severity() == Severity::Fatal || matches!(fault.problem, Problem::Expired(1, _));
    if is_replaced { TlsFault::new(fault.subject, Problem::Replaced(Box::new(fault.problem))) } else { fault }
}
