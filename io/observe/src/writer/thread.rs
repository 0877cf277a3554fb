//! What the writing thread does with messages. It knows nothing of files.

use super::sink::Sink;
use super::{BUFFER_BYTES_MAX, Lines, Message, Shared};
use crate::diagnostics::Diagnostics;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

const WRITE_FAILED: &str = "log_write_failed";
const REOPEN_FAILED: &str = "log_reopen_failed";
/// A full disk is told of once in this time.
const MESSAGE_INTERVAL: Duration = Duration::from_secs(60);

/// Runs until it is told to stop or nobody is left who could send something. What has been sent by then is written.
pub(super) fn run(inbox: &Receiver<Message>, sink: Sink, shared: &Shared) {
    let diagnostics = Diagnostics::new(&[WRITE_FAILED, REOPEN_FAILED], MESSAGE_INTERVAL);
    let mut writing = Writing { sink, shared, diagnostics };
    while let Ok(message) = inbox.recv() {
        writing.handle(message);
        if shared.must_stop.load(Ordering::Acquire) {
            inbox.try_iter().for_each(|message| writing.handle(message));
            return;
        }
    }
}

struct Writing<'a> {
    sink: Sink,
    shared: &'a Shared,
    diagnostics: Diagnostics,
}

impl Writing<'_> {
    fn handle(&mut self, message: Message) {
        if self.shared.must_reopen.swap(false, Ordering::AcqRel) {
            self.reopen();
        }
        match message {
            Message::Lines(lines, back) => self.write(lines, &back),
            Message::Wake => {}
        }
    }

    fn reopen(&mut self) {
        if let Err(error) = self.sink.reopen() {
            let target = self.sink.target();
            self.diagnostics.error(
                REOPEN_FAILED,
                format_args!("{target} cannot be opened again, the old file stays in use: {error}"),
            );
        }
    }

    fn write(&mut self, lines: Lines, back: &SyncSender<Vec<u8>>) {
        if let Err(failure) = self.sink.write(&lines.bytes) {
            self.shared.lines_lost.fetch_add(failure.lines, Ordering::Relaxed);
            let target = self.sink.target();
            self.diagnostics.error(
                WRITE_FAILED,
                format_args!("{target} cannot be written, {} lines are lost: {}", failure.lines, failure.error),
            );
        }
        let mut bytes = lines.bytes;
        if bytes.capacity() <= BUFFER_BYTES_MAX {
            bytes.clear();
            // The worker is gone, or has enough of them.
            let _not_needed = back.try_send(bytes);
        }
    }
}
