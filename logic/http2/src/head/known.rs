//! What is remembered of heads and trailers, by the place of a line: servers say most of them with every answer, and each
//! would be taken apart and encoded again.
//!
//! It serves all connections of a worker; what one of them has in its dynamic table is not known here. LIFECYCLE: read (each
//! line finds its place, or takes it) -> say (the lines that were read, by their places).

use super::name::Kind;
use crate::hpack::{Encoder, Saying};
use evener_http::{control_at, is_token};
use memchr::memchr;

/// Places that are remembered, and the bytes of a line at most.
const PLACES_MAX: usize = 24;
const LINE_BYTES_MAX: usize = 256;
/// Memory that may stay with [`Places::spare`].
const SPARE_BYTES_MAX: usize = 4096;

/// What evener's own writer said last, to any client of HTTP/2.
#[derive(Default)]
pub struct Known {
    pub(super) head: Places,
    pub(super) trailers: Places,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").finish_non_exhaustive()
    }
}

/// The last lines, by their place.
#[derive(Default)]
pub(super) struct Places {
    places: Vec<Place>,
    /// For lines that are not remembered.
    spare: Option<Saying>,
}

struct Place {
    /// With its end; empty if it is too long to be remembered.
    line: Vec<u8>,
    /// Where such a line began in the text that was read last.
    start: usize,
    sort: Sort,
    saying: Saying,
}

/// What a line is to HTTP/2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// Of the connection of HTTP/1.1, or nothing that HTTP/2 has a form for.
    Dropped,
    /// `transfer-encoding`, of which we write one kind only.
    Framing,
    /// `content-length`
    Length(Option<u64>),
    /// The answer to the key of a WebSocket, of which HTTP/2 has none.
    Accept,
    /// `grpc-status`
    CallStatus,
    Plain,
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Where the lines end: at an empty one, at one that is cut, or at the end of the text.
    pub(super) end: usize,
    pub(super) length: Option<u64>,
    pub(super) is_chunked: bool,
    pub(super) has_call_status: bool,
    lines: usize,
    /// Where the lines begin that have no place any more.
    rest: usize,
}

/// What is left out of an answer beside what HTTP/2 has no form for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaves {
    Nothing,
    Length,
    LengthAndAccept,
}

impl Places {
    /// Reads the lines of `text` from `start` on.
    pub(super) fn read(&mut self, text: &[u8], start: usize) -> Reading {
        let mut reading = Reading { end: start, rest: start, ..Reading::default() };
        while let Some(rest) = text.get(reading.end..) {
            let known = self.places.get(reading.lines).filter(|place| !place.line.is_empty());
            let (bytes, sort) = match known.filter(|place| rest.starts_with(&place.line)) {
                Some(place) => (place.line.len(), place.sort),
                None => {
                    let Some(line) = line_of(rest) else { break };
                    (line.len(), self.learn(reading.lines, line, reading.end))
                }
            };
            reading.note(sort);
            reading.end += bytes;
            reading.lines += 1;
            if reading.lines <= PLACES_MAX {
                reading.rest = reading.end;
            }
        }
        reading
    }

    /// Encodes the lines of `text` that were read last.
    pub(super) fn say(
        &mut self,
        text: &[u8],
        reading: &Reading,
        leaves: Leaves,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) {
        let spare = &mut self.spare;
        for place in self.places.iter().take(reading.lines) {
            if !place.sort.is_said(leaves) {
                continue;
            }
            if place.line.is_empty() {
                say_unknown(text, place.start, spare, encoder, out);
            } else {
                encoder.field(&place.saying, out);
            }
        }
        let mut start = reading.rest;
        while let Some(line) = text.get(start..reading.end).and_then(line_of) {
            if fields_of(line).is_some_and(|(name, value)| Sort::of(name, value).is_said(leaves)) {
                say_unknown(text, start, spare, encoder, out);
            }
            start += line.len();
        }
        if spare.as_ref().is_some_and(|saying| saying.value().len() > SPARE_BYTES_MAX) {
            *spare = None;
        }
    }

