//! What workers run: a plan made ready once ([`Blueprint`], shared by all workers) and each worker's own part of it
//! ([`Snapshot`]). A reload makes new ones; requests end on the snapshot they began on.

use super::address::{Addresses, Counted, TooMany};
use super::door::Door;
use super::seat::Seats;
use super::standing::ServerStates;
use super::upstream::Balanced;
use evener_balance::Moment;
use evener_plan::{Listen, Plan, Route, Server, Upstream, UpstreamId};
use evener_route::{Match, Router};
use evener_runtime::Millis;
use evener_tls::{Backend, Backends, Challenges, Frontends};
use evener_upstream::{Assurance, Manner, Pool, Pools};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::Notify;

/// A plan made ready to run: routers, balancers and the servers' shared states.
#[derive(Debug)]
pub struct Blueprint {
    plan: Plan,
    routers: Vec<(Listen, Router)>,
    upstreams: Vec<Arc<Balanced>>,
    /// For each site and route the fields that it sets, as the codec takes them.
    set_headers: Vec<Vec<Vec<(String, String)>>>,
    seats: Vec<Seats>,
    seat_pressure: Arc<Notify>,
    addresses: Arc<Addresses>,
    security: Security,
}

/// What a plan needs of TLS.
#[derive(Debug, Clone, Default)]
pub struct Security {
    /// Towards clients.
    pub frontends: Arc<Frontends>,
    /// Towards servers.
    pub backends: Arc<Backends>,
    /// What authorities ask for.
    pub challenges: Arc<Challenges>,
}

impl Blueprint {
    /// Makes `plan` ready. States of servers that are no longer named are forgotten once nobody uses them.
    pub fn new(plan: Plan, states: &mut ServerStates, security: Security) -> Self {
        let routers = plan.listens().into_iter().map(|listen| (listen, Router::new(&plan, listen))).collect();
        let standings = states.renew(&plan.upstreams, Moment(Millis::now().0));
        let upstreams = plan.upstreams.iter().zip(standings);
        let upstreams =
            upstreams.map(|(upstream, standing)| Arc::new(Balanced::new(upstream, standing, &states.secret))).collect();
        let of_route = |route: &Route| {
            let pairs = route.set_headers.iter().map(|field| (field.name.clone(), field.value.clone()));
            pairs.collect::<Vec<_>>()
        };
        let set_headers = plan.sites.iter().map(|site| site.routes.iter().map(of_route).collect()).collect();
        let seats = states.seats.renew(&plan.udp);
        let seat_pressure = Arc::clone(&states.seats.pressure);
        let addresses = Arc::clone(&states.addresses);
        Self { plan, routers, upstreams, set_headers, seats, seat_pressure, addresses, security }
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What servers are met with under TLS.
    pub fn backends(&self) -> &Arc<Backends> {
        &self.security.backends
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
    doors: Vec<(Listen, Rc<Door>)>,
}

impl Snapshot {
    pub(crate) fn new(blueprint: Arc<Blueprint>, pools: &Pools) -> Self {
        let plan = &blueprint.plan;
        let of_upstream = |(index, upstream): (usize, &Upstream)| {
            let backend = blueprint.security.backends.get(UpstreamId(index));
            let servers = upstream.servers.iter();
            let pool = |server: &Server| {
                let manner = Manner { protocol: upstream.protocol, tls: upstream.tls.clone() };
                let assure = |backend: &Arc<Backend>| Assurance {
                    backend: Arc::clone(backend),
                    name: backend.server_name(server),
                };
                pools.pool(&server.address, manner, backend.map(assure), upstream.idle_timeout)
            };
            servers.map(pool).collect()
        };
        let pools = plan.upstreams.iter().enumerate().map(of_upstream).collect();
        let routers = blueprint.routers.clone();
        let door = |listen: Listen| Door::new(plan, listen).map(|door| (listen, Rc::new(door)));
        let doors = plan.listens().into_iter().filter_map(door).collect();
        Self { blueprint, routers, pools, doors }
    }

    /// What connections of a listener go through; `None`: nothing.
    pub(crate) fn door(&self, listen: Listen) -> Option<Rc<Door>> {
        self.doors.iter().find(|(own, _)| *own == listen).map(|(_, door)| Rc::clone(door))
    }

    pub(crate) fn frontends(&self) -> &Frontends {
        &self.blueprint.security.frontends
    }

    pub(crate) fn challenges(&self) -> &Challenges {
        &self.blueprint.security.challenges
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.blueprint.plan
    }

    /// The router of a listener; `None` once a reload has taken the listener out of the config.
    pub(crate) fn router(&self, listen: Listen) -> Option<&Router> {
        self.routers.iter().find(|(own, _)| *own == listen).map(|(_, router)| router)
    }

    /// The service over UDP on an address, by its index; `None` once a reload has taken it out of the config.
    pub(crate) fn udp_service(&self, listen: Listen) -> Option<usize> {
        self.plan().udp.iter().position(|service| service.listen.contains(&listen))
    }

    /// The sessions of a service over UDP.
    pub(crate) fn seats(&self, service: usize) -> &Seats {
        &self.blueprint.seats[service]
    }

    /// Through which a worker asks the others to end a session over UDP that is idle.
    pub(crate) fn seat_pressure(&self) -> &Arc<Notify> {
        &self.blueprint.seat_pressure
    }

    /// Counts a connection for its address, if there is a bound on that; `Err`: the address has as many as it may.
    pub(crate) fn count_for(&self, address: IpAddr) -> Result<Option<Box<Counted>>, TooMany> {
        let Some(most) = self.plan().limits.connections_per_address_max else { return Ok(None) };
        self.blueprint.addresses.count(address, most).map(|counted| Some(Box::new(counted))).ok_or(TooMany::OfAddress)
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

    pub(crate) fn balanced(&self, id: UpstreamId) -> &Arc<Balanced> {
        &self.blueprint.upstreams[id.0]
    }

    pub(crate) fn pool(&self, id: UpstreamId, server: usize) -> &Rc<Pool> {
        &self.pools[id.0][server]
    }
}
