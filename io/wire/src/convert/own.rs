//! Heads of responses as evener's own writer makes them, taken apart without the suspicion that a stranger's head needs,
//! and made a response of HTTP/2.
//!
//! Fields that were in the last head at the same place are taken from there: servers say most of them with every answer,
//! and each would be looked up, checked and allocated again.

use evener_http::{Framing, Method};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use memchr::memchr;
use std::cell::RefCell;

/// Places of a head that are remembered, and the bytes of a line at most.
const KNOWN_MAX: usize = 24;
const KNOWN_LINE_BYTES_MAX: usize = 256;

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// A head that evener has written for a client.
pub(crate) struct OwnHead {
    /// What a client of HTTP/2 gets. A 101 has become a 200 (RFC 8441 §5).
    pub(crate) response: Response<()>,
    pub(crate) status: u16,
    pub(crate) framing: Framing,
    pub(crate) head_bytes: usize,
}

/// The head that `text` begins with, the answer to a request with this method. `None`: it is not of our writing. `map` is
/// empty.
pub(crate) fn own_head(text: &[u8], method: Method, map: HeaderMap) -> Option<OwnHead> {
    let line = line_at(text, 0)?;
    let status = std::str::from_utf8(text.get(9..12)?).ok()?.parse().ok()?;
    let mut response = Response::new(());
    *response.headers_mut() = map;
    *response.status_mut() = if status == 101 { StatusCode::OK } else { StatusCode::from_u16(status).ok()? };
    let mut told = Told::default();
    let head_bytes = KNOWN
        .with_borrow_mut(|known| add_fields(text, line.len() + 2, known, status, response.headers_mut(), &mut told))?;
    let framing = match () {
        () if method == Method::Head || matches!(status, 100..=199 | 204 | 304) => Framing::None,
        () if told.is_chunked => Framing::Chunked,
        () => told.length.map_or(Framing::UntilClose, Framing::Length),
    };
    if told.is_call_status {
        // A head that stands for the trailers of a gRPC call: its fields are what the client takes for trailers.
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    Some(OwnHead { response, status, framing, head_bytes })
}

/// What the fields say beyond themselves.
#[derive(Default)]
struct Told {
    length: Option<u64>,
    is_chunked: bool,
    is_call_status: bool,
}

/// Adds the fields that begin at `start`; the length of the head.
fn add_fields(
    text: &[u8],
    start: usize,
    known: &mut Known,
    status: u16,
    map: &mut HeaderMap,
    told: &mut Told,
) -> Option<usize> {
    // As many as the last head had.
    map.reserve(known.last);
    let mut start = start;
    for place in 0.. {
        let line = line_at(text, start)?;
        start += line.len() + 2;
        if line.is_empty() {
            known.last = place;
            return Some(start);
        }
        known.with(place, line, |sort, name, value| {
            match sort {
                Sort::Dropped => return,
                Sort::Accept if status == 101 => return,
                Sort::Framing => {
                    told.is_chunked = true;
                    return;
                }
                Sort::Length(length) => told.length = length,
                Sort::CallStatus => told.is_call_status = true,
                Sort::Accept | Sort::Plain => {}
            }
            map.append(name, value.clone());
        });
    }
    None
}

/// The line at `start`, without its end.
fn line_at(text: &[u8], start: usize) -> Option<&[u8]> {
    let rest = text.get(start..)?;
    let end = memchr(b'\n', rest)?;
    rest[..end].strip_suffix(b"\r")
}

/// What a field is to HTTP/2.
#[derive(Debug, Clone, Copy)]
enum Sort {
    /// Of the connection of HTTP/1.1 (RFC 9113 §8.2.2).
    Dropped,
    /// `Transfer-Encoding`, of which we write one kind only.
    Framing,
    /// `Content-Length`.
    Length(Option<u64>),
    /// The answer to the key of a WebSocket, of which HTTP/2 has none.
    Accept,
    /// `grpc-status`.
    CallStatus,
    Plain,
}

impl Sort {
    fn of(name: &HeaderName, value: &HeaderValue) -> Self {
        match *name {
            header::CONNECTION | header::UPGRADE | header::TE => Self::Dropped,
            header::TRANSFER_ENCODING => Self::Framing,
            header::CONTENT_LENGTH => Self::Length(value.to_str().ok().and_then(|digits| digits.parse().ok())),
            header::SEC_WEBSOCKET_ACCEPT => Self::Accept,
            ref name if *name == KEEP_ALIVE || *name == PROXY_CONNECTION => Self::Dropped,
            ref name if *name == GRPC_STATUS => Self::CallStatus,
            _ => Self::Plain,
        }
    }
}

/// The fields of the last head, by their place.
#[derive(Default)]
struct Known {
    fields: Vec<Field>,
    last: usize,
}

struct Field {
    line: Vec<u8>,
    sort: Sort,
    name: HeaderName,
    value: HeaderValue,
}

impl Known {
    /// Calls `take` with the field of a line. One that HTTP/2 has no form for is left out.
    fn with(&mut self, place: usize, line: &[u8], take: impl FnOnce(Sort, &HeaderName, &HeaderValue)) {
        if let Some(field) = self.fields.get(place).filter(|field| field.line == line) {
            return take(field.sort, &field.name, &field.value);
        }
        let Some(colon) = memchr(b':', line) else { return };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        let (Ok(name), Ok(value)) = (name, value) else { return };
        let sort = Sort::of(&name, &value);
        take(sort, &name, &value);
        if place >= KNOWN_MAX {
            return;
        }
        // Long lines keep their place, and are never met again.
        let (line, value) = match line.len() {
            0..=KNOWN_LINE_BYTES_MAX => (line, value),
            _ => (&[][..], HeaderValue::from_static("")),
        };
        if place == self.fields.len() {
            self.fields.push(Field { line: line.to_vec(), sort, name, value });
        } else if let Some(field) = self.fields.get_mut(place) {
            field.line.clear();
            field.line.extend_from_slice(line);
            (field.sort, field.name, field.value) = (sort, name, value);
        }
    }
}
