//! Layer 4: services that pass bytes or datagrams on without looking into them, and the PROXY protocol.

use crate::{Cidr, HostPattern, Listen, ServerTls, UpstreamId};
use std::time::Duration;

/// One `[[tcp]]`: connections to these addresses, and with these names, go to this upstream.
#[derive(Debug, Clone, PartialEq)]
pub struct TcpService {
    /// Addresses on which it listens. Never empty.
    pub listen: Vec<Listen>,
    /// Names in the ClientHello (SNI) that it answers for; empty means any connection that no other service on the
    /// listener takes, with or without TLS.
    pub hosts: Vec<HostPattern>,
    /// TLS that ends here; `None`: the bytes go on as they are, also those of TLS.
    pub tls: Option<ServerTls>,
    /// Where connections go. The upstream speaks [`crate::Protocol::Http1`] by name, which means nothing here; its TLS
    /// does. Clients are hashed by their address, if at all, and it has neither cookies nor second copies.
    pub upstream: UpstreamId,
    /// How long a connection may be silent in both directions.
    pub idle_timeout: Duration,
    /// What servers are told of the client before its first byte.
    pub send_proxy: Option<ProxyVersion>,
    /// Whose word on the client is believed, and required.
    pub accept_proxy: Option<AcceptProxy>,
}

/// One `[[udp]]`: datagrams from one address and port are a session, which keeps its server.
#[derive(Debug, Clone, PartialEq)]
pub struct UdpService {
    /// Addresses on which it listens. Never empty.
    pub listen: Vec<Listen>,
    /// Where datagrams go: an upstream as for [`TcpService`], without TLS and without unix sockets.
    pub upstream: UpstreamId,
    /// How long a session without a datagram is kept.
    pub idle_timeout: Duration,
    /// Sessions at a time, of all workers; for a further one idle ones end, or its datagram is dropped.
    pub sessions_max: u32,
}

/// A version of the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProxyVersion {
    /// A line of text.
    V1,
    /// Binary.
    V2,
}

/// From whom a connection begins with a PROXY header.
#[derive(Debug, Clone, PartialEq)]
pub struct AcceptProxy {
    /// Peers that must send one; anybody else's connection is closed. Empty: every peer must.
    pub from: Vec<Cidr>,
}
