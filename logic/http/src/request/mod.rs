//! Request heads: the index over a head and the incremental parser that fills it.
//! The body is not looked at, only its framing.
//!
//! LIFECYCLE of a parser: empty lines (at most two) -> request line -> field lines -> complete, then `reset`.
//! A fault is final: the connection has to be closed, the parser may be reset.

mod fault;
mod parser;

pub use fault::RequestFault;
pub use parser::RequestParser;

use crate::field::Field;
use crate::message::{Framing, Method, Span, Version};
use crate::target::TargetForm;

/// The index over a request head. It is reused from request to request; its fields keep their capacity.
#[derive(Clone, Debug, Default)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The method as sent.
    pub method_text: Span,
    /// `path?query`, or `*`. Of the absolute form what follows the authority: it may be empty (which means `/`,
    /// or `*` with OPTIONS) or begin with `?`.
    pub target: Span,
    /// The path, never modified. Of the absolute form it may be empty, which means `/`.
    pub path: Span,
    /// What follows the first `?`.
    pub query: Option<Span>,
    /// The form of the request-target.
    pub form: TargetForm,
    /// The version.
    pub version: Version,
    /// The effective `host[:port]` as sent, of the absolute target or else of Host. Only an empty port is left out.
    /// Empty in HTTP/1.0 without Host.
    pub authority: Span,
    /// Every field line in order.
    pub fields: Vec<Field>,
    /// How the end of the body is found; never [`Framing::UntilClose`].
    pub framing: Framing,
    /// Whether the client wants to go on after this exchange.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` (HTTP/1.1 and a body only).
    pub expects_continue: bool,
    /// The value of a valid Upgrade offer: HTTP/1.1, `Connection: upgrade`, no body, something else than h2c.
    pub upgrade: Option<Span>,
    /// Whether the client takes trailers.
    pub te_trailers: bool,
    /// The length of the head with leading empty lines and the final one.
    pub head_bytes: usize,
    /// The request line is in origin-form and ends in `HTTP/1.1`, so that it may be copied.
    pub(crate) is_plain_line: bool,
}

impl RequestHead {
    fn clear(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        *self = Self { fields, ..Self::default() };
    }
}
