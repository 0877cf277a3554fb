//! The request-target and its four forms (RFC 9112 §3.2).
//! It reads the text of a request line; the Host field is the parser's business.

use crate::grammar::position;
use crate::host;
use crate::message::{Method, Span};
use crate::path::{self, PathFault};
use crate::request::RequestFault;

/// The form of a request-target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TargetForm {
    /// `/path?query`
    #[default]
    Origin,
    /// `http://host/path?query`
    Absolute,
    /// `*`, only with OPTIONS
    Asterisk,
    /// `host:port`, only with CONNECT
    Authority,
}

/// A request-target that was read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Target {
    pub(crate) form: TargetForm,
    pub(crate) target: Span,
    pub(crate) path: Span,
    pub(crate) query: Option<Span>,
    /// Of the absolute form, without an empty port.
    pub(crate) authority: Span,
}

impl Target {
    /// Reads the target that begins at `start` and goes up to a space.
    pub(crate) fn read(message: &[u8], start: usize, method: Method) -> Result<Self, RequestFault> {
        // No fragment is ever sent (RFC 9112 §3.2.1).
        let end = position(message, start, |byte| (byte <= b' ') | (byte >= 0x7f) | (byte == b'#'));
        match message.get(end) {
            Some(b' ') => {}
            None | Some(b'\r') => return Err(RequestFault::BadRequestLine),
            Some(_) => return Err(RequestFault::BadTarget),
        }
        match &message[start..end] {
            text if method == Method::Connect => Err(refuse_connect(text)),
            [b'/', ..] => Self::read_path(message, start, end),
            b"*" if method == Method::Options => {
                let target = Span::new(start, end);
                Ok(Self { form: TargetForm::Asterisk, target, path: target, ..Self::default() })
            }
            _ => Self::read_absolute(message, start, end),
        }
    }

    /// `path?query` at `start..end`, which a space follows; the path may be empty.
    fn read_path(message: &[u8], start: usize, end: usize) -> Result<Self, RequestFault> {
        let mut must_check = false;
        let mut path_end = start;
        loop {
            path_end =
                position(message, path_end, |byte| (byte == b' ') | (byte == b'?') | (byte == b'%') | (byte == b'.'));
            match message.get(path_end) {
                Some(b'%') => must_check = true,
                Some(b'.') => must_check |= message.get(path_end + 1) == Some(&b'.'),
                None | Some(_) => break,
            }
            path_end += 1;
        }
        if must_check {
            path::check(&message[start..path_end]).map_err(|fault| match fault {
                PathFault::BadEscape => RequestFault::BadEscape,
                PathFault::AboveRoot => RequestFault::PathAboveRoot,
            })?;
        }
        Ok(Self {
            form: TargetForm::Origin,
            target: Span::new(start, end),
            path: Span::new(start, path_end),
            query: (path_end < end).then(|| Span::new(path_end + 1, end)),
            authority: Span::default(),
        })
    }

    fn read_absolute(message: &[u8], start: usize, end: usize) -> Result<Self, RequestFault> {
        let text = &message[start..end];
        if has_scheme(text, b"https://") {
            // RFC 9110 §7.4: a request for another origin than this connection can speak for.
            return Err(RequestFault::Misdirected);
        }
        if !has_scheme(text, b"http://") {
            return Err(RequestFault::BadTarget);
        }
        let authority_start = start + b"http://".len();
        let authority_and_path = &message[authority_start..end];
        let authority_len = authority_and_path.iter().position(|byte| matches!(byte, b'/' | b'?'));
        let path_start = authority_len.map_or(end, |index| authority_start + index);
        let authority = &message[authority_start..path_start];
        let authority_len = host::authority_len(authority).ok_or(RequestFault::BadAuthority)?;
        let origin = Self::read_path(message, path_start, end)?;
        Ok(Self {
            form: TargetForm::Absolute,
            authority: Span::new(authority_start, authority_start + authority_len),
            ..origin
        })
    }
}

fn refuse_connect(text: &[u8]) -> RequestFault {
    if host::has_port(text) { RequestFault::ConnectMethod } else { RequestFault::BadTarget }
}

fn has_scheme(text: &[u8], scheme: &[u8]) -> bool {
    text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}
