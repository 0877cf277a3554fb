//! HTTP/2 towards a client: one connection, and the streams that come on it.
//!
//! It answers nothing and routes nothing. LIFECYCLE: begin (the preface) -> streams come -> drained or broken. Streams
//! live on until they are answered; the connection must be polled as long as one lives.

mod stream;

pub use stream::ServerStream;

use crate::transport::{Carrier, Transport};
use bytes::Bytes;
use evener_tls::Link;
use h2::server::{Builder, Connection};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Bounds of a connection with a client.
#[derive(Debug, Clone, Copy)]
pub struct ServerSettings {
    /// Streams at a time.
    pub streams_max: u32,
    /// Bytes of a head, each field counting 32 more (RFC 9113 §6.5.2).
    pub head_bytes_max: u32,
}

/// Bytes that a client may send ahead on one stream, and on all of a connection together; they may have to be kept.
const STREAM_WINDOW_BYTES: u32 = 128 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 512 * 1024;
/// Bytes of one stream that the `h2` crate keeps until the connection takes them.
const SEND_BUFFER_BYTES_MAX: usize = 128 * 1024;

/// A connection of HTTP/2 with a client.
pub struct Serving {
    connection: Connection<Transport, Bytes>,
    carrier: Rc<Carrier>,
    is_tls: bool,
}

/// A stream that a client has opened.
pub type Accepted = Result<ServerStream, io::Error>;

impl std::fmt::Debug for Serving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serving").field("carrier", &self.carrier).finish_non_exhaustive()
    }
}

impl Serving {
    /// Awaits the client's preface and sends ours. `first` is what was read of the connection already. There is no time
    /// limit here.
    ///
    /// # Errors
    /// What came is not HTTP/2, or the connection broke.
    pub async fn begin(link: Link, first: Bytes, settings: &ServerSettings) -> io::Result<Self> {
        let is_tls = link.is_tls();
        let carrier = Carrier::new(link);
        let transport = Transport::new(Rc::clone(&carrier), first);
        let mut builder = Builder::new();
        builder
            .max_concurrent_streams(settings.streams_max)
            .max_header_list_size(settings.head_bytes_max)
            .initial_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_send_buffer_size(SEND_BUFFER_BYTES_MAX)
            .enable_connect_protocol();
        let mut handshake = std::pin::pin!(builder.handshake(transport));
        let connection = poll_fn(|cx| {
            let shaken = handshake.as_mut().poll(cx);
            // A failure shows itself with the next read.
            let _flushed = carrier.poll_flush(cx);
            shaken
        });
        let connection = connection.await.map_err(crate::intake::error_of)?;
        Ok(Self { connection, carrier, is_tls })
    }

    /// The next stream. `None`: the connection has ended in good order, or after a word to the client why not. While it is
    /// pending, everything that streams have to say goes out.
    pub fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<Accepted>> {
        let accepted = self.connection.poll_accept(cx);
        match accepted {
            Poll::Ready(Some(Ok((request, respond)))) => {
                Poll::Ready(Some(Ok(ServerStream::new(request, respond, self.is_tls))))
            }
            Poll::Ready(Some(Err(error))) => {
                let _flushed = self.carrier.poll_flush(cx);
                Poll::Ready(Some(Err(crate::intake::error_of(error))))
            }
            Poll::Ready(None) => {
                let _flushed = self.carrier.poll_flush(cx);
                Poll::Ready(None)
            }
            Poll::Pending => match self.carrier.poll_flush(cx) {
                Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error))),
                Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
            },
        }
    }

    /// Whether the client has sent something since the last call.
    pub fn take_has_heard(&self) -> bool {
        self.carrier.take_has_read()
    }

    /// Whether bytes wait for the client to take them.
    pub fn is_blocked(&self, cx: &mut Context<'_>) -> bool {
        self.carrier.poll_flush(cx).is_pending()
    }

    /// The connection itself.
    pub fn link(&self) -> &Link {
        self.carrier.link()
    }

    /// Whether some stream is open.
    pub fn has_streams(&self) -> bool {
        self.connection.has_streams()
    }

    /// Tells the client to open no further streams (GOAWAY); those that it has opened are served.
    pub fn drain(&mut self) {
        self.connection.graceful_shutdown();
    }

    /// Ends the connection with the word that the client asks too much (GOAWAY with `ENHANCE_YOUR_CALM`).
    pub fn calm(&mut self) {
        self.connection.abrupt_shutdown(h2::Reason::ENHANCE_YOUR_CALM);
    }
}
