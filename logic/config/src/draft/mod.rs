//! The config as written, typed: each value parsed, each with its place. Names of upstreams are not looked up and
//! hosts are not resolved here; nor is anything compared with anything else. That is the work of `build`.

mod acme;
mod action;
mod fields;
mod limits;
mod listens;
mod log;
mod proxy;
mod site;
mod tls;
mod transport;
mod upstream;

use crate::diagnostic::Report;
use crate::keys;
use crate::source::Span;
use crate::tree::{Table, Value};
use crate::value::{self, Endpoint};
use evener_plan::{
    AcceptProxy, Acme, AdminListen, Balance, Certificates, Cidr, ClientAuth, HeaderMatch, Health, Hedge, HostMode,
};
use evener_plan::{
    HostPattern, Limits, Listen, LogPlan, MaxRequests, PathMatch, Protocol, ProxyVersion, Queue, Respond,
};
use evener_plan::{Retry, SetHeader, Sticky, TextPart, TlsVersion, UpstreamTls};
use fields::Fields;
use std::time::Duration;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

pub(crate) struct Draft {
    pub(crate) workers: Option<usize>,
    pub(crate) shutdown_grace: Duration,
    /// `None` if there is none.
    pub(crate) admin: Option<At<AdminListen>>,
    pub(crate) log: LogPlan,
    pub(crate) limits: Limits,
    pub(crate) acme: Acme,
    /// Where `acme` is written, if it is.
    pub(crate) acme_key: Option<Span>,
    pub(crate) state_dir: String,
    pub(crate) sites: Vec<DraftSite>,
    pub(crate) tcp: Vec<DraftTcp>,
    pub(crate) udp: Vec<DraftUdp>,
    pub(crate) upstreams: Vec<DraftUpstream>,
    /// What holds for servers that are written in place.
    pub(crate) in_place: PoolSettings,
}

pub(crate) struct DraftSite {
    /// The header, as the place of the site as a whole.
    pub(crate) span: Span,
    pub(crate) listens: DraftListens,
    pub(crate) tls: Option<DraftTls>,
    pub(crate) http2: At<bool>,
    pub(crate) accept_proxy: At<Option<AcceptProxy>>,
    pub(crate) hosts: Vec<At<HostPattern>>,
    pub(crate) trusted_proxies: Vec<Cidr>,
    pub(crate) action: DraftAction,
    pub(crate) routes: Vec<DraftRoute>,
}

/// Where a site listens.
pub(crate) struct DraftListens {
    /// Addresses on which it does what it does; with TLS if the site has it.
    pub(crate) own: Vec<At<Listen>>,
    /// Addresses without TLS that redirect to the others.
    pub(crate) redirecting: Vec<At<Listen>>,
    /// Whether nobody wrote the latter, so that they give way to other sites.
    pub(crate) is_redirect_implied: bool,
}

/// TLS towards clients.
pub(crate) struct DraftTls {
    /// The place of the key.
    pub(crate) key: Span,
    /// `None` if they could not be read.
    pub(crate) certificates: Option<At<Certificates>>,
    pub(crate) client_auth: Option<ClientAuth>,
    pub(crate) version_min: TlsVersion,
}

pub(crate) struct DraftTcp {
    /// The header, as the place of the service as a whole.
    pub(crate) span: Span,
    pub(crate) listen: Vec<At<Listen>>,
    pub(crate) hosts: Vec<At<HostPattern>>,
    pub(crate) tls: Option<DraftTls>,
    /// `None` if it is missing or could not be read.
    pub(crate) to: Option<At<Choice>>,
    pub(crate) idle_timeout: Duration,
    pub(crate) accept_proxy: At<Option<AcceptProxy>>,
    pub(crate) send_proxy: Option<ProxyVersion>,
}

pub(crate) struct DraftUdp {
    pub(crate) listen: Vec<At<Listen>>,
    /// `None` if it is missing or could not be read.
    pub(crate) to: Option<At<Choice>>,
    pub(crate) idle_timeout: Duration,
    pub(crate) sessions_max: u32,
}

