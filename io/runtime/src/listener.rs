//! Listening sockets: bound once by the control thread, one for each worker, and accepted from on the worker.

use crate::socket::{Socket, register};
use socket2::{Domain, Protocol, Type};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};
use tokio::io::unix::AsyncFd;

/// Connections that the kernel completes before the worker accepts them; the kernel's own bound (`somaxconn`) is lower
/// on most machines.
const BACKLOG: i32 = 4096;

/// Binds `count` listening sockets to one address; the kernel spreads new connections over them. They are non-blocking
/// and queue connections from this moment on.
pub fn bind(address: SocketAddr, count: usize) -> io::Result<Vec<OwnedFd>> {
    // A socket with SO_REUSEPORT would join another process of the same user on the port instead of failing, so look
    // first whether somebody is there.
    if address.port() != 0 {
        drop(bind_one(address, Sharing::Alone)?);
    }
    (0..count).map(|_| bind_one(address, Sharing::Shared)).collect()
}

/// Like [`bind`] for a port on every interface: IPv6 and IPv4 in one socket, or IPv4 alone where there is no IPv6.
pub fn bind_any(port: u16, count: usize) -> io::Result<Vec<OwnedFd>> {
    match bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)), count) {
        Err(error) if is_without_ipv6(&error) => bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), count),
        other => other,
    }
}

pub(crate) fn is_without_ipv6(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error();
    [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL, Errno::PROTONOSUPPORT]
        .iter()
        .any(|errno| code == Some(errno.raw_os_error()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Alone,
    Shared,
}

fn bind_one(address: SocketAddr, sharing: Sharing) -> io::Result<OwnedFd> {
    let domain = Domain::for_address(address);
    let socket = socket2::Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    if sharing == Sharing::Shared {
        socket.set_reuse_port(true)?;
    }
    // Accepted sockets inherit the option, which saves a system call for each.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    if sharing == Sharing::Shared {
        socket.listen(BACKLOG)?;
    }
    Ok(socket.into())
}

/// A listening socket on the event loop of one worker.
#[derive(Debug)]
pub struct Listener {
    fd: AsyncFd<OwnedFd>,
}

impl Listener {
    /// Puts a socket from [`bind`] on the event loop of the current worker.
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self { fd: register(fd)? })
    }

    /// Takes no connection from now on, although the socket is closed only when the last that holds it lets go. Clients
    /// that come in between would be promised a connection that nobody serves.
    pub fn stop(&self) {
        // An error could only mean that it has stopped already.
        let _ = rustix::net::shutdown(&self.fd, rustix::net::Shutdown::Both);
    }

    /// The next connection and its peer. Errors of single connections (the peer left before it was accepted) are
    /// passed over; what is returned concerns the listener or the process, such as having no file descriptors left.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Socket, SocketAddr)>> {
        loop {
            let mut guard = ready!(self.fd.poll_read_ready(cx))?;
            match self.accept_now() {
                Ok(Some(accepted)) => return Poll::Ready(Ok(accepted)),
                Ok(None) => guard.clear_ready(),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Like [`Self::poll_accept`] for a connection that waits in the kernel now, whatever the event loop has told and
    /// however much the task has done in its turn. `None`: there is none.
    pub fn accept_now(&self) -> io::Result<Option<(Socket, SocketAddr)>> {
        use rustix::io::Errno;
        let flags = rustix::net::SocketFlags::NONBLOCK | rustix::net::SocketFlags::CLOEXEC;
        loop {
            match rustix::net::acceptfrom_with(&self.fd, flags) {
                Ok((fd, address)) => {
                    if let Some(peer) = address.and_then(|address| SocketAddr::try_from(address).ok()) {
                        return Socket::new(fd).map(|socket| Some((socket, peer)));
                    }
                }
                Err(Errno::AGAIN) => return Ok(None),
                Err(
                    error @ (Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM | Errno::BADF | Errno::INVAL),
                ) => return Err(error.into()),
                // accept(2): errors of the new connection are reported here and must be treated like a retry.
                Err(_) => {}
            }
        }
    }
}
