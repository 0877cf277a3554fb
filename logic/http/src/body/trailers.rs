//! The trailer section of a chunked body: checked like field lines, filtered, written anew.
//! Trailers are never merged into the head (RFC 9110 §6.5.1).

use super::BodyFault;
use crate::field::{FieldKind, is_end_to_end};
use crate::grammar::{self, DASH_ALIAS, TOKEN, run_end};

/// Collects trailer lines.
#[derive(Debug, Default)]
pub(crate) struct Trailers {
    /// The line that is being read; ends in CR when LF is awaited.
    line: Vec<u8>,
    kept: Vec<u8>,
    bytes: usize,
    count: usize,
}

impl Trailers {
    /// The allowed lines so far.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// Takes one byte. Gives whether it ended the section.
    pub(crate) fn take(&mut self, byte: u8) -> Result<bool, BodyFault> {
        self.bytes += 1;
        if self.bytes > TRAILER_BYTES_MAX {
            return Err(BodyFault::TrailersTooLarge);
        }
        let awaits_lf = self.line.last() == Some(&b'\r');
        if awaits_lf && byte == b'\n' {
            self.line.pop();
            return self.end_line();
        }
        if awaits_lf || (byte != b'\r' && grammar::control_at(&[byte], 0) == 0) {
            return Err(BodyFault::BadTrailer);
        }
        self.line.push(byte);
        Ok(false)
    }

    fn end_line(&mut self) -> Result<bool, BodyFault> {
        if self.line.is_empty() {
            return Ok(true);
        }
        self.count += 1;
        if self.count > TRAILERS_MAX {
            return Err(BodyFault::TrailersTooLarge);
        }
        let (name_end, met) = run_end(&self.line, 0, TOKEN);
        let (name, rest) = self.line.split_at(name_end);
        let [b':', value @ ..] = rest else { return Err(BodyFault::BadTrailer) };
        if name.is_empty() {
            return Err(BodyFault::BadTrailer);
        }
        if is_allowed(name, met) {
            self.kept.extend_from_slice(name);
            self.kept.extend_from_slice(b": ");
            self.kept.extend_from_slice(grammar::trim(value));
            self.kept.extend_from_slice(b"\r\n");
        }
        self.line.clear();
        Ok(false)
    }
}

/// Framing, routing, credentials, content and what proxies vouch for cannot come late; a name with `_` or `.` may be
/// read as any of them.
fn is_allowed(name: &[u8], met: u8) -> bool {
    FieldKind::of(name) == FieldKind::Other && met & DASH_ALIAS == 0 && !is_end_to_end(name)
}

const TRAILERS_MAX: usize = 64;
const TRAILER_BYTES_MAX: usize = 16 * 1024;