pub(crate) struct DraftRoute {
    pub(crate) span: Span,
    /// `None` if it could not be read.
    pub(crate) path: Option<At<PathMatch>>,
    pub(crate) methods: Vec<String>,
    pub(crate) headers: Vec<HeaderMatch>,
    pub(crate) action: DraftAction,
}

/// The keys that sites and routes share.
pub(crate) struct DraftAction {
    /// Which of `to`, `redirect` and `respond` are written, even if they could not be read.
    pub(crate) written: Vec<At<&'static str>>,
    /// Whether none of them is written, nor an unknown key that was meant to be one.
    pub(crate) is_missing: bool,
    /// Whether there is no `to` in the same sense.
    pub(crate) lacks_to: bool,
    pub(crate) choice: Option<Choice>,
    /// Which of the keys that need `to` are written.
    pub(crate) options: Vec<At<&'static str>>,
    pub(crate) strip_prefix: Option<At<String>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) set_headers: Vec<SetHeader>,
    pub(crate) host: Option<HostMode>,
}

pub(crate) enum Choice {
    ToName(At<String>),
    ToServers(At<Vec<DraftServer>>),
    Redirect { status: u16, location: Vec<TextPart> },
    Respond(Respond),
}

pub(crate) struct DraftUpstream {
    pub(crate) name: At<String>,
    /// `None` if they are missing or could not be read.
    pub(crate) servers: Option<Vec<DraftServer>>,
    pub(crate) settings: PoolSettings,
    /// The keys that mean something for HTTP only, and that are set so.
    pub(crate) http_only: Vec<At<&'static str>>,
    /// The key of TLS towards servers, if it is switched on.
    pub(crate) tls_key: Option<Span>,
}

/// How an upstream treats its servers.
#[derive(Debug, Clone)]
pub(crate) struct PoolSettings {
    pub(crate) balance: Balance,
    pub(crate) health: Option<Health>,
    pub(crate) sticky: Option<Sticky>,
    pub(crate) slow_start: Duration,
    pub(crate) max_requests: Option<MaxRequests>,
    pub(crate) queue: Queue,
    pub(crate) retry: Retry,
    pub(crate) hedge: Option<Hedge>,
    pub(crate) protocol: Protocol,
    pub(crate) tls: Option<UpstreamTls>,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) idle_timeout: Duration,
}

pub(crate) struct DraftServer {
    /// As written.
    pub(crate) label: At<String>,
    pub(crate) endpoint: Endpoint,
    pub(crate) weight: At<u16>,
    pub(crate) tier: u8,
}

/// Reads the tree of the whole config.
pub(crate) fn read(root: &Table, report: &mut Report) -> Draft {
    // The top-level keys were checked file by file when the tree was put together.
    let fields = Fields::checked(&keys::TOP, root);
    let workers = fields.entry("workers").and_then(|entry| match &entry.node.value {
        Value::Integer(number) => number.and_then(|number| usize::try_from(number).ok()),
        _ => {
            fields.word("workers", report);
            None
        }
    });
    let shutdown_grace = fields.or_default("shutdown_grace", report, value::duration_or_zero);
    let admin = fields.text("admin", report, value::admin);
    let admin = admin.and_then(|At { value, span }| value.map(|value| At { value, span }));
    let log = fields.table("log").map_or_else(log::none, |table| log::read(table, report));
    let empty = Table::default();
    let limits = limits::read(fields.table("limits").unwrap_or(&empty), report);
    let upstreams = fields.table("upstream").map_or_else(Vec::new, |table| upstream::read_all(table, report));
    let acme = acme::read(fields.table("acme").unwrap_or(&empty), report);
    let acme_key = fields.entry("acme").map(|entry| entry.key);
    let state_dir = fields.or_default("state_dir", report, value::folder);
    let tcp = fields.tables("tcp").map(|(table, span)| transport::tcp(table, span, report)).collect();
    let udp = fields.tables("udp").map(|(table, span)| transport::udp(table, span, report)).collect();
    let sites = fields.tables("site").map(|(table, span)| site::read(table, span, report)).collect();
    let in_place = upstream::settings(&empty, report);
    Draft {
        workers,
        shutdown_grace,
        admin,
        log,
        limits,
        acme,
        acme_key,
        state_dir,
        sites,
        tcp,
        udp,
        upstreams,
        in_place,
    }
}
