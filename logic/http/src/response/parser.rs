//! The incremental parser of response heads.
//! It is as strict as that of requests (K20): a server's mistakes are not passed on to clients.

use super::{RequestContext, ResponseFault, ResponseHead};
use crate::connection::{ConnectionOptions, Offer, OptionFault};
use crate::field::{Field, FieldKind};
use crate::line::{BeforeColon, Cursor, read_fields};
use crate::message::{Framing, HeadLimits, Method, Progress, Span, Version};
use crate::transfer::Transfer;

/// Parses response heads, whole or in pieces, each line once.
#[derive(Debug, Default)]
pub struct ResponseParser {
    stage: Stage,
    cursor: Cursor,
    facts: Facts,
    head: ResponseHead,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    StatusLine,
    Fields,
    Complete,
    Failed(ResponseFault),
}

/// What the field lines said, until all of them are read.
#[derive(Debug, Default)]
struct Facts {
    transfer: Transfer,
    connection: ConnectionOptions,
    upgrade: Offer,
}

impl ResponseParser {
    /// A parser before its first message.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gets ready for the next message. Capacity is kept.
    pub fn reset(&mut self) {
        self.stage = Stage::StatusLine;
        self.cursor = Cursor::default();
        self.facts = Facts::default();
        self.head.clear();
    }

    /// Goes on with `message`, all bytes received since the start of this response; it may hold more than the head.
    ///
    /// # Errors
    /// A fault is found as soon as the line that holds it is complete, a stray control byte at once. It stays until `reset`.
    pub fn parse(
        &mut self,
        message: &[u8],
        limits: &HeadLimits,
        request: RequestContext,
    ) -> Result<Progress, ResponseFault> {
        if let Stage::Failed(fault) = self.stage {
            return Err(fault);
        }
        let window = limits.window(message);
        let result = match self.advance(window, limits.fields_max, request) {
            Ok(Progress::NeedMore) if window.len() >= limits.bytes_max => Err(ResponseFault::HeadTooLarge),
            result => result,
        };
        if let Err(fault) = result {
            self.stage = Stage::Failed(fault);
        }
        result
    }

    /// The head; it says something after [`Progress::Complete`].
    pub const fn head(&self) -> &ResponseHead {
        &self.head
    }

    fn advance(
        &mut self,
        window: &[u8],
        fields_max: usize,
        request: RequestContext,
    ) -> Result<Progress, ResponseFault> {
        if self.stage == Stage::StatusLine {
            let Some(end) = self.cursor.line_end(window)? else {
                return Ok(Progress::NeedMore);
            };
            read_status_line(&mut self.head, &window[..end])?;
            self.cursor.next_line(end);
            self.head.status_line_end = self.cursor.line;
            self.stage = Stage::Fields;
        }
        if self.stage == Stage::Fields {
            let facts = &mut self.facts;
            let fields = &mut self.head.fields;
            let notice = |field: &Field| facts.notice(window, field);
            let before_colon = BeforeColon::TakenOut;
            if read_fields(window, &mut self.cursor, fields, fields_max, before_colon, notice)? == Progress::NeedMore {
                return Ok(Progress::NeedMore);
            }
            self.finish(window, request)?;
            self.stage = Stage::Complete;
        }
        Ok(Progress::Complete)
    }

    /// Decides what the fields together mean (RFC 9112 §6.3).
    fn finish(&mut self, window: &[u8], request: RequestContext) -> Result<(), ResponseFault> {
        let (facts, head) = (&self.facts, &mut self.head);
        let is_10 = head.version == Version::Http10;
        if facts.transfer.is_chunked && is_10 {
            return Err(ResponseFault::TransferEncodingIn10);
        }
        head.content_length = facts.transfer.length;
        head.framing = match facts.transfer {
            _ if request.method == Method::Head || matches!(head.status, 100..=199 | 204 | 304) => Framing::None,
            Transfer { is_chunked: true, .. } => Framing::Chunked,
            Transfer { length: Some(length), .. } => Framing::Length(length),
            Transfer { .. } => Framing::UntilClose,
        };
        head.keep_alive = facts.connection.keeps_alive(is_10) && head.framing != Framing::UntilClose;
        let switches = head.status == 101 && facts.connection.upgrade && !is_10;
        head.upgrade = facts.upgrade.one().filter(|_| switches);
        facts.connection.mark_nominated(window, &mut head.fields);
        head.head_bytes = self.cursor.line;
        Ok(())
    }
}

/// Reads `HTTP/1.x SP 3DIGIT [SP reason]`.
fn read_status_line(head: &mut ResponseHead, line: &[u8]) -> Result<(), ResponseFault> {
    let (version, rest) = line.split_at_checked(VERSION_BYTES).ok_or(ResponseFault::BadStatusLine)?;
    head.version = Version::read(version).map_err(|_| ResponseFault::BadVersion)?;
    let [b' ', hundreds @ b'1'..=b'5', tens @ b'0'..=b'9', ones @ b'0'..=b'9', rest @ ..] = rest else {
        return Err(ResponseFault::BadStatus);
    };
    let digit = |byte: &u8| u16::from(byte - b'0');
    head.status = digit(hundreds) * 100 + digit(tens) * 10 + digit(ones);
    head.reason = match rest {
        [] => Span::new(line.len(), line.len()),
        [b' ', reason @ ..] => Span::new(line.len() - reason.len(), line.len()),
        _ => return Err(ResponseFault::BadStatus),
    };
    Ok(())
}

impl Facts {
    /// Takes in a field line that is not [`FieldKind::Other`].
    fn notice(&mut self, window: &[u8], field: &Field) -> Result<(), ResponseFault> {
        let value = field.value.of(window);
        match field.kind {
            FieldKind::ContentLength => self.transfer.read_length(value)?,
            FieldKind::TransferEncoding => self.transfer.read_encoding(value)?,
            FieldKind::Connection => match self.connection.read(value) {
                Err(OptionFault::TooMany) => return Err(ResponseFault::TooManyOptions),
                // Such an element names no field, or one that is written anew in any case.
                Err(OptionFault::Malformed | OptionFault::Framing) | Ok(()) => {}
            },
            FieldKind::Upgrade => self.upgrade.add(field.value),
            FieldKind::Other
            | FieldKind::Host
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
}

const VERSION_BYTES: usize = b"HTTP/1.1".len();
