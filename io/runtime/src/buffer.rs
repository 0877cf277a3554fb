//! Byte buffers with a read and a write end, and the worker's stock of them. A connection holds buffers only while it
//! works on a request.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Bytes of a small buffer: the heads of nearly all requests. It is what a request holds while it waits for its server.
const SMALL_BYTES: usize = 4 * 1024;
/// Bytes of a large buffer: a response of 10 KB with its head, or a piece of a body.
const LARGE_BYTES: usize = 16 * 1024;
/// Idle buffers of each size that a worker keeps: 5 MiB in all.
const IDLE_MAX: usize = 256;
/// Bytes by which the buffers of a worker may have grown in all. Peers that read slowly would otherwise hold as many
/// large buffers as there are peers.
const GROWN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A buffer: bytes come in at the end and go out at the front.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    growth: Option<Growth>,
}

/// Bytes taken from what the buffers of a worker may grow by.
#[derive(Debug)]
struct Growth {
    bytes: usize,
    grown: Rc<Cell<usize>>,
}

impl Drop for Growth {
    fn drop(&mut self) {
        self.grown.set(self.grown.get() - self.bytes);
    }
}

impl Buffer {
    /// The bytes that wait to be consumed.
    pub fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Room at the end.
    pub fn space(&mut self) -> &mut [u8] {
        &mut self.bytes[self.end..]
    }

    /// Marks `count` bytes of [`Self::space`] as filled.
    pub fn filled_up(&mut self, count: usize) {
        debug_assert!(self.end + count <= self.bytes.len(), "more bytes than there was room");
        self.end += count;
    }

    /// Drops `count` bytes from the front.
    pub fn consume(&mut self, count: usize) {
        debug_assert!(self.start + count <= self.end, "more bytes than there are");
        self.start += count;
        if self.start >= self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Keeps the first `count` of the waiting bytes and drops the rest.
    pub fn truncate(&mut self, count: usize) {
        self.end = self.end.min(self.start + count);
    }

    /// Appends as much of `bytes` as there is room for; returns how many went in.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        let space = self.space();
        let count = bytes.len().min(space.len());
        space[..count].copy_from_slice(&bytes[..count]);
        self.end += count;
        count
    }

    /// Drops every byte.
    pub fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// Number of bytes that wait.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether no byte waits.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether there is no room at the end.
    pub fn is_full(&self) -> bool {
        self.end == self.bytes.len()
    }

    /// Bytes that the buffer can hold in all.
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Moves the waiting bytes to the front, which makes all the room one piece at the end.
    pub fn compact(&mut self) {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }

    /// Grows to `capacity` bytes and keeps what waits; does nothing if it is as large already.
    pub fn grow(&mut self, capacity: usize) {
        if capacity <= self.bytes.len() {
            return;
        }
        let mut larger = vec![0; capacity].into_boxed_slice();
        let waiting = self.end - self.start;
        larger[..waiting].copy_from_slice(&self.bytes[self.start..self.end]);
        *self = Self { bytes: larger, start: 0, end: waiting, growth: self.growth.take() };
    }
}

/// The stock of buffers of one worker.
#[derive(Debug, Default)]
pub struct Buffers {
    small: RefCell<Vec<Box<[u8]>>>,
    large: RefCell<Vec<Box<[u8]>>>,
    grown: Rc<Cell<usize>>,
}

impl Buffers {
    /// An empty buffer for a request head: 4 KiB.
    pub fn take_small(&self) -> Buffer {
        Self::take(&self.small, SMALL_BYTES)
    }

    /// An empty buffer for a response or a body: 16 KiB.
    pub fn take_large(&self) -> Buffer {
        Self::take(&self.large, LARGE_BYTES)
    }

    fn take(stock: &RefCell<Vec<Box<[u8]>>>, capacity: usize) -> Buffer {
        let idle = stock.borrow_mut().pop();
        let bytes = idle.unwrap_or_else(|| vec![0; capacity].into_boxed_slice());
        Buffer { bytes, start: 0, end: 0, growth: None }
    }

    /// Frees idle buffers until at most so many of each size are left.
    pub fn keep(&self, count: usize) {
        self.small.borrow_mut().truncate(count);
        self.large.borrow_mut().truncate(count);
    }

    /// Grows a buffer for a fast peer, unless the buffers of the worker have grown by as much as they may.
    pub fn grow(&self, buffer: &mut Buffer, capacity: usize) {
        let more = capacity.saturating_sub(buffer.capacity());
        if self.grown.get() + more > GROWN_BYTES_MAX {
            return;
        }
        self.grown.set(self.grown.get() + more);
        match &mut buffer.growth {
            Some(growth) => growth.bytes += more,
            None => buffer.growth = Some(Growth { bytes: more, grown: Rc::clone(&self.grown) }),
        }
        buffer.grow(capacity);
    }

    /// Gives a buffer back. One that has grown to another size is freed instead; so is one more than the stock holds.
    pub fn give_back(&self, buffer: Buffer) {
        let stock = match buffer.bytes.len() {
            SMALL_BYTES => &self.small,
            LARGE_BYTES => &self.large,
            _ => return,
        };
        let mut stock = stock.borrow_mut();
        if stock.len() < IDLE_MAX {
            stock.push(buffer.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stock_is_as_large_as_it_may_be() {
        let buffers = Buffers::default();
        let taken: Vec<Buffer> = (0..3).flat_map(|_| [buffers.take_small(), buffers.take_large()]).collect();
        taken.into_iter().for_each(|buffer| buffers.give_back(buffer));
        let stock = || (buffers.small.borrow().len(), buffers.large.borrow().len());
        buffers.keep(4);
        assert_eq!(stock(), (3, 3));
        buffers.keep(2);
        assert_eq!(stock(), (2, 2));
    }

    #[test]
    fn buffers_grow_only_so_far_in_all_and_give_the_growth_back() {
        const STEP: usize = 256 * 1024;
        let buffers = Buffers::default();
        let mut grown: Vec<Buffer> = (0..2 * GROWN_BYTES_MAX / STEP).map(|_| buffers.take_large()).collect();
        grown.iter_mut().for_each(|buffer| buffers.grow(buffer, STEP));
        let count = grown.iter().filter(|buffer| buffer.capacity() == STEP).count();
        assert_eq!(count, GROWN_BYTES_MAX / (STEP - LARGE_BYTES));
        assert!(grown.iter().all(|buffer| buffer.capacity() == STEP || buffer.capacity() == LARGE_BYTES));
        grown.into_iter().for_each(|buffer| buffers.give_back(buffer));
        assert_eq!(buffers.grown.get(), 0);
        let mut again = buffers.take_large();
        again.append(b"kept");
        buffers.grow(&mut again, STEP);
        assert_eq!((again.capacity(), again.filled()), (STEP, &b"kept"[..]));
    }
}
