//! The access log as a worker sees it: a record in, a line in the worker's own buffer out.
//!
//! Nothing here touches a file or waits. Full buffers go to the thread of [`crate::LogWriter`]; when that is behind,
//! lines are dropped and counted.

mod json;
mod plain;

use crate::counters::WorkerCounters;
use crate::time::TimeText;
use crate::writer::{Lines, Outlet};
use evener_plan::{AccessFormat, TemplatePart};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What is known of a request when it is over.
#[derive(Debug, Clone)]
pub struct AccessRecord<'a> {
    /// When the first byte of the request came.
    pub time: SystemTime,
    /// Address of the client, by which the site's trusted proxies are already taken into account.
    pub client: IpAddr,
    /// Method as it came; empty if none could be read.
    pub method: &'a [u8],
    /// Request target as it came; empty if none could be read.
    pub target: &'a [u8],
    /// `HTTP/1.1`; empty if none could be read.
    pub protocol: &'a str,
    /// Host of the request.
    pub host: &'a [u8],
    /// Status of the response; 499 for a client that left before.
    pub status: u16,
    /// Bytes of the response body that were sent.
    pub bytes_out: u64,
    /// Bytes of the request body that were received.
    pub bytes_in: u64,
    /// Time from the first byte of the request to the last of the response.
    pub duration: Duration,
    /// Name of the upstream; empty if none was asked.
    pub upstream: &'a str,
    /// Address of the server that answered, or of the last one that was tried.
    pub server: &'a str,
    /// Time from sending the request to the first byte of the server's response.
    pub server_time: Option<Duration>,
    /// Time for which it waited because every server was at its bound.
    pub queue_time: Option<Duration>,
    /// What was known of the server when it was picked; only made up if a template asks for it.
    pub pick: &'a str,
    /// How often the request was sent again.
    pub retries: u32,
    /// Reason code of a failure.
    pub reason: Option<&'a str>,
    /// Field `Referer`.
    pub referer: &'a [u8],
    /// Field `User-Agent`.
    pub user_agent: &'a [u8],
}

/// The names that a template may use, each with braces around it.
pub const FIELD_NAMES: &[&str] = &[
    "time",
    "client",
    "method",
    "target",
    "path",
    "query",
    "protocol",
    "host",
    "status",
    "bytes_out",
    "bytes_in",
    "duration",
    "duration_ms",
    "upstream",
    "server",
    "server_time",
    "queue_time",
    "pick",
    "retries",
    "reason",
    "referer",
    "user_agent",
];

/// Bytes from which on a buffer is handed over.
const BUFFER_BYTES: usize = 32 * 1024;

/// The access log of one worker.
///
/// LIFECYCLE: made by [`crate::LogWriter::access_log`]; the worker calls [`Self::write`] for each request and
/// [`Self::flush`] about once a second. Dropping it hands over what is left. Lines that come after the writer was
/// stopped are dropped and counted.
#[derive(Debug)]
pub struct AccessLog {
    /// `None` when the log is off.
    outlet: Option<Outlet>,
    format: Arc<AccessFormat>,
    tells_pick: bool,
    time: TimeText,
    buffer: Vec<u8>,
    lines: u64,
    counters: Arc<WorkerCounters>,
}

impl AccessLog {
    pub(crate) fn new(outlet: Option<Outlet>, format: Arc<AccessFormat>, counters: Arc<WorkerCounters>) -> Self {
        let is_pick = |part: &TemplatePart| matches!(part, TemplatePart::Field(name) if name == "pick");
        let tells_pick =
            outlet.is_some() && matches!(&*format, AccessFormat::Template(parts) if parts.iter().any(is_pick));
        Self { outlet, format, tells_pick, time: TimeText::new(), buffer: Vec::new(), lines: 0, counters }
    }

    /// Whether lines go anywhere; if not, the caller need not make a record.
    pub fn is_on(&self) -> bool {
        self.outlet.is_some()
    }

    /// Whether lines tell what was known of a server when it was picked.
    pub fn tells_pick(&self) -> bool {
        self.tells_pick
    }

    /// Adds the line of a request.
    pub fn write(&mut self, record: &AccessRecord<'_>) {
        if !self.is_on() {
            return;
        }
        if self.buffer.capacity() == 0 {
            // Room for a line after the mark is reached, so that a buffer in use does not grow.
            self.buffer.reserve_exact(BUFFER_BYTES + BUFFER_BYTES / 8);
        }
        let Self { format, time, buffer, .. } = self;
        match &**format {
            AccessFormat::Json => json::push(record, time, buffer),
            AccessFormat::Combined => plain::push_combined(record, time, buffer),
            AccessFormat::Common => plain::push_common(record, time, buffer),
            AccessFormat::Template(parts) => plain::push_template(parts, record, time, buffer),
        }
        self.buffer.push(b'\n');
        self.lines += 1;
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush();
        }
    }

    /// Hands over what is in the buffer.
    pub fn flush(&mut self) {
        if self.lines == 0 {
            return;
        }
        let Some(outlet) = &self.outlet else { return };
        let full = Lines { bytes: std::mem::take(&mut self.buffer), count: std::mem::take(&mut self.lines) };
        match outlet.hand_over(full) {
            Ok(()) => self.buffer = outlet.empty_buffer(),
            Err(refused) => {
                self.counters.log_lines_dropped.add(refused.count);
                self.buffer = refused.bytes;
                self.buffer.clear();
            }
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.flush();
    }
}

/// A duration with so many decimals: `0.001234` for seconds, `1.234` for milliseconds.
pub(crate) fn push_decimal(whole: u64, fraction: u64, digits: usize, out: &mut Vec<u8>) {
    push_number(whole, out);
    out.push(b'.');
    let mut text = itoa::Buffer::new();
    let text = text.format(fraction).as_bytes();
    out.resize(out.len() + digits.saturating_sub(text.len()), b'0');
    out.extend_from_slice(text);
}

/// Seconds with microseconds.
pub(crate) fn push_seconds(duration: Duration, out: &mut Vec<u8>) {
    push_decimal(duration.as_secs(), u64::from(duration.subsec_micros()), 6, out);
}

pub(crate) fn push_number(number: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Path and query of a request target, without the scheme and the authority that it may begin with.
pub(crate) fn path_and_query(target: &[u8]) -> (&[u8], &[u8]) {
    let authority = target.windows(3).position(|window| window == b"://").map(|place| place + 3);
    let origin = match authority {
        Some(start) if !target.starts_with(b"/") => {
            let length = target[start..].iter().position(|byte| matches!(byte, b'/' | b'?'));
            length.map_or(&[][..], |length| &target[start + length..])
        }
        _ => target,
    };
    match origin.iter().position(|byte| *byte == b'?') {
        Some(place) => (&origin[..place], &origin[place + 1..]),
        None => (origin, &[]),
    }
}

#[cfg(test)]
mod tests;
