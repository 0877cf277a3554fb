//! The connection of one probe, in the clear or under TLS. It is closed when it is dropped, whatever is still under way on
//! it. It knows no protocol above TLS, and no time.

use super::fault::ProbeFault;
use crate::pool::Security;
use rustls::ClientConfig;
use rustls::client::Resumption;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

/// Bytes that a server may send on the whole, TLS and frames included: several times what is looked at of any answer.
const RECEIVED_BYTES_MAX: usize = 1024 * 1024;

/// What can be read from and written to.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection over whichever kind of socket.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    kind: Kind,
}

/// What is spoken on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Tls { chose_http2: bool },
}

impl Connection {
    fn plain(stream: impl Stream + 'static) -> Self {
        let stream = Socket { stream: Box::new(stream), left: RECEIVED_BYTES_MAX };
        Self { stream: Box::new(stream), kind: Kind::Plain }
    }

    pub(super) async fn tcp(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        // The kernel may take for the way out the very port that nobody listens on here, and then connects it to itself.
        if stream.local_addr()? == address {
            return Err(ErrorKind::ConnectionRefused.into());
        }
        // Frames of HTTP/2 leave as they are written.
        stream.set_nodelay(true)?;
        Ok(Self::plain(stream))
    }

    pub(super) async fn unix(path: &str) -> io::Result<Self> {
        UnixStream::connect(path).await.map(Self::plain)
    }

    /// Begins TLS on it. No session is resumed, for that would bring back a certificate that was looked at before.
    pub(super) async fn shake(self, security: Security) -> Result<Self, ProbeFault> {
        let mut config = ClientConfig::clone(&security.config);
        config.resumption = Resumption::disabled();
        let connected = TlsConnector::from(Arc::new(config)).connect(security.name, self.stream).await;
        let stream = connected.map_err(ProbeFault::of_handshake)?;
        let chose_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Self { stream: Box::new(stream), kind: Kind::Tls { chose_http2 } })
    }

    /// What a URL of something that is asked for on it begins with.
    pub(super) fn scheme(&self) -> &'static str {
        match self.kind {
            Kind::Plain => "http",
            Kind::Tls { .. } => "https",
        }
    }

    /// Whether the server chose HTTP/2 by ALPN; `None` in the clear, where nobody asks it.
    pub(super) fn has_chosen_http2(&self) -> Option<bool> {
        match self.kind {
            Kind::Plain => None,
            Kind::Tls { chose_http2 } => Some(chose_http2),
        }
    }

    /// The bytes, for a protocol that reads and writes by itself.
    pub(super) fn into_stream(self) -> Box<dyn Stream> {
        self.stream
    }

    /// Appends what has come, at most `most` bytes; 0 at the end of the connection, also one that TLS has not announced.
    pub(super) async fn read(&mut self, received: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        received.reserve(most);
        match (&mut self.stream).take(most as u64).read_buf(received).await {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
            outcome => outcome,
        }
    }

    pub(super) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }
}

/// A socket that gives no more than so many bytes.
struct Socket {
    stream: Box<dyn Stream>,
    left: usize,
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let Some(left) = self.left.checked_sub(buffer.filled().len() - before) else {
            return Poll::Ready(Err(io::Error::other("it sent more than 1 MiB without an end")));
        };
        self.left = left;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    /// Several pieces at once, so that an alert of TLS leaves with what waits before it.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
