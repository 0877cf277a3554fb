//! The way to a client: what is read from its connection, and what is gathered and written to it.
//!
//! It knows no frame.

use crate::gathering::{GATHERED_BYTES_MAX, Gathering};
use crate::landing::with_landing;
use evener_tls::Link;
use std::cell::Cell;
use std::io;
use std::task::{Context, Poll, ready};

/// A connection, and how far what was gathered for it has gone.
#[derive(Debug)]
pub(super) struct Way {
    link: Link,
    gathering: Gathering,
    has_read: Cell<bool>,
    has_ended: Cell<bool>,
}

impl Way {
    pub(super) fn new(link: Link) -> Self {
        Self { link, gathering: Gathering::default(), has_read: Cell::new(false), has_ended: Cell::new(false) }
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// Whether something has come since the last call.
    pub(super) fn take_has_read(&self) -> bool {
        self.has_read.take()
    }

    /// Whether the kernel has taken something since the last call.
    pub(super) fn take_has_written(&self) -> bool {
        self.gathering.take_has_written()
    }

    /// Whether the client has ended its side.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.get()
    }

    /// Reads once, and shows what has come; tells how much. 0: the client has ended its side.
    pub(super) fn poll_read(&self, cx: &mut Context<'_>, show: impl FnOnce(&[u8])) -> Poll<io::Result<usize>> {
        with_landing(|buffer| {
            let count = ready!(self.link.poll_read(cx, buffer))?;
            self.has_read.set(true);
            self.has_ended.set(count == 0);
            show(&buffer[..count]);
            Poll::Ready(Ok(count))
        })
    }

    /// Whether nothing more should be put behind what was gathered in `output`.
    pub(super) fn is_full(&self, output: &[u8]) -> bool {
        self.waiting(output) >= GATHERED_BYTES_MAX
    }

    /// Bytes that are not with the kernel.
    pub(super) fn waiting(&self, output: &[u8]) -> usize {
        self.gathering.waiting(output)
    }

    /// Writes what was gathered. Ready when all of it is with the kernel.
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<io::Result<()>> {
        self.gathering.poll_flush(&self.link, cx, output)
    }

    /// Puts the head of a frame and its payload behind what was gathered.
    pub(super) fn add(&self, head: &[u8], payload: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        self.gathering.add(&self.link, head, payload, output)
    }
}
