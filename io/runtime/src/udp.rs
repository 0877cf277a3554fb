//! Datagram sockets: bound once by the control thread, one for each worker, or connected to one server on the worker.
//!
//! Nothing waits to send: a datagram that the kernel has no room for is lost, as on any other part of its way.

use crate::listener::is_without_ipv6;
use crate::socket::register;
use rustix::net::{RecvFlags, SendFlags};
use socket2::{Domain, Protocol, Type};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};

/// The longest datagram that there can be.
pub const DATAGRAM_BYTES_MAX: usize = 64 * 1024;

/// What the kernel may hold of datagrams that nobody has taken yet; its own bound (`rmem_max`) is lower on most machines.
const RECEIVE_BYTES: usize = 4 * 1024 * 1024;

/// Binds `count` sockets to one address; the kernel gives each of them the datagrams of its share of the clients.
pub fn bind(address: SocketAddr, count: usize) -> io::Result<Vec<OwnedFd>> {
    // A socket with SO_REUSEPORT would join another process of the same user on the port instead of failing, so look
    // first whether somebody is there.
    if address.port() != 0 {
        drop(bind_one(address, false)?);
    }
    (0..count).map(|_| bind_one(address, true)).collect()
}

/// Like [`bind`] for a port on every interface: IPv6 and IPv4 in one socket, or IPv4 alone where there is no IPv6.
pub fn bind_any(port: u16, count: usize) -> io::Result<Vec<OwnedFd>> {
    match bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)), count) {
        Err(error) if is_without_ipv6(&error) => bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), count),
        other => other,
    }
}

fn bind_one(address: SocketAddr, is_shared: bool) -> io::Result<OwnedFd> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_port(is_shared)?;
    // More is better, and less works.
    let _ = socket.set_recv_buffer_size(RECEIVE_BYTES);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// A datagram socket on the event loop of one worker.
#[derive(Debug)]
pub struct Datagrams {
    fd: AsyncFd<OwnedFd>,
}

impl Datagrams {
    /// Puts a socket from [`bind`] on the event loop of the current worker.
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self { fd: register(fd)? })
    }

    /// A socket for one server: only its datagrams come in, and its host's errors.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let domain = Domain::for_address(address);
        let socket = socket2::Socket::new(domain, Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
        socket.connect(&address.into())?;
        Self::new(socket.into())
    }

    /// Our own address.
    pub fn local_address(&self) -> Option<SocketAddr> {
        rustix::net::getsockname(&self.fd).ok()?.try_into().ok()
    }

    /// Waits until a datagram may have come from the server that the socket is connected to, or word of an error. There is
    /// no time limit here. Cancel safe: what has come stays.
    pub async fn arrival(&self) -> io::Result<Arrival<'_>> {
        // An error alone does not make a datagram socket readable.
        self.fd.ready(Interest::READABLE | Interest::ERROR).await.map(Arrival)
    }

    /// The next datagram and where it comes from.
    pub fn poll_receive_from(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<(usize, SocketAddr)>> {
        loop {
            let mut guard = ready!(self.fd.poll_read_ready(cx))?;
            match rustix::net::recvfrom(&self.fd, &mut *buffer, RecvFlags::empty()) {
                Ok((count, _, from)) => {
                    if let Some(from) = from.and_then(|from| SocketAddr::try_from(from).ok()) {
                        return Poll::Ready(Ok((count, from)));
                    }
                }
                Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// Sends a datagram to the server that the socket is connected to. An error may be one that its host has told of
    /// datagrams sent before; this one was not sent then.
    pub fn send_now(&self, bytes: &[u8]) -> io::Result<()> {
        rustix::net::send(&self.fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Sends a datagram.
    pub fn send_to_now(&self, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
        rustix::net::sendto(&self.fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL, &to)?;
        Ok(())
    }
}

/// Something has come from the server, or so it seemed.
#[derive(Debug)]
pub struct Arrival<'s>(AsyncFdReadyGuard<'s, OwnedFd>);

impl Arrival<'_> {
    /// The next datagram. `None`: there is none any more. An error is one that the server's host has told of datagrams
    /// sent before.
    pub fn take(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match rustix::net::recv(self.0.get_ref(), &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((count, _)) => return Ok(Some(count)),
                Err(rustix::io::Errno::AGAIN) => {
                    self.0.clear_ready();
                    return Ok(None);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// What an error of a connected socket says of the server: its host, or one on the way there, has answered that nobody
/// takes datagrams.
pub fn is_refusal(error: &io::Error) -> bool {
    use rustix::io::Errno;
    const REFUSALS: [Errno; 4] = [Errno::CONNREFUSED, Errno::HOSTUNREACH, Errno::NETUNREACH, Errno::HOSTDOWN];
    REFUSALS.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    fn on_a_worker<T>(test: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let limit = std::time::Duration::from_secs(10);
        runtime.block_on(async { tokio::time::timeout(limit, test).await.unwrap() })
    }

    fn listening() -> (Datagrams, SocketAddr) {
        let fd = bind(HERE, 1).unwrap().remove(0);
        let socket = Datagrams::new(fd).unwrap();
        let address = socket.local_address().unwrap();
        (socket, address)
    }

    #[test]
    fn datagrams_keep_their_borders_also_empty_and_long_ones() {
        on_a_worker(async {
            let (server, address) = listening();
            let client = Datagrams::connect(address).unwrap();
            let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
            for length in [0, 1, 65_507] {
                client.send_now(&vec![7; length]).unwrap();
                let (count, from) = poll_fn(|cx| server.poll_receive_from(cx, &mut buffer)).await.unwrap();
                assert_eq!(count, length);
                server.send_to_now(&buffer[..count], from).unwrap();
                assert_eq!(client.arrival().await.unwrap().take(&mut buffer).unwrap(), Some(length));
            }
        });
    }

    #[test]
    fn a_server_that_is_not_there_is_told_of() {
        on_a_worker(async {
            let (server, address) = listening();
            drop(server);
            let client = Datagrams::connect(address).unwrap();
            client.send_now(b"?").unwrap();
            let mut buffer = [0; 16];
            let mut arrival = client.arrival().await.unwrap();
            let error = arrival.take(&mut buffer).unwrap_err();
            assert!(is_refusal(&error), "{error}");
            assert_eq!(arrival.take(&mut buffer).unwrap(), None, "it is told once");
        });
    }

    #[test]
    fn a_port_in_use_is_not_shared_with_a_stranger() {
        let first = bind(HERE, 1).unwrap();
        let address = SocketAddr::try_from(rustix::net::getsockname(&first[0]).unwrap()).unwrap();
        assert_eq!(bind(address, 2).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert_eq!(bind(address, 2).unwrap().len(), 2);
    }
}
