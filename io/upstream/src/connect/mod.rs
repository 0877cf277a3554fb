//! Opening a connection to a server: TCP, then TLS and HTTP/2 as the server's pool asks for. Does not choose the server
//! and does not retry another one.

use crate::pool::{Lease, Pool, Security};
use evener_plan::{Protocol, ServerAddress};
use evener_runtime::alarm::Wake;
use evener_runtime::{Alarm, Socket};
use evener_tls::{HandshakeFault, Link};
use evener_wire::{ClientSettings, Opened};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

/// Why a connection could not be opened. Nothing was sent, so another server may always be tried.
#[derive(Debug)]
pub enum ConnectFault {
    /// The server or the network refused, or no way leads there from here (no route, no address or port of our own that
    /// is left for it); the cause of the last address that was tried.
    Refused(io::Error),
    /// The deadline passed first.
    TimedOut,
    /// The server took the connection, but no TLS came about on it: its certificate, or what it speaks.
    Handshake(HandshakeFault),
    /// It took the connection, but does not speak HTTP/2 as it should.
    Protocol(io::Error),
    /// This process or machine has run out of descriptors or memory: not the server's fault.
    Exhausted(io::Error),
}

/// Streams that one worker opens at a time on one connection, if the server admits as many; then it opens another.
const STREAMS_MAX: usize = 256;
/// Bytes of a response head, as with HTTP/1.
const HEAD_BYTES_MAX: u32 = 64 * 1024;

/// A lease of a new connection to the pool's server, or of a stream on one that somebody else has opened meanwhile, before
/// the deadline of `alarm`.
pub async fn lease(pool: &Rc<Pool>, alarm: &Alarm) -> Result<Lease, ConnectFault> {
    let waiting = pool.wait();
    while pool.may_share() {
        if let Some(_opening) = waiting.begin_opening() {
            return lease_new(pool, alarm, Offer::All).await;
        }
        in_time(alarm, async {
            waiting.someone_has_opened().await;
            Ok(())
        })
        .await?;
        if let Some(lease) = pool.take_stream() {
            return Ok(lease);
        }
    }
    lease_new(pool, alarm, Offer::All).await
}

/// The same of a connection on which HTTP/1.1 is spoken, to a server that may speak HTTP/2: for what has no form there.
pub async fn lease_http1(pool: &Rc<Pool>, alarm: &Alarm) -> Result<Lease, ConnectFault> {
    match pool.take_link() {
        Some(lease) => Ok(lease),
        None => lease_new_http1(pool, alarm).await,
    }
}

/// The same of a new connection.
pub async fn lease_new_http1(pool: &Rc<Pool>, alarm: &Alarm) -> Result<Lease, ConnectFault> {
    lease_new(pool, alarm, Offer::Http1).await
}

/// Which protocols TLS offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offer {
    /// Those of the pool.
    All,
    Http1,
}

/// A connection to the pool's server that is no part of the pool, for bytes that are no HTTP: TLS is begun without offering
/// a protocol, of which a strict server would know none. The bytes `first` go before TLS.
pub async fn connect(pool: &Rc<Pool>, alarm: &Alarm, first: &[u8]) -> Result<Link, ConnectFault> {
    let socket = open(pool.address(), pool.preferred(), alarm).await?;
    in_time(alarm, async { socket.write_all(first).await.map_err(classify) }).await?;
    let Some(Security { config, name }) = pool.security() else { return Ok(Link::plain(socket)) };
    let mut config = (*config).clone();
    config.alpn_protocols.clear();
    let shaken = evener_tls::connect(socket, Arc::new(config), name, alarm).await;
    shaken.map(|(link, _)| link).map_err(handshake_fault)
}

async fn lease_new(pool: &Rc<Pool>, alarm: &Alarm, offer: Offer) -> Result<Lease, ConnectFault> {
    let socket = open(pool.address(), pool.preferred(), alarm).await?;
    let security = pool.security();
    let era = pool.era();
    let (link, is_http2) = match security {
        None => (Link::plain(socket), pool.protocol() == Protocol::Http2),
        Some(Security { mut config, name }) => {
            if offer == Offer::Http1 {
                Arc::make_mut(&mut config).alpn_protocols = vec![b"http/1.1".to_vec()];
            }
            let shaken = evener_tls::connect(socket, config, name, alarm).await;
            let (link, shaken) = shaken.map_err(handshake_fault)?;
            (link, shaken.alpn.as_deref() == Some(b"h2"))
        }
    };
    if !is_http2 {
        if pool.protocol() == Protocol::Http2 {
            return Err(ConnectFault::Protocol(io::Error::other("the server did not agree to HTTP/2")));
        }
        if offer == Offer::All {
            pool.learn_no_streams();
        }
        return Ok(pool.adopt_of(link, era));
    }
    let settings = ClientSettings { streams_max: STREAMS_MAX, head_bytes_max: HEAD_BYTES_MAX };
    let opened = in_time(alarm, async { evener_wire::open(link, &settings).await.map_err(opening_fault) });
    let Opened { asking, driver } = opened.await?;
    tokio::task::spawn_local(driver);
    let closed = || ConnectFault::Protocol(io::ErrorKind::ConnectionReset.into());
    pool.adopt_shared(asking, era).ok_or_else(closed)
}

/// With TLS 1.3 a server looks at our certificate when for us the handshake is over.
fn opening_fault(error: io::Error) -> ConnectFault {
    if evener_tls::is_of_tls(&error) {
        ConnectFault::Handshake(HandshakeFault::Closed(error))
    } else {
        ConnectFault::Protocol(error)
    }
}

fn handshake_fault(fault: HandshakeFault) -> ConnectFault {
    match fault {
        HandshakeFault::TimedOut => ConnectFault::TimedOut,
        other => ConnectFault::Handshake(other),
    }
}

/// The outcome of a step, unless the deadline passes first.
async fn in_time<T>(alarm: &Alarm, step: impl Future<Output = Result<T, ConnectFault>>) -> Result<T, ConnectFault> {
    let mut step = pin!(step);
    poll_fn(|cx| match step.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(done),
        Poll::Pending => match alarm.poll(cx) {
            Poll::Ready(Wake::Deadline) => Poll::Ready(Err(ConnectFault::TimedOut)),
            Poll::Ready(Wake::Shed) | Poll::Pending => Poll::Pending,
        },
    })
    .await
}

/// Opens a connection before the deadline of `alarm`. A server with several addresses is tried at each of them, first
/// at the one that `preferred` remembers from the last success, or that follows one which kept silent.
pub(crate) async fn open(
    address: &ServerAddress,
    preferred: &Cell<usize>,
    alarm: &Alarm,
) -> Result<Socket, ConnectFault> {
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
            Err(other) => return Err(other),
        }
    }
    Err(fault)
}

async fn finish(started: io::Result<Socket>, alarm: &Alarm) -> Result<Socket, ConnectFault> {
    let socket = started.map_err(classify)?;
    in_time(alarm, async { socket.connected().await.map_err(classify) }).await?;
    Ok(socket)
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
