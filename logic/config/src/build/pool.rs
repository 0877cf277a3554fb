//! Upstreams of the plan: those with a name and those written in place; host names become addresses here.

use crate::diagnostic::Report;
use crate::draft::{At, DraftServer, DraftUpstream, PoolSettings};
use crate::source::Span;
use crate::value::{Endpoint, closest, quote};
use crate::world::World;
use evener_plan::{Server, ServerAddress, Upstream, UpstreamId};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Servers that one name may stand for. A larger answer is cut, so that no name server can fill the memory.
const ADDRESSES_MAX: usize = 1000;

/// Every upstream that can be named, and those that were.
pub(super) struct Pools<'w> {
    world: &'w dyn World,
    named: Vec<Named>,
    plan: Vec<Upstream>,
    in_place: PoolSettings,
    /// Answers for host names, so that a name is asked for once.
    answers: BTreeMap<(String, u16), Result<Vec<SocketAddr>, String>>,
}

struct Named {
    name: At<String>,
    /// `None` as soon as it is in the plan. If its servers could not be read it has none.
    upstream: Option<Upstream>,
    id: Option<UpstreamId>,
    is_used: bool,
    /// What a service that passes bytes on can make nothing of.
    http_only: Vec<At<&'static str>>,
    tls_key: Option<Span>,
    /// The first server on a unix socket.
    socket: Option<Span>,
    is_checked: bool,
}

/// What an upstream has that may not go together with a service of layer 4; each with its place.
pub(super) struct Traits<'p> {
    pub(super) http_only: &'p [At<&'static str>],
    pub(super) tls_key: Option<Span>,
    pub(super) socket: Option<Span>,
    /// Servers are checked where clients are led to.
    pub(super) is_checked: bool,
}

impl<'w> Pools<'w> {
    pub(super) fn new(
        drafts: Vec<DraftUpstream>,
        in_place: PoolSettings,
        world: &'w dyn World,
        report: &mut Report,
    ) -> Self {
        let mut pools = Self { world, named: Vec::new(), plan: Vec::new(), in_place, answers: BTreeMap::new() };
        for draft in drafts {
            let socket = draft.servers.iter().flatten().find_map(socket);
            let servers = draft.servers.and_then(|servers| pools.servers(&servers, report));
            let servers = servers.unwrap_or_default();
            let upstream = Some(upstream(draft.name.value.clone(), servers, &draft.settings));
            let (http_only, tls_key) = (draft.http_only, draft.tls_key);
            let is_checked = draft.settings.health.is_some_and(|health| health.port.is_none());
            pools.named.push(Named {
                name: draft.name,
                upstream,
                id: None,
                is_used: false,
                http_only,
                tls_key,
                socket,
                is_checked,
            });
        }
        pools
    }

    /// The upstream that is called so. `None` if there is none.
    pub(super) fn named(&mut self, name: &At<String>, report: &mut Report) -> Option<UpstreamId> {
        let Some(position) = self.named.iter().position(|named| named.name.value == name.value) else {
            self.unknown(name, report);
            return None;
        };
        let named = &mut self.named[position];
        named.is_used = true;
        if named.id.is_none() {
            let upstream = named.upstream.take()?;
            named.id = Some(UpstreamId(self.plan.len()));
            self.plan.push(upstream);
        }
        named.id
    }

