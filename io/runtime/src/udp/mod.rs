//! Datagram sockets: bound once by the control thread, one for each worker, or connected to one server on the worker.
//!
//! A socket on every interface answers each datagram from the address that it was sent to.
//! Nothing waits to send: a datagram that the kernel has no room for is lost, as on any other part of its way.

mod asked;

use crate::listener::is_without_ipv6;
use crate::socket::register;
use asked::{Asked, CONTROL_BYTES_MAX};
use rustix::net::{RecvFlags, SendFlags};
use socket2::{Domain, MaybeUninitSlice, MsgHdr, MsgHdrMut, Protocol, SockAddr, SockRef, Type};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::ptr;
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
    if address.ip().is_unspecified() {
        asked::want(&socket, address.is_ipv6())?;
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Who has sent a datagram, and to which of our addresses, so that the answer can leave from there: a client takes none from
/// anybody else. A socket that is bound to one address has no other, and is told of none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Asker {
    /// Whose datagram it is.
    pub address: SocketAddr,
    asked: Asked,
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

    /// The next datagram of a socket from [`bind`] and where it comes from.
    pub fn poll_receive_from(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<(usize, Asker)>> {
        loop {
            let mut guard = ready!(self.fd.poll_read_ready(cx))?;
            match self.receive_now(buffer) {
                Ok((count, Some(asker))) => return Poll::Ready(Ok((count, asker))),
                Ok((_, None)) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => guard.clear_ready(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn receive_now(&self, buffer: &mut [u8]) -> io::Result<(usize, Option<Asker>)> {
        // Room for an address of either kind.
        let mut from = SockAddr::from(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)));
        let mut control = [0; CONTROL_BYTES_MAX];
        let mut pieces = [MaybeUninitSlice::new(for_kernel(buffer))];
        let header = MsgHdrMut::new().with_addr(&mut from).with_buffers(&mut pieces);
        let mut header = header.with_control(for_kernel(&mut control));
        let count = SockRef::from(&self.fd).recvmsg(&mut header, 0)?;
        let control_bytes = header.control_len();
        let asked = Asked::read(&control[..control_bytes.min(CONTROL_BYTES_MAX)]);
        Ok((count, from.as_socket().map(|address| Asker { address, asked })))
    }

    /// Sends a datagram to the server that the socket is connected to. An error may be one that its host has told of
    /// datagrams sent before; this one was not sent then.
    pub fn send_now(&self, bytes: &[u8]) -> io::Result<()> {
        rustix::net::send(&self.fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Sends a datagram of a socket from [`bind`] to whoever has asked, from the address that was asked.
    pub fn answer_now(&self, bytes: &[u8], asker: Asker) -> io::Result<()> {
        let (to, mut control) = (SockAddr::from(asker.address), [0; CONTROL_BYTES_MAX]);
        let pieces = [IoSlice::new(bytes)];
        let header = MsgHdr::new().with_addr(&to).with_buffers(&pieces);
        let header = header.with_control(asker.asked.write(&mut control));
        SockRef::from(&self.fd).sendmsg(&header, 0)?;
        Ok(())
    }
}

/// Bytes for the kernel to write to, as `recvmsg` takes them; nobody else may get them.
#[expect(unsafe_code, reason = "the call takes memory that may hold nothing yet")]
fn for_kernel(bytes: &mut [u8]) -> &mut [MaybeUninit<u8>] {
    // SAFETY: the two have the same layout, and the kernel, who alone gets this slice, never takes a written byte back.
    unsafe { &mut *(ptr::from_mut(bytes) as *mut [MaybeUninit<u8>]) }
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

/// Whether it is this process or machine that lacks something, so that an error says nothing of the server.
pub fn is_shortage(error: &io::Error) -> bool {
    use rustix::io::Errno;
    const SHORTAGES: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    SHORTAGES.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests;
