//! HTTP/2 towards a client: one connection, and the streams that come on it.
//!
//! It answers nothing and routes nothing, and what the frames mean is known by the machine in `evener-http2`. LIFECYCLE:
//! begin (the preface) -> streams come -> drained or broken. Streams live on until they are answered; the connection must be
//! polled as long as one lives.

mod reading;
mod remains;
mod shared;
mod stream;
mod way;
mod writing;

pub use remains::Remains;
pub use stream::ServerStream;

use crate::landing::READS_MAX;
use evener_http2::{Bounds, Connection, End};
use evener_runtime::Millis;
use evener_tls::Link;
use shared::Shared;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use way::Way;

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

/// A connection of HTTP/2 with a client.
pub struct Serving {
    shared: Rc<Shared>,
    way: Rc<Way>,
    /// The last call gave a stream, and whoever drives the connection asks for the next at once.
    is_in_turn: bool,
    /// Reads that may still be done in this turn.
    reads_left: u32,
    /// How reading ended.
    error: Option<io::Error>,
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
        f.debug_struct("Serving").field("shared", &self.shared).finish_non_exhaustive()
    }
}

impl Serving {
    /// Awaits the client's preface and sends ours. There is no time limit here.
    ///
    /// # Errors
    /// What came is not HTTP/2, or the connection broke.
    pub async fn begin(link: Link, settings: &ServerSettings) -> Result<Self, BeginFault> {
        let ServerSettings { streams_max, head_bytes_max, taken_back_max } = *settings;
        let bounds = Bounds { streams_max, head_bytes_max, taken_back_max, is_tls: link.is_tls() };
        let way = Rc::new(Way::new(link));
        let shared = Shared::new(bounds, &way);
        let mut serving = Self { shared, way, is_in_turn: false, reads_left: 0, error: None };
        poll_fn(|cx| serving.poll_begin(cx)).await?;
        Ok(serving)
    }

    fn poll_begin(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BeginFault>> {
        self.begin_turn(cx);
        while !self.shared.look(Connection::has_begun) {
            match self.shared.look(Connection::end) {
                Some(End::Gone) => {
                    let error = self.error.take().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into());
                    return Poll::Ready(Err(BeginFault::Lost(error)));
                }
                Some(End::NoPreface | End::Broken(_) | End::Calmed) => {
                    return Poll::Ready(Err(BeginFault::Broken));
                }
                None => {}
            }
            if !self.read(cx) && self.shared.look(Connection::end).is_none() {
                return Poll::Pending;
            }
        }
        // A failure shows itself with the next read.
        let _flushed = self.poll_flush(cx);
        Poll::Ready(Ok(()))
    }

    fn begin_turn(&mut self, cx: &Context<'_>) {
        self.shared.begin_turn(cx);
        self.reads_left = READS_MAX;
    }

