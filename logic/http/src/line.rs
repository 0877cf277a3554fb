//! Lines of a head: where they end, and reading field lines one after another.
//! It gives no meaning to a field; the parsers do.

use crate::field::{Field, FieldKind};
use crate::grammar::{TOKEN, control_at, is_space, name_run_end, run_end};
use crate::message::{Progress, Span};

/// What is wrong with a line, in a request or a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineFault {
    BareLf,
    BareCr,
    ControlByte,
    Fold,
    SpaceBeforeColon,
    NoColon,
    BadName,
    TooManyFields,
}

/// Where a parser stands between two calls.
///
/// Every line is parsed once, when it is complete; of an incomplete line only the new bytes are looked at, so the work
/// is linear however the bytes arrive. All faults of a line but a stray control byte wait for its end, so that the
/// result does not depend on how the bytes were cut.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    /// Start of the first line that is not parsed.
    pub(crate) line: usize,
    /// Up to here the line is known to hold no control byte.
    scanned: usize,
}

impl Cursor {
    /// Index of the CR that ends the current line; `None` when more bytes are needed.
    pub(crate) fn line_end(&mut self, window: &[u8]) -> Result<Option<usize>, LineFault> {
        let at = control_at(window, self.scanned.max(self.line));
        self.scanned = at;
        match (window.get(at), window.get(at + 1)) {
            (None, _) | (Some(b'\r'), None) => Ok(None),
            (Some(b'\r'), Some(b'\n')) => Ok(Some(at)),
            (Some(b'\r'), Some(_)) => Err(LineFault::BareCr),
            (Some(b'\n'), _) => Err(LineFault::BareLf),
            (Some(_), _) => Err(LineFault::ControlByte),
        }
    }

    /// Whether a byte of the current line was seen.
    pub(crate) fn has_partial_line(&self) -> bool {
        self.scanned > self.line
    }

    /// Goes to the line after the CR at `end`.
    pub(crate) fn next_line(&mut self, end: usize) {
        self.line = end + 2;
    }

    /// Whether an earlier call saw a part of the current line, and it is still not complete.
    pub(crate) fn still_waits(&mut self, window: &[u8]) -> Result<bool, LineFault> {
        Ok(self.has_partial_line() && self.line_end(window)?.is_none())
    }
}

/// What white space between a field name and its colon is (RFC 9112 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BeforeColon {
    /// A fault: in a request it is a way to smuggle.
    Refused,
    /// Not a part of the name; writers leave it out.
    TakenOut,
}

impl BeforeColon {
    /// The field line at `start` that is well-formed but for such white space.
    #[cold]
    fn field_at(self, window: &[u8], start: usize) -> Option<Field> {
        let (name_end, met) = run_end(window, start, TOKEN);
        let spaces = window.get(name_end..)?.iter().take_while(|byte| is_space(**byte)).count();
        if self == Self::Refused || name_end == start || window.get(name_end + spaces) != Some(&b':') {
            return None;
        }
        field_with(window, start, name_end, met, name_end + spaces)
    }
}

/// Reads field lines into `fields` up to the empty line, and shows each one that is not [`FieldKind::Other`]
/// to `notice`. After [`Progress::Complete`] the cursor stands behind the empty line.
#[inline]
pub(crate) fn read_fields<F: From<LineFault>>(
    window: &[u8],
    cursor: &mut Cursor,
    fields: &mut Vec<Field>,
    fields_max: usize,
    before_colon: BeforeColon,
    mut notice: impl FnMut(&Field) -> Result<(), F>,
) -> Result<Progress, F> {
    if cursor.still_waits(window)? {
        return Ok(Progress::NeedMore);
    }
    loop {
        if window.get(cursor.line..cursor.line + 2) == Some(b"\r\n") {
            cursor.next_line(cursor.line);
            return Ok(Progress::Complete);
        }
        let Some(field) = field_at(window, cursor.line).or_else(|| before_colon.field_at(window, cursor.line)) else {
            return other_line(window, cursor).map_err(F::from);
        };
        if fields.len() >= fields_max {
            return Err(LineFault::TooManyFields.into());
        }
        cursor.line = field.line.end as usize;
        fields.push(field);
        if field.kind != FieldKind::Other {
            notice(&field)?;
        }
    }
}

/// The well-formed and complete field line at `start`, in one pass.
#[inline(always)]
fn field_at(window: &[u8], start: usize) -> Option<Field> {
    let (name_end, met) = name_run_end(window, start);
    if name_end == start || window.get(name_end) != Some(&b':') {
        return None;
    }
    field_with(window, start, name_end, met, name_end)
}

/// The field at `start` with the name up to `name_end`, whose bytes have the classes `met`, if its line is complete.
#[inline(always)]
fn field_with(window: &[u8], start: usize, name_end: usize, met: u8, colon: usize) -> Option<Field> {
    let mut value_start = colon + 1;
    while window.get(value_start).is_some_and(|byte| is_space(*byte)) {
        value_start += 1;
    }
    let line_end = control_at(window, value_start);
    if window.get(line_end..line_end + 2) != Some(b"\r\n") {
        return None;
    }
    let mut value_end = line_end;
    while value_end > value_start && is_space(window[value_end - 1]) {
        value_end -= 1;
    }
    Some(Field {
        name: Span::new(start, name_end),
        value: Span::new(value_start, value_end),
        line: Span::new(start, line_end + 2),
        kind: FieldKind::read(&window[start..name_end], met),
        dropped: false,
    })
}

/// The line is incomplete, or something is wrong with it.
#[cold]
fn other_line(window: &[u8], cursor: &mut Cursor) -> Result<Progress, LineFault> {
    let start = cursor.line;
    match cursor.line_end(window)? {
        None => Ok(Progress::NeedMore),
        Some(end) => Err(wrong_with(window.get(start..end).unwrap_or_default())),
    }
}

fn wrong_with(line: &[u8]) -> LineFault {
    let (name_end, _) = run_end(line, 0, TOKEN);
    match line.get(name_end) {
        Some(byte) if is_space(*byte) && name_end == 0 => LineFault::Fold,
        Some(byte) if is_space(*byte) && line[name_end..].trim_ascii_start().starts_with(b":") => {
            LineFault::SpaceBeforeColon
        }
        _ if !line.contains(&b':') => LineFault::NoColon,
        _ => LineFault::BadName,
    }
}
