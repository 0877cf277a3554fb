//! Kernel pipes through which large bodies pass from socket to socket without being copied, kept for reuse.
//!
//! Each takes two descriptors for as long as its bytes find no way out, so that all workers together have only so many.

use rustix::pipe::PipeFlags;
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    _share: Share,
}

/// The bound on the pipes of the process; clones are of the same.
#[derive(Debug, Clone)]
pub struct PipeBound {
    taken: Arc<AtomicUsize>,
    most: usize,
}

impl PipeBound {
    /// At most so many pipes.
    pub fn new(most: usize) -> Self {
        Self { taken: Arc::default(), most }
    }

    fn share(&self) -> Option<Share> {
        let before = self.taken.fetch_add(1, Ordering::Relaxed);
        // Dropping it takes the count back.
        let share = Share(Arc::clone(&self.taken));
        (before < self.most).then_some(share)
    }

    /// Whether others may soon want what lies idle.
    fn is_tight(&self) -> bool {
        self.taken.load(Ordering::Relaxed) > self.most / 2
    }
}

/// One pipe in the count of the process.
#[derive(Debug)]
struct Share(Arc<AtomicUsize>);

impl Drop for Share {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
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
    fn new(large: &Rc<Cell<usize>>, share: Share) -> io::Result<Self> {
        let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let counted = (large.get() < LARGE_MAX).then(|| {
            large.set(large.get() + 1);
            Large(Rc::clone(large))
        });
        if counted.is_some() {
            // A user over the system's quota of pipe memory gets a small pipe, which works as well, only slower.
            let _ = rustix::pipe::fcntl_setpipe_size(&writer, PIPE_BYTES);
        }
        Ok(Self { reader, writer, _large: counted, _share: share })
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
#[derive(Debug)]
pub struct Pipes {
    idle: RefCell<Vec<Pipe>>,
    large: Rc<Cell<usize>>,
    bound: PipeBound,
}

impl Pipes {
    /// No pipes yet.
    pub fn new(bound: PipeBound) -> Self {
        Self { idle: RefCell::default(), large: Rc::default(), bound }
    }

    /// An idle pipe or a new one; fails when all workers have as many as they may, and when the process has no file
    /// descriptors left. Who gets none copies instead.
    pub fn take(&self) -> io::Result<Pipe> {
        let idle = self.idle.borrow_mut().pop();
        idle.map_or_else(|| self.make(), Ok)
    }

    fn make(&self) -> io::Result<Pipe> {
        let share = self.bound.share().ok_or(rustix::io::Errno::MFILE)?;
        Pipe::new(&self.large, share)
    }

    /// Gives back a pipe, which must be empty: what it holds would reach another client.
    pub fn give_back(&self, pipe: Pipe) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < IDLE_MAX && !self.bound.is_tight() {
            idle.push(pipe);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_pipes_are_large() {
        let pipes = Pipes::new(PipeBound::new(LARGE_MAX * 4));
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

    #[test]
    fn workers_share_a_bound_and_hoard_nothing_near_it() {
        let bound = PipeBound::new(4);
        let (one, other) = (Pipes::new(bound.clone()), Pipes::new(bound.clone()));
        let mut taken: Vec<Pipe> = [&one, &other, &one, &other].map(|pipes| pipes.take().unwrap()).into();
        assert!(one.take().is_err() && other.take().is_err());
        one.give_back(taken.remove(0));
        assert!(one.idle.borrow().is_empty(), "others want it");
        let again = other.take().unwrap();
        drop((taken, again));
        let pipe = one.take().unwrap();
        one.give_back(pipe);
        assert_eq!((one.idle.borrow().len(), bound.taken.load(Ordering::Relaxed)), (1, 1));
    }
}
