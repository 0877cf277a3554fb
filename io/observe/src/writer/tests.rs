//! The way of a line from a worker to a file, with real files and the real thread.

use super::sink::{Sink, WholeLines};
use super::*;
use crate::{AccessRecord, Counters};
use evener_plan::TemplatePart;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

const PATIENCE: Duration = Duration::from_secs(20);

/// A folder of its own for a test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("evener-observe-{}-{test}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _leftover = fs::remove_dir_all(&self.0);
    }
}

fn plan(file: &Path) -> LogPlan {
    let parts = ["worker ", "host", " line ", "target"]
        .chunks(2)
        .flat_map(|pair| [TemplatePart::Text(pair[0].to_owned()), TemplatePart::Field(pair[1].to_owned())]);
    let format = AccessFormat::Template(parts.collect());
    LogPlan { access: LogTarget::File(file.to_str().unwrap().to_owned()), format }
}

fn write(log: &mut AccessLog, worker: &str, line: usize) {
    log.write(&AccessRecord {
        time: SystemTime::UNIX_EPOCH,
        client: [127, 0, 0, 1].into(),
        method: b"GET",
        target: line.to_string().as_bytes(),
        protocol: "HTTP/1.1",
        host: worker.as_bytes(),
        status: 200,
        bytes_out: 0,
        bytes_in: 0,
        duration: Duration::ZERO,
        upstream: "",
        server: "",
        server_time: None,
        queue_time: None,
        pick: "",
        retries: 0,
        reason: None,
        referer: b"",
        user_agent: b"",
    });
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn every_line_of_every_worker_is_written_in_order() {
    let folder = Folder::new("order");
    let file = folder.file("access.log");
    let writer = LogWriter::start(&plan(&file)).unwrap();
    let counters = Counters::new(3, &[]);
    std::thread::scope(|scope| {
        for worker in 0..3 {
            let mut log = writer.access_log(Arc::clone(counters.worker(worker).unwrap()));
            scope.spawn(move || (0..20_000).for_each(|line| write(&mut log, &worker.to_string(), line)));
        }
    });
    assert!(writer.stop(PATIENCE));
    assert_eq!(counters.totals().log_lines_dropped, 0);
    let text = fs::read_to_string(&file).unwrap();
    let mut next = [0; 3];
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let (worker, number): (usize, usize) = (words[1].parse().unwrap(), words[3].parse().unwrap());
        assert_eq!(number, next[worker], "worker {worker}");
        next[worker] += 1;
    }
    assert_eq!(next, [20_000; 3]);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o007, 0, "others may read the log");
}

#[test]
fn a_flush_brings_a_line_to_the_file_and_later_lines_follow() {
    let folder = Folder::new("flush");
    let file = folder.file("access.log");
    fs::write(&file, "old line\n").unwrap();
    let writer = LogWriter::start(&plan(&file)).unwrap();
    let counters = Counters::new(1, &[]);
    let mut log = writer.access_log(Arc::clone(counters.worker(0).unwrap()));
    assert!(log.is_on());
    let mut expected = "old line\n".to_owned();
    for line in 0..10 {
        write(&mut log, "0", line);
        log.flush();
        log.flush();
        expected.push_str(&format!("worker 0 line {line}\n"));
        wait_until("the line is in the file", || fs::read_to_string(&file).unwrap() == expected);
    }
    drop(log);
    assert!(writer.stop(PATIENCE));
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
}

#[test]
fn a_moved_file_is_opened_again_by_its_name() {
    let folder = Folder::new("reopen");
    let (file, moved) = (folder.file("access.log"), folder.file("access.log.1"));
    let writer = LogWriter::start(&plan(&file)).unwrap();
    let counters = Counters::new(1, &[]);
    let mut log = writer.access_log(Arc::clone(counters.worker(0).unwrap()));
    write(&mut log, "0", 1);
    log.flush();
    wait_until("the first line is written", || !fs::read(&file).unwrap().is_empty());
    fs::rename(&file, &moved).unwrap();
    writer.reopen();
    wait_until("the file is there again", || file.exists());
    write(&mut log, "0", 2);
    drop(log);
    assert!(writer.stop(PATIENCE));
    assert_eq!(fs::read_to_string(&moved).unwrap(), "worker 0 line 1\n");
    assert_eq!(fs::read_to_string(&file).unwrap(), "worker 0 line 2\n");
}

#[test]
fn a_file_that_cannot_be_opened_again_stays_in_use() {
    let folder = Folder::new("gone");
    let inner = Folder(folder.file("inner"));
    fs::create_dir(&inner.0).unwrap();
    let (file, moved) = (inner.file("access.log"), folder.file("moved.log"));
    let writer = LogWriter::start(&plan(&file)).unwrap();
    let counters = Counters::new(1, &[]);
    let mut log = writer.access_log(Arc::clone(counters.worker(0).unwrap()));
    fs::rename(&file, &moved).unwrap();
    fs::remove_dir(&inner.0).unwrap();
    writer.reopen();
    write(&mut log, "0", 1);
    drop(log);
    assert!(writer.stop(PATIENCE));
    assert_eq!(fs::read_to_string(&moved).unwrap(), "worker 0 line 1\n");
}

#[test]
fn a_full_device_costs_lines_and_nothing_else() {
    // Every write to it fails with ENOSPC.
    let writer = LogWriter::start(&plan(Path::new("/dev/full"))).unwrap();
    let counters = Counters::new(1, &[]);
    let mut log = writer.access_log(Arc::clone(counters.worker(0).unwrap()));
    for line in 0..10 {
        write(&mut log, "0", line);
    }
    log.flush();
    wait_until("the lines are counted as lost", || writer.lines_lost() == 10);
    write(&mut log, "0", 10);
    log.flush();
    wait_until("the thread is still there", || writer.lines_lost() == 11);
    drop(log);
    assert!(writer.stop(PATIENCE));
}

