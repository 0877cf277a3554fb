//! What goes to a server on a stream after its head: a body taken out of its HTTP/1.1 framing, as fast as the peer's windows
//! admit, with its trailers.
//!
//! What was taken from the writer is with the `h2` crate before the write is reported, so that a slow peer is seen.

use crate::convert;
use crate::intake::error_of;
use bytes::{Bytes, BytesMut};
use evener_http::BodyDecoder;
use h2::SendStream;
use std::io;
use std::task::{Context, Poll, ready};

/// Bytes of one DATA frame: with its head of nine bytes it fills one record of TLS.
const FRAME_BYTES_MAX: usize = 16 * 1024 - 9;
/// Bytes that one write takes at most, and while the peer admits none: what waits here is memory that a peer which never
/// opens its windows can hold.
const TAKEN_BYTES_MAX: usize = 64 * 1024;
const TAKEN_SHUT_BYTES_MAX: usize = 4 * 1024;
/// Room for the size line of a chunk beyond what the windows admit of payload.
const LINE_BYTES: usize = 32;

/// The outgoing half of a stream.
pub(crate) struct Outlet {
    stream: SendStream<Bytes>,
    body: Body,
    unsent: Bytes,
    /// Bytes of the writer that are dealt with once `unsent` is sent.
    taken: usize,
    is_over: bool,
}

enum Body {
    Framed(BodyDecoder),
    Tunnel,
}

impl Outlet {
    /// The outlet of a message whose head was sent.
    pub(crate) fn framed(stream: SendStream<Bytes>, decoder: BodyDecoder, is_over: bool) -> Self {
        Self { stream, body: Body::Framed(decoder), unsent: Bytes::new(), taken: 0, is_over }
    }

    /// The outlet of a tunnel.
    pub(crate) fn tunnel(stream: SendStream<Bytes>) -> Self {
        Self { stream, body: Body::Tunnel, unsent: Bytes::new(), taken: 0, is_over: false }
    }

    /// Whether the end of the stream was sent.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Passes `bytes` on; returns how many went. After [`Poll::Pending`] the next call must begin with the same bytes.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut granted = 0;
        if self.taken == 0 {
            self.stream.reserve_capacity(bytes.len().min(TAKEN_BYTES_MAX));
            granted = self.stream.capacity();
            let limit = match granted {
                0 => TAKEN_SHUT_BYTES_MAX,
                granted => granted.min(TAKEN_BYTES_MAX) + LINE_BYTES,
            };
            self.taken = self.take(&bytes[..bytes.len().min(limit)])?;
        }
        ready!(self.poll_send(cx, granted))?;
        Poll::Ready(Ok(std::mem::take(&mut self.taken)))
    }

    /// Takes the payload out of `bytes`; returns how many are dealt with.
    fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Body::Framed(decoder) = &mut self.body else {
            self.unsent = Bytes::copy_from_slice(bytes);
            return Ok(bytes.len());
        };
        let mut taken = 0;
        let mut payload = BytesMut::new();
        while !decoder.is_done() {
            let rest = &bytes[taken..];
            let decoded = decoder.decode(rest).map_err(|_| broken("a body out of frame"))?;
            if decoded.consumed == 0 {
                break;
            }
            payload.extend_from_slice(&rest[decoded.payload]);
            taken += decoded.consumed;
        }
        self.unsent = payload.freeze();
        Ok(taken)
    }

    /// Sends what was taken, and the end of the stream once the message is whole. `room`: what the peer is known to admit.
    fn poll_send(&mut self, cx: &mut Context<'_>, mut room: usize) -> Poll<io::Result<()>> {
        let (is_whole, has_trailers) = match &self.body {
            Body::Framed(decoder) => (decoder.is_done(), !decoder.trailers().is_empty()),
            Body::Tunnel => (false, false),
        };
        while !self.unsent.is_empty() {
            let wanted = self.unsent.len().min(FRAME_BYTES_MAX);
            if room < wanted {
                room = ready!(self.poll_room(cx, wanted))?;
            }
            let frame = self.unsent.split_to(room.min(wanted));
            room -= frame.len();
            let is_last = is_whole && !has_trailers && self.unsent.is_empty();
            self.stream.send_data(frame, is_last).map_err(error_of)?;
            self.is_over |= is_last;
        }
        if is_whole && !self.is_over {
            self.send_end()?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_room(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<io::Result<usize>> {
        self.stream.reserve_capacity(wanted);
        loop {
            match self.stream.capacity() {
                0 => match ready!(self.stream.poll_capacity(cx)) {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Poll::Ready(Err(error_of(error))),
                    None => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                },
                granted => return Poll::Ready(Ok(granted)),
            }
        }
    }

    fn send_end(&mut self) -> io::Result<()> {
        let lines = match &self.body {
            Body::Framed(decoder) => decoder.trailers(),
            Body::Tunnel => &[],
        };
        let sent = match lines {
            [] => self.stream.send_data(Bytes::new(), true),
            lines => self.stream.send_trailers(convert::field_map(lines)),
        };
        self.is_over = true;
        sent.map_err(error_of)
    }

    /// Ends a tunnel's outgoing side.
    pub(crate) fn end(&mut self) {
        if !self.is_over && matches!(self.body, Body::Tunnel) && self.unsent.is_empty() {
            let _sent_or_gone = self.send_end();
        }
    }

    /// Ends the stream at once.
    pub(crate) fn reset(&mut self, reason: h2::Reason) {
        self.stream.send_reset(reason);
    }
}

/// A fault of our own: what is written here comes from our own writers.
pub(crate) fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// Writes pieces one after the other as far as that goes; returns how many bytes went.
pub(crate) fn write_each(
    pieces: &[&[u8]],
    mut write: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
) -> Poll<io::Result<usize>> {
    let mut total = 0;
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            match write(rest) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(broken("bytes after a message"))),
                Poll::Ready(Ok(count)) => {
                    total += count;
                    rest = &rest[count..];
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if total > 0 => return Poll::Ready(Ok(total)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
    Poll::Ready(Ok(total))
}