    /// Bytes of text that stay.
    #[cfg(test)]
    pub(super) fn kept_bytes(&self) -> usize {
        let of = |saying: &Saying| saying.name().len() + saying.value().len();
        let places = self.places.iter().map(|place| place.line.capacity() + of(&place.saying));
        places.sum::<usize>() + self.spare.as_ref().map_or(0, of)
    }

    /// Remembers a line at its place, in place of what was there.
    #[cold]
    fn learn(&mut self, place: usize, line: &[u8], start: usize) -> Sort {
        let field = fields_of(line);
        let sort = field.map_or(Sort::Dropped, |(name, value)| Sort::of(name, value));
        if place >= PLACES_MAX {
            return sort;
        }
        let (line, (name, value)) = match field {
            _ if line.len() > LINE_BYTES_MAX => (&b""[..], (&b""[..], &b""[..])),
            field => (line, field.unwrap_or_default()),
        };
        match self.places.get_mut(place) {
            Some(place) => {
                place.line.clear();
                place.line.extend_from_slice(line);
                place.saying.set(name, value);
                (place.start, place.sort) = (start, sort);
            }
            None => self.places.push(Place { line: line.to_vec(), start, sort, saying: Saying::new(name, value) }),
        }
        sort
    }
}

impl Reading {
    fn note(&mut self, sort: Sort) {
        match sort {
            Sort::Framing => self.is_chunked = true,
            Sort::Length(length) => self.length = length,
            Sort::CallStatus => self.has_call_status = true,
            Sort::Dropped | Sort::Accept | Sort::Plain => {}
        }
    }
}

impl Sort {
    /// The sort of a field, whose name has any case.
    fn of(name: &[u8], value: &[u8]) -> Self {
        let mut lower = [0; NAME_BYTES_MAX];
        let Some(lower) = lower.get_mut(..name.len()) else { return Self::Plain };
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        match Kind::of(lower) {
            Kind::OfConnection | Kind::Te => Self::Dropped,
            Kind::TransferEncoding => Self::Framing,
            Kind::ContentLength => Self::Length(str::from_utf8(value).ok().and_then(|digits| digits.parse().ok())),
            Kind::SwitchAccept => Self::Accept,
            Kind::GrpcStatus => Self::CallStatus,
            Kind::Plain | Kind::Host | Kind::Cookie | Kind::SwitchKey => Self::Plain,
        }
    }

    const fn is_said(self, leaves: Leaves) -> bool {
        match self {
            Self::Dropped | Self::Framing => false,
            Self::Length(_) => matches!(leaves, Leaves::Nothing),
            Self::Accept => !matches!(leaves, Leaves::LengthAndAccept),
            Self::CallStatus | Self::Plain => true,
        }
    }
}

/// Encodes the field of the line at `start`.
fn say_unknown(text: &[u8], start: usize, spare: &mut Option<Saying>, encoder: &mut Encoder, out: &mut Vec<u8>) {
    let Some((name, value)) = text.get(start..).and_then(line_of).and_then(fields_of) else { return };
    let saying = match spare {
        Some(saying) => {
            saying.set(name, value);
            saying
        }
        None => spare.insert(Saying::new(name, value)),
    };
    encoder.field(saying, out);
}

/// The line that `text` begins with, with its end; `None` if it is empty or not whole.
fn line_of(text: &[u8]) -> Option<&[u8]> {
    let line = text.get(..=memchr(b'\n', text)?)?;
    (line.len() > 2 && line.ends_with(b"\r\n")).then_some(line)
}

/// Name and value of a line, if HTTP/2 has a form for them.
fn fields_of(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = line.split_at_checked(memchr(b':', line)?)?;
    let value = value.get(1..)?.trim_ascii();
    (is_token(name) && control_at(value, 0) == value.len()).then_some((name, value))
}

/// The longest name of those that mean something here.
const NAME_BYTES_MAX: usize = b"sec-websocket-accept".len();
