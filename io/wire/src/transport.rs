//! A link as the `h2` crate wants it. Writes are gathered, and go out when the one who drives the connection says so: the
//! crate flushes after every frame of data, which would be a system call for each.

use bytes::{Buf, Bytes};
use evener_tls::Link;
use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are gathered before they must go out.
const GATHERED_BYTES_MAX: usize = 64 * 1024;
/// A gathering buffer that has grown beyond this is freed once it is empty.
const KEPT_BYTES_MAX: usize = 4 * 1024;

/// The connection under a number of streams, in the hands of its driver.
#[derive(Debug)]
pub(crate) struct Carrier {
    link: Link,
    gathered: RefCell<Gathered>,
    has_read: Cell<bool>,
}

#[derive(Debug, Default)]
struct Gathered {
    bytes: Vec<u8>,
    written: usize,
}

impl Carrier {
    pub(crate) fn new(link: Link) -> Rc<Self> {
        Rc::new(Self { link, gathered: RefCell::default(), has_read: Cell::new(false) })
    }

    /// The connection itself.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// Whether something has come since the last call.
    pub(crate) fn take_has_read(&self) -> bool {
        self.has_read.take()
    }

    /// Writes what was gathered. Ready when all of it is with the kernel.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let gathered = &mut *self.gathered.borrow_mut();
        while gathered.written < gathered.bytes.len() {
            gathered.written += ready!(self.link.poll_write(cx, &gathered.bytes[gathered.written..]))?;
        }
        gathered.written = 0;
        gathered.bytes.clear();
        if gathered.bytes.capacity() > KEPT_BYTES_MAX {
            gathered.bytes = Vec::new();
        }
        self.link.poll_flush(cx)
    }

    fn poll_gather(&self, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        let is_full = {
            let gathered = self.gathered.borrow();
            // A write that is under way must go on with the same bytes.
            gathered.written > 0 || gathered.bytes.len() + length > GATHERED_BYTES_MAX
        };
        if is_full {
            ready!(self.poll_flush(cx))?;
        }
        let gathered = &mut *self.gathered.borrow_mut();
        slices.iter().for_each(|slice| gathered.bytes.extend_from_slice(slice));
        Poll::Ready(Ok(length))
    }
}

/// The side of a carrier that the `h2` crate has.
#[derive(Debug)]
pub(crate) struct Transport {
    carrier: Rc<Carrier>,
    /// What was read before HTTP/2 was known to be spoken.
    first: Bytes,
}

impl Transport {
    pub(crate) fn new(carrier: Rc<Carrier>, first: Bytes) -> Self {
        Self { carrier, first }
    }
}

impl AsyncRead for Transport {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.first.is_empty() {
            let count = self.first.len().min(buffer.remaining());
            buffer.put_slice(&self.first[..count]);
            self.first.advance(count);
            return Poll::Ready(Ok(()));
        }
        let count = ready!(self.carrier.link.poll_read(cx, buffer.initialize_unfilled()))?;
        buffer.advance(count);
        self.carrier.has_read.set(true);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.carrier.poll_gather(cx, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.carrier.poll_gather(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.carrier.poll_flush(cx))?;
        self.carrier.link.shutdown_write();
        Poll::Ready(Ok(()))
    }
}
