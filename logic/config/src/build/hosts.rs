//! Which sites, or which services, would answer for the same host on the same address.

use crate::diagnostic::Report;
use crate::draft::{At, DraftSite, DraftTcp};
use crate::source::Span;
use evener_plan::{HostPattern, Listen};
use std::collections::BTreeMap;

/// Reports each host that two sites claim on the same address.
pub(super) fn check_sites(sites: &[DraftSite], report: &mut Report) {
    let claims = sites.iter().map(|site| {
        // A redirect that nobody wrote gives way.
        let redirecting = site.listens.redirecting.iter().filter(|_| !site.listens.is_redirect_implied);
        let listens = site.listens.own.iter().chain(redirecting).map(|at| at.value).collect();
        Claim { listens, hosts: &site.hosts, span: site.span }
    });
    let words = Words { plural: "sites", unify: "make them one site with routes" };
    check(claims.collect(), &words, report);
}

/// Reports each host that two TCP services claim on the same address.
pub(super) fn check_services(services: &[DraftTcp], report: &mut Report) {
    let claims = services.iter().map(|service| {
        let listens = service.listen.iter().map(|at| at.value).collect();
        Claim { listens, hosts: &service.hosts, span: service.span }
    });
    let words = Words { plural: "services", unify: "make them one service with more servers" };
    check(claims.collect(), &words, report);
}

/// What one of them answers for.
struct Claim<'d> {
    listens: Vec<Listen>,
    hosts: &'d [At<HostPattern>],
    span: Span,
}

/// What they are called, and how to make one of two.
struct Words {
    plural: &'static str,
    unify: &'static str,
}

fn check(claims: Vec<Claim<'_>>, words: &Words, report: &mut Report) {
    let mut owners: BTreeMap<(String, String), (usize, Span)> = BTreeMap::new();
    for (number, claim) in claims.iter().enumerate() {
        let hosts: Vec<(String, Span)> = match claim.hosts {
            [] => vec![(String::new(), claim.span)],
            hosts => hosts.iter().map(|host| (name(&host.value), host.span)).collect(),
        };
        for (host, span) in hosts {
            // One finding for a host, however many addresses the two share.
            let mut is_reported = false;
            for listen in &claim.listens {
                let key = (listen.to_string(), host.clone());
                match owners.get(&key) {
                    Some((owner, first)) if *owner != number && !is_reported => {
                        clash(&host, *listen, (*first, span), words, report);
                        is_reported = true;
                    }
                    Some(_) => {}
                    None => {
                        owners.insert(key, (number, span));
                    }
                }
            }
        }
    }
}

fn name(host: &HostPattern) -> String {
    match host {
        HostPattern::Exact(name) => name.clone(),
        HostPattern::Wildcard(name) => format!("*.{name}"),
    }
}

fn clash(host: &str, listen: Listen, (first, second): (Span, Span), words: &Words, report: &mut Report) {
    let Words { plural, unify } = words;
    let finding = if host.is_empty() {
        let message = format!("two {plural} without `hosts` listen on \"{listen}\"");
        report.error("same-host", second, message).help("give one of them `hosts`, or another address in `listen`")
    } else {
        let message = format!("two {plural} answer for `{host}` on \"{listen}\"");
        report.error("same-host", second, message).help(format!("{unify}, or listen on different addresses"))
    };
    finding.label(first, "the first one is here");
}
