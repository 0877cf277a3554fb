//! TLS towards clients: whether certificates can be had for the hosts, and whether any are ordered at all.

use crate::diagnostic::Report;
use crate::draft::{At, DraftTls};
use crate::source::Span;
use evener_plan::{Certificates, HostPattern, Plan, ServerTls};
use std::net::{IpAddr, Ipv6Addr};

/// TLS of the plan, for a site or service with these hosts.
pub(super) fn build(draft: &DraftTls, hosts: &[At<HostPattern>], report: &mut Report) -> ServerTls {
    if let Some(At { value: Certificates::Auto, span }) = draft.certificates {
        check_hosts(span, hosts, report);
    }
    // Certificates that could not be read were reported; no files stand for them in what is left of the plan.
    let none = || Certificates::Files(Vec::new());
    let certificates = draft.certificates.as_ref().map_or_else(none, |at| at.value.clone());
    ServerTls { certificates, client_auth: draft.client_auth.clone(), version_min: draft.version_min }
}

/// `acme` is where it says how certificates are ordered. Where nobody asks for one, most often `tls` was forgotten.
pub(super) fn check_acme(acme: Option<Span>, plan: &Plan, report: &mut Report) {
    let of_sites = plan.sites.iter().filter_map(|site| site.tls.as_ref());
    let of_services = plan.tcp.iter().filter_map(|service| service.tls.as_ref());
    let is_used = of_sites.chain(of_services).any(|tls| tls.certificates == Certificates::Auto);
    // Where something else is wrong, that may be why nobody asks.
    let Some(acme) = acme.filter(|_| !is_used && !report.has_error()) else { return };
    report
        .warning("acme-in-vain", acme, "no certificate is ordered: no site and no service has tls = \"auto\"")
        .help("write tls = \"auto\" in a [[site]] or [[tcp]] with `hosts`, or remove `acme`");
}

/// Certificates are ordered by names, and an authority lets one prove only that one answers for an exact name.
fn check_hosts(auto: Span, hosts: &[At<HostPattern>], report: &mut Report) {
    if hosts.is_empty() && !report.is_torn() && !report.has("bad-host") {
        report
            .error("auto-needs-hosts", auto, "certificates are ordered for host names, but there are no `hosts`")
            .help("add hosts = [\"example.com\"], or write tls = \"internal\" for development");
    }
    for host in hosts {
        let (message, help) = match &host.value {
            HostPattern::Wildcard(name) => (
                format!("no certificate can be ordered for `*.{name}`: that takes a proof in the DNS"),
                "write the names out, or name the files of a certificate",
            ),
            HostPattern::Exact(name) if is_address(name) => {
                (format!("no certificate is ordered for the address {name}"), "write a name, or use other certificates")
            }
            HostPattern::Exact(_) => continue,
        };
        report.error("auto-needs-names", host.span, message).label(auto, "certificates are to be ordered").help(help);
    }
}

fn is_address(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    bare.map_or_else(|| host.parse::<IpAddr>().is_ok(), |bare| bare.parse::<Ipv6Addr>().is_ok())
}
