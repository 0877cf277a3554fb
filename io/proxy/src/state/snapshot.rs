//! What workers run: a plan made ready once ([`Blueprint`], shared by all workers) and each worker's own part of it
//! ([`Snapshot`]). A reload makes new ones; requests end on the snapshot they began on.

use super::standing::ServerStates;
use super::upstream::Balanced;
use evener_balance::Moment;
use evener_plan::{Listen, Plan, Route, Upstream, UpstreamId};
use evener_route::{Match, Router};
use evener_runtime::Millis;
use evener_upstream::{Pool, Pools};
use std::rc::Rc;
use std::sync::Arc;

/// A plan made ready to run: routers, balancers and the servers' shared states.
#[derive(Debug)]
pub struct Blueprint {
    plan: Plan,
    routers: Vec<(Listen, Router)>,
    upstreams: Vec<Balanced>,
    /// For each site and route the fields that it sets, as the codec takes them.
    set_headers: Vec<Vec<Vec<(String, String)>>>,
}

impl Blueprint {
    /// Makes `plan` ready. States of servers that are no longer named are forgotten once nobody uses them.
    pub fn new(plan: Plan, states: &mut ServerStates) -> Self {
        let routers = plan.listens().into_iter().map(|listen| (listen, Router::new(&plan, listen))).collect();
        let standings = states.renew(&plan.upstreams, Moment(Millis::now().0));
        let upstreams = plan.upstreams.iter().zip(standings);
        let upstreams =
            upstreams.map(|(upstream, standing)| Balanced::new(upstream, standing, &states.secret)).collect();
        let of_route = |route: &Route| {
            let pairs = route.set_headers.iter().map(|field| (field.name.clone(), field.value.clone()));
            pairs.collect::<Vec<_>>()
        };
        let set_headers = plan.sites.iter().map(|site| site.routes.iter().map(of_route).collect()).collect();
        Self { plan, routers, upstreams, set_headers }
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The balancer of an upstream of the plan.
    ///
    /// # Panics
    /// If there is no such upstream.
    pub fn balancer(&self, upstream: UpstreamId) -> &evener_balance::Balancer {
        &self.upstreams[upstream.0].balancer
    }
}

/// What one worker runs: the blueprint, its own routers (clones do not share scratch space) and its pools.
#[derive(Debug)]
pub(crate) struct Snapshot {
    blueprint: Arc<Blueprint>,
    routers: Vec<(Listen, Router)>,
    pools: Vec<Vec<Rc<Pool>>>,
}

impl Snapshot {
    pub(crate) fn new(blueprint: Arc<Blueprint>, pools: &Pools) -> Self {
        let of_upstream = |upstream: &Upstream| {
            let servers = upstream.servers.iter();
            servers.map(|server| pools.pool(&server.address, upstream.idle_timeout)).collect()
        };
        let pools = blueprint.plan.upstreams.iter().map(of_upstream).collect();
        let routers = blueprint.routers.clone();
        Self { blueprint, routers, pools }
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.blueprint.plan
    }

    /// The router of a listener; `None` once a reload has taken the listener out of the config.
    pub(crate) fn router(&self, listen: Listen) -> Option<&Router> {
        self.routers.iter().find(|(own, _)| *own == listen).map(|(_, router)| router)
    }

    pub(crate) fn route(&self, found: Match) -> &Route {
        &self.blueprint.plan.sites[found.site].routes[found.route]
    }

    pub(crate) fn set_headers(&self, found: Match) -> &[(String, String)] {
        &self.blueprint.set_headers[found.site][found.route]
    }

    pub(crate) fn upstream(&self, id: UpstreamId) -> &Upstream {
        &self.blueprint.plan.upstreams[id.0]
    }

    pub(crate) fn balanced(&self, id: UpstreamId) -> &Balanced {
        &self.blueprint.upstreams[id.0]
    }

    pub(crate) fn pool(&self, id: UpstreamId, server: usize) -> &Rc<Pool> {
        &self.pools[id.0][server]
    }
}
