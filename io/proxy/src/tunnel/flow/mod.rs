//! One direction of a tunnel: from a connection into a buffer, or into a pipe of the kernel where both sides are in the
//! clear and much comes at once, and from there into the other connection.
//!
//! A direction at rest holds neither buffer nor pipe, so that an idle tunnel costs its two sockets and little more.

use crate::state::Worker;
use evener_runtime::Buffer;
use evener_runtime::pipe::Pipe;
use evener_wire::Wire;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// To this a buffer grows for a fast sender whose bytes cannot be spliced.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Full reads in a row that make a sender a fast one. A guess, as the next two are: a burst that ends at once is not
/// worth a pipe, and neither is a sender that trickles.
const FULL_READS: u8 = 2;
/// Reads of fewer bytes are small; after so many in a row pipe and large buffer are given up.
const SMALL_BYTES: usize = 8 * 1024;
const SMALL_READS: u8 = 8;

/// One direction.
pub(super) struct Flow<'a> {
    worker: &'a Worker,
    from: &'a Wire,
    to: &'a Wire,
    buffer: &'a mut Buffer,
    /// The pipe, and how many bytes it holds.
    pipe: Option<(Pipe, usize)>,
    pace: Pace,
    state: State,
    watch: Watch<'a>,
    /// Bytes that have arrived.
    pub(super) moved: u64,
}

/// A look at a source from which nobody reads.
enum Watch<'a> {
    Off,
    On(Pin<Box<dyn Future<Output = io::Error> + 'a>>),
    /// The connection has broken.
    Broken(io::ErrorKind),
}

/// Which of the two connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    From,
    To,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The source has ended; what it sent is still on its way.
    Ending,
    Ended,
    /// The other side has closed and takes nothing more, but its own last bytes may still be on their way.
    Unheard,
}

/// How bytes are taken from the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Through a buffer; so many reads in a row have filled it.
    Buffered { full: u8 },
    /// Through a pipe, or a large buffer where there can be none; so many reads in a row were small.
    Fast { small: u8 },
}

/// What a flow has done when it is over.
pub(super) struct Finished {
    pub(super) moved: u64,
    /// The source may have more to say that nobody takes.
    pub(super) is_unheard: bool,
}

impl<'a> Flow<'a> {
    pub(super) fn new(worker: &'a Worker, from: &'a Wire, to: &'a Wire, buffer: &'a mut Buffer) -> Self {
        let pace = Pace::Buffered { full: 0 };
        Self { worker, from, to, buffer, pipe: None, pace, state: State::Open, watch: Watch::Off, moved: 0 }
    }

