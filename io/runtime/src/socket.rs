//! A connected stream socket, TCP or unix, on the worker's event loop.
//!
//! All calls take `&self`, so that one task can read and write at once. A read or write that moves fewer bytes than
//! asked for clears the readiness at once instead of spending a system call on `EAGAIN`; the event loop is edge
//! triggered, so the next byte sets it again.

use crate::pipe::Pipe;
use rustix::net::{RecvFlags, SendFlags};
use rustix::pipe::SpliceFlags;
use std::future::{Future as _, poll_fn};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::pin::pin;
use std::task::{Context, Poll, Waker, ready};
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, Ready};
use tokio::task::coop::unconstrained;

/// Pieces of one vectored write.
const PIECES_MAX: usize = 4;

/// A connected stream socket that belongs to one worker.
#[derive(Debug)]
pub struct Socket {
    fd: AsyncFd<OwnedFd>,
}

impl Socket {
    /// Puts a connected, non-blocking socket on the event loop of the current worker.
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self { fd: register(fd)? })
    }

    /// Starts a connection to `address`; await [`Self::connected`] before use.
    pub fn connect_tcp(address: SocketAddr) -> io::Result<Self> {
        let domain = socket2::Domain::for_address(address);
        let kind = socket2::Type::STREAM.nonblocking();
        let socket = socket2::Socket::new(domain, kind, Some(socket2::Protocol::TCP))?;
        socket.set_tcp_nodelay(true)?;
        Self::start(&socket, &address.into())?;
        Self::new(socket.into())
    }

    /// Starts a connection to the unix socket at `path`; await [`Self::connected`] before use.
    pub fn connect_unix(path: &str) -> io::Result<Self> {
        let kind = socket2::Type::STREAM.nonblocking();
        let socket = socket2::Socket::new(socket2::Domain::UNIX, kind, None)?;
        Self::start(&socket, &socket2::SockAddr::unix(path)?)?;
        Self::new(socket.into())
    }

    fn start(socket: &socket2::Socket, address: &socket2::SockAddr) -> io::Result<()> {
        match socket.connect(address) {
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => Ok(()),
            other => other,
        }
    }

    /// Waits until a started connection stands or has failed. There is no time limit here.
    pub async fn connected(&self) -> io::Result<()> {
        poll_fn(|cx| self.fd.poll_write_ready(cx).map_ok(|_| ())).await?;
        rustix::net::sockopt::socket_error(&self.fd)??;
        Ok(())
    }

    /// Our own end of a TCP connection.
    pub fn local_address(&self) -> Option<SocketAddr> {
        rustix::net::getsockname(&self.fd).ok()?.try_into().ok()
    }

    /// Whether bytes, an end or an error may be waiting: what the event loop has told so far, without a system call.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.fd.poll_read_ready(cx).map_ok(|_| ())
    }

    /// Like [`Self::poll_readable`] for somebody who does not wait: an answer also when the task has used up its turn, for
    /// which the event loop would call everything pending. Nobody may be waiting for the socket.
    pub fn is_readable(&self) -> bool {
        let readable = pin!(unconstrained(poll_fn(|cx| self.poll_readable(cx))));
        readable.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// Reads into `buffer`. `Ok(0)` is the end of the stream, unless `buffer` is empty.
    pub fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.fd.poll_read_ready(cx))?;
            match rustix::net::recv(&self.fd, &mut *buffer, RecvFlags::empty()) {
                Ok((read, _)) => {
                    if read > 0 && read < buffer.len() {
                        guard.clear_ready();
                    }
                    return Poll::Ready(Ok(read));
                }
                Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// Reads what is there now, whatever the event loop has told. `None`: nothing.
    pub fn read_now(&self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        match rustix::net::recv(&self.fd, buffer, RecvFlags::DONTWAIT) {
            Ok((read, _)) => Some(Ok(read)),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => None,
            Err(error) => Some(Err(error.into())),
        }
    }

    /// Whether an idle connection is still good: no byte, no end and no error is waiting. Asks the kernel.
    pub fn is_quiet(&self) -> bool {
        let mut byte = [0_u8; 1];
        let looked = rustix::net::recv(&self.fd, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT);
        matches!(looked, Err(rustix::io::Errno::AGAIN))
    }

    /// Looks at what has come without taking it: ready when that is more than `known` bytes, or the connection has ended
    /// without any more (`Ok(0)`). Bytes beyond the length of `buffer` are not looked at.
    pub fn poll_peek(&self, cx: &mut Context<'_>, buffer: &mut [u8], known: usize) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.fd.poll_read_ready(cx))?;
            match rustix::net::recv(&self.fd, &mut *buffer, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
                Ok((0, _)) => return Poll::Ready(Ok(0)),
                Ok((count, _)) if count > known => return Poll::Ready(Ok(count)),
                // The end was known before the look, so that nothing has come in between.
                Ok(_) if guard.ready().is_read_closed() => return Poll::Ready(Ok(0)),
                // The next byte is another edge.
                Ok(_) | Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// Writes from `bytes`; returns how many went.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.fd.poll_write_ready(cx))?;
            match rustix::net::send(&self.fd, bytes, SendFlags::NOSIGNAL) {
                Ok(written) => {
                    if written < bytes.len() {
                        guard.clear_ready();
                    }
                    return Poll::Ready(Ok(written));
                }
                Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// Writes from several pieces (at most four) in one system call; returns how many bytes went.
    pub fn poll_write_pieces(&self, cx: &mut Context<'_>, pieces: &[&[u8]]) -> Poll<io::Result<usize>> {
        if let [one] = pieces {
            return self.poll_write(cx, one);
        }
        let mut slices = [IoSlice::new(&[]); PIECES_MAX];
        for (slice, piece) in slices.iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece);
        }
        self.poll_write_slices(cx, &slices[..pieces.len().min(PIECES_MAX)])
    }

    /// Writes from several pieces in one system call; returns how many bytes went.
    pub fn poll_write_slices(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.fd.poll_write_ready(cx))?;
            // `writev` would raise SIGPIPE; the Rust runtime ignores that signal, and `sendmsg` says so for the socket.
            let sent = rustix::net::sendmsg(
                &self.fd,
                slices,
                &mut rustix::net::SendAncillaryBuffer::default(),
                SendFlags::NOSIGNAL,
            );
            match sent {
                Ok(written) => {
                    if written < slices.iter().map(|slice| slice.len()).sum() {
                        guard.clear_ready();
                    }
                    return Poll::Ready(Ok(written));
                }
                Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// Writes what the kernel takes at once, and no more. For a last word on a connection that closes.
    pub fn write_now(&self, bytes: &[u8]) {
        let _sent_or_not = rustix::net::send(&self.fd, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
    }

    /// Writes everything. There is no time limit here.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = poll_fn(|cx| self.poll_write(cx, bytes)).await?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// Moves up to `bytes_max` bytes from this socket into `pipe`, without copying them. `Ok(0)` is the end.
    pub fn poll_splice_into(&self, cx: &mut Context<'_>, pipe: &Pipe, bytes_max: usize) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.fd.poll_read_ready(cx))?;
            match splice(&self.fd, pipe.writer(), bytes_max) {
                Ok(moved) => return Poll::Ready(Ok(moved)),
                // The caller splices only into an empty pipe, so it is the socket that has nothing.
                Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// Moves up to `bytes_max` bytes from `pipe` to this socket.
    pub fn poll_splice_from(&self, cx: &mut Context<'_>, pipe: &Pipe, bytes_max: usize) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.fd.poll_write_ready(cx))?;
            match splice(pipe.reader(), &self.fd, bytes_max) {
                Ok(moved) => return Poll::Ready(Ok(moved)),
                Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// Bytes that the kernel has taken and the peer's has not acknowledged; 0 if it cannot tell.
    #[expect(unsafe_code, reason = "no crate has a safe call for it")]
    pub fn unsent(&self) -> usize {
        let mut count: libc::c_int = 0;
        // SAFETY: the descriptor is open as long as `self` is, and the call writes one `int` where it is told to.
        let asked = unsafe { libc::ioctl(self.fd.get_ref().as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
        if asked == 0 { usize::try_from(count).unwrap_or(0) } else { 0 }
    }

    /// Waits until the connection breaks, as by a reset, while nobody reads or writes. The kernel tells the error once, be it
    /// here or there: `BrokenPipe` of a peer that had ended before. Its end alone is no error. Cancel safe.
    pub async fn broken(&self) -> io::Error {
        loop {
            let mut guard = match self.fd.ready(Interest::ERROR).await {
                Ok(guard) => guard,
                Err(error) => return error,
            };
            match rustix::net::sockopt::socket_error(&self.fd) {
                Ok(Ok(())) => guard.clear_ready_matching(Ready::ERROR),
                Ok(Err(error)) | Err(error) => return error.into(),
            }
        }
    }

    /// Tells the peer that no more bytes come; errors do not matter, the connection ends anyway.
    pub fn shutdown_write(&self) {
        let _ = rustix::net::shutdown(&self.fd, rustix::net::Shutdown::Write);
    }

    /// Makes closing send a reset instead of an orderly end, so that a cut message never looks complete.
    pub fn reset_on_close(&self) {
        let _ = rustix::net::sockopt::set_socket_linger(&self.fd, Some(std::time::Duration::ZERO));
    }

    /// Takes [`Self::reset_on_close`] back.
    pub fn end_on_close(&self) {
        let _ = rustix::net::sockopt::set_socket_linger(&self.fd, None);
    }
}

/// Puts a descriptor on the event loop of the current worker.
#[expect(unsafe_code, reason = "the event loop needs a promise about the descriptor")]
pub(crate) fn register(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open, is owned by the `AsyncFd` from here on and always returns the same descriptor.
    unsafe { AsyncFd::register(fd) }.map_err(io::Error::from)
}

fn splice(from: impl AsFd, to: impl AsFd, bytes_max: usize) -> rustix::io::Result<usize> {
    rustix::pipe::splice(from, None, to, None, bytes_max, SpliceFlags::MOVE | SpliceFlags::NONBLOCK)
}
