//! The incremental parser of request heads.
//! It decides what a head means; it does not decide what is forwarded.

use super::{RequestFault, RequestHead};
use crate::connection::{ConnectionOptions, Offer};
use crate::field::{Field, FieldKind};
use crate::forward::upgrade;
use crate::grammar::{TOKEN, elements, run_end};
use crate::host;
use crate::line::{BeforeColon, Cursor, read_fields};
use crate::message::{Framing, HeadLimits, Method, Progress, Span, Version, VersionFault};
use crate::target::{Target, TargetForm};
use crate::transfer::Transfer;

/// Parses request heads, whole or in pieces, each line once.
#[derive(Debug, Default)]
pub struct RequestParser {
    stage: Stage,
    cursor: Cursor,
    empty_lines: u8,
    facts: Facts,
    head: RequestHead,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    RequestLine,
    Fields,
    Complete,
    Failed(RequestFault),
}

/// What the field lines said, until all of them are read.
#[derive(Debug, Default)]
struct Facts {
    host: Option<Span>,
    transfer: Transfer,
    connection: ConnectionOptions,
    upgrade: Offer,
    expectation: Expectation,
}

/// What the Expect lines say. One that is not served is refused only when the whole head is read, so that a broken
/// line after it is told as what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expectation {
    #[default]
    None,
    Continue,
    Unknown,
}

impl RequestParser {
    /// A parser before its first message.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gets ready for the next message. Capacity is kept.
    pub fn reset(&mut self) {
        self.stage = Stage::RequestLine;
        self.cursor = Cursor::default();
        self.empty_lines = 0;
        self.facts = Facts::default();
        self.head.clear();
    }

    /// Goes on with `message`, all bytes received since the start of this message; it may hold more than the head.
    ///
    /// # Errors
    /// A fault is found as soon as the line that holds it is complete, a stray control byte at once. It stays until `reset`.
    pub fn parse(&mut self, message: &[u8], limits: &HeadLimits) -> Result<Progress, RequestFault> {
        if let Stage::Failed(fault) = self.stage {
            return Err(fault);
        }
        let window = limits.window(message);
        let result = match self.advance(window, limits.fields_max) {
            Ok(Progress::NeedMore) if window.len() >= limits.bytes_max => Err(self.too_large(window)),
            result => result,
        };
        if let Err(fault) = result {
            self.stage = Stage::Failed(fault);
        }
        result
    }

    /// The head; it says something after [`Progress::Complete`].
    pub const fn head(&self) -> &RequestHead {
        &self.head
    }

    /// Whether a byte other than leading empty lines was seen.
    pub fn has_started(&self) -> bool {
        self.stage != Stage::RequestLine || self.cursor.has_partial_line()
    }

    fn advance(&mut self, window: &[u8], fields_max: usize) -> Result<Progress, RequestFault> {
        if self.stage == Stage::RequestLine {
            let Some(end) = self.request_line_end(window)? else {
                return Ok(Progress::NeedMore);
            };
            self.read_request_line(window, end)?;
            self.cursor.next_line(end);
            self.stage = Stage::Fields;
        }
        if self.stage == Stage::Fields {
            let (facts, version, te_trailers) = (&mut self.facts, self.head.version, &mut self.head.te_trailers);
            let fields = &mut self.head.fields;
            let progress = read_fields(window, &mut self.cursor, fields, fields_max, BeforeColon::Refused, |field| {
                *te_trailers |=
                    field.kind == FieldKind::Te && version == Version::Http11 && takes_trailers(field.value.of(window));
                facts.notice(window, field, version)
            })?;
            if progress == Progress::NeedMore {
                return Ok(Progress::NeedMore);
            }
            self.finish(window)?;
            self.stage = Stage::Complete;
        }
        Ok(Progress::Complete)
    }

    /// Skips leading empty lines (RFC 9112 §2.2) and finds the end of the request line.
    fn request_line_end(&mut self, window: &[u8]) -> Result<Option<usize>, RequestFault> {
        while let Some(end) = self.cursor.line_end(window)? {
            if end != self.cursor.line {
                return Ok(Some(end));
            }
            if self.empty_lines == EMPTY_LINES_MAX {
                return Err(RequestFault::TooManyEmptyLines);
            }
            self.empty_lines += 1;
            self.cursor.next_line(end);
        }
        Ok(None)
    }

    /// Reads `method SP target SP version`, with exactly these spaces.
    fn read_request_line(&mut self, window: &[u8], end: usize) -> Result<(), RequestFault> {
        let start = self.cursor.line;
        let line = &window[..end];
        let (method_end, _) = run_end(line, start, TOKEN);
        if method_end - start > METHOD_BYTES_MAX {
            return Err(RequestFault::MethodTooLong);
        }
        if method_end == start || line.get(method_end) != Some(&b' ') {
            return Err(RequestFault::BadMethod);
        }
        let method = Method::read(&line[start..method_end]);
        // The target is looked for in the whole window: it ends in any case before the CR at `end`.
        let target = Target::read(window, method_end + 1, method)?;
        let version_text = line.get(target.target.end as usize + 1..).unwrap_or_default();
        let version = Version::read(version_text).map_err(|fault| match fault {
            VersionFault::Malformed => RequestFault::BadVersion,
            VersionFault::Unsupported => RequestFault::UnsupportedVersion,
        })?;
        let head = &mut self.head;
        head.method = method;
        head.method_text = Span::new(start, method_end);
        head.target = target.target;
        head.path = target.path;
        head.query = target.query;
        head.form = target.form;
        head.authority = target.authority;
        head.version = version;
        head.is_plain_line = target.form == TargetForm::Origin && version_text == b"HTTP/1.1";
        Ok(())
    }

