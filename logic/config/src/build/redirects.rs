//! The sites of the plan that nobody wrote: they lead from addresses without TLS to those of a site that has it.

use crate::draft::{At, DraftSite};
use evener_plan::{Action, HostMode, HostPattern, Listen, PathMatch, Route, Site, TextPart};

/// One site for each address that redirects. A redirect that nobody wrote is left out for hosts for which another site
/// answers at that address.
pub(super) fn build(sites: &[DraftSite]) -> Vec<Site> {
    let mut redirects = Vec::new();
    for (number, site) in sites.iter().enumerate() {
        let Some(to) = site.listens.own.first() else { continue };
        for from in &site.listens.redirecting {
            let others = || sites.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, other)| other);
            let Some(hosts) = hosts(site, from.value, others) else { continue };
            let plain = || others().find(|other| other.tls.is_none() && has(&other.listens.own, from.value));
            redirects.push(Site {
                listen: vec![from.value],
                tls: None,
                // What is written holds for all that share the address.
                http2: plain().is_some_and(|other| other.http2.value),
                accept_proxy: site.accept_proxy.value.clone(),
                hosts,
                trusted_proxies: site.trusted_proxies.clone(),
                routes: vec![route(to.value.port())],
            });
        }
    }
    redirects
}

/// The hosts that are redirected; `None` if there is nothing to redirect.
fn hosts<'d, I>(site: &DraftSite, from: Listen, others: impl Fn() -> I) -> Option<Vec<HostPattern>>
where
    I: Iterator<Item = &'d DraftSite>,
{
    let hosts = site.hosts.iter().map(|at| at.value.clone());
    if !site.listens.is_redirect_implied {
        return Some(hosts.collect());
    }
    let answers = |other: &DraftSite| {
        let is_written = !other.listens.is_redirect_implied && has(&other.listens.redirecting, from);
        is_written || has(&other.listens.own, from)
    };
    if site.hosts.is_empty() {
        let is_taken = others().any(|other| answers(other) && other.hosts.is_empty());
        return (!is_taken).then(Vec::new);
    }
    let is_taken = |host: &HostPattern| {
        others().any(|other| answers(other) && other.hosts.iter().any(|taken| taken.value == *host))
    };
    let left: Vec<HostPattern> = hosts.filter(|host| !is_taken(host)).collect();
    (!left.is_empty()).then_some(left)
}

fn has(listens: &[At<Listen>], listen: Listen) -> bool {
    listens.iter().any(|at| at.value == listen)
}

/// Every request to the same host, path and query by https.
fn route(port: u16) -> Route {
    let mut location = vec![TextPart::Text(String::from("https://")), TextPart::HostName];
    if port != HTTPS_PORT {
        location.push(TextPart::Text(format!(":{port}")));
    }
    location.push(TextPart::Uri);
    Route {
        path: PathMatch::Prefix(String::from("/")),
        methods: Vec::new(),
        headers: Vec::new(),
        action: Action::Redirect { status: 308, location },
        strip_prefix: None,
        timeout: None,
        set_headers: Vec::new(),
        host: HostMode::Client,
    }
}

/// The port that a URL with https has if it names none.
const HTTPS_PORT: u16 = 443;
