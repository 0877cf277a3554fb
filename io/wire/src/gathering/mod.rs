//! What is gathered for a connection, and how far it has gone: frames go out when the one who drives the connection says
//! so, many of them in one system call. The bytes themselves are with whoever gathers them.
//!
//! It knows no frame, and never waits by itself.

use evener_tls::Link;
use std::cell::Cell;
use std::io;
use std::task::{Context, Poll, ready};

/// Bytes that are gathered before they must go out.
pub(crate) const GATHERED_BYTES_MAX: usize = 64 * 1024;
/// Under TLS, from so many bytes on what is to be written is encrypted where it stands instead of being gathered first.
const QUEUED_BYTES_MIN: usize = 2 * 1024;
/// A gathering buffer that has grown beyond this is freed once it is empty; smaller ones are kept while there is work.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// How far what was gathered has gone.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    /// Bytes at the beginning of what was gathered that are gone.
    written: Cell<usize>,
    /// Bytes that may wait under TLS, encrypted. With those that were gathered they are bounded.
    queued: Cell<usize>,
    /// The kernel has taken bytes.
    has_written: Cell<bool>,
}

impl Gathering {
    /// Bytes that are not with the kernel.
    pub(crate) fn waiting(&self, gathered: &[u8]) -> usize {
        gathered.len() - self.written.get() + self.queued.get()
    }

    /// Whether the kernel has taken something since the last call.
    pub(crate) fn take_has_written(&self) -> bool {
        self.has_written.take()
    }

    /// Writes what was gathered. Ready when all of it is with the kernel.
    pub(crate) fn poll_flush(&self, link: &Link, cx: &mut Context<'_>, gathered: &mut Vec<u8>) -> Poll<io::Result<()>> {
        let flushed = self.poll_write_all(link, cx, gathered);
        // What a slow reader takes must not be kept until it has taken everything, which may be never.
        if self.written.get() >= gathered.len() / 2 {
            gathered.drain(..self.written.take());
        }
        ready!(flushed)?;
        if gathered.capacity() > KEPT_BYTES_MAX {
            *gathered = Vec::new();
        }
        ready!(link.poll_flush(cx))?;
        if self.queued.take() > 0 {
            self.has_written.set(true);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_all(&self, link: &Link, cx: &mut Context<'_>, gathered: &[u8]) -> Poll<io::Result<()>> {
        loop {
            let rest = gathered.get(self.written.get()..).unwrap_or_default();
            if rest.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let count = match link.queue(&[rest]) {
                Some(Ok(0)) => {
                    ready!(link.poll_flush(cx))?;
                    self.has_written.set(true);
                    self.queued.set(0);
                    0
                }
                Some(queued) => {
                    let queued = queued?;
                    self.queued.set(self.queued.get() + queued);
                    queued
                }
                None => {
                    let written = ready!(link.poll_write(cx, rest))?;
                    self.has_written.set(true);
                    written
                }
            };
            self.written.set(self.written.get() + count);
        }
    }

    /// Puts the head of a frame and its payload behind what was gathered.
    pub(crate) fn add(&self, link: &Link, head: &[u8], payload: &[u8], gathered: &mut Vec<u8>) -> io::Result<()> {
        let mut taken = 0;
        if payload.len() >= QUEUED_BYTES_MIN
            && let Some(queued) = link.queue(&[&gathered[self.written.get()..], head, payload])
        {
            let queued = queued?;
            self.queued.set(self.queued.get() + queued);
            let of_gathered = queued.min(gathered.len() - self.written.get());
            self.written.set(self.written.get() + of_gathered);
            taken = queued - of_gathered;
            if self.written.get() == gathered.len() {
                self.written.set(0);
                gathered.clear();
            }
        }
        let of_head = taken.min(head.len());
        gathered.extend_from_slice(&head[of_head..]);
        gathered.extend_from_slice(&payload[taken - of_head..]);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
