//! Where that lands which is read from a connection: for as long as it is looked at, and for all connections of a worker.
//! Buffers of their own would be memory for each, and those of the `h2` crate would have to be cleared for each read.

use std::cell::RefCell;

/// Reads in one turn of a driver: a peer that sends without end must not keep the worker from everybody else.
pub(crate) const READS_MAX: u32 = 32;

/// Bytes that are read at a time: a record of TLS.
const READ_BYTES: usize = 16 * 1024;

thread_local! {
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

/// Lends the buffer. What is done with it must not read again.
pub(crate) fn with_landing<T>(read: impl FnOnce(&mut [u8]) -> T) -> T {
    READ.with_borrow_mut(|bytes| read(bytes))
}
