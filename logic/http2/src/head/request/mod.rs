//! A request's fields, as they are decoded, become the text of its head.
//!
//! The text has no final empty line. Paths and hosts are looked at only as far as nobody may read another line into them:
//! the parser of the text is strict about the rest.

use super::HeadFault;
use super::line::{ADDED_BYTES, is_authority_at, is_target_at, is_value_at, write_field};
use super::name::Kind;
use evener_http::{Method, is_token};
use std::ops::Range;

/// A block of fields that becomes the head of a request.
pub(crate) struct RequestText<'t> {
    text: &'t mut Vec<u8>,
    /// The pseudo-fields until the request line is written; the crumbs of the cookie after that.
    crumbs: &'t mut Vec<u8>,
    bytes_max: usize,
    is_tls: bool,
    has_body: bool,
    stage: Stage,
    pseudo: Pseudo,
    /// Where the value of `:authority` stands in the text; empty if there is none.
    authority: Range<usize>,
    has_host: bool,
    form: RequestForm,
}

/// What a head says to those who must know before the text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestForm {
    /// Head, or Other for all others.
    pub(crate) method: Method,
    /// An extended CONNECT (RFC 8441).
    pub(crate) is_tunnel: bool,
    /// `content-length`
    pub(crate) length: Option<u64>,
    /// If there is one, the text is of no use.
    pub(crate) fault: Option<HeadFault>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Pseudo-fields come before all others (RFC 9113 §8.3).
    Pseudo,
    Fields,
}

/// The pseudo-fields so far; ranges are of `crumbs`, and empty without the field.
#[derive(Default)]
struct Pseudo {
    method: Range<usize>,
    authority: Range<usize>,
    path: Range<usize>,
    /// `:scheme`, which was that of the connection.
    has_scheme: bool,
    /// `:protocol`, which was `websocket`.
    has_protocol: bool,
}

impl<'t> RequestText<'t> {
    /// `text` is empty and takes the head; `crumbs` is scratch. `bytes_max` bounds both together. `has_body`: the stream goes
    /// on after the head.
    pub(crate) fn new(
        text: &'t mut Vec<u8>,
        crumbs: &'t mut Vec<u8>,
        bytes_max: usize,
        is_tls: bool,
        has_body: bool,
    ) -> Self {
        debug_assert!(text.is_empty(), "a head begins its text");
        crumbs.clear();
        Self {
            text,
            crumbs,
            bytes_max,
            is_tls,
            has_body,
            stage: Stage::Pseudo,
            pseudo: Pseudo::default(),
            authority: 0..0,
            has_host: false,
            form: RequestForm { method: Method::Other, is_tunnel: false, length: None, fault: None },
        }
    }

    /// Takes the next field. After a fault nothing is written.
    #[inline]
    pub(crate) fn field(&mut self, name: &[u8], value: &[u8]) {
        if self.form.fault.is_none() {
            self.form.fault = self.take(name, value).err();
        }
    }

    /// Ends the text.
    pub(crate) fn finish(mut self) -> RequestForm {
        if self.form.fault.is_none() {
            self.form.fault = self.write_end().err();
        }
        self.form
    }