    /// Whether nothing moves here any more.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Ended | State::Unheard)
    }

    /// Whether the source has ended and its bytes have arrived.
    pub(super) fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Whether bytes are on their way.
    pub(super) fn is_loaded(&self) -> bool {
        !self.buffer.is_empty() || self.pipe.as_ref().is_some_and(|(_, held)| *held > 0)
    }

    /// Gives up what is on its way: the other side takes nothing more.
    pub(super) fn give_up(&mut self) {
        self.state = State::Unheard;
        self.buffer.clear();
        self.pipe = None;
    }

    /// Ready once the source's connection has broken, while nobody reads from it.
    pub(super) fn poll_broken(&mut self, cx: &mut Context<'_>) -> Poll<io::ErrorKind> {
        if let Watch::Off = self.watch {
            self.watch = Watch::On(Box::pin(self.from.broken()));
        }
        if let Watch::On(broken) = &mut self.watch {
            self.watch = Watch::Broken(ready!(broken.as_mut().poll(cx)).kind());
        }
        match self.watch {
            Watch::Broken(kind) => Poll::Ready(kind),
            Watch::Off | Watch::On(_) => Poll::Pending,
        }
    }

    /// Gives back what it holds. A pipe with bytes in it is dropped with them.
    pub(super) fn finish(mut self) -> Finished {
        self.rest();
        Finished { moved: self.moved, is_unheard: self.state == State::Unheard }
    }

    /// Moves what can be moved; ready when the flow is over, or one of the connections has broken.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Side>> {
        loop {
            if let Err(error) = ready!(self.poll_send(cx)) {
                // The kernel says so only after the peer's own end has come (RFC 9293 §3.10.7.4); that is in order. A
                // reset in the middle is another error.
                if error.kind() != io::ErrorKind::BrokenPipe {
                    return Poll::Ready(Err(Side::To));
                }
                self.give_up();
            }
            match self.state {
                State::Open => {}
                State::Ending => {
                    self.to.shutdown_write();
                    self.state = State::Ended;
                    return Poll::Ready(Ok(()));
                }
                State::Ended | State::Unheard => return Poll::Ready(Ok(())),
            }
            match self.poll_take(cx) {
                Poll::Ready(Ok(0)) => self.state = State::Ending,
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Side::From)),
                Poll::Pending => {
                    self.rest();
                    return Poll::Pending;
                }
            }
        }
    }

    /// Sends what is held; only one of buffer and pipe holds anything.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.buffer.is_empty() {
            let count = ready!(self.to.poll_write(cx, self.buffer.filled()))?;
            self.buffer.consume(count);
            self.moved += count as u64;
        }
        if let (Some((pipe, held)), Some(to)) = (&mut self.pipe, self.to.as_plain()) {
            while *held > 0 {
                let count = ready!(to.poll_splice_from(cx, pipe, *held))?;
                *held -= count;
                self.moved += count as u64;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Takes what the source has; nothing is held. `Ok(0)` is its end.
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let (Pace::Fast { .. }, Some(from), Some(_)) = (self.pace, self.from.as_plain(), self.to.as_plain())
            && self.has_pipe()
            && let Some((pipe, held)) = &mut self.pipe
        {
            let count = ready!(from.poll_splice_into(cx, pipe, Pipe::capacity()))?;
            *held = count;
            self.pace = self.pace.after(count, false);
            return Poll::Ready(Ok(count));
        }
        if self.buffer.capacity() == 0 {
            *self.buffer = self.worker.buffers.take_large();
        }
        if matches!(self.pace, Pace::Fast { .. }) && self.buffer.capacity() < BUFFER_BYTES_MAX {
            self.worker.buffers.grow(self.buffer, BUFFER_BYTES_MAX);
        }
        let count = ready!(self.from.poll_read(cx, self.buffer.space()))?;
        self.buffer.filled_up(count);
        self.pace = self.pace.after(count, self.buffer.is_full());
        Poll::Ready(Ok(count))
    }

    /// Whether there is a pipe; without descriptors for one bytes are copied instead.
    fn has_pipe(&mut self) -> bool {
        if self.pipe.is_none() {
            self.pipe = self.worker.pipes.take().ok().map(|pipe| (pipe, 0));
        }
        self.pipe.is_some()
    }

    /// Gives back buffer and pipe as far as they are empty. A buffer that has grown stays with a fast sender.
    fn rest(&mut self) {
        if let Some((pipe, held)) = self.pipe.take()
            && held == 0
        {
            self.worker.pipes.give_back(pipe);
        }
        if let Watch::On(_) = self.watch {
            self.watch = Watch::Off;
        }
        let is_kept = matches!(self.pace, Pace::Fast { .. }) && self.buffer.capacity() >= BUFFER_BYTES_MAX;
        if self.buffer.is_empty() && !(is_kept && self.state == State::Open) {
            self.worker.buffers.give_back(std::mem::take(self.buffer));
        }
    }
}

impl Pace {
    /// The pace after a read of so many bytes.
    pub(super) fn after(self, count: usize, is_full: bool) -> Self {
        match self {
            Self::Buffered { full } if is_full && full + 1 >= FULL_READS => Self::Fast { small: 0 },
            Self::Buffered { full } if is_full => Self::Buffered { full: full + 1 },
            Self::Buffered { .. } => Self::Buffered { full: 0 },
            Self::Fast { small } if count < SMALL_BYTES && small + 1 >= SMALL_READS => Self::Buffered { full: 0 },
            Self::Fast { small } if count < SMALL_BYTES => Self::Fast { small: small + 1 },
            Self::Fast { .. } => Self::Fast { small: 0 },
        }
    }
}

#[cfg(test)]
mod tests;
