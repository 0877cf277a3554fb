//! Which sites would answer for the same host on the same address.

use crate::diagnostic::Report;
use crate::draft::DraftSite;
use crate::source::Span;
use evener_plan::{HostPattern, Listen};
use std::collections::BTreeMap;

/// Reports each host that two sites claim on the same address.
pub(super) fn check(sites: &[DraftSite], report: &mut Report) {
    let mut owners: BTreeMap<(String, String), (usize, Span)> = BTreeMap::new();
    for (number, site) in sites.iter().enumerate() {
        let hosts: Vec<(String, Span)> = match site.hosts.as_slice() {
            [] => vec![(String::new(), site.span)],
            hosts => hosts.iter().map(|host| (name(&host.value), host.span)).collect(),
        };
        for (host, span) in hosts {
            // One finding for a host, however many addresses the two sites share.
            let mut is_reported = false;
            for listen in &site.listen {
                let key = (listen.value.to_string(), host.clone());
                match owners.get(&key) {
                    Some((owner, first)) if *owner != number && !is_reported => {
                        clash(&host, listen.value, *first, span, report);
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

fn clash(host: &str, listen: Listen, first: Span, second: Span, report: &mut Report) {
    let finding = if host.is_empty() {
        let message = format!("two sites without `hosts` listen on \"{listen}\"");
        report.error("same-host", second, message).help("give one of them `hosts`, or another address in `listen`")
    } else {
        let message = format!("two sites answer for `{host}` on \"{listen}\"");
        report
            .error("same-host", second, message)
            .help("make them one site with routes, or listen on different addresses")
    };
    finding.label(first, "the first one is here");
}
