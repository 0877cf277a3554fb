//! Active checks: every server of an upstream with `health` is asked at intervals, and servers that are ejected because
//! they took no connection are tried once a second, so that no request has to be.
//!
//! It runs on the control thread and tells the shared states of servers what came out. How a server is asked is in
//! `evener-upstream`, when it is up or down in `evener-balance`.
//!
//! LIFECYCLE: each server has a [`Watch`], which goes on over reloads as long as nothing of it changes; another one begins
//! with the server as up or down as it was. All end when [`Checks`] is dropped.

use super::resources;
use crate::operator::{reason, say};
use evener_balance::{Check, Health, Moment, ServerState, SplitMix, Turn, first_check, next_check};
use evener_plan::{Plan, Probe, Protocol, ProxyVersion, Server, Upstream, UpstreamId, UpstreamTls};
use evener_proxy::Blueprint;
use evener_runtime::Millis;
use evener_tls::Backends;
use evener_upstream::{ProbeFault, Security};
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

/// Checks that run at a time, and as many connections to ejected servers: each takes a descriptor. Thousands of servers
/// that answer within milliseconds have room in it; a guess otherwise.
const CHECKS_MAX: usize = 256;
/// Until the first check agrees with what a server is held to be, they are not further apart than this.
const UNCONFIRMED_EVERY: Duration = Duration::from_secs(1);
/// Time between two connections to an ejected server, and the bound on one.
const PROBE_EVERY: Duration = Duration::from_secs(1);
const PROBE_PATIENCE: Duration = Duration::from_millis(900);
/// How long a server that took no connection is kept from requests: for some probes, should they come late.
const PROBE_COVER: Duration = Duration::from_secs(5);

/// All checks that run.
#[derive(Debug)]
pub(super) struct Checks {
    /// By the address of the server's state, of which each watch has a share.
    watches: HashMap<usize, Watch>,
    /// Tries ejected servers.
    trying: Option<Task>,
    room: Arc<Semaphore>,
    seeds: u64,
}

/// A task that ends with its owner.
#[derive(Debug)]
struct Task(JoinHandle<()>);

/// A server under checks.
#[derive(Debug)]
struct Watch {
    subject: Arc<Subject>,
    _task: Task,
}

/// What is checked, and how.
#[derive(Debug)]
struct Subject {
    upstream: String,
    server: Server,
    health: evener_plan::Health,
    protocol: Protocol,
    tls: Option<UpstreamTls>,
    /// What a check begins with.
    proxy: Option<ProxyVersion>,
    backing: Mutex<Backing>,
    state: Arc<ServerState>,
}

/// Where it stands how TLS is begun with a server. Each reload brings another one, also for a watch that goes on: what is
/// held here is kept up to date, and what nobody holds is not.
#[derive(Debug, Clone)]
struct Backing {
    backends: Arc<Backends>,
    upstream: UpstreamId,
}

impl Checks {
    pub(super) fn new() -> Self {
        let room = Arc::new(Semaphore::new(CHECKS_MAX));
        Self { watches: HashMap::new(), trying: None, room, seeds: resources::seed() }
    }

    /// Checks the servers of this blueprint from now on, and no others.
    pub(super) fn install(&mut self, blueprint: &Arc<Blueprint>) {
        let mut old = std::mem::take(&mut self.watches);
        for (id, upstream, server, state) in servers(blueprint) {
            let Some(health) = &upstream.health else { continue };
            let key = Arc::as_ptr(state) as usize;
            // An address that stands in the list twice is one server.
            if self.watches.contains_key(&key) {
                continue;
            }
            let subject = Subject {
                upstream: upstream.name.clone(),
                server: server.clone(),
                health: health.clone(),
                protocol: upstream.protocol,
                tls: upstream.tls.clone(),
                proxy: proxy(blueprint.plan(), id, health),
                backing: Mutex::new(Backing { backends: Arc::clone(blueprint.backends()), upstream: id }),
                state: Arc::clone(state),
            };
            let watch = match old.remove(&key) {
                Some(watch) if watch.subject.is_like(&subject) => {
                    watch.subject.turn_to(subject.backing());
                    watch
                }
                // One with other settings ends here.
                Some(_) | None => self.watch(subject),
            };
            self.watches.insert(key, watch);
        }
        self.trying = Some(Task::start(try_ejected(Arc::clone(blueprint))));
    }

    fn watch(&mut self, subject: Subject) -> Watch {
        self.seeds = self.seeds.wrapping_add(1);
        let subject = Arc::new(subject);
        let task = Task::start(watch(Arc::clone(&subject), Arc::clone(&self.room), SplitMix::new(self.seeds)));
        Watch { subject, _task: task }
    }
}