    fn take(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeadFault> {
        if self.stage == Stage::Pseudo {
            if name.first() == Some(&b':') {
                return self.take_pseudo(name, value);
            }
            self.write_start()?;
        }
        if self.text.len() + self.crumbs.len() + name.len() + value.len() + ADDED_BYTES > self.bytes_max {
            return Err(HeadFault::TooLarge);
        }
        match Kind::of(name) {
            Kind::Plain | Kind::SwitchAccept | Kind::GrpcStatus => {}
            Kind::Host => {
                if self.take_host(value)? {
                    return Ok(());
                }
            }
            Kind::Cookie => {
                self.take_crumb(value);
                return Ok(());
            }
            Kind::ContentLength => self.take_length(value)?,
            Kind::Te if value == b"trailers" => {}
            Kind::Te | Kind::OfConnection | Kind::TransferEncoding => return Err(HeadFault::Malformed),
            // RFC 8441 §5.1: it means nothing here, and ours would be the second.
            Kind::SwitchKey if self.form.is_tunnel => {
                let start = self.text.len();
                write_field(name, value, self.text)?;
                self.text.truncate(start);
                return Ok(());
            }
            Kind::SwitchKey => {}
        }
        write_field(name, value, self.text)
    }

    fn take_pseudo(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeadFault> {
        let pseudo = &mut self.pseudo;
        let place = match name.len() {
            5 if name == b":path" => &mut pseudo.path,
            7 if name == b":method" => &mut pseudo.method,
            10 if name == b":authority" => &mut pseudo.authority,
            7 if name == b":scheme" => {
                let scheme = if self.is_tls { &b"https"[..] } else { b"http" };
                return once(&mut pseudo.has_scheme, value == scheme);
            }
            9 if name == b":protocol" => {
                return once(&mut pseudo.has_protocol, value.eq_ignore_ascii_case(b"websocket"));
            }
            // Those of answers, and those that nobody knows.
            _ => return Err(HeadFault::Malformed),
        };
        if !Range::is_empty(place) || value.is_empty() {
            return Err(HeadFault::Malformed);
        }
        if self.crumbs.len() + value.len() > self.bytes_max {
            return Err(HeadFault::TooLarge);
        }
        let start = self.crumbs.len();
        self.crumbs.extend_from_slice(value);
        *place = start..self.crumbs.len();
        Ok(())
    }

    /// Whether the field has been said with `:authority`, which must say the same (RFC 9113 §8.3.1).
    fn take_host(&mut self, value: &[u8]) -> Result<bool, HeadFault> {
        let authority = self.text.get(self.authority.clone()).unwrap_or_default();
        if std::mem::replace(&mut self.has_host, true)
            || !(authority.is_empty() || authority.eq_ignore_ascii_case(value))
        {
            return Err(HeadFault::Malformed);
        }
        Ok(!authority.is_empty())
    }

    /// RFC 9113 §8.2.3: the crumbs of a cookie are one field in HTTP/1.1. An empty one says nothing, and space around
    /// one neither.
    fn take_crumb(&mut self, mut crumb: &[u8]) {
        while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = crumb {
            crumb = rest;
        }
        if !crumb.is_empty() {
            self.crumbs.extend_from_slice(if self.crumbs.is_empty() { b"cookie: " } else { b"; " });
            self.crumbs.extend_from_slice(crumb);
        }
    }

    fn take_length(&mut self, value: &[u8]) -> Result<(), HeadFault> {
        let length = length_of(value).ok_or(HeadFault::Malformed)?;
        // What follows an extended CONNECT is no body, and would be taken for one. And RFC 9113 §8.1.1.
        let is_untrue = length > 0 && !self.has_body;
        if is_untrue || self.form.is_tunnel || self.form.length.is_some() {
            return Err(HeadFault::Malformed);
        }
        self.form.length = Some(length);
        Ok(())
    }

    /// Writes the request line, and `host` from `:authority`.
    fn write_start(&mut self) -> Result<(), HeadFault> {
        self.stage = Stage::Fields;
        let (form, pseudo) = (&mut self.form, &self.pseudo);
        let (method, target) = pseudo.request_line(self.crumbs).ok_or(HeadFault::Malformed)?;
        let authority = self.crumbs.get(pseudo.authority.clone()).unwrap_or_default();
        if method.len() + target.len() + authority.len() + START_ADDED_BYTES > self.bytes_max {
            return Err(HeadFault::TooLarge);
        }
        form.is_tunnel = pseudo.has_protocol;
        form.method = if method == b"HEAD" { Method::Head } else { Method::Other };
        self.text.extend_from_slice(method);
        self.text.push(b' ');
        let target_start = self.text.len();
        self.text.extend_from_slice(target);
        let target_end = self.text.len();
        self.text.extend_from_slice(b" HTTP/1.1\r\n");
        if !authority.is_empty() {
            self.text.extend_from_slice(b"host: ");
            let start = self.text.len();
            self.text.extend_from_slice(authority);
            self.authority = start..self.text.len();
            self.text.extend_from_slice(b"\r\n");
        }
        let is_clean = is_token(method)
            && is_target_at(self.text, target_start, target_end)
            && (authority.is_empty() || is_authority_at(self.text, self.authority.start, self.authority.end));
        self.crumbs.clear();
        if is_clean {
            return Ok(());
        }
        self.text.clear();
        Err(HeadFault::Malformed)
    }

    /// Writes the cookie, and what marks the body or the tunnel.
    fn write_end(&mut self) -> Result<(), HeadFault> {
        if self.stage == Stage::Pseudo {
            self.write_start()?;
        }
        let marks: &[u8] = match self.form {
            RequestForm { is_tunnel: true, .. } => b"upgrade: websocket\r\nconnection: upgrade\r\n",
            RequestForm { length: None, .. } if self.has_body => b"transfer-encoding: chunked\r\n",
            RequestForm { .. } => b"",
        };
        if self.text.len() + self.crumbs.len() + b"\r\n".len() + marks.len() > self.bytes_max {
            return Err(HeadFault::TooLarge);
        }
        if !self.crumbs.is_empty() {
            let start = self.text.len();
            self.text.extend_from_slice(self.crumbs);
            let end = self.text.len();
            self.text.extend_from_slice(b"\r\n");
            if !is_value_at(self.text, start, end) {
                self.text.truncate(start);
                return Err(HeadFault::Malformed);
            }
        }
        self.text.extend_from_slice(marks);
        Ok(())
    }
}

impl Pseudo {
    /// Method and target as HTTP/1.1 says them; `None`: something is missing, or must not be there.
    fn request_line<'c>(&self, crumbs: &'c [u8]) -> Option<(&'c [u8], &'c [u8])> {
        let piece = |range: &Range<usize>| crumbs.get(range.clone()).filter(|piece| !piece.is_empty());
        let method = piece(&self.method)?;
        let is_connect = method == b"CONNECT";
        if is_connect && !self.has_protocol {
            // RFC 9113 §8.5.
            let has_more = self.has_scheme || !self.path.is_empty();
            return Some((method, piece(&self.authority)?)).filter(|_| !has_more);
        }
        if !self.has_scheme || (self.has_protocol && !is_connect) {
            return None;
        }
        let path = piece(&self.path)?;
        let has_form = path.starts_with(b"/") || (path == b"*" && method == b"OPTIONS");
        // RFC 8441 §5: what is a CONNECT here is a GET there.
        Some((if is_connect { b"GET" } else { method }, path)).filter(|_| has_form)
    }
}

/// Notes a pseudo-field that may stand once, and with the right value.
fn once(has_field: &mut bool, is_right: bool) -> Result<(), HeadFault> {
    if std::mem::replace(has_field, true) || !is_right { Err(HeadFault::Malformed) } else { Ok(()) }
}

/// The value of `content-length`.
fn length_of(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.len() <= LENGTH_DIGITS_MAX && digits.iter().all(u8::is_ascii_digit);
    let number =
        digits.iter().fold(0, |number: u64, digit| number.wrapping_mul(10).wrapping_add(u64::from(digit & 15)));
    is_number.then_some(number)
}

/// What the first two lines have beside method, target and authority.
const START_ADDED_BYTES: usize = b"  HTTP/1.1\r\nhost: \r\n".len();
/// As many as the parser of the text takes.
const LENGTH_DIGITS_MAX: usize = 18;

#[cfg(test)]
mod tests;
