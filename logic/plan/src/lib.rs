//! What evener will do: checked settings as plain data.
//!
//! A [`Plan`] cannot be wrong: whoever holds one need not check it again. It knows no file format, no sockets and no
//! other crate of evener. Addresses are already resolved; the text that was written stands beside them for people.

mod address;
mod limits;
mod log;
mod site;
mod upstream;

pub use address::{Cidr, HostPattern, Listen, ServerAddress};
pub use limits::Limits;
pub use log::{AccessFormat, LogPlan, LogTarget, TemplatePart};
pub use site::{Action, HeaderMatch, HostMode, PathMatch, Respond, Route, SetHeader, Site, TextPart};
pub use upstream::{Balance, HashKey, Health, Hedge, HedgeAfter, MaxRequests, Probe, Queue, Retry, RetryOn, Server};
pub use upstream::{Sticky, TIER_MAX, Upstream};

use std::time::Duration;

/// Everything that one evener process does, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Number of worker threads; `None` is one for each core that the process may use.
    pub workers: Option<usize>,
    /// How long a graceful stop waits for requests in flight before it cuts them.
    pub shutdown_grace: Duration,
    /// Where access log lines go and how they look.
    pub log: LogPlan,
    /// Bounds on what clients may ask for and how slowly.
    pub limits: Limits,
    /// The sites in the order of the file.
    pub sites: Vec<Site>,
    /// The upstreams that sites name; an [`UpstreamId`] indexes this list.
    pub upstreams: Vec<Upstream>,
}

/// Index of an upstream in [`Plan::upstreams`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UpstreamId(pub usize);

impl Plan {
    /// Every distinct address on which some site listens, in the order of the file.
    pub fn listens(&self) -> Vec<Listen> {
        let mut all: Vec<Listen> = Vec::new();
        for listen in self.sites.iter().flat_map(|site| &site.listen) {
            if !all.contains(listen) {
                all.push(*listen);
            }
        }
        all
    }
}
