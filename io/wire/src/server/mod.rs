//! HTTP/2 towards a client: one connection, and the streams that come on it.
//!
//! It answers nothing and routes nothing. LIFECYCLE: begin (the preface) -> streams come -> drained or broken. Streams
//! live on until they are answered; the connection must be polled as long as one lives.

mod remains;
mod stream;

pub use remains::Remains;
pub use stream::ServerStream;

use crate::meter::{Meter, Objection};
use crate::transport::{Carrier, Transport};
use bytes::Bytes;
use evener_runtime::Millis;
use evener_tls::Link;
use h2::server::{Builder, Connection};
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Bounds of a connection with a client.
#[derive(Debug, Clone, Copy)]
pub struct ServerSettings {
    /// Streams at a time.
    pub streams_max: u32,
    /// Bytes of a head, each field counting 32 more (RFC 9113 §6.5.2).
    pub head_bytes_max: u32,
    /// Streams that the client has reset before they could be looked at.
    pub taken_back_max: usize,
}

/// Bytes that a client may send ahead on one stream.
const STREAM_WINDOW_BYTES: u32 = 128 * 1024;
/// The same on all streams of a connection together. A trade: so many uploads as fit, 16, may stand still before the others
/// of the same client wait for them; and so much memory a client can make us keep with every connection. Room for all
/// streams, as towards servers, would be eight times that, for whoever asks for it.
const CONNECTION_WINDOW_BYTES: u32 = 16 * STREAM_WINDOW_BYTES;
/// Bytes of one stream that the `h2` crate keeps until the connection takes them.
const SEND_BUFFER_BYTES_MAX: usize = 128 * 1024;
/// Streams that the client makes us reset by faults of its own, over the life of the connection (CVE-2025-8671).
const FAULTY_STREAMS_MAX: usize = 200;
/// Streams that we have reset, such as uploads that were answered before they were whole: what still comes on them is no
/// fault for so long, and dropped. Beyond, it would count with [`FAULTY_STREAMS_MAX`].
const RESET_STREAMS_MAX: usize = 2_048;
const RESET_STREAMS_TIME: Duration = Duration::from_secs(3);
/// What the small frames of data that wait to be read may cost to keep, as the `h2` crate counts it: 256 bytes each, less
/// what is in them. Six streams may be full of messages of 25 bytes.
const SMALL_FRAMES_COST_MAX: usize = 8 * 1024 * 1024;

/// A connection of HTTP/2 with a client.
pub struct Serving {
    connection: Connection<Transport, Bytes>,
    carrier: Rc<Carrier>,
    is_tls: bool,
    /// The last call gave a stream, and whoever drives the connection asks for the next at once.
    is_in_turn: bool,
    verdict: Option<Verdict>,
    is_given_up: Rc<Cell<bool>>,
}

/// Why the `h2` crate has ended the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The client asked too much.
    Calmed,
    /// The client broke a rule that holds for the connection (RFC 9113 §5.4.1).
    Broken,
}

/// Why a connection has not begun.
#[derive(Debug)]
pub enum BeginFault {
    /// What came is not HTTP/2.
    Broken,
    /// The connection broke.
    Lost(io::Error),
}

/// A stream that a client has opened.
pub type Accepted = Result<Box<ServerStream>, io::Error>;

impl std::fmt::Debug for Serving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serving").field("carrier", &self.carrier).finish_non_exhaustive()
    }
}

impl Serving {
    /// Awaits the client's preface and sends ours. There is no time limit here.
    ///
    /// # Errors
    /// What came is not HTTP/2, or the connection broke.
    pub async fn begin(link: Link, settings: &ServerSettings) -> Result<Self, BeginFault> {
        let is_tls = link.is_tls();
        let carrier = Carrier::metered(link, Meter::new(Millis::now()));
        let transport = Transport::new(Rc::clone(&carrier));
        let mut builder = Builder::new();
        builder
            .max_concurrent_streams(settings.streams_max)
            .max_header_list_size(settings.head_bytes_max)
            .initial_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_send_buffer_size(SEND_BUFFER_BYTES_MAX)
            .max_local_error_reset_streams(Some(FAULTY_STREAMS_MAX))
            .max_concurrent_reset_streams(RESET_STREAMS_MAX)
            .reset_stream_duration(RESET_STREAMS_TIME)
            .max_pending_accept_reset_streams(settings.taken_back_max)
            .data_frame_budget(SMALL_FRAMES_COST_MAX)
            .enable_connect_protocol();
        let mut handshake = std::pin::pin!(builder.handshake(transport));
        let connection = poll_fn(|cx| {
            carrier.begin_turn();
            let shaken = handshake.as_mut().poll(cx);
            // A failure shows itself with the next read.
            let _flushed = carrier.poll_flush(cx);
            shaken
        });
        let connection = connection.await.map_err(|error| match carrier.objection() {
            None if !error.is_library() => BeginFault::Lost(crate::intake::error_of(error)),
            _ => BeginFault::Broken,
        })?;
        Ok(Self { connection, carrier, is_tls, is_in_turn: false, verdict: None, is_given_up: Rc::default() })
    }

