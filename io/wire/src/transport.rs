//! A link as the `h2` crate wants it. Writes are gathered, and go out when the one who drives the connection says so: the
//! crate flushes after every frame of data, which would be a system call for each.

use crate::meter::{Meter, Objection};
use evener_tls::Link;
use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are gathered before they must go out.
const GATHERED_BYTES_MAX: usize = 64 * 1024;
/// A gathering buffer that has grown beyond this is freed once it is empty; smaller ones are kept while there is work.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// Reads in one turn of the driver: a peer that sends without end must not keep the worker from everybody else.
const READS_MAX: u32 = 32;

/// The connection under a number of streams, in the hands of its driver.
#[derive(Debug)]
pub(crate) struct Carrier {
    link: Link,
    gathered: RefCell<Gathered>,
    has_read: Cell<bool>,
    /// Reads that may still be done in this turn.
    reads_left: Cell<u32>,
    /// What a client's connection is measured by.
    meter: Option<RefCell<Meter>>,
    objection: Cell<Option<Objection>>,
}

#[derive(Debug, Default)]
struct Gathered {
    bytes: Vec<u8>,
    written: usize,
}

impl Carrier {
    /// The connection with a server.
    pub(crate) fn new(link: Link) -> Rc<Self> {
        Rc::new(Self::with(link, None))
    }

    /// The connection with a client. Once there is an objection to what it sends, nothing more is read.
    pub(crate) fn metered(link: Link, meter: Meter) -> Rc<Self> {
        Rc::new(Self::with(link, Some(RefCell::new(meter))))
    }

    fn with(link: Link, meter: Option<RefCell<Meter>>) -> Self {
        Self {
            link,
            gathered: RefCell::default(),
            has_read: Cell::new(false),
            reads_left: Cell::new(READS_MAX),
            meter,
            objection: Cell::new(None),
        }
    }

    /// Begins a turn of the driver.
    pub(crate) fn begin_turn(&self) {
        self.reads_left.set(READS_MAX);
    }

    /// Why nothing more is read.
    pub(crate) fn objection(&self) -> Option<Objection> {
        self.objection.get()
    }

    /// A number for the frame or head that has begun to come and not ended.
    pub(crate) fn unfinished(&self) -> Option<u64> {
        self.meter.as_ref().and_then(|meter| meter.borrow().unfinished())
    }

    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.objection.get() {
            // Who drives the connection looks at the objection when nothing more comes.
            Some(Objection::Flood) => return Poll::Pending,
            Some(Objection::NoSettings) => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
            None => {}
        }
        let Some(reads_left) = self.reads_left.get().checked_sub(1) else {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        self.reads_left.set(reads_left);
        let count = ready!(self.link.poll_read(cx, buffer.initialize_unfilled()))?;
        self.has_read.set(true);
        if let Some(meter) = &self.meter
            && let Err(objection) = meter.borrow_mut().receive(&buffer.initialize_unfilled()[..count])
        {
            self.objection.set(Some(objection));
            return self.poll_read(cx, buffer);
        }
        buffer.advance(count);
        Poll::Ready(Ok(()))
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

    /// Frees what is kept for the next frames.
    pub(crate) fn rest(&self) {
        let gathered = &mut *self.gathered.borrow_mut();
        if gathered.bytes.is_empty() {
            gathered.bytes = Vec::new();
        }
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
        if let Some(meter) = &self.meter {
            let mut meter = meter.borrow_mut();
            slices.iter().for_each(|slice| meter.send(slice));
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
