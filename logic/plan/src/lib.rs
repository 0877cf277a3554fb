//! What evener will do: checked settings as plain data.
//!
//! A [`Plan`] cannot be wrong: whoever holds one need not check it again. It knows no file format, no sockets and no
//! other crate of evener. Addresses are already resolved; the text that was written stands beside them for people.

mod address;
mod admin;
mod limits;
mod log;
mod site;
mod tls;
mod transport;
mod upstream;

pub use address::{Cidr, HostPattern, Listen, ServerAddress};
pub use admin::AdminListen;
pub use limits::Limits;
pub use log::{AccessFormat, LogPlan, LogTarget, TemplatePart};
pub use site::{Action, HeaderMatch, HostMode, PathMatch, Respond, Route, SetHeader, Site, TextPart};
pub use tls::UpstreamTls;
pub use tls::{
    AccountBinding, Acme, CertificateFiles, Certificates, ClientAuth, Protocol, ServerTls, TlsVersion, Trust,
};
pub use tls::{LETS_ENCRYPT, LETS_ENCRYPT_STAGING};
pub use transport::{AcceptProxy, ProxyVersion, TcpService, UdpService};
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
    /// Where evener lets itself be looked at; `None` is nowhere.
    pub admin: Option<AdminListen>,
    /// Where access log lines go and how they look.
    pub log: LogPlan,
    /// Bounds on what clients may ask for and how slowly.
    pub limits: Limits,
    /// The sites in the order of the file, then those that only redirect to sites with TLS.
    pub sites: Vec<Site>,
    /// How certificates are ordered for sites with `tls = "auto"`.
    pub acme: Acme,
    /// Folder for what must outlive the process: certificates, account keys, ticket keys.
    pub state_dir: String,
    /// Services of layer 4 over TCP, in the order of the file.
    pub tcp: Vec<TcpService>,
    /// Services of layer 4 over UDP, in the order of the file.
    pub udp: Vec<UdpService>,
    /// The upstreams that sites and services name; an [`UpstreamId`] indexes this list.
    pub upstreams: Vec<Upstream>,
}

/// Index of an upstream in [`Plan::upstreams`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UpstreamId(pub usize);

impl Plan {
    /// Every distinct TCP address on which some site or service listens, in the order of the file.
    pub fn listens(&self) -> Vec<Listen> {
        let mut all: Vec<Listen> = Vec::new();
        let of_sites = self.sites.iter().flat_map(|site| &site.listen);
        for listen in of_sites.chain(self.tcp.iter().flat_map(|service| &service.listen)) {
            if !all.contains(listen) {
                all.push(*listen);
            }
        }
        all
    }

    /// Every distinct UDP address on which some service listens, in the order of the file.
    pub fn udp_listens(&self) -> Vec<Listen> {
        let mut all: Vec<Listen> = Vec::new();
        for listen in self.udp.iter().flat_map(|service| &service.listen) {
            if !all.contains(listen) {
                all.push(*listen);
            }
        }
        all
    }
}
