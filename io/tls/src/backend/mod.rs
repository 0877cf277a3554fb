//! TLS towards servers: for each upstream the config of its connections, and the name that a server must prove.
//!
//! No connection is made here.

mod build;
mod named;

pub(crate) use build::{Held, check};

use arc_swap::ArcSwap;
use evener_plan::{Server, ServerAddress, UpstreamId};
use rustls::ClientConfig;
use rustls::pki_types::{DnsName, IpAddr, ServerName};
use std::sync::Arc;

/// What the upstreams of one plan need.
#[derive(Debug, Default)]
pub struct Backends {
    /// By the index of the upstream.
    pub(crate) all: Vec<Option<Arc<Backend>>>,
}

impl Backends {
    /// What an upstream needs; `None` if its servers are spoken to in the clear.
    pub fn get(&self, upstream: UpstreamId) -> Option<&Arc<Backend>> {
        self.all.get(upstream.0)?.as_ref()
    }
}

/// What the connections to the servers of one upstream need.
#[derive(Debug)]
pub struct Backend {
    config: ArcSwap<ClientConfig>,
    /// The name that is written; else each server's own counts.
    sni: Option<ServerName<'static>>,
}

impl Backend {
    /// The config of a new connection. It offers the upstream's protocols by ALPN; what the server chose must be looked
    /// at afterwards, for it may have chosen none.
    pub fn config(&self) -> Arc<ClientConfig> {
        self.config.load_full()
    }

    /// The name that a server's certificate must have: the one that is written, else the server's host name or address.
    pub fn server_name(&self, server: &Server) -> ServerName<'static> {
        self.sni.clone().unwrap_or_else(|| own_name(server))
    }
}

/// The name of a server as it is written; its address if that is no name that a certificate could have.
fn own_name(server: &Server) -> ServerName<'static> {
    let host = server.host();
    let host = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or(address),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let name = ServerName::try_from(host.to_owned());
    name.unwrap_or_else(|_| match &server.address {
        ServerAddress::Tcp(addresses) => addresses.first().map_or_else(localhost, |a| IpAddr::from(a.ip()).into()),
        ServerAddress::Unix(_) => localhost(),
    })
}

fn localhost() -> ServerName<'static> {
    ServerName::DnsName(DnsName::try_from("localhost").expect("localhost is a name"))
}
