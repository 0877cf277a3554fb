//! An upstream made ready to run, and a request at one of its servers.

use super::line::Line;
use super::session::Session;
use super::standing::Standing;
use evener_balance::{
    Balancer, Change, Failure, Kind, Limit, Member, Moment, NoPick, Request, RetryPolicy, Rng, Settings, Ticket,
    hash_key,
};
use evener_plan::{Balance, Hedge, HedgeAfter, MaxRequests, Queue, Retry, RetryOn, ServerAddress, Sticky, Upstream};
use evener_runtime::Millis;
use std::sync::Arc;
use std::time::Duration;

/// An upstream with its balancer. The servers stand in the order of the plan.
#[derive(Debug)]
pub(crate) struct Balanced {
    pub(crate) balancer: Balancer,
    pub(crate) retry: RetryPolicy,
    pub(crate) line: Arc<Line>,
    pub(crate) queue: Queue,
    sticky: Option<StickyServers>,
    hedge: Option<Hedge>,
    is_bounded: bool,
}

/// Cookies, and the servers to which they lead.
#[derive(Debug)]
struct StickyServers {
    plan: Sticky,
    codec: evener_balance::Sticky,
    ids: Vec<u64>,
}

impl StickyServers {
    /// `None` for a name or a secret that no cookie can have; the config has checked both.
    fn new(plan: &Sticky, upstream: &Upstream, secret: &[u8]) -> Option<Self> {
        let secret = plan.secret.as_ref().map_or(secret, |secret| secret.as_bytes());
        let codec = evener_balance::Sticky::new(&plan.cookie, secret, upstream.name.as_bytes()).ok()?;
        let id = |server: &evener_plan::Server| codec.id_of(identity(&server.address).as_bytes());
        let ids = upstream.servers.iter().map(id).collect();
        Some(Self { plan: plan.clone(), codec, ids })
    }
}

impl Balanced {
    pub(crate) fn new(upstream: &Upstream, standing: Arc<Standing>, secret: &[u8]) -> Self {
        let members = upstream.servers.iter().zip(&standing.servers).map(|(server, (address, state))| Member {
            state: Arc::clone(state),
            weight: server.weight,
            tier: server.tier,
            id: hash_key(identity(address).as_bytes()),
        });
        let balancer = Balancer::new(settings(upstream), members.collect(), Arc::clone(&standing.group));
        Self {
            balancer,
            retry: policy(&upstream.retry),
            line: Arc::clone(&standing.line),
            queue: upstream.queue,
            sticky: upstream.sticky.as_ref().and_then(|plan| StickyServers::new(plan, upstream, secret)),
            hedge: upstream.hedge,
            is_bounded: upstream.max_requests.is_some(),
        }
    }

    /// Picks a server, unless others were called to what is free.
    pub(crate) fn pick(&self, request: &Request<'_>, rng: &mut impl Rng) -> Result<Work<'_>, NoPick> {
        if self.is_bounded && !self.line.is_calm() {
            return Err(NoPick::Full);
        }
        self.pick_called(request, rng)
    }

    /// Picks a server for a request whose turn it is.
    pub(crate) fn pick_called(&self, request: &Request<'_>, rng: &mut impl Rng) -> Result<Work<'_>, NoPick> {
        let ticket = self.balancer.pick(request, moment(), rng)?;
        Ok(Work { ticket: Some(ticket), upstream: self })
    }

    /// The server to which a cookie of the request leads.
    pub(crate) fn sticky_server(&self, session: &Session) -> Option<usize> {
        let sticky = self.sticky.as_ref()?;
        let message = session.inbound.filled();
        let fields = session.parser.head().fields.iter();
        let cookies = fields.filter(|field| field.name.of(message).eq_ignore_ascii_case(b"cookie"));
        let id = sticky.codec.find(cookies.map(|field| field.value.of(message)))?;
        sticky.ids.iter().position(|own| *own == id)
    }

    /// The cookie that leads to a server, if the upstream has cookies.
    pub(crate) fn sticky_cookie(&self, server: usize) -> Option<String> {
        let sticky = self.sticky.as_ref()?;
        let id = sticky.ids.get(server)?;
        Some(sticky.codec.set_cookie(*id, sticky.plan.max_age, sticky.plan.secure))
    }

    /// When a second copy of a request is sent, if at all.
    pub(crate) fn hedge_after(&self) -> Option<Duration> {
        match self.hedge?.after {
            HedgeAfter::Fixed(after) => Some(after),
            HedgeAfter::Quantile(_) => self.balancer.hedge_after(),
        }
    }
}

/// The present moment for the balancer.
pub(crate) fn moment() -> Moment {
    Moment(Millis::now().0)
}

/// A request at a server, in the counts of the balancer for as long as the value lives. Dropping it says that the
/// exchange ended without a word on the server; either way the next in the line is called.
#[derive(Debug)]
pub(crate) struct Work<'s> {
    ticket: Option<Ticket<'s>>,
    upstream: &'s Balanced,
}

impl Work<'_> {
    pub(crate) fn server(&self) -> usize {
        self.ticket.as_ref().map_or(0, Ticket::server)
    }

