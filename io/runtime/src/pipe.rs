//! Kernel pipes through which large bodies pass from socket to socket without being copied, kept for reuse.

use rustix::pipe::PipeFlags;
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

/// Bytes that a pipe holds. More saves system calls, less saves kernel memory. A guess: other sizes were not measured, and
/// a profile of long bodies would change it. The kernel grants it to any user up to `fs.pipe-max-size`, which is 1 MiB by default.
const PIPE_BYTES: usize = 512 * 1024;
/// Idle pipes that a worker keeps.
const IDLE_MAX: usize = 16;
/// Pipes of that size that a worker has at a time; further ones have the 64 KiB that the kernel gives them. Clients that
/// read slowly keep their pipes full, and the kernel's memory must not grow by half a megabyte for each.
const LARGE_MAX: usize = 128;

/// A pipe; empty whenever it is not in use.
#[derive(Debug)]
pub struct Pipe {
    reader: OwnedFd,
    writer: OwnedFd,
    _large: Option<Large>,
}

/// One large pipe in the count of its worker.
#[derive(Debug)]
struct Large(Rc<Cell<usize>>);

impl Drop for Large {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Pipe {
    fn new(large: &Rc<Cell<usize>>) -> io::Result<Self> {
        let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let counted = (large.get() < LARGE_MAX).then(|| {
            large.set(large.get() + 1);
            Large(Rc::clone(large))
        });
        if counted.is_some() {
            // A user over the system's quota of pipe memory gets a small pipe, which works as well, only slower.
            let _ = rustix::pipe::fcntl_setpipe_size(&writer, PIPE_BYTES);
        }
        Ok(Self { reader, writer, _large: counted })
    }

    pub(crate) fn reader(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }

    pub(crate) fn writer(&self) -> BorrowedFd<'_> {
        self.writer.as_fd()
    }

    /// Bytes to ask for in one splice into the pipe.
    pub const fn capacity() -> usize {
        PIPE_BYTES
    }
}

/// The pipes of one worker.
#[derive(Debug, Default)]
pub struct Pipes {
    idle: RefCell<Vec<Pipe>>,
    large: Rc<Cell<usize>>,
}

impl Pipes {
    /// An idle pipe or a new one; fails when the process has no file descriptors left.
    pub fn take(&self) -> io::Result<Pipe> {
        let idle = self.idle.borrow_mut().pop();
        idle.map_or_else(|| Pipe::new(&self.large), Ok)
    }

    /// Gives back a pipe, which must be empty: what it holds would reach another client.
    pub fn give_back(&self, pipe: Pipe) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < IDLE_MAX {
            idle.push(pipe);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_pipes_are_large() {
        let pipes = Pipes::default();
        let taken: Vec<Pipe> = (0..LARGE_MAX + 2).map(|_| pipes.take().unwrap()).collect();
        let size = |pipe: &Pipe| rustix::pipe::fcntl_getpipe_size(&pipe.writer).unwrap();
        assert!(size(&taken[LARGE_MAX]) < PIPE_BYTES && size(&taken[LARGE_MAX + 1]) < PIPE_BYTES);
        drop(taken);
        assert_eq!(pipes.large.get(), 0);
        let pipe = pipes.take().unwrap();
        assert!(pipe._large.is_some());
        pipes.give_back(pipe);
        assert_eq!(pipes.large.get(), 1, "an idle pipe stays large");
    }
}
