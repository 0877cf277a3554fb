//! A connection as the data plane sees it: a socket in the clear, or under TLS. Both read and write the same way, so that
//! nothing above knows which it has.
//!
//! It chooses no certificate and knows no policy. LIFECYCLE: a socket is made a link by [`Link::plain`], or by a
//! handshake ([`accept`], [`connect`]); closing is dropping, after [`Link::shutdown_write`] if the end is meant as one.

mod breach;
mod handshake;
mod stream;
#[cfg(test)]
mod tests;

pub use breach::is_of_tls;
pub use handshake::{HandshakeFault, Refusal, Shaken, accept, connect};

use evener_runtime::Socket;
use std::io;
use std::task::{Context, Poll};
use stream::Stream;

/// A connected stream, in the clear or under TLS.
#[derive(Debug)]
pub struct Link {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Plain(Socket),
    Tls(Box<Stream>),
}

impl Link {
    /// A connection in the clear.
    pub fn plain(socket: Socket) -> Self {
        Self { kind: Kind::Plain(socket) }
    }

    /// The socket of a connection in the clear: the kernel may move its bytes without anybody looking at them.
    pub fn as_plain(&self) -> Option<&Socket> {
        match &self.kind {
            Kind::Plain(socket) => Some(socket),
            Kind::Tls(_) => None,
        }
    }

    /// Whether the connection is under TLS.
    pub fn is_tls(&self) -> bool {
        matches!(self.kind, Kind::Tls(_))
    }

    /// Ready when reading may give bytes, an end or an error.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.kind {
            Kind::Plain(socket) => socket.poll_readable(cx),
            Kind::Tls(stream) => stream.poll_readable(cx),
        }
    }

    /// Ready when the next read gives bytes, an end or an error for certain: what the event loop has told earlier, and what
    /// the protocol says for itself, is looked into. That costs a system call.
    pub fn poll_news(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.kind {
            Kind::Plain(socket) => socket.poll_peek(cx, &mut [0], 0).map(drop),
            Kind::Tls(stream) => stream.poll_news(cx),
        }
    }

    /// Like [`Self::poll_readable`], for somebody who does not wait.
    pub fn is_readable(&self) -> bool {
        match &self.kind {
            Kind::Plain(socket) => socket.is_readable(),
            Kind::Tls(stream) => stream.is_readable(),
        }
    }

    /// Reads into `buffer`. `Ok(0)` is the end of the stream, unless `buffer` is empty. Under TLS an end without
    /// `close_notify` is an error of kind `UnexpectedEof`: somebody may have cut the connection (RFC 8446 §6.1).
    pub fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        match &self.kind {
            Kind::Plain(socket) => socket.poll_read(cx, buffer),
            Kind::Tls(stream) => stream.poll_read(cx, buffer),
        }
    }

    /// Reads what is there now, whatever the event loop has told. `None`: nothing.
    pub fn read_now(&self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        match &self.kind {
            Kind::Plain(socket) => socket.read_now(buffer),
            Kind::Tls(stream) => stream.read_now(buffer),
        }
    }

    /// Whether an idle connection is still good: no byte, no end and no error is waiting. Asks the kernel.
    pub fn is_quiet(&self) -> bool {
        match &self.kind {
            Kind::Plain(socket) => socket.is_quiet(),
            Kind::Tls(stream) => stream.is_quiet(),
        }
    }

    /// Writes from `bytes`; returns how many went to the kernel. After [`Poll::Pending`] the next call must begin with
    /// the same bytes: under TLS some of them may be encrypted already.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &self.kind {
            Kind::Plain(socket) => socket.poll_write(cx, bytes),
            Kind::Tls(stream) => stream.poll_write_pieces(cx, &[bytes]),
        }
    }

    /// The same from several pieces, at most four.
    pub fn poll_write_pieces(&self, cx: &mut Context<'_>, pieces: &[&[u8]]) -> Poll<io::Result<usize>> {
        match &self.kind {
            Kind::Plain(socket) => socket.poll_write_pieces(cx, pieces),
            Kind::Tls(stream) => stream.poll_write_pieces(cx, pieces),
        }
    }

    /// Encrypts bytes for the next [`Self::poll_flush`], as many as there is room for; returns how many. `None`: in the
    /// clear nothing is kept. Must not be mixed with a write that is pending.
    pub fn queue(&self, pieces: &[&[u8]]) -> Option<io::Result<usize>> {
        match &self.kind {
            Kind::Plain(_) => None,
            Kind::Tls(stream) => Some(stream.queue(pieces)),
        }
    }

    /// Takes to the kernel what is left of a TLS record that a pending write began, and what was queued.
    pub fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.kind {
            Kind::Plain(_) => Poll::Ready(Ok(())),
            Kind::Tls(stream) => stream.poll_flush(cx),
        }
    }

    /// Writes what the kernel takes at once, and no more. For a last word on a connection that closes.
    pub fn write_now(&self, bytes: &[u8]) {
        match &self.kind {
            Kind::Plain(socket) => socket.write_now(bytes),
            Kind::Tls(stream) => stream.write_now(bytes),
        }
    }

    /// Bytes that the kernel has taken and the peer's has not acknowledged. Asks the kernel.
    pub fn unsent(&self) -> usize {
        self.socket().unsent()
    }

    /// Waits until the connection below breaks, while nobody reads or writes; see [`Socket::broken`].
    pub async fn broken(&self) -> io::Error {
        self.socket().broken().await
    }

    /// Tells the peer that no more bytes come; errors do not matter, the connection ends anyway.
    pub fn shutdown_write(&self) {
        match &self.kind {
            Kind::Plain(socket) => socket.shutdown_write(),
            Kind::Tls(stream) => stream.shutdown_write(),
        }
    }

    /// Says goodbye before the link is dropped, unless it is to be reset: under TLS the peer learns that the end is meant.
    pub fn part(&self) {
        match &self.kind {
            Kind::Plain(_) => {}
            Kind::Tls(stream) => stream.part(),
        }
    }

    /// Makes closing send a reset instead of an orderly end, so that a cut message never looks complete.
    pub fn reset_on_close(&self) {
        self.socket().reset_on_close();
        if let Kind::Tls(stream) = &self.kind {
            stream.cut(true);
        }
    }

    /// Takes [`Self::reset_on_close`] back.
    pub fn end_on_close(&self) {
        self.socket().end_on_close();
        if let Kind::Tls(stream) = &self.kind {
            stream.cut(false);
        }
    }

    fn socket(&self) -> &Socket {
        match &self.kind {
            Kind::Plain(socket) => socket,
            Kind::Tls(stream) => stream.socket(),
        }
    }
}

impl From<Socket> for Link {
    fn from(socket: Socket) -> Self {
        Self::plain(socket)
    }
}