    /// What the upstream of this name has that may not go together with a service of layer 4.
    pub(super) fn traits(&self, name: &str) -> Option<Traits<'_>> {
        let named = self.named.iter().find(|named| named.name.value == name)?;
        let Named { http_only, tls_key, socket, is_checked, .. } = named;
        Some(Traits { http_only, tls_key: *tls_key, socket: *socket, is_checked: *is_checked })
    }

    /// The upstream of servers written in place; the same servers are the same upstream.
    pub(super) fn in_place(&mut self, drafts: &[DraftServer], report: &mut Report) -> Option<UpstreamId> {
        let name = drafts.iter().map(label).collect::<Vec<_>>().join(",");
        if let Some(position) = self.plan.iter().position(|upstream| upstream.name == name) {
            return Some(UpstreamId(position));
        }
        let servers = self.servers(drafts, report)?;
        self.plan.push(upstream(name, servers, &self.in_place));
        Some(UpstreamId(self.plan.len() - 1))
    }

    /// The upstreams of the plan; those that nothing names are reported and left out. Beside an error they stay in, since
    /// what they name is looked at, too.
    pub(super) fn finish(mut self, report: &mut Report) -> Vec<Upstream> {
        // Where something else is wrong, that may be why nothing names it.
        let is_clean = !report.has_error();
        for named in self.named.iter().filter(|named| is_clean && !named.is_used) {
            report
                .warning(
                    "unused-upstream",
                    named.name.span,
                    format!("no site and no service uses the upstream `{}`", named.name.value),
                )
                .help(format!("write to = \"{}\" in a [[site]], [[site.route]] or [[tcp]]", named.name.value));
        }
        if !is_clean {
            self.plan.extend(self.named.iter_mut().filter_map(|named| named.upstream.take()));
        }
        self.plan
    }

    fn unknown(&self, name: &At<String>, report: &mut Report) {
        if report.is_torn() {
            return;
        }
        let known: Vec<&str> = self.named.iter().map(|named| named.name.value.as_str()).collect();
        let finding =
            report.error("unknown-upstream", name.span, format!("there is no upstream {}", quote(&name.value)));
        if let Some(near) = closest(&name.value, known.iter().copied()) {
            finding.help(format!("did you mean \"{near}\"?"));
        } else if known.is_empty() {
            finding.help("define [upstream.NAME] with `servers`, or write an address such as \"127.0.0.1:8081\"");
        } else {
            let list: Vec<String> = known.iter().take(10).map(|name| format!("\"{name}\"")).collect();
            finding.help(format!("the upstreams are {}; an address has a port", list.join(", ")));
        }
    }

    /// `None` if a name among them has no address.
    fn servers(&mut self, drafts: &[DraftServer], report: &mut Report) -> Option<Vec<Server>> {
        warn_of_repeats(drafts, report);
        let servers: Vec<Option<Vec<Server>>> = drafts.iter().map(|draft| self.server(draft, report)).collect();
        let servers: Option<Vec<Vec<Server>>> = servers.into_iter().collect();
        servers.map(|servers| servers.into_iter().flatten().collect())
    }

    fn server(&mut self, draft: &DraftServer, report: &mut Report) -> Option<Vec<Server>> {
        let (weight, tier) = (draft.weight.value, draft.tier);
        let one = |address| Some(vec![Server { label: draft.label.value.clone(), address, weight, tier }]);
        match &draft.endpoint {
            Endpoint::Unix(path) => one(ServerAddress::Unix(path.clone())),
            Endpoint::Address(address) => one(ServerAddress::Tcp(vec![*address])),
            Endpoint::Name { host, port } => {
                let mut groups = pair_up(&self.resolve(host, *port, draft.label.span, report)?);
                if groups.len() == 1 {
                    return one(ServerAddress::Tcp(groups.remove(0)));
                }
                let label = |first: &SocketAddr| format!("{} ({first})", draft.label.value);
                let server = |group: Vec<SocketAddr>| {
                    let label = group.first().map_or_else(String::new, label);
                    Server { label, address: ServerAddress::Tcp(group), weight, tier }
                };
                Some(groups.into_iter().map(server).collect())
            }
        }
    }

    fn resolve(&mut self, host: &str, port: u16, span: Span, report: &mut Report) -> Option<Vec<SocketAddr>> {
        let key = (host.to_owned(), port);
        let world = self.world;
        let answer = self.answers.entry(key).or_insert_with(|| world.resolve(host, port));
        match answer {
            Ok(addresses) if !addresses.is_empty() => {
                return Some(addresses.iter().take(ADDRESSES_MAX).copied().collect());
            }
            Ok(_) => report.error("unresolved-name", span, format!("the name {} has no address", quote(host))),
            Err(problem) => report.error("unresolved-name", span, format!("cannot resolve {}: {problem}", quote(host))),
        }
        .help("check the name, or write an address");
        None
    }
}

/// The place of a server on a unix socket.
pub(super) fn socket(server: &DraftServer) -> Option<Span> {
    matches!(server.endpoint, Endpoint::Unix(_)).then_some(server.label.span)
}

fn upstream(name: String, servers: Vec<Server>, settings: &PoolSettings) -> Upstream {
    let settings = settings.clone();
    Upstream {
        name,
        servers,
        balance: settings.balance,
        health: settings.health,
        sticky: settings.sticky,
        slow_start: settings.slow_start,
        max_requests: settings.max_requests,
        queue: settings.queue,
        retry: settings.retry,
        hedge: settings.hedge,
        protocol: settings.protocol,
        tls: settings.tls,
        connect_timeout: settings.connect_timeout,
        response_timeout: settings.response_timeout,
        idle_timeout: settings.idle_timeout,
    }
}

/// A server in the name of its upstream. Weight and tier are there only if they tell something.
fn label(draft: &DraftServer) -> String {
    let mut label = draft.label.value.clone();
    if draft.weight.value != 1 {
        label.push_str(&format!("*{}", draft.weight.value));
    }
    if draft.tier != 0 {
        label.push_str(&format!("#{}", draft.tier));
    }
    label
}

/// Addresses of one name as servers: the first IPv4 address with the first IPv6 address, and so on. A host with both
/// has one of each; a name for many hosts has many of each.
fn pair_up(addresses: &[SocketAddr]) -> Vec<Vec<SocketAddr>> {
    let mut distinct: Vec<SocketAddr> = Vec::new();
    for address in addresses {
        if !distinct.contains(address) {
            distinct.push(*address);
        }
    }
    let (four, six): (Vec<SocketAddr>, Vec<SocketAddr>) = distinct.into_iter().partition(SocketAddr::is_ipv4);
    (0..four.len().max(six.len())).map(|at| four.get(at).into_iter().chain(six.get(at)).copied().collect()).collect()
}

fn warn_of_repeats(drafts: &[DraftServer], report: &mut Report) {
    for (position, draft) in drafts.iter().enumerate() {
        let earlier = drafts.iter().take(position).find(|earlier| earlier.endpoint == draft.endpoint);
        if let Some(earlier) = earlier {
            report
                .warning(
                    "server-twice",
                    draft.label.span,
                    format!("the server {} is in the list twice", quote(&draft.label.value)),
                )
                .label(earlier.label.span, "first written here")
                .help("a `weight` gives a server a larger share");
        }
    }
}
