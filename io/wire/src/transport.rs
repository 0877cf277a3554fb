//! A link as the `h2` crate wants it, under the streams to a server. Writes are gathered, and go out when the one who drives
//! the connection says so: the crate flushes after every frame of data, which would be a system call for each.

use crate::gathering::{GATHERED_BYTES_MAX, Gathering};
use crate::landing::{READS_MAX, with_landing};
use evener_tls::Link;
use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The connection under a number of streams, in the hands of its driver.
#[derive(Debug)]
pub(crate) struct Carrier {
    link: Link,
    gathering: Gathering,
    gathered: RefCell<Vec<u8>>,
    has_read: Cell<bool>,
    /// Reads that have brought something, ever.
    reads: Cell<u32>,
    /// Reads that may still be done in this turn.
    reads_left: Cell<u32>,
    /// Nothing was there to be read, in this turn. The `h2` crate asks again for every stream that it hands out.
    is_dry: Cell<bool>,
}

impl Carrier {
    /// The connection with a server.
    pub(crate) fn new(link: Link) -> Rc<Self> {
        Rc::new(Self {
            link,
            gathering: Gathering::default(),
            gathered: RefCell::default(),
            has_read: Cell::new(false),
            reads: Cell::new(0),
            reads_left: Cell::new(READS_MAX),
            is_dry: Cell::new(false),
        })
    }

    /// Begins a turn of the driver. All of it happens in one poll of one task.
    pub(crate) fn begin_turn(&self) {
        self.reads_left.set(READS_MAX);
        self.is_dry.set(false);
    }

    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.is_dry.get() {
            return Poll::Pending;
        }
        let Some(reads_left) = self.reads_left.get().checked_sub(1) else {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        self.reads_left.set(reads_left);
        let read = with_landing(|bytes| self.poll_read_into(cx, bytes, buffer));
        self.is_dry.set(read.is_pending());
        read
    }

    fn poll_read_into(&self, cx: &mut Context<'_>, bytes: &mut [u8], buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let wanted = buffer.remaining().min(bytes.len());
        let count = ready!(self.link.poll_read(cx, &mut bytes[..wanted]))?;
        self.has_read.set(true);
        self.reads.set(self.reads.get().wrapping_add(1));
        buffer.put_slice(&bytes[..count]);
        Poll::Ready(Ok(()))
    }

    /// The connection itself.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// A number that changes with everything that comes.
    pub(crate) fn reads(&self) -> u32 {
        self.reads.get()
    }

    /// Whether something has come since the last call.
    pub(crate) fn take_has_read(&self) -> bool {
        self.has_read.take()
    }

    /// Writes what was gathered. Ready when all of it is with the kernel.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.gathering.poll_flush(&self.link, cx, &mut self.gathered.borrow_mut())
    }

    fn poll_gather(&self, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        let gathered = &mut *self.gathered.borrow_mut();
        if self.gathering.waiting(gathered) + length > GATHERED_BYTES_MAX {
            ready!(self.gathering.poll_flush(&self.link, cx, gathered))?;
        }
        let mut add = |head: &[u8], payload: &[u8]| self.gathering.add(&self.link, head, payload, gathered);
        match slices {
            [head, payload] => add(head, payload)?,
            slices => slices.iter().try_for_each(|slice| add(&[], slice))?,
        }
        Poll::Ready(Ok(length))
    }
}

/// The side of a carrier that the `h2` crate has.
#[derive(Debug)]
pub(crate) struct Transport {
    carrier: Rc<Carrier>,
}

impl Transport {
    pub(crate) fn new(carrier: Rc<Carrier>) -> Self {
        Self { carrier }
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.carrier.poll_read(cx, buffer)
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