    /// The next stream. `None`: the connection has ended in good order, or after a word to the client why not. While it is
    /// pending, everything that streams have to say goes out. After a stream it must be called again at once, by the same
    /// task.
    pub fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<Accepted>> {
        if !self.is_in_turn {
            self.carrier.begin_turn();
        }
        let accepted = self.connection.poll_accept(cx);
        self.is_in_turn = matches!(accepted, Poll::Ready(Some(Ok(_))));
        match accepted {
            Poll::Ready(Some(Ok((request, respond)))) => {
                let is_given_up = Rc::clone(&self.is_given_up);
                Poll::Ready(Some(Ok(Box::new(ServerStream::new(request, respond, self.is_tls, is_given_up)))))
            }
            Poll::Ready(Some(Err(error))) => {
                self.verdict = match error.reason() {
                    Some(h2::Reason::ENHANCE_YOUR_CALM) if error.is_library() => Some(Verdict::Calmed),
                    _ if error.is_library() => Some(Verdict::Broken),
                    _ => None,
                };
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

    /// Whether the client has taken something since the last call.
    pub fn take_has_taken(&self) -> bool {
        self.carrier.take_has_written()
    }

    /// Whether bytes wait for the client to take them.
    pub fn is_blocked(&self, cx: &mut Context<'_>) -> bool {
        self.carrier.poll_flush(cx).is_pending()
    }

    /// Lets the streams know that the connection is about to be cut because the client takes nothing.
    pub fn give_up(&self) {
        self.is_given_up.set(true);
    }

    /// Frees what is kept for the next frames: none are expected soon.
    pub fn rest(&self) {
        self.carrier.rest();
    }

    /// The connection itself.
    pub fn link(&self) -> &Link {
        self.carrier.link()
    }

    /// Whether the client sends far more than what asks for something, so that the connection must end: after
    /// [`Self::calm`], or by itself.
    pub fn is_flooded(&self) -> bool {
        self.verdict == Some(Verdict::Calmed) || self.carrier.objection() == Some(Objection::Flood)
    }

    /// Whether the client has broken the rules of HTTP/2, so that the connection is over.
    pub fn is_broken(&self) -> bool {
        self.verdict == Some(Verdict::Broken) || self.carrier.objection() == Some(Objection::NoSettings)
    }

    /// A number for the frame or head that has begun to come and is not whole; another one has another number.
    pub fn unfinished(&self) -> Option<u64> {
        self.carrier.unfinished()
    }

    /// Whether some stream is open.
    pub fn has_streams(&self) -> bool {
        self.connection.has_streams()
    }

    /// Tells the client to open no further streams (GOAWAY); those that it has opened are served, and what it opens before
    /// it can know. Once it has answered a PING that follows, and no stream is open, the connection ends.
    pub fn drain(&mut self) {
        self.connection.graceful_shutdown();
    }

    /// Ends a connection on which no stream is open, without waiting for any word of the client. It is told the last stream
    /// that was served (GOAWAY), and that no other was.
    pub fn leave(&mut self) {
        self.connection.abrupt_shutdown(h2::Reason::NO_ERROR);
    }

    /// What is left of a connection that has ended in good order.
    pub fn into_remains(self) -> Remains {
        Remains { carrier: self.carrier }
    }

    /// Ends the connection with the word that the client asks too much (GOAWAY with `ENHANCE_YOUR_CALM`).
    pub fn calm(&mut self) {
        self.connection.abrupt_shutdown(h2::Reason::ENHANCE_YOUR_CALM);
    }
}
