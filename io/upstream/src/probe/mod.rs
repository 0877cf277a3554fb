//! Probes: whether a server takes a connection, and whether it answers a request as it should, in the protocol and under
//! the TLS that requests to it have.
//!
//! A probe has a connection of its own, over the sockets of an ordinary tokio runtime: it runs on the control thread and
//! shares nothing with workers. It does not decide what its outcome means for the server, and is not repeated here.

mod connection;
mod fault;
mod grpc;
mod http;
mod http2;
mod message;
mod patience;
mod question;
#[cfg(test)]
mod tests;

pub use fault::ProbeFault;
pub use grpc::GrpcFault;

use crate::connect::{ConnectFault, classify};
use crate::pool::Security;
use connection::Connection;
use evener_plan::{Health, Probe, Protocol, ProxyVersion, Server, ServerAddress};
use evener_preamble::proxy::{write_v1, write_v2};
use patience::Patience;
use question::Question;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Checks a server once, in the way in which requests would be sent to it: in this protocol, under this TLS, and after a
/// PROXY header if it wants one, which says that the connection is evener's own. It takes no
/// longer than the time-out, not counting time in which this thread could not run, and reads no more than is needed: heads
/// of at most 64 KiB, and as much of a body if its content counts.
pub async fn check(
    server: &Server,
    health: &Health,
    protocol: Protocol,
    proxy: Option<ProxyVersion>,
    security: Option<Security>,
) -> Result<(), ProbeFault> {
    let mut patience = Patience::new(health.timeout);
    let mut connection = connect(&server.address, health.port, &mut patience).await?;
    if let Some(version) = proxy {
        let sent = patience.wait(Duration::MAX, connection.write_all(&introduction(version))).await;
        sent.ok_or(ProbeFault::AnswerTimedOut(health.timeout))?.map_err(ProbeFault::Lost)?;
    }
    if let Some(security) = security {
        let shaken = patience.wait(Duration::MAX, connection.shake(security)).await;
        connection = shaken.unwrap_or(Err(ProbeFault::HandshakeTimedOut(health.timeout)))?;
    }
    let version = match connection.has_chosen_http2().unwrap_or(protocol == Protocol::Http2) {
        true => Version::Http2,
        false => Version::Http1,
    };
    let needs_http2 = protocol == Protocol::Http2 || matches!(health.probe, Probe::Grpc { .. });
    if needs_http2 && version != Version::Http2 {
        return Err(ProbeFault::NoHttp2);
    }
    let answer = patience.wait(Duration::MAX, ask(connection, version, server, health)).await;
    answer.unwrap_or(Err(ProbeFault::AnswerTimedOut(health.timeout)))
}

/// A header without a client.
fn introduction(version: ProxyVersion) -> Vec<u8> {
    let mut header = Vec::new();
    match version {
        ProxyVersion::V1 => write_v1(None, None, &mut header),
        ProxyVersion::V2 => write_v2(None, None, &mut header),
    }
    header
}

/// What is spoken to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Http1,
    Http2,
}

/// Asks what there is to be asked beyond a connection.
async fn ask(mut connection: Connection, version: Version, server: &Server, health: &Health) -> Result<(), ProbeFault> {
    match &health.probe {
        Probe::Tcp => Ok(()),
        Probe::Http { path, host, status, body } => {
            let host = host.as_deref().unwrap_or_else(|| server.host());
            let question = Question { path, host, status, body: body.as_deref() };
            match version {
                Version::Http1 => http::ask(&mut connection, &question).await,
                Version::Http2 => http2::ask(connection, &question).await,
            }
        }
        Probe::Grpc { service } => grpc::ask(connection, service, server.host(), health.timeout).await,
    }
}

/// Looks whether a server takes a connection.
pub async fn reach(address: &ServerAddress, timeout: Duration) -> Result<(), ProbeFault> {
    connect(address, None, &mut Patience::new(timeout)).await.map(drop)
}

/// A connection to the first address that takes one. An address that keeps silent leaves time for those behind it.
async fn connect(
    address: &ServerAddress,
    port: Option<u16>,
    patience: &mut Patience,
) -> Result<Connection, ProbeFault> {
    let addresses = match address {
        ServerAddress::Unix(path) => {
            return finish(patience.wait(Duration::MAX, Connection::unix(path)).await, patience);
        }
        ServerAddress::Tcp(addresses) => addresses,
    };
    let mut outcome = Err(ProbeFault::NoConnection(io::ErrorKind::AddrNotAvailable.into()));
    for (turn, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - turn).unwrap_or(u32::MAX);
        let target = SocketAddr::new(address.ip(), port.unwrap_or_else(|| address.port()));
        outcome = finish(patience.wait(patience.left() / left, Connection::tcp(target)).await, patience);
        if !matches!(outcome, Err(ProbeFault::NoConnection(_) | ProbeFault::ConnectTimedOut(_))) {
            return outcome;
        }
    }
    outcome
}

fn finish(connected: Option<io::Result<Connection>>, patience: &Patience) -> Result<Connection, ProbeFault> {
    match connected {
        None => Err(ProbeFault::ConnectTimedOut(patience.whole())),
        Some(Ok(connection)) => Ok(connection),
        Some(Err(error)) => Err(match classify(error) {
            ConnectFault::Exhausted(error) => ProbeFault::Exhausted(error),
            ConnectFault::Refused(error) => ProbeFault::NoConnection(error),
            // A probe begins no TLS and no HTTP/2 here.
            ConnectFault::Handshake(_) | ConnectFault::Protocol(_) => {
                ProbeFault::NoConnection(io::ErrorKind::Other.into())
            }
            ConnectFault::TimedOut => ProbeFault::ConnectTimedOut(patience.whole()),
        }),
    }
}
