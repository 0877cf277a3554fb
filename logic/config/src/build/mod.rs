//! Draft to plan: names of upstreams looked up, host names resolved, everything compared with everything else. Single
//! values were parsed before and are not looked at again.

mod hosts;
mod listens;
mod pool;
mod redirects;
mod routes;
mod tls;
mod transport;

use crate::diagnostic::Report;
use crate::draft::{Draft, DraftSite};
use crate::source::{SourceId, Span};
use crate::world::World;
use evener_plan::{Plan, Site};
use pool::Pools;

/// Makes the plan. It means nothing if the report has an error; callers drop it then.
pub(crate) fn plan(draft: Draft, world: &dyn World, report: &mut Report) -> Plan {
    let is_idle = draft.sites.is_empty() && draft.tcp.is_empty() && draft.udp.is_empty();
    if is_idle && !report.is_torn() {
        let message = "there is no [[site]], [[tcp]] or [[udp]], so nothing to do";
        report
            .error("no-site", Span::start_of(SourceId::first()), message)
            .help("the shortest config is [[site]] and to = [\"127.0.0.1:8081\", \"127.0.0.1:8082\"]");
    }
    listens::check(&draft, report);
    hosts::check_sites(&draft.sites, report);
    hosts::check_services(&draft.tcp, report);
    let mut pools = Pools::new(draft.upstreams, draft.in_place, world, report);
    transport::check_sends(&draft.tcp, &pools, report);
    let redirects = redirects::build(&draft.sites);
    let mut sites: Vec<Site> = draft.sites.into_iter().map(|site| self::site(site, &mut pools, report)).collect();
    sites.extend(redirects);
    let plan = Plan {
        workers: draft.workers,
        shutdown_grace: draft.shutdown_grace,
        admin: draft.admin.map(|at| at.value),
        log: draft.log,
        limits: draft.limits,
        sites,
        acme: draft.acme,
        state_dir: draft.state_dir,
        tcp: draft.tcp.into_iter().map(|service| transport::tcp(service, &mut pools, report)).collect(),
        udp: draft.udp.into_iter().map(|service| transport::udp(service, &mut pools, report)).collect(),
        upstreams: pools.finish(report),
    };
    tls::check_acme(draft.acme_key, &plan, report);
    plan
}

fn site(draft: DraftSite, pools: &mut Pools<'_>, report: &mut Report) -> Site {
    Site {
        routes: routes::build(&draft, pools, report),
        tls: draft.tls.as_ref().map(|tls| tls::build(tls, &draft.hosts, report)),
        listen: draft.listens.own.into_iter().map(|at| at.value).collect(),
        http2: draft.http2.value,
        accept_proxy: draft.accept_proxy.value,
        hosts: draft.hosts.into_iter().map(|at| at.value).collect(),
        trusted_proxies: draft.trusted_proxies,
    }
}
