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
/// Under TLS, from so many bytes on what is to be written is encrypted where it stands instead of being gathered first.
const QUEUED_BYTES_MIN: usize = 2 * 1024;
/// A gathering buffer that has grown beyond this is freed once it is empty; smaller ones are kept while there is work.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// Reads in one turn of the driver: a peer that sends without end must not keep the worker from everybody else.
const READS_MAX: u32 = 32;

/// Bytes that are read at a time: a record of TLS.
const READ_BYTES: usize = 16 * 1024;

thread_local! {
    /// What was just read, until the `h2` crate has copied it. Its own buffers would have to be cleared for each read,
    /// however little comes.
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

/// The connection under a number of streams, in the hands of its driver.
#[derive(Debug)]
pub(crate) struct Carrier {
    link: Link,
    gathered: RefCell<Gathered>,
    has_read: Cell<bool>,
    /// The kernel has taken bytes.
    has_written: Cell<bool>,
    /// The peer has ended its side.
    has_ended: Cell<bool>,
    /// Reads that have brought something, ever.
    reads: Cell<u32>,
    /// Reads that may still be done in this turn.
    reads_left: Cell<u32>,
    /// Nothing was there to be read, in this turn. The `h2` crate asks again for every stream that it hands out.
    is_dry: Cell<bool>,
    /// What a client's connection is measured by.
    meter: Option<RefCell<Meter>>,
    objection: Cell<Option<Objection>>,
}

#[derive(Debug, Default)]
struct Gathered {
    bytes: Vec<u8>,
    written: usize,
    /// Bytes that may wait under TLS, encrypted. With those that were gathered they are bounded.
    queued: usize,
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
            has_written: Cell::new(false),
            has_ended: Cell::new(false),
            reads: Cell::new(0),
            reads_left: Cell::new(READS_MAX),
            is_dry: Cell::new(false),
            meter,
            objection: Cell::new(None),
        }
    }

    /// Begins a turn of the driver. All of it happens in one poll of one task.
    pub(crate) fn begin_turn(&self) {
        self.reads_left.set(READS_MAX);
        self.is_dry.set(false);
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
        if self.is_dry.get() {
            return Poll::Pending;
        }
        let Some(reads_left) = self.reads_left.get().checked_sub(1) else {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        self.reads_left.set(reads_left);
        match READ.with_borrow_mut(|bytes| self.poll_read_into(cx, bytes, buffer)) {
            Poll::Ready(Ok(Some(objection))) => {
                self.objection.set(Some(objection));
                self.poll_read(cx, buffer)
            }
            Poll::Ready(Ok(None)) => Poll::Ready(Ok(())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.is_dry.set(true);
                Poll::Pending
            }
        }
    }

    fn poll_read_into(
        &self,
        cx: &mut Context<'_>,
        bytes: &mut [u8],
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Option<Objection>>> {
        let wanted = buffer.remaining().min(bytes.len());
        let count = ready!(self.link.poll_read(cx, &mut bytes[..wanted]))?;
        self.has_read.set(true);
        self.has_ended.set(count == 0);
        self.reads.set(self.reads.get().wrapping_add(1));
        let heard = self.meter.as_ref().map(|meter| meter.borrow_mut().receive(&bytes[..count]));
        if let Some(Err(objection)) = heard {
            return Poll::Ready(Ok(Some(objection)));
        }
        buffer.put_slice(&bytes[..count]);
        Poll::Ready(Ok(None))
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

    /// Whether the kernel has taken something since the last call.
    pub(crate) fn take_has_written(&self) -> bool {
        self.has_written.take()
    }

    /// Whether the peer has ended its side.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.get()
    }

    /// Reads what nobody wants to know; tells how much. 0: the peer has ended its side.
    pub(crate) fn poll_discard(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        READ.with_borrow_mut(|bytes| self.link.poll_read(cx, bytes))
    }

    /// Writes what was gathered. Ready when all of it is with the kernel.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let gathered = &mut *self.gathered.borrow_mut();
        while gathered.written < gathered.bytes.len() {
            let rest = &gathered.bytes[gathered.written..];
            gathered.written += match self.link.queue(&[rest]) {
                Some(Ok(0)) => {
                    ready!(self.link.poll_flush(cx))?;
                    self.has_written.set(true);
                    continue;
                }
                Some(queued) => {
                    let queued = queued?;
                    gathered.queued += queued;
                    queued
                }
                None => {
                    let written = ready!(self.link.poll_write(cx, rest))?;
                    self.has_written.set(true);
                    written
                }
            };
        }
        gathered.written = 0;
        gathered.bytes.clear();
        if gathered.bytes.capacity() > KEPT_BYTES_MAX {
            gathered.bytes = Vec::new();
        }
        ready!(self.link.poll_flush(cx))?;
        if std::mem::take(&mut gathered.queued) > 0 {
            self.has_written.set(true);
        }
        Poll::Ready(Ok(()))
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
            gathered.written > 0 || gathered.queued + gathered.bytes.len() + length > GATHERED_BYTES_MAX
        };
        if is_full {
            ready!(self.poll_flush(cx))?;
        }
        let gathered = &mut *self.gathered.borrow_mut();
        let queued = match slices {
            [payload] if length >= QUEUED_BYTES_MIN => self.link.queue(&[&gathered.bytes, payload]),
            [head, payload] if length >= QUEUED_BYTES_MIN => self.link.queue(&[&gathered.bytes, head, payload]),
            _ => None,
        };
        let taken = match queued.transpose()?.map(|queued| gathered.was_queued(queued)) {
            Some(taken @ 1..) => taken,
            Some(0) | None => gathered.add(slices),
        };
        if let Some(meter) = &self.meter {
            meter_sent(&mut meter.borrow_mut(), slices, taken);
        }
        Poll::Ready(Ok(taken))
    }
}

/// Tells the meter of the first bytes of `slices`.
fn meter_sent(meter: &mut Meter, slices: &[io::IoSlice<'_>], taken: usize) {
    let mut rest = taken;
    for slice in slices {
        let count = slice.len().min(rest);
        meter.send(&slice[..count]);
        rest -= count;
    }
}

impl Gathered {
    /// Copies bytes; returns how many.
    fn add(&mut self, slices: &[io::IoSlice<'_>]) -> usize {
        slices.iter().for_each(|slice| self.bytes.extend_from_slice(slice));
        slices.iter().map(|slice| slice.len()).sum()
    }

    /// So many bytes are queued, beginning with those that were gathered; returns how many there are of what came behind.
    fn was_queued(&mut self, count: usize) -> usize {
        let of_gathered = count.min(self.bytes.len());
        self.bytes.drain(..of_gathered);
        self.queued += count;
        count - of_gathered
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