    /// Decides what the fields together mean.
    fn finish(&mut self, window: &[u8]) -> Result<(), RequestFault> {
        let (facts, head) = (&self.facts, &mut self.head);
        let is_10 = head.version == Version::Http10;
        match facts.host {
            None if !is_10 => return Err(RequestFault::MissingHost),
            Some(host) if head.authority.is_empty() => head.authority = host,
            // RFC 9112 §3.2.2: Host is ignored when the target is absolute.
            None | Some(_) => {}
        }
        head.framing = match facts.transfer {
            Transfer { is_chunked: true, .. } if is_10 => return Err(RequestFault::TransferEncodingIn10),
            Transfer { is_chunked: true, .. } => Framing::Chunked,
            Transfer { length: Some(length), .. } => Framing::Length(length),
            Transfer { .. } => Framing::None,
        };
        head.keep_alive = facts.connection.keeps_alive(is_10);
        if facts.expectation == Expectation::Unknown {
            return Err(RequestFault::UnknownExpectation);
        }
        head.expects_continue = facts.expectation == Expectation::Continue && !head.framing.is_empty();
        // RFC 9110 §7.8: not from HTTP/1.0, not without the connection option; and a body would have to be read first.
        let may_upgrade = facts.connection.upgrade && !is_10 && head.framing.is_empty();
        let is_valid = |offer: &Span| may_upgrade && upgrade::is_valid_offer(offer.of(window));
        head.upgrade = facts.upgrade.one().filter(is_valid);
        facts.connection.mark_nominated(window, &mut head.fields);
        head.head_bytes = self.cursor.line;
        Ok(())
    }

    /// The window is full and the head does not end in it.
    fn too_large(&self, window: &[u8]) -> RequestFault {
        if self.stage != Stage::RequestLine {
            return RequestFault::HeadTooLarge;
        }
        let (method_end, _) = run_end(window, self.cursor.line, TOKEN);
        if method_end - self.cursor.line > METHOD_BYTES_MAX {
            RequestFault::MethodTooLong
        } else {
            RequestFault::TargetTooLong
        }
    }
}

impl Facts {
    /// Takes in a field line that is not [`FieldKind::Other`].
    fn notice(&mut self, window: &[u8], field: &Field, version: Version) -> Result<(), RequestFault> {
        let value = field.value.of(window);
        match field.kind {
            FieldKind::Host => self.notice_host(value, field.value)?,
            FieldKind::ContentLength => self.transfer.read_length(value)?,
            FieldKind::TransferEncoding => self.transfer.read_encoding(value)?,
            FieldKind::Connection => self.connection.read(value)?,
            FieldKind::Upgrade => self.upgrade.add(field.value),
            // RFC 9110 §10.1.1: an HTTP/1.0 client cannot expect anything.
            FieldKind::Expect if version == Version::Http11 => {
                let is_first = self.expectation == Expectation::None;
                let is_continue = is_first && value.eq_ignore_ascii_case(b"100-continue");
                self.expectation = if is_continue { Expectation::Continue } else { Expectation::Unknown };
            }
            FieldKind::Other
            | FieldKind::Expect
            | FieldKind::Te
            | FieldKind::KeepAlive
            | FieldKind::ProxyConnection
            | FieldKind::ProxyAuthorization
            | FieldKind::Trailer
            | FieldKind::Http2Settings
            | FieldKind::XForwardedFor
            | FieldKind::XForwardedProto
            | FieldKind::XForwardedHost
            | FieldKind::XForwarded
            | FieldKind::ClientCertificate
            | FieldKind::Alias
            | FieldKind::Date
            | FieldKind::Server => {}
        }
        Ok(())
    }

    fn notice_host(&mut self, value: &[u8], span: Span) -> Result<(), RequestFault> {
        if self.host.is_some() {
            return Err(RequestFault::TwoHosts);
        }
        if value.is_empty() {
            return Err(RequestFault::EmptyHost);
        }
        let len = host::authority_len(value).ok_or(RequestFault::BadHost)?;
        let start = span.start as usize;
        self.host = Some(Span::new(start, start + len));
        Ok(())
    }
}

fn takes_trailers(te: &[u8]) -> bool {
    elements(te).any(|element| element.eq_ignore_ascii_case(b"trailers"))
}

/// RFC 9112 §2.2 asks for one at least; old clients send one CRLF too many after a body.
const EMPTY_LINES_MAX: u8 = 2;
/// Four times the longest registered method.
const METHOD_BYTES_MAX: usize = 64;
