//! The config as written, typed: each value parsed, each with its place. Names of upstreams are not looked up and
//! hosts are not resolved here; nor is anything compared with anything else. That is the work of `build`.

mod action;
mod fields;
mod limits;
mod log;
mod site;
mod upstream;

use crate::diagnostic::Report;
use crate::keys;
use crate::source::Span;
use crate::tree::{Table, Value};
use crate::value::{self, Endpoint};
use evener_plan::{Balance, Cidr, HeaderMatch, Health, Hedge, HostMode, HostPattern, Limits, Listen, LogPlan};
use evener_plan::{MaxRequests, PathMatch, Queue, Respond, Retry, SetHeader, Sticky, TextPart};
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
    pub(crate) log: LogPlan,
    pub(crate) limits: Limits,
    pub(crate) sites: Vec<DraftSite>,
    pub(crate) upstreams: Vec<DraftUpstream>,
    /// What holds for servers that are written in place.
    pub(crate) in_place: PoolSettings,
}

pub(crate) struct DraftSite {
    /// The header, as the place of the site as a whole.
    pub(crate) span: Span,
    pub(crate) listen: Vec<At<Listen>>,
    pub(crate) hosts: Vec<At<HostPattern>>,
    pub(crate) trusted_proxies: Vec<Cidr>,
    pub(crate) action: DraftAction,
    pub(crate) routes: Vec<DraftRoute>,
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
    let table = |name: &str| {
        fields.entry(name).and_then(|entry| match &entry.node.value {
            Value::Table(table) => Some(table),
            _ => None,
        })
    };
    let log = table("log").map_or_else(log::none, |table| log::read(table, report));
    let empty = Table::default();
    let limits = limits::read(table("limits").unwrap_or(&empty), report);
    let upstreams = table("upstream").map_or_else(Vec::new, |table| upstream::read_all(table, report));
    let sites = fields.tables("site").map(|(table, span)| site::read(table, span, report)).collect();
    let in_place = upstream::settings(&empty, report);
    Draft { workers, shutdown_grace, log, limits, sites, upstreams, in_place }
}
