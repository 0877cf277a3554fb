//! One request of a client over HTTP/2, read and answered in the text of HTTP/1.1.
//!
//! Dropping it before the answer is whole resets the stream.

use super::reading::Reading;
use super::shared::Shared;
use super::writing::{Sender, Writing};
use crate::convert;
use evener_http::Method;
use evener_http2::{Connection, HeadFault, Lost, Slot};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

/// A request over HTTP/2.
pub struct ServerStream {
    shared: Rc<Shared>,
    slot: Slot,
    method: Method,
    is_tunnel: bool,
    reading: RefCell<Reading>,
    writing: RefCell<Writing>,
    /// The stream was reset before it was answered.
    is_reset: Cell<bool>,
    /// The request has turned out to be malformed, and its stream was reset for that.
    is_malformed: Cell<bool>,
    /// Somebody waits for room to write.
    is_stuck: Cell<bool>,
}

/// A stream that is over before its end, as the cause of an error.
#[derive(Debug)]
struct Over(Lost);

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Lost::TakenBack => "the client has reset the stream",
            Lost::Malformed => "the stream was reset, since what came on it breaks the rules of HTTP/2",
            Lost::Connection => "the connection of the stream has ended",
        })
    }
}

impl std::error::Error for Over {}

impl fmt::Debug for ServerStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerStream").field("is_tunnel", &self.is_tunnel).finish_non_exhaustive()
    }
}

impl ServerStream {
    pub(super) fn new(shared: Rc<Shared>, slot: Slot) -> Self {
        let sort = shared.look(|machine| machine.request_sort(slot));
        Self {
            shared,
            slot,
            method: sort.method,
            is_tunnel: sort.is_tunnel,
            reading: RefCell::new(Reading::new(sort)),
            writing: RefCell::new(Writing::Head),
            is_reset: Cell::new(false),
            is_malformed: Cell::new(false),
            is_stuck: Cell::new(false),
        }
    }

    /// Appends the head of the request as text. `key` gives random numbers: the nonce of a WebSocket, which has none over
    /// HTTP/2.
    ///
    /// # Errors
    /// There is no such text: the request must be refused.
    pub fn write_head(&self, key: impl FnOnce() -> [u64; 2], out: &mut Vec<u8>) -> Result<(), HeadFault> {
        let fault = self.shared.act(|machine| {
            machine.take_head(self.slot, out);
            machine.head_fault(self.slot)
        });
        if let Some(fault) = fault {
            return Err(fault);
        }
        if self.is_tunnel {
            out.extend_from_slice(b"sec-websocket-key: ");
            out.extend_from_slice(nonce(key()).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// Whether the client has taken its request back before the head of an answer was sent.
    pub fn is_reset(&self) -> bool {
        self.is_reset.get()
    }

    /// Whether the client has broken a rule with its body, for which the stream was reset.
    pub(crate) fn is_malformed(&self) -> bool {
        self.is_malformed.get()
    }

    /// Waits until the client takes its request back, while nobody reads or writes.
    pub(crate) async fn broken(&self) -> io::Error {
        poll_fn(|cx| self.poll_reset(cx)).await
    }

    /// Looks whether the client has taken its request back already.
    pub fn is_over(&self) -> bool {
        self.shared.look(|machine| self.check(machine)).is_err()
    }

    /// Whether the connection was cut because the client takes nothing.
    pub(crate) fn is_given_up(&self) -> bool {
        self.shared.is_given_up.get()
    }

    /// Whether a part of the answer waits for the client, which could still take it.
    pub fn is_stuck(&self) -> bool {
        self.is_stuck.get() && !self.is_over()
    }

    /// An error once the stream is over, with note taken of the reason.
    fn check(&self, machine: &Connection) -> io::Result<()> {
        let Some(lost) = machine.lost(self.slot) else { return Ok(()) };
        if matches!(*self.writing.borrow(), Writing::Head) {
            self.is_reset.set(true);
        }
        if lost == Lost::Malformed {
            self.is_malformed.set(true);
        }
        Err(io::Error::new(io::ErrorKind::ConnectionReset, Over(lost)))
    }

    fn poll_reset(&self, cx: &Context<'_>) -> Poll<io::Error> {
        match self.shared.look(|machine| self.check(machine)) {
            Err(error) => Poll::Ready(error),
            Ok(()) => {
                self.shared.await_reading(self.slot, cx);
                Poll::Pending
            }
        }
    }

    pub(crate) fn poll_readable(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.poll_fill(cx).map_ok(|_| ())
    }

    pub(crate) fn poll_read(&self, cx: &Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if !ready!(self.poll_fill(cx))? {
            return Poll::Ready(Ok(0));
        }
        let reading = &mut *self.reading.borrow_mut();
        Poll::Ready(Ok(self.shared.act(|machine| reading.take(machine, self.slot, buffer))))
    }

    pub(crate) fn read_now(&self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        match self.poll_read(&Context::from_waker(Waker::noop()), buffer) {
            Poll::Ready(read) => Some(read),
            Poll::Pending => None,
        }
    }

    /// Ready when there is something to read: true; or when a tunnel has ended: false. A request that has ended is never
    /// ready again, unless the client resets the stream: it is no connection on which another could come.
    fn poll_fill(&self, cx: &Context<'_>) -> Poll<io::Result<bool>> {
        let filled = self.shared.look(|machine| {
            self.check(machine)?;
            Ok(self.reading.borrow_mut().fill(machine, self.slot))
        });
        match filled {
            Ok(Some(is_there)) if is_there || self.is_tunnel => Poll::Ready(Ok(is_there)),
            Ok(_) => {
                self.shared.await_reading(self.slot, cx);
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    pub(crate) fn poll_write_pieces(&self, cx: &Context<'_>, pieces: &[&[u8]]) -> Poll<io::Result<usize>> {
        let written = self.shared.act_on_way(|machine, way, known| {
            self.check(machine)?;
            let flush = |machine: &mut Connection| match self.shared.poll_flush(machine, way) {
                Poll::Ready(flushed) => flushed,
                Poll::Pending => Ok(()),
            };
            let mut sender = Sender::new((machine, way, known), (self.slot, self.method), &flush);
            self.writing.borrow_mut().write(pieces, &mut sender)
        });
        let is_stuck = matches!(written, Ok(0)) && pieces.iter().any(|piece| !piece.is_empty());
        self.is_stuck.set(is_stuck);
        if is_stuck {
            self.shared.await_writing(self.slot, cx);
            return Poll::Pending;
        }
        Poll::Ready(written)
    }

    /// Ends a tunnel's outgoing side.
    pub(crate) fn end(&self) {
        if !self.is_over() && matches!(*self.writing.borrow(), Writing::Tunnel) {
            self.writing.replace(Writing::Over);
            // Without a way there is nobody to tell.
            let _told = self.shared.act_on_way(|machine, _, known| {
                machine.end_message(self.slot, &[], known);
                Ok(())
            });
        }
    }
}

/// A key as a client of HTTP/1.1 makes one (RFC 6455 §4.1).
fn nonce(random: [u64; 2]) -> String {
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&random[0].to_le_bytes());
    nonce[8..].copy_from_slice(&random[1].to_le_bytes());
    convert::base64(&nonce)
}

impl Drop for ServerStream {
    /// An answer that is not whole is an error. One that is whole before the request ends the request (RFC 9113 §8.1).
    fn drop(&mut self) {
        self.shared.release(self.slot);
    }
}
