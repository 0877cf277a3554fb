//! The thread that writes the access log, so that no worker ever waits for a disk or a pipe.
//!
//! It does not make lines. When it cannot keep up, workers drop lines; when it cannot write, it drops them here; both
//! are counted.
//!
//! LIFECYCLE: [`LogWriter::start`] opens the target and starts the thread; [`LogWriter::access_log`] makes a handle for
//! each worker; [`LogWriter::stop`], after the handles are gone, waits for the last line. A writer that is dropped
//! without `stop` leaves its thread to write what it has until the last handle is gone.

mod sink;
mod thread;

use crate::access::AccessLog;
use crate::counters::WorkerCounters;
use evener_plan::{AccessFormat, LogPlan, LogTarget};
use sink::Sink;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::time::Duration;
use std::{fmt, io};

/// Full buffers that may wait for the thread, of 32 KiB each: at most 16 MiB, some 60,000 lines of JSON. A guess of how
/// long a disk may stall; a disk that stalls longer under full load makes lines drop.
const QUEUE_MAX: usize = 512;
/// Empty buffers that may wait for one worker.
const EMPTY_MAX: usize = 2;
/// A buffer that one huge line made larger than this is not used again.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Owner of the writing thread.
#[derive(Debug)]
pub struct LogWriter {
    plan: LogPlan,
    format: Arc<AccessFormat>,
    /// `None` when the log is off.
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    sender: SyncSender<Message>,
    shared: Arc<Shared>,
    /// Reports that the thread has ended by closing.
    ended: Receiver<()>,
}

/// What the thread is told without a message, since messages could find the queue full.
#[derive(Debug, Default)]
struct Shared {
    must_reopen: AtomicBool,
    must_stop: AtomicBool,
    lines_lost: AtomicU64,
}

#[derive(Debug)]
enum Message {
    /// Lines to write, and where to put the emptied buffer.
    Lines(Lines, SyncSender<Vec<u8>>),
    /// Something in [`Shared`] has changed.
    Wake,
}

/// Whole lines.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) bytes: Vec<u8>,
    pub(crate) count: u64,
}

/// Why an access log cannot be started. All of it is for the operator to mend.
#[derive(Debug)]
pub enum LogError {
    /// The target cannot be opened.
    Open {
        /// The path, or `stdout` or `stderr`.
        target: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system gives no thread.
    Thread(io::Error),
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { target, .. } => write!(f, "the access log {target} cannot be opened"),
            Self::Thread(_) => write!(f, "the thread of the access log cannot be started"),
        }
    }
}

impl Error for LogError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Open { source, .. } | Self::Thread(source) => Some(source),
        }
    }
}

impl LogWriter {
    /// Opens the target and starts the thread. When the log is off there is neither.
    pub fn start(plan: &LogPlan) -> Result<Self, LogError> {
        let running = match &plan.access {
            LogTarget::Off => None,
            LogTarget::Stdout | LogTarget::Stderr | LogTarget::File(_) => Some(Running::start(plan.access.clone())?),
        };
        Ok(Self { plan: plan.clone(), format: Arc::new(plan.format.clone()), running })
    }

    /// The settings it was started with.
    pub fn plan(&self) -> &LogPlan {
        &self.plan
    }

    /// Makes the handle of a worker; lines that are dropped are counted in the worker's counters.
    pub fn access_log(&self, counters: Arc<WorkerCounters>) -> AccessLog {
        let outlet = self.running.as_ref().map(|running| Outlet::new(running.sender.clone()));
        AccessLog::new(outlet, Arc::clone(&self.format), counters)
    }

    /// Has the file opened again by its name, after it was moved away. It does not wait.
    pub fn reopen(&self) {
        if let Some(running) = &self.running {
            running.shared.must_reopen.store(true, Ordering::Release);
            running.wake();
        }
    }

    /// Lines that could not be written, because a disk was full for instance.
    pub fn lines_lost(&self) -> u64 {
        self.running.as_ref().map_or(0, |running| running.shared.lines_lost.load(Ordering::Relaxed))
    }

    /// Waits until everything that was handed over is written, and ends the thread. `false` if that takes longer than
    /// `patience`, as when standard output is a pipe that nobody reads.
    pub fn stop(self, patience: Duration) -> bool {
        let Some(running) = self.running else { return true };
        running.shared.must_stop.store(true, Ordering::Release);
        running.wake();
        running.ended.recv_timeout(patience) != Err(RecvTimeoutError::Timeout)
    }
}

impl Running {
    fn start(target: LogTarget) -> Result<Self, LogError> {
        let name = match &target {
            LogTarget::File(path) => path.clone(),
            LogTarget::Stderr => "stderr".to_owned(),
            LogTarget::Stdout | LogTarget::Off => "stdout".to_owned(),
        };
        let sink = Sink::open(target).map_err(|source| LogError::Open { target: name, source })?;
        let (sender, inbox) = mpsc::sync_channel(QUEUE_MAX);
        let (end, ended) = mpsc::sync_channel::<()>(0);
        let shared = Arc::new(Shared::default());
        let shared_by_thread = Arc::clone(&shared);
        let work = move || {
            thread::run(&inbox, sink, &shared_by_thread);
            // In this order: who is told of the end must find the queue closed.
            drop(inbox);
            drop(end);
        };
        // The thread is watched through `ended`, since joining cannot be given a deadline.
        let _detached =
            std::thread::Builder::new().name("evener-log".to_owned()).spawn(work).map_err(LogError::Thread)?;
        Ok(Self { sender, shared, ended })
    }

    /// A full queue needs no waking: the thread looks at what has changed after each message.
    fn wake(&self) {
        let _queued_or_awake = self.sender.try_send(Message::Wake);
    }
}

/// The way of one worker to the thread, and of its buffers back.
#[derive(Debug)]
pub(crate) struct Outlet {
    sender: SyncSender<Message>,
    back: SyncSender<Vec<u8>>,
    emptied: Receiver<Vec<u8>>,
}

impl Outlet {
    fn new(sender: SyncSender<Message>) -> Self {
        let (back, emptied) = mpsc::sync_channel(EMPTY_MAX);
        Self { sender, back, emptied }
    }

    /// Gives lines to the thread, or back to the caller when too much waits already. It never waits.
    pub(crate) fn hand_over(&self, lines: Lines) -> Result<(), Lines> {
        match self.sender.try_send(Message::Lines(lines, self.back.clone())) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(message) | TrySendError::Disconnected(message)) => match message {
                Message::Lines(lines, _) => Err(lines),
                Message::Wake => Ok(()),
            },
        }
    }

    /// A buffer that has been used before, if one has come back.
    pub(crate) fn empty_buffer(&self) -> Vec<u8> {
        self.emptied.try_recv().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