    /// Reads once. False: nothing more comes now.
    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        if self.shared.look(|machine| machine.end().is_some()) {
            return false;
        }
        // Whoever takes the replies is heard again at once: nobody would tell when.
        if self.shared.look(Connection::is_full_of_replies) && !matches!(self.poll_flush(cx), Poll::Ready(Ok(()))) {
            return false;
        }
        let Some(reads_left) = self.reads_left.checked_sub(1) else {
            cx.waker().wake_by_ref();
            return false;
        };
        self.reads_left = reads_left;
        let shared = &self.shared;
        let read = self.way.poll_read(cx, |bytes| {
            shared.drive(|machine| match bytes {
                [] => machine.leave(),
                bytes => machine.receive(bytes, Millis::now().0),
            });
        });
        match read {
            Poll::Ready(Ok(count)) => count > 0,
            Poll::Ready(Err(error)) => {
                self.error = Some(error);
                shared.drive(Connection::leave);
                false
            }
            Poll::Pending => false,
        }
    }

    /// The next stream. `None`: the connection has ended in good order, or the client has left. While it is pending, everything
    /// that streams have to say goes out. After a stream it must be called again at once, by the same task.
    pub fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<Accepted>> {
        if !self.is_in_turn {
            self.begin_turn(cx);
        }
        loop {
            if let Some(slot) = self.shared.next_opened() {
                self.is_in_turn = true;
                return Poll::Ready(Some(Ok(Box::new(ServerStream::new(Rc::clone(&self.shared), slot)))));
            }
            if !self.read(cx) {
                break;
            }
        }
        self.is_in_turn = false;
        self.poll_settle(cx)
    }

    /// Sends what there is to say, and looks whether that was all.
    fn poll_settle(&mut self, cx: &mut Context<'_>) -> Poll<Option<Accepted>> {
        let end = self.shared.look(Connection::end);
        if end == Some(End::Gone) {
            // Who has only ended its side may take what was answered still.
            let _flushed = self.poll_flush(cx);
            return Poll::Ready(self.error.take().map(Err));
        }
        match ready!(self.poll_flush(cx)) {
            Err(error) => {
                self.shared.drive(Connection::leave);
                Poll::Ready(Some(Err(error)))
            }
            Ok(()) if end.is_some() => {
                self.way.link().shutdown_write();
                Poll::Ready(Some(Err(io::ErrorKind::InvalidData.into())))
            }
            Ok(()) if self.shared.look(Connection::is_over) => {
                self.way.link().shutdown_write();
                Poll::Ready(None)
            }
            Ok(()) => Poll::Pending,
        }
    }

    fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.drive(|machine| {
            let mut flushed = self.way.poll_flush(cx, machine.output());
            if machine.has_answered_early() && matches!(flushed, Poll::Ready(Ok(()))) {
                machine.end_answered_early();
                flushed = self.way.poll_flush(cx, machine.output());
            }
            if !self.way.is_full(machine.output()) {
                machine.resume();
            }
            flushed
        })
    }

    /// Whether the client has sent something since the last call.
    pub fn take_has_heard(&self) -> bool {
        self.way.take_has_read()
    }

    /// Whether the client has taken something since the last call.
    pub fn take_has_taken(&self) -> bool {
        self.way.take_has_written()
    }

    /// Whether bytes wait for the client to take them.
    pub fn is_blocked(&self, cx: &mut Context<'_>) -> bool {
        self.poll_flush(cx).is_pending()
    }

    /// Lets the streams know that the connection is about to be cut because the client takes nothing.
    pub fn give_up(&self) {
        self.shared.is_given_up.set(true);
    }

    /// Frees what is kept for the next frames: none are expected soon.
    pub fn rest(&self) {
        self.shared.rest();
    }

    /// The connection itself.
    pub fn link(&self) -> &Link {
        self.way.link()
    }

    /// Whether the client sends far more than what asks for something, so that the connection was ended with that word.
    pub fn is_flooded(&self) -> bool {
        self.shared.look(Connection::end) == Some(End::Calmed)
    }

    /// Whether the client has broken the rules of HTTP/2, so that the connection is over.
    pub fn is_broken(&self) -> bool {
        matches!(self.shared.look(Connection::end), Some(End::NoPreface | End::Broken(_)))
    }

    /// A number for the frame or head that has begun to come and is not whole; another one has another number.
    pub fn unfinished(&self) -> Option<u64> {
        self.shared.look(Connection::unfinished)
    }

    /// Tells the client to open no further streams (GOAWAY); those that it has opened are served, and what it opens before
    /// it can know. Once it has answered a PING that follows, and no stream is open, the connection ends.
    pub fn drain(&mut self) {
        self.shared.drive(Connection::drain);
    }

    /// Ends a connection on which no stream is open, without waiting for any word of the client. It is told the last stream
    /// that was served (GOAWAY), and that no other was.
    pub fn leave(&mut self) {
        self.shared.drive(Connection::say_last);
    }

    /// What is left of a connection that has ended. Streams that are held still are over.
    pub fn into_remains(self) -> Remains {
        Remains { way: Rc::clone(&self.way) }
    }

    /// Ends the connection with the word that the client asks too much (GOAWAY with `ENHANCE_YOUR_CALM`).
    pub fn calm(&mut self) {
        self.shared.drive(Connection::calm);
    }
}

impl Drop for Serving {
    /// Streams that are held still are over.
    fn drop(&mut self) {
        self.shared.drive(Connection::leave);
    }
}