    /// Whether it tries out a server that was ejected.
    pub(crate) fn is_trial(&self) -> bool {
        self.ticket.as_ref().is_some_and(Ticket::is_trial)
    }

    /// The head of an answer is there. `failure` is what its status tells of.
    pub(crate) fn answered(&mut self, failure: Option<Failure>, time: Duration) -> Option<Change> {
        let ticket = self.ticket.as_mut()?;
        match failure {
            None => ticket.answered(time, moment()),
            Some(failure) => ticket.answered_badly(failure, moment()),
        }
    }

    /// The answer has been on its way for long.
    pub(crate) fn streams(&mut self) {
        if let Some(ticket) = &mut self.ticket {
            ticket.streams();
        }
    }

    /// The server failed.
    pub(crate) fn fail(mut self, failure: Failure) -> Option<Change> {
        self.ticket.take()?.fail(failure, moment())
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        drop(self.ticket.take());
        if self.upstream.is_bounded {
            self.upstream.line.freed(self.upstream.queue.wait, moment());
        }
    }
}

fn settings(upstream: &Upstream) -> Settings {
    Settings {
        kind: match upstream.balance {
            Balance::Adaptive => Kind::Adaptive,
            Balance::RoundRobin => Kind::RoundRobin,
            Balance::Random => Kind::Random,
            Balance::LeastRequests => Kind::LeastRequests,
            Balance::TwoChoices => Kind::TwoChoices,
            Balance::LeastTime => Kind::LeastTime,
            Balance::PeakEwma => Kind::PeakEwma,
            Balance::Hash(_) => Kind::Hash,
            Balance::First => Kind::First,
        },
        slow_start: upstream.slow_start,
        limit: match upstream.max_requests {
            None => Limit::None,
            Some(MaxRequests::Fixed(most)) => Limit::Fixed(most),
            Some(MaxRequests::Auto) => Limit::Learned,
        },
        retry_budget: upstream.retry.budget,
        hedge_budget: upstream.hedge.map_or(0.0, |hedge| hedge.budget),
        hedge_quantile: upstream.hedge.and_then(|hedge| match hedge.after {
            HedgeAfter::Quantile(share) => Some(share),
            HedgeAfter::Fixed(_) => None,
        }),
    }
}

fn policy(retry: &Retry) -> RetryPolicy {
    let has = |wanted| retry.on.contains(&wanted);
    let status = |on: &RetryOn| match on {
        RetryOn::Status(status) => Some(*status),
        RetryOn::Connect | RetryOn::Reset | RetryOn::Timeout | RetryOn::WorseThanPool => None,
    };
    RetryPolicy {
        attempts: retry.attempts,
        on_connect: has(RetryOn::Connect),
        on_reset: has(RetryOn::Reset),
        on_timeout: has(RetryOn::Timeout),
        on_worse: has(RetryOn::WorseThanPool),
        on_status: retry.on.iter().filter_map(status).collect(),
    }
}

/// What a server is known by when keys are hashed, and in cookies: its address, not its place in the list.
fn identity(address: &ServerAddress) -> String {
    match address {
        ServerAddress::Unix(path) => format!("unix:{path}"),
        ServerAddress::Tcp(addresses) => addresses.first().map_or_else(String::new, ToString::to_string),
    }
}