#[test]
fn a_stalled_writer_blocks_no_worker() {
    // Nobody reads from this queue, as if the thread hung in a write.
    let (sender, inbox) = mpsc::sync_channel(2);
    let counters = Counters::new(1, &[]);
    let format = Arc::new(AccessFormat::Combined);
    let worker = counters.worker(0).unwrap();
    let mut log = AccessLog::new(Some(Outlet::new(sender)), format, Arc::clone(worker));
    for line in 0..5 {
        write(&mut log, "0", line);
        write(&mut log, "0", line);
        log.flush();
    }
    assert_eq!(counters.totals().log_lines_dropped, 6);
    drop(inbox);
    write(&mut log, "0", 9);
    drop(log);
    assert_eq!(counters.totals().log_lines_dropped, 7);
}

#[test]
fn buffers_come_back() {
    let (sender, inbox) = mpsc::sync_channel(4);
    let outlet = Outlet::new(sender);
    assert_eq!(outlet.empty_buffer().capacity(), 0);
    outlet.hand_over(Lines { bytes: Vec::with_capacity(1000), count: 0 }).unwrap();
    outlet.hand_over(Lines { bytes: Vec::with_capacity(10 * BUFFER_BYTES_MAX), count: 0 }).unwrap();
    drop(outlet.sender);
    let folder = Folder::new("buffers");
    let file = folder.file("access.log").to_str().unwrap().to_owned();
    let sink = Sink::open(LogTarget::File(file)).unwrap();
    thread::run(&inbox, sink, &Shared::default());
    assert_eq!(outlet.emptied.try_recv().unwrap().capacity(), 1000);
    assert!(outlet.emptied.try_recv().is_err(), "the huge buffer came back");
}

#[test]
fn a_log_that_is_off_costs_nothing() {
    let writer = LogWriter::start(&LogPlan { access: LogTarget::Off, format: AccessFormat::Json }).unwrap();
    let counters = Counters::new(1, &[]);
    let mut log = writer.access_log(Arc::clone(counters.worker(0).unwrap()));
    assert!(!log.is_on());
    write(&mut log, "0", 1);
    log.flush();
    writer.reopen();
    assert!(writer.stop(PATIENCE));
    drop(log);
    assert_eq!(counters.totals().log_lines_dropped, 0);
}

#[test]
fn lines_after_the_stop_are_dropped_and_counted() {
    let folder = Folder::new("late");
    let writer = LogWriter::start(&plan(&folder.file("access.log"))).unwrap();
    let counters = Counters::new(1, &[]);
    let mut log = writer.access_log(Arc::clone(counters.worker(0).unwrap()));
    assert!(writer.stop(PATIENCE));
    write(&mut log, "0", 1);
    drop(log);
    assert_eq!(counters.totals().log_lines_dropped, 1);
}

#[test]
fn a_pipe_that_nobody_reads_delays_the_stop_no_longer_than_allowed() {
    let folder = Folder::new("pipe");
    let path = folder.file("fifo");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    // Opened for both, so that opening does not wait for the other end.
    let reader = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let writer = LogWriter::start(&plan(&path)).unwrap();
    let counters = Counters::new(1, &[]);
    let mut log = writer.access_log(Arc::clone(counters.worker(0).unwrap()));
    // More than the 64 KiB that a pipe holds, less than the queue does.
    for line in 0..50_000 {
        write(&mut log, "0", line);
    }
    drop(log);
    assert!(!writer.stop(Duration::from_millis(50)));
    drop(reader);
}

#[test]
fn a_target_that_cannot_be_opened_is_an_error_with_its_name() {
    let error = LogWriter::start(&plan(Path::new("/nowhere/access.log"))).unwrap_err();
    assert_eq!(error.to_string(), "the access log /nowhere/access.log cannot be opened");
    let source = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.kind(), io::ErrorKind::NotFound);
}

/// A place that takes some bytes and then fails.
struct Narrow {
    room: usize,
    taken: Vec<u8>,
    error: io::ErrorKind,
}

impl io::Write for Narrow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.room).min(3);
        if count == 0 {
            self.room = 100;
            return Err(self.error.into());
        }
        self.room -= count;
        self.taken.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_torn_line_does_not_spoil_the_next() {
    let check = |room: usize, expected: &str, expected_lost: u64| {
        let narrow = Narrow { room, taken: Vec::new(), error: io::ErrorKind::StorageFull };
        let mut sink = WholeLines::new(narrow);
        let lost = sink.write(b"one\ntwo\nthree\n").map_or_else(|failure| failure.lines, |()| 0);
        assert_eq!(lost, expected_lost, "room for {room}");
        sink.write(b"four\n").unwrap();
        assert_eq!(String::from_utf8(sink.file.taken).unwrap(), expected, "room for {room}");
    };
    check(0, "four\n", 3);
    check(2, "on\nfour\n", 3);
    check(3, "one\nfour\n", 3);
    check(4, "one\nfour\n", 2);
    check(9, "one\ntwo\nt\nfour\n", 1);
    check(100, "one\ntwo\nthree\nfour\n", 0);
}

#[test]
fn a_pause_is_not_a_failure() {
    for error in [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted] {
        let mut sink = WholeLines::new(Narrow { room: 5, taken: Vec::new(), error });
        sink.write(b"one\ntwo\n").unwrap();
        assert_eq!(sink.file.taken, b"one\ntwo\n");
    }
}
