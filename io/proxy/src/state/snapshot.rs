//! What workers run: a plan made ready once ([`Blueprint`], shared by all workers) and each worker's own part of it
//! ([`Snapshot`]). A reload makes new ones; requests end on the snapshot they began on.

use evener_balance::{Balancer, Kind, ServerState, Turns};
use evener_plan::{Balance, Listen, Plan, Route, ServerAddress, Upstream, UpstreamId};
use evener_route::{Match, Router};
use evener_upstream::{Pool, Pools};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// The shared state of servers by address. The control thread keeps it, so that a server that stays in the config keeps
/// its state over reloads.
#[derive(Debug, Default)]
pub struct ServerStates {
    states: HashMap<ServerAddress, Arc<ServerState>>,
}

impl ServerStates {
    fn state(&mut self, address: &ServerAddress) -> Arc<ServerState> {
        Arc::clone(self.states.entry(address.clone()).or_default())
    }
}

/// A plan made ready to run: routers, balancers and the servers' shared states.
#[derive(Debug)]
pub struct Blueprint {
    plan: Plan,
    routers: Vec<(Listen, Router)>,
    upstreams: Vec<Balanced>,
    /// For each site and route the fields that it sets, as the codec takes them.
    set_headers: Vec<Vec<Vec<(String, String)>>>,
}

/// An upstream with its balancer and the shared state of its servers, in the order of the plan.
#[derive(Debug)]
pub(crate) struct Balanced {
    pub(crate) balancer: Balancer,
    pub(crate) turns: Turns,
    pub(crate) states: Vec<Arc<ServerState>>,
}

impl Blueprint {
    /// Makes `plan` ready. States of servers that are no longer named are forgotten once nobody uses them.
    pub fn new(plan: Plan, states: &mut ServerStates) -> Self {
        let routers = plan.listens().into_iter().map(|listen| (listen, Router::new(&plan, listen))).collect();
        let upstreams = plan.upstreams.iter().map(|upstream| Balanced::new(upstream, states)).collect();
        states.states.retain(|_, state| Arc::strong_count(state) > 1);
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
}

impl Balanced {
    fn new(upstream: &Upstream, states: &mut ServerStates) -> Self {
        let kind = match upstream.balance {
            Balance::RoundRobin => Kind::RoundRobin,
            Balance::Random => Kind::Random,
            Balance::LeastRequests => Kind::LeastRequests,
            Balance::First => Kind::First,
        };
        let weights: Vec<u16> = upstream.servers.iter().map(|server| server.weight).collect();
        let states = upstream.servers.iter().map(|server| states.state(&server.address)).collect();
        Self { balancer: Balancer::new(kind, &weights), turns: Turns::default(), states }
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
