//! One run: a scenario, a policy, a seed.

use crate::demand::{Arrival, arrivals, nanoseconds};
use crate::figures::{Figures, Record};
use crate::policy::{Evener, Policy, Rival, Rule, moment};
use crate::scenario::Scenario;
use crate::server::{Change, Server};
use crate::world::World;
use evener_balance::{Balancer, GroupState, Kind, Member, ServerState, Settings};
use std::sync::Arc;

/// Who chooses the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contestant {
    /// The balancer of this crate, with an algorithm.
    Evener(Kind),
    /// Another policy as it comes.
    Stock(Rule),
    /// Another policy with one repetition, and ejection after five failures in a row.
    Armed(Rule),
}

/// Plays a scenario. Whatever the policy, the requests are those of the seed.
pub(crate) fn run(scenario: &Scenario, contestant: Contestant, seed: u64) -> Record {
    let seed = named_seed(scenario.name, seed);
    let arrivals = arrivals(seed, &scenario.rates, scenario.proxies);
    match contestant {
        Contestant::Evener(kind) => run_evener(scenario, &Settings::new(kind), &arrivals, seed),
        Contestant::Stock(rule) => run_rival(scenario, rule, false, &arrivals, seed),
        Contestant::Armed(rule) => run_rival(scenario, rule, true, &arrivals, seed),
    }
}

/// Plays a scenario with the balancer of this crate.
pub(crate) fn run_evener(scenario: &Scenario, settings: &Settings, arrivals: &[Arrival], seed: u64) -> Record {
    let settings = Settings { limit: scenario.limit, ..settings.clone() };
    let groups: Vec<Group> = (0..scenario.proxies).map(|_| Group::new(scenario, &settings)).collect();
    let policies = groups.iter().zip(0_u64..).map(|(group, proxy)| -> Box<dyn Policy + '_> {
        let seed = seed ^ proxy << 40;
        Box::new(Evener::new(&group.balancer, group.next.as_ref(), scenario.workers, seed))
    });
    let mut record = play(scenario, arrivals, policies.collect(), seed);
    let members = groups.iter().flat_map(|group| group.next.as_ref().unwrap_or(&group.balancer).members());
    record.left_over = members.map(|member| member.state.in_flight()).sum();
    record
}

fn run_rival(scenario: &Scenario, rule: Rule, is_armed: bool, arrivals: &[Arrival], seed: u64) -> Record {
    let servers = scenario.machines.len();
    let policies = (0..scenario.proxies as u64).map(|proxy| -> Box<dyn Policy> {
        let seed = seed ^ 0x7269_7661 ^ proxy << 40;
        Box::new(Rival::new(rule, is_armed, servers, scenario.joining, seed))
    });
    play(scenario, arrivals, policies.collect(), seed)
}

fn play<'p>(scenario: &Scenario, arrivals: &'p [Arrival], policies: Vec<Box<dyn Policy + 'p>>, seed: u64) -> Record {
    let servers = scenario.machines.iter().map(|machine| Server::new(*machine)).collect();
    let mut world = World::new(arrivals, servers, policies, seed);
    world.play(&scenario.script);
    let record = world.record;
    assert_eq!(record.requests as usize, arrivals.len(), "{}: every request comes to an end", scenario.name);
    record
}

/// What one proxy knows: its balancer, and the one with all servers if some join later.
struct Group {
    balancer: Balancer,
    next: Option<Balancer>,
}

impl Group {
    fn new(scenario: &Scenario, settings: &Settings) -> Self {
        let joins = scenario.script.iter().find(|event| event.change == Change::Join).map(|event| event.at);
        let first = scenario.machines.len() - scenario.joining;
        let state = |place: usize| match joins {
            Some(at) if place >= first => ServerState::joining(moment(at)),
            Some(_) | None => ServerState::new(),
        };
        let members = scenario.machines.iter().enumerate().map(|(place, machine)| Member {
            state: Arc::new(state(place)),
            weight: machine.weight,
            tier: machine.tier,
            id: place as u64,
        });
        let members: Vec<Member> = members.collect();
        let group = Arc::new(GroupState::default());
        let balancer = Balancer::new(settings.clone(), members[..first].to_vec(), Arc::clone(&group));
        let next = joins.map(|_| Balancer::new(settings.clone(), members, group));
        Self { balancer, next }
    }
}

/// The same seed is to mean different requests in different scenarios, and the same ones in a scenario's variants.
fn named_seed(name: &str, seed: u64) -> u64 {
    let name = name.trim_end_matches(['b', 'q']);
    name.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// The medians over some seeds.
pub(crate) fn medians(scenario: &Scenario, contestant: Contestant, seeds: &[u64]) -> Figures {
    let runs: Vec<Figures> = seeds.iter().map(|seed| run(scenario, contestant, *seed).figures()).collect();
    Figures::median(&runs)
}

/// The moment of a second of the run.
pub(crate) fn second(second: f64) -> u64 {
    nanoseconds(second)
}
