//! A link or a stream, behind one set of calls.

use crate::client::{ClientStream, Loss};
use crate::server::ServerStream;
use evener_runtime::Socket;
use evener_tls::Link;
use std::io;
use std::task::{Context, Poll};

/// What an exchange reads from and writes to.
#[derive(Debug)]
pub enum Wire {
    /// A connection of HTTP/1, or of no protocol that evener knows.
    Link(Link),
    /// A request that a client has sent over HTTP/2.
    Served(Box<ServerStream>),
    /// A request to a server over HTTP/2.
    Asked(Box<ClientStream>),
}

impl Wire {
    /// The socket of a connection in the clear: the kernel may move its bytes without anybody looking at them.
    pub fn as_plain(&self) -> Option<&Socket> {
        match self {
            Self::Link(link) => link.as_plain(),
            Self::Served(_) | Self::Asked(_) => None,
        }
    }

    /// Whether it is a stream, which carries one message and ends with it.
    pub fn is_stream(&self) -> bool {
        !matches!(self, Self::Link(_))
    }

    /// Ready when reading may give bytes, an end or an error.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Link(link) => link.poll_readable(cx),
            Self::Served(stream) => stream.poll_readable(cx),
            Self::Asked(stream) => stream.poll_readable(cx),
        }
    }

    /// Like [`Self::poll_readable`], for somebody who does not wait. A stream is never asked for more than its message.
    pub fn is_readable(&self) -> bool {
        match self {
            Self::Link(link) => link.is_readable(),
            Self::Served(_) | Self::Asked(_) => false,
        }
    }

    /// Reads into `buffer`. `Ok(0)` is the end of what the peer sends, unless `buffer` is empty.
    pub fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Link(link) => link.poll_read(cx, buffer),
            Self::Served(stream) => stream.poll_read(cx, buffer),
            Self::Asked(stream) => stream.poll_read(cx, buffer),
        }
    }

    /// Reads what is there now, whatever the event loop has told. `None`: nothing.
    pub fn read_now(&self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        match self {
            Self::Link(link) => link.read_now(buffer),
            Self::Served(stream) => stream.read_now(buffer),
            Self::Asked(stream) => stream.read_now(buffer),
        }
    }

    /// Whether an idle connection is still good: no byte, no end and no error is waiting. Asks the kernel.
    pub fn is_quiet(&self) -> bool {
        match self {
            Self::Link(link) => link.is_quiet(),
            Self::Served(_) | Self::Asked(_) => true,
        }
    }

    /// Writes from `bytes`; returns how many went. After [`Poll::Pending`] the next call must begin with the same bytes.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Link(link) => link.poll_write(cx, bytes),
            Self::Served(_) | Self::Asked(_) => self.poll_write_pieces(cx, &[bytes]),
        }
    }

    /// The same from several pieces, at most four. The head of a message must come whole in one piece.
    pub fn poll_write_pieces(&self, cx: &mut Context<'_>, pieces: &[&[u8]]) -> Poll<io::Result<usize>> {
        match self {
            Self::Link(link) => link.poll_write_pieces(cx, pieces),
            Self::Served(stream) => stream.poll_write_pieces(cx, pieces),
            Self::Asked(stream) => stream.poll_write_pieces(cx, pieces),
        }
    }

    /// Why a request over HTTP/2 has brought no answer.
    pub fn loss(&self) -> Option<Loss> {
        match self {
            Self::Asked(stream) => stream.loss(),
            Self::Link(_) | Self::Served(_) => None,
        }
    }

    /// Whether it was cut with its connection because the client took nothing, see [`crate::Serving::give_up`].
    pub fn is_given_up(&self) -> bool {
        match self {
            Self::Served(stream) => stream.is_given_up(),
            Self::Link(_) | Self::Asked(_) => false,
        }
    }

    /// Whether the client's request has turned out to break the rules, so that its stream was reset.
    pub fn is_malformed(&self) -> bool {
        match self {
            Self::Served(stream) => stream.is_malformed(),
            Self::Link(_) | Self::Asked(_) => false,
        }
    }

    /// Waits until the connection breaks, see [`Socket::broken`], or the client resets its stream, while nobody reads or
    /// writes. The streams of servers are watched by others.
    pub async fn broken(&self) -> io::Error {
        match self {
            Self::Link(link) => link.broken().await,
            Self::Served(stream) => stream.broken().await,
            Self::Asked(_) => std::future::pending().await,
        }
    }

    /// Tells the peer that no more bytes come; errors do not matter, the connection ends anyway.
    pub fn shutdown_write(&self) {
        match self {
            Self::Link(link) => link.shutdown_write(),
            Self::Served(stream) => stream.end(),
            Self::Asked(stream) => stream.end(),
        }
    }

    /// Says goodbye before a connection is dropped, see [`Link::part`].
    pub fn part(&self) {
        if let Self::Link(link) = self {
            link.part();
        }
    }

    /// Makes closing send a reset instead of an orderly end, so that a cut message never looks complete. A stream whose
    /// message is not whole is always reset.
    pub fn reset_on_close(&self) {
        if let Self::Link(link) = self {
            link.reset_on_close();
        }
    }

    /// Takes [`Self::reset_on_close`] back.
    pub fn end_on_close(&self) {
        if let Self::Link(link) = self {
            link.end_on_close();
        }
    }
}

impl From<Link> for Wire {
    fn from(link: Link) -> Self {
        Self::Link(link)
    }
}
