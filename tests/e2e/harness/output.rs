//! What a program writes, read as it comes, so that it never waits for a reader.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

/// The reading end of a pipe and all that has come through it.
///
/// A look at it takes what stands in the pipe first. So whatever a program wrote before it did something that the
/// test has seen, an answer say, is there, however late the reading thread gets its turn.
pub(crate) struct Output {
    pipe: File,
    bytes: Mutex<Vec<u8>>,
}

impl Output {
    pub(crate) fn of(pipe: impl Into<OwnedFd>) -> Arc<Self> {
        let pipe = File::from(pipe.into());
        let flags = fcntl_getfl(&pipe).expect("a pipe has flags");
        fcntl_setfl(&pipe, flags | OFlags::NONBLOCK).expect("a pipe can be read without waiting");
        Arc::new(Self { pipe, bytes: Mutex::default() })
    }

    /// Reads in a thread of its own until every writer has closed the pipe.
    pub(crate) fn read_to_end(self: Arc<Self>) -> JoinHandle<()> {
        std::thread::spawn(move || {
            while !self.take() {
                // Whether it failed shows at the next read.
                let _interrupted = poll(&mut [PollFd::new(&self.pipe, PollFlags::IN)], None);
            }
        })
    }

    /// All that was written until now.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.take();
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes what stands in the pipe; returns whether nothing will ever come again.
    fn take(&self) -> bool {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let read = (&self.pipe).read_to_end(&mut bytes);
        !read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}
