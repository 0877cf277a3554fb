//! Probes: whether a server takes a connection, and whether it answers a request as it should.
//!
//! A probe has a connection of its own, over the sockets of an ordinary tokio runtime: it runs on the control thread and
//! shares nothing with workers. It does not decide what its outcome means for the server, and is not repeated here.

mod connection;
mod fault;
mod http;
mod patience;
#[cfg(test)]
mod tests;

pub use fault::ProbeFault;

use crate::connect::{ConnectFault, classify};
use connection::Connection;
use evener_plan::{Health, Probe, Server, ServerAddress};
use http::Question;
use patience::Patience;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Checks a server once. It takes no longer than the time-out, not counting time in which this thread could not run, and
/// reads no more than is needed: a head of at most 64 KiB, and as much of a body if its text counts.
pub async fn check(server: &Server, health: &Health) -> Result<(), ProbeFault> {
    let mut patience = Patience::new(health.timeout);
    let connection = connect(&server.address, health.port, &mut patience).await?;
    match &health.probe {
        Probe::Tcp => Ok(()),
        Probe::Http { path, host, status, body } => {
            let host = host.as_deref().unwrap_or_else(|| server.host());
            let question = Question { path, host, status, body: body.as_deref() };
            let answer = patience.wait(Duration::MAX, http::ask(&connection, &question)).await;
            answer.unwrap_or(Err(ProbeFault::AnswerTimedOut(health.timeout)))
        }
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
            ConnectFault::TimedOut => ProbeFault::ConnectTimedOut(patience.whole()),
        }),
    }
}
