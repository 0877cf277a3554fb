//! Draft to plan: names of upstreams looked up, host names resolved, everything compared with everything else. Single
//! values were parsed before and are not looked at again.

mod pool;
mod routes;
mod sites;

use crate::diagnostic::Report;
use crate::draft::{Draft, DraftSite};
use crate::source::{SourceId, Span};
use crate::world::World;
use evener_plan::{Plan, Site};
use pool::Pools;

/// Makes the plan. It means nothing if the report has an error; callers drop it then.
pub(crate) fn plan(draft: Draft, world: &dyn World, report: &mut Report) -> Plan {
    if draft.sites.is_empty() && !report.is_torn() {
        report
            .error("no-site", Span::start_of(SourceId::first()), "there is no [[site]], so nothing to do")
            .help("the shortest config is [[site]] and to = [\"127.0.0.1:8081\", \"127.0.0.1:8082\"]");
    }
    sites::check(&draft.sites, report);
    let mut pools = Pools::new(draft.upstreams, draft.in_place, world, report);
    let sites: Vec<Site> = draft.sites.into_iter().map(|site| self::site(site, &mut pools, report)).collect();
    Plan {
        workers: draft.workers,
        shutdown_grace: draft.shutdown_grace,
        log: draft.log,
        limits: draft.limits,
        sites,
        upstreams: pools.finish(report),
    }
}

fn site(draft: DraftSite, pools: &mut Pools<'_>, report: &mut Report) -> Site {
    Site {
        routes: routes::build(&draft, pools, report),
        listen: draft.listen.into_iter().map(|at| at.value).collect(),
        hosts: draft.hosts.into_iter().map(|at| at.value).collect(),
        trusted_proxies: draft.trusted_proxies,
    }
}
