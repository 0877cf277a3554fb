//! Opening a connection to a server. Does not choose the server and does not retry another one.

use evener_plan::ServerAddress;
use evener_runtime::alarm::Wake;
use evener_runtime::{Alarm, Socket};
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;

/// Why a connection could not be opened. Nothing was sent, so another server may always be tried.
#[derive(Debug)]
pub enum ConnectFault {
    /// The server or the network refused, or no way leads there from here (no route, no address or port of our own that
    /// is left for it); the cause of the last address that was tried.
    Refused(io::Error),
    /// The deadline passed first.
    TimedOut,
    /// This process or machine has run out of descriptors or memory: not the server's fault.
    Exhausted(io::Error),
}

/// Opens a connection before the deadline of `alarm`. A server with several addresses is tried at each of them, first
/// at the one that `preferred` remembers from the last success, or that follows one which kept silent.
pub async fn open(address: &ServerAddress, preferred: &Cell<usize>, alarm: &Alarm) -> Result<Socket, ConnectFault> {
    match address {
        ServerAddress::Unix(path) => finish(Socket::connect_unix(path), alarm).await,
        ServerAddress::Tcp(addresses) => open_tcp(addresses, preferred, alarm).await,
    }
}

async fn open_tcp(addresses: &[SocketAddr], preferred: &Cell<usize>, alarm: &Alarm) -> Result<Socket, ConnectFault> {
    let mut fault = ConnectFault::Refused(io::ErrorKind::AddrNotAvailable.into());
    for turn in 0..addresses.len() {
        let index = (preferred.get() + turn) % addresses.len();
        match finish(Socket::connect_tcp(addresses[index]), alarm).await {
            Ok(socket) => {
                preferred.set(index);
                return Ok(socket);
            }
            Err(refused @ ConnectFault::Refused(_)) => fault = refused,
            Err(ConnectFault::TimedOut) => {
                // No time is left for the next address; it is the first one to be tried next time.
                preferred.set((index + 1) % addresses.len());
                return Err(ConnectFault::TimedOut);
            }
            Err(exhausted @ ConnectFault::Exhausted(_)) => return Err(exhausted),
        }
    }
    Err(fault)
}

async fn finish(started: io::Result<Socket>, alarm: &Alarm) -> Result<Socket, ConnectFault> {
    let socket = started.map_err(classify)?;
    let connected = {
        let mut connected = pin!(socket.connected());
        poll_fn(|cx| match connected.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(result.map_err(classify)),
            Poll::Pending => match alarm.poll(cx) {
                Poll::Ready(Wake::Deadline) => Poll::Ready(Err(ConnectFault::TimedOut)),
                Poll::Ready(Wake::Shed) | Poll::Pending => Poll::Pending,
            },
        })
        .await
    };
    connected.map(|()| socket)
}

pub(crate) fn classify(error: io::Error) -> ConnectFault {
    use rustix::io::Errno;
    // ADDRNOTAVAIL is not among them: ports run out for each server by itself, and for an IPv6 address it says that the
    // machine has no IPv6. The server's next address, or the next server, may do.
    const OURS: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    let code = error.raw_os_error();
    if OURS.iter().any(|errno| code == Some(errno.raw_os_error())) {
        ConnectFault::Exhausted(error)
    } else {
        ConnectFault::Refused(error)
    }
}

#[cfg(test)]
mod tests;