impl Task {
    fn start(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Each server of each upstream with its state.
fn servers(blueprint: &Blueprint) -> impl Iterator<Item = (UpstreamId, &Upstream, &Server, &Arc<ServerState>)> {
    let upstreams = blueprint.plan().upstreams.iter().enumerate();
    upstreams.flat_map(|(index, upstream)| {
        let id = UpstreamId(index);
        let members = blueprint.balancer(id).members();
        upstream.servers.iter().zip(members).map(move |(server, member)| (id, upstream, server, &member.state))
    })
}

/// The header that servers of an upstream want to have: all services that lead there agree on it. At a port of its own
/// there is something else than what clients are led to.
fn proxy(plan: &Plan, upstream: UpstreamId, health: &evener_plan::Health) -> Option<ProxyVersion> {
    let mut services = plan.tcp.iter().filter(|service| service.upstream == upstream && health.port.is_none());
    services.find_map(|service| service.send_proxy)
}

/// Checks one server for ever.
async fn watch(subject: Arc<Subject>, room: Arc<Semaphore>, mut rng: SplitMix) {
    let plan = &subject.health;
    let mut health = Health::new(plan.up, plan.down, subject.state.is_up());
    sleep(first_check(plan.every, &mut rng)).await;
    loop {
        let Ok(permit) = room.acquire().await else { return };
        let begun = Instant::now();
        let outcome =
            evener_upstream::check(&subject.server, plan, subject.protocol, subject.proxy, subject.security()).await;
        drop(permit);
        subject.learn(outcome, &mut health);
        let every = if health.is_confirmed() { plan.every } else { plan.every.min(UNCONFIRMED_EVERY) };
        sleep_until(begun + next_check(every, &mut rng)).await;
    }
}

impl Subject {
    /// Whether a watch of the one may go on as that of the other.
    fn is_like(&self, other: &Self) -> bool {
        self.upstream == other.upstream
            && self.server.label == other.server.label
            && self.server.address == other.server.address
            && self.health == other.health
            && self.protocol == other.protocol
            && self.tls == other.tls
            && self.proxy == other.proxy
    }

    fn backing(&self) -> Backing {
        self.backing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn turn_to(&self, backing: Backing) {
        *self.backing.lock().unwrap_or_else(PoisonError::into_inner) = backing;
    }

    /// How TLS is begun with the server now; files may have changed since the last time.
    fn security(&self) -> Option<Security> {
        self.tls.as_ref()?;
        let Backing { backends, upstream } = self.backing();
        let backend = backends.get(upstream).expect("a blueprint is made of upstreams whose TLS is set up");
        Some(Security { config: backend.config(), name: backend.server_name(&self.server) })
    }

    /// Takes in the outcome of a check, and tells the operator of a change.
    fn learn(&self, outcome: Result<(), ProbeFault>, health: &mut Health) {
        let check = match &outcome {
            Ok(()) => Check::Good,
            Err(ProbeFault::Exhausted(_)) => return,
            Err(_) => Check::Bad,
        };
        let Some(turn) = health.record(check) else { return };
        self.state.checked(health.is_up(), now());
        let (server, upstream) = (&self.server.label, &self.upstream);
        match (turn, outcome) {
            (Turn::Down, Err(fault)) => {
                say(format_args!("server {server} of upstream {upstream} is down: {}", self.why(&fault)));
            }
            (Turn::Up, _) | (Turn::Down, Ok(())) => {
                say(format_args!("server {server} of upstream {upstream} is up again"));
            }
        }
    }

    /// What went wrong, in a sentence without its end.
    fn why(&self, fault: &ProbeFault) -> String {
        let asked = match &self.health.probe {
            Probe::Http { path, .. } if !fault.is_of_connecting() => format!("GET {path}"),
            Probe::Grpc { service } if !fault.is_of_connecting() => format!("Health/Check {service:?}"),
            Probe::Http { .. } | Probe::Grpc { .. } | Probe::Tcp => String::from("it"),
        };
        match fault.cause() {
            Some(cause) => format!("{asked} {fault}: {}", reason(cause)),
            None => format!("{asked} {fault}"),
        }
    }
}

/// Once a second tries to connect to the servers that took no connection before.
async fn try_ejected(blueprint: Arc<Blueprint>) {
    let mut clock = interval(PROBE_EVERY);
    // After a long round the next one waits for its time as well.
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        try_round(&blueprint).await;
    }
}

async fn try_round(blueprint: &Arc<Blueprint>) {
    let start = now();
    let mut tries = JoinSet::new();
    // A server that its checks call down gets no requests either way.
    let ejected = servers(blueprint).filter(|(_, _, _, state)| state.is_up() && state.awaits_connection(start));
    for (_, upstream, server, state) in ejected {
        if tries.len() >= CHECKS_MAX {
            tries.join_next().await;
        }
        let (address, state) = (server.address.clone(), Arc::clone(state));
        let patience = upstream.connect_timeout.min(PROBE_PATIENCE);
        tries.spawn(async move {
            let outcome = evener_upstream::reach(&address, patience).await;
            let now = now();
            match outcome {
                Ok(()) => state.probed(true, now, now),
                // That we have no descriptor left says nothing of the server.
                Err(ProbeFault::Exhausted(_)) => {}
                Err(_) => state.probed(false, now, now.after(PROBE_COVER)),
            }
        });
    }
    while tries.join_next().await.is_some() {}
}

fn now() -> Moment {
    Moment(Millis::now().0)
}
