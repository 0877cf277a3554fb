//! The place where lines end up: a file or a standard stream. It keeps lines whole, also after a failed write.

use evener_plan::LogTarget;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::thread;
use std::time::Duration;

/// Log lines hold addresses of people: others may not read them.
const FILE_MODE: u32 = 0o640;
/// Pause when a standard stream takes nothing because another program made it non-blocking.
const PAUSE: Duration = Duration::from_millis(10);
/// Pauses in a row after which that counts as a failure.
const PAUSES_MAX: u32 = 100;

/// An open target.
#[derive(Debug)]
pub(super) struct Sink {
    target: LogTarget,
    lines: WholeLines<File>,
}

/// A write that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: io::Error,
    /// Lines that are missing or cut.
    pub(super) lines: u64,
}

impl Sink {
    pub(super) fn open(target: LogTarget) -> io::Result<Self> {
        let file = open(&target)?;
        Ok(Self { target, lines: WholeLines::new(file) })
    }

    /// Opens the target again by its name; on failure the old file stays in use.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        self.lines = WholeLines::new(open(&self.target)?);
        Ok(())
    }

    /// Name of the target for messages.
    pub(super) fn target(&self) -> &str {
        match &self.target {
            LogTarget::File(path) => path,
            LogTarget::Stderr => "stderr",
            LogTarget::Stdout | LogTarget::Off => "stdout",
        }
    }

    /// Writes whole lines.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), Failure> {
        self.lines.write(lines)
    }
}

/// Something to write to, and whether it ends with half a line.
#[derive(Debug)]
pub(super) struct WholeLines<W> {
    pub(super) file: W,
    /// A failed write has left half a line at the end.
    is_torn: bool,
}

impl<W: Write> WholeLines<W> {
    pub(super) fn new(file: W) -> Self {
        Self { file, is_torn: false }
    }

    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), Failure> {
        let count = |text: &[u8]| text.iter().map(|byte| u64::from(*byte == b'\n')).sum();
        if self.is_torn {
            let (_, result) = write_all(&mut self.file, b"\n");
            result.map_err(|error| Failure { error, lines: count(lines) })?;
            self.is_torn = false;
        }
        let (written, result) = write_all(&mut self.file, lines);
        result.map_err(|error| {
            self.is_torn = written > 0 && lines[written - 1] != b'\n';
            Failure { error, lines: count(&lines[written..]) }
        })
    }
}

/// A standard stream is written to through a file of its own: the one of the standard library has a buffer, which
/// would cut lines when it fails.
fn open(target: &LogTarget) -> io::Result<File> {
    match target {
        LogTarget::File(path) => {
            // Opened for writing alone, a named pipe makes us wait for somebody who reads it; for both it does not.
            let is_pipe = fs::metadata(path).is_ok_and(|known| known.file_type().is_fifo());
            OpenOptions::new().read(is_pipe).append(true).create(true).mode(FILE_MODE).open(path)
        }
        LogTarget::Stderr => io::stderr().as_fd().try_clone_to_owned().map(File::from),
        LogTarget::Stdout | LogTarget::Off => io::stdout().as_fd().try_clone_to_owned().map(File::from),
    }
}

/// Like `write_all` of the standard library, but tells how much was written before it failed.
fn write_all(file: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    let mut pauses = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(count) => {
                written += count;
                pauses = 0;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock && pauses < PAUSES_MAX => {
                pauses += 1;
                thread::sleep(PAUSE);
            }
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}
