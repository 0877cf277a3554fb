//! Runs of untouched lines: they were validated as they stand, so a whole run is one copy.
//! Which lines are touched is decided by the writers.

use crate::field::Field;

/// The pending run of bytes of `message`.
pub(crate) struct Run<'a> {
    message: &'a [u8],
    start: usize,
    end: usize,
}

impl<'a> Run<'a> {
    /// A run that begins with `start..end`.
    pub(crate) const fn new(message: &'a [u8], start: usize, end: usize) -> Self {
        Self { message, start, end }
    }

    /// Takes the line into the run. Lines come in order, with no gap but skipped ones.
    #[inline]
    pub(crate) const fn keep(&mut self, field: &Field) {
        self.end = field.line.end as usize;
    }

    /// Ends the run before the line and goes on behind it.
    #[inline]
    pub(crate) fn skip(&mut self, field: &Field, out: &mut Vec<u8>) {
        self.flush(out);
        self.start = field.line.end as usize;
        self.end = self.start;
    }

    /// Copies what is pending.
    #[inline]
    pub(crate) fn flush(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.message.get(self.start..self.end).unwrap_or_default());
        self.start = self.end;
    }
}
