//! HTTP/2 towards a server: one connection, on which many requests are under way.
//!
//! It connects nothing and chooses no server. LIFECYCLE: opened (the server's settings have come) -> requests -> drained
//! (GOAWAY, or no further stream identifiers) -> closed. The driver must run as long as a request does.

mod stream;

pub use stream::ClientStream;

use crate::intake::error_of;
use crate::transport::{Carrier, Transport};
use bytes::Bytes;
use evener_tls::Link;
use h2::client::{Builder, Connection, SendRequest};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// Bounds of a connection with a server.
#[derive(Debug, Clone, Copy)]
pub struct ClientSettings {
    /// Streams at a time, if the server admits as many.
    pub streams_max: usize,
    /// Bytes of a head, each field counting 32 more (RFC 9113 §6.5.2).
    pub head_bytes_max: u32,
}

/// Bytes that a server may send ahead on one stream, and on all of a connection together.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes of one stream that the `h2` crate keeps until the connection takes them.
const SEND_BUFFER_BYTES_MAX: usize = 128 * 1024;

/// A handle to a connection, for those who have something to ask.
#[derive(Clone)]
pub struct Asking {
    sender: SendRequest<Bytes>,
    shared: Rc<Shared>,
}

#[derive(Debug)]
struct Shared {
    carrier: Rc<Carrier>,
    open: Cell<usize>,
    streams_max: usize,
    is_closed: Cell<bool>,
}

/// A connection that was opened.
pub struct Opened {
    /// For those who ask.
    pub asking: Asking,
    /// To be run until it ends.
    pub driver: Pin<Box<dyn Future<Output = ()>>>,
}

impl std::fmt::Debug for Asking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asking").field("shared", &self.shared).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("asking", &self.asking).finish_non_exhaustive()
    }
}

/// Sends our preface on a link and awaits the server's settings. There is no time limit here.
///
/// # Errors
/// The server speaks no HTTP/2, or the connection broke.
pub async fn open(link: Link, settings: &ClientSettings) -> io::Result<Opened> {
    let carrier = Carrier::new(link);
    let transport = Transport::new(Rc::clone(&carrier));
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        .max_header_list_size(settings.head_bytes_max)
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buffer_size(SEND_BUFFER_BYTES_MAX);
    let (sender, mut connection) = builder.handshake::<_, Bytes>(transport).await.map_err(error_of)?;
    // RFC 9113 §3.4: settings come first. How many streams there may be, and whether WebSockets, stands in them.
    poll_fn(|cx| {
        carrier.begin_turn();
        let ended = Pin::new(&mut connection).poll(cx);
        let flushed = carrier.poll_flush(cx);
        match (ended, flushed) {
            (Poll::Ready(Ok(())), _) => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            (Poll::Ready(Err(error)), _) => Poll::Ready(Err(error_of(error))),
            (Poll::Pending, Poll::Ready(Err(error))) => Poll::Ready(Err(error)),
            (Poll::Pending, _) if carrier.take_has_read() => Poll::Ready(Ok(())),
            (Poll::Pending, _) => Poll::Pending,
        }
    })
    .await?;
    let open = Cell::new(0);
    let shared = Rc::new(Shared { carrier, open, streams_max: settings.streams_max, is_closed: Cell::new(false) });
    let driver = Box::pin(drive(connection, Rc::clone(&shared)));
    Ok(Opened { asking: Asking { sender, shared }, driver })
}

async fn drive(mut connection: Connection<Transport, Bytes>, shared: Rc<Shared>) {
    poll_fn(|cx| {
        shared.carrier.begin_turn();
        let ended = Pin::new(&mut connection).poll(cx).is_ready();
        let is_broken = matches!(shared.carrier.poll_flush(cx), Poll::Ready(Err(_)));
        if ended || is_broken { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    shared.is_closed.set(true);
}

impl Asking {
    /// Whether a further request has room on the connection.
    pub fn has_room(&self) -> bool {
        let limit = self.shared.streams_max.min(self.sender.current_max_send_streams());
        !self.is_closed() && self.shared.open.get() < limit
    }

    /// Whether the connection takes no further request, ever.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed.get()
    }

    /// Whether no request is under way.
    pub fn is_idle(&self) -> bool {
        self.shared.open.get() == 0
    }

    /// Whether the server takes WebSockets (RFC 8441 §3).
    pub fn takes_websockets(&self) -> bool {
        self.sender.is_extended_connect_protocol_enabled()
    }

    /// A stream for a request. Ready at once if there is room.
    ///
    /// # Errors
    /// The connection takes no further request.
    pub fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ClientStream>> {
        if let Err(error) = ready!(self.sender.poll_ready(cx)) {
            self.shared.is_closed.set(true);
            return Poll::Ready(Err(error_of(error)));
        }
        Poll::Ready(Ok(ClientStream::new(self.sender.clone(), Rc::clone(&self.shared))))
    }

    /// Makes the connection end once nothing is under way: by letting go of it.
    pub fn close(self) {
        self.shared.is_closed.set(true);
    }
}
