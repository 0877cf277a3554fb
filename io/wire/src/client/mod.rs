//! HTTP/2 towards a server: one connection, on which many requests are under way.
//!
//! It connects nothing and chooses no server. LIFECYCLE: opened (the server's settings have come) -> requests -> drained
//! (GOAWAY, or no further stream identifiers) -> closed. The driver must run as long as a request does.

mod linger;
mod loss;
mod stream;

pub use loss::Loss;
pub use stream::ClientStream;

use crate::intake::error_of;
use crate::transport::{Carrier, Transport};
use bytes::Bytes;
use evener_runtime::Millis;
use evener_tls::Link;
use h2::client::{Builder, Connection, SendRequest};
use linger::Lingering;
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

/// Bounds of a connection with a server.
#[derive(Debug, Clone, Copy)]
pub struct ClientSettings {
    /// Streams at a time, if the server admits as many.
    pub streams_max: usize,
    /// Bytes of a head, each field counting 32 more (RFC 9113 §6.5.2).
    pub head_bytes_max: u32,
}

/// Bytes that a server may send ahead on one stream: what we keep for a client that reads slowly.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// RFC 9113 §6.9.1: no window may be larger.
const WINDOW_BYTES_MAX: u32 = (1 << 31) - 1;
/// Bytes of one stream that the `h2` crate keeps until the connection takes them.
const SEND_BUFFER_BYTES_MAX: usize = 128 * 1024;
/// Streams that were reset, for each that there may be: what still comes for them is no offence for a second.
const RESETS_PER_STREAM: usize = 16;

/// A handle to a connection, for those who have something to ask. The connection ends after it.
pub struct Asking {
    sender: SendRequest<Bytes>,
    shared: Rc<Shared>,
}

#[derive(Debug)]
struct Shared {
    carrier: Rc<Carrier>,
    open: Cell<usize>,
    lingering: Lingering,
    streams_max: usize,
    is_closed: Cell<bool>,
    /// Nobody has the handle any more.
    is_let_go: Cell<bool>,
    /// The driver, while the server takes nothing: then the `h2` crate does not wake it.
    held_up: RefCell<Option<Waker>>,
}

impl Shared {
    fn leave(&self, count: usize) {
        self.open.set(self.open.get() - count);
        self.wake_if_left();
    }

    /// Whether nobody has a use for the connection any more.
    fn is_left(&self) -> bool {
        self.is_let_go.get() && self.open.get() == 0
    }

    fn wake_if_left(&self) {
        if self.is_left()
            && let Some(driver) = self.held_up.take()
        {
            driver.wake();
        }
    }
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
        .initial_connection_window_size(connection_window_bytes(settings.streams_max))
        .max_send_buffer_size(SEND_BUFFER_BYTES_MAX)
        .data_frame_budget(small_frames_bytes(settings.streams_max))
        .max_concurrent_reset_streams(settings.streams_max.saturating_mul(RESETS_PER_STREAM))
        // Frames for streams that were reset earlier than that are many in the life of a long connection.
        .max_local_error_reset_streams(None);
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
    let shared = Rc::new(Shared {
        carrier,
        open: Cell::new(0),
        lingering: Lingering::default(),
        streams_max: settings.streams_max,
        is_closed: Cell::new(false),
        is_let_go: Cell::new(false),
        held_up: RefCell::new(None),
    });
    let driver = Box::pin(drive(connection, Rc::clone(&shared)));
    Ok(Opened { asking: Asking { sender, shared }, driver })
}

/// Bytes that a server may send ahead on a connection: what all of its streams may hold together. With less, a few clients
/// that read slowly would use it up, and the answers to everybody else on the connection would wait for them. Each of them
/// costs no more for that than a connection of its own would, where kernel and buffers hold as much.
fn connection_window_bytes(streams_max: usize) -> u32 {
    let streams = u32::try_from(streams_max).unwrap_or(u32::MAX).max(1);
    streams.saturating_mul(STREAM_WINDOW_BYTES).min(WINDOW_BYTES_MAX)
}

/// What frames of DATA that nobody has read may cost beyond their payload. The `h2` crate counts what each of them has less
/// than 256 bytes, which is about what it takes of memory, and ends the connection with all of its streams when that is
/// more than this: so they never cost more than the windows admit of payload. With messages of
/// 25 bytes those of 27 readers that stand still have room.
fn small_frames_bytes(streams_max: usize) -> usize {
    connection_window_bytes(streams_max) as usize
}

async fn drive(mut connection: Connection<Transport, Bytes>, shared: Rc<Shared>) {
    poll_fn(|cx| {
        shared.carrier.begin_turn();
        let ended = Pin::new(&mut connection).poll(cx).is_ready();
        shared.leave(shared.lingering.take_ended());
        let flushed = shared.carrier.poll_flush(cx);
        let is_broken = matches!(flushed, Poll::Ready(Err(_)));
        // A server that takes nothing is not waited for to say goodbye.
        let is_left = flushed.is_pending() && shared.is_left();
        shared.held_up.replace(flushed.is_pending().then(|| cx.waker().clone()));
        if ended || is_broken || is_left { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    shared.is_closed.set(true);
    shared.leave(shared.lingering.cancel());
}

impl Asking {
    /// Requests that may be under way at a time.
    pub fn limit(&self) -> usize {
        self.shared.streams_max.min(self.sender.current_max_send_streams())
    }

    /// Whether a further request has room on the connection.
    pub fn has_room(&self) -> bool {
        !self.is_closed() && self.shared.open.get() < self.limit()
    }

    /// Whether the connection takes no further request, ever.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed.get()
    }

    /// Whether no request is under way.
    pub fn is_idle(&self) -> bool {
        self.shared.open.get() == 0
    }

    /// A stream for a request that is sent now. Ready at once if there is room.
    ///
    /// # Errors
    /// The connection takes no further request.
    pub fn poll_stream(&mut self, cx: &mut Context<'_>, now: Millis) -> Poll<io::Result<ClientStream>> {
        if let Err(error) = ready!(self.sender.poll_ready(cx)) {
            self.shared.is_closed.set(true);
            return Poll::Ready(Err(error_of(error)));
        }
        Poll::Ready(Ok(ClientStream::new(self.sender.clone(), Rc::clone(&self.shared), now)))
    }

    /// Cancels what a server should have ended long ago. Called about once a second.
    pub fn sweep(&self, now: Millis) {
        self.shared.leave(self.shared.lingering.cancel_late(now));
    }
}

impl Drop for Asking {
    /// Nobody would sweep any more.
    fn drop(&mut self) {
        self.shared.is_let_go.set(true);
        self.shared.leave(self.shared.lingering.cancel());
    }
}
