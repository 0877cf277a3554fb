//! The Connection field: close, keep-alive, upgrade and the names it nominates for removal (K05).
//! Fields that never travel further are dropped by their kind and need no nomination.

use crate::field::{Field, FieldKind, is_end_to_end};
use crate::grammar::{elements, is_token};
use crate::message::Span;

/// The options of all Connection lines of a head.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConnectionOptions {
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: bool,
    /// A name was nominated that may have to be removed.
    nominates: bool,
    count: usize,
}

/// What is wrong with a Connection field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OptionFault {
    /// An element is not a token.
    Malformed,
    /// There are more than [`OPTIONS_MAX`] elements.
    TooMany,
    /// Host, Content-Length or Transfer-Encoding is nominated.
    Framing,
}

impl ConnectionOptions {
    /// Reads one more Connection line. A fault leaves the other elements read as well, so a caller may go on.
    pub(crate) fn read(&mut self, value: &[u8]) -> Result<(), OptionFault> {
        // The common values, before taking a list apart.
        match value {
            b"keep-alive" | b"Keep-Alive" => {
                self.keep_alive = true;
                Ok(())
            }
            b"close" => {
                self.close = true;
                Ok(())
            }
            _ => self.read_list(value),
        }
    }

    fn read_list(&mut self, value: &[u8]) -> Result<(), OptionFault> {
        let mut result = Ok(());
        for option in elements(value) {
            self.count += 1;
            if self.count > OPTIONS_MAX {
                return Err(OptionFault::TooMany);
            }
            if let Err(fault) = self.read_option(option) {
                result = Err(fault);
            }
        }
        result
    }

    fn read_option(&mut self, option: &[u8]) -> Result<(), OptionFault> {
        // An empty element is ignored, RFC 9110 §5.6.1.2.
        if option.is_empty() {
        } else if option.eq_ignore_ascii_case(b"keep-alive") {
            self.keep_alive = true;
        } else if option.eq_ignore_ascii_case(b"close") {
            self.close = true;
        } else if option.eq_ignore_ascii_case(b"upgrade") {
            self.upgrade = true;
        } else if !is_token(option) {
            return Err(OptionFault::Malformed);
        } else if is_framing(FieldKind::of(option)) {
            return Err(OptionFault::Framing);
        } else {
            self.nominates = true;
        }
        Ok(())
    }

    /// Whether a sender of version 1.1 or, with `is_10`, 1.0 wants to go on after this message.
    pub(crate) fn keeps_alive(&self, is_10: bool) -> bool {
        !self.close && (!is_10 || self.keep_alive)
    }

    /// Marks the fields that are nominated and may be removed.
    pub(crate) fn mark_nominated(&self, message: &[u8], fields: &mut [Field]) {
        if !self.nominates {
            return;
        }
        for index in 0..fields.len() {
            if fields[index].kind != FieldKind::Connection {
                continue;
            }
            let value = fields[index].value.of(message);
            for name in elements(value).take(OPTIONS_MAX).filter(|name| is_removable(name)) {
                for field in fields.iter_mut() {
                    field.dropped |= field.name.of(message).eq_ignore_ascii_case(name);
                }
            }
        }
    }
}

/// The Upgrade fields of a head; two of them are as good as none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Offer {
    #[default]
    None,
    One(Span),
    Several,
}

impl Offer {
    pub(crate) fn add(&mut self, value: Span) {
        *self = match self {
            Self::None => Self::One(value),
            Self::One(_) | Self::Several => Self::Several,
        };
    }

    pub(crate) fn one(self) -> Option<Span> {
        match self {
            Self::One(value) => Some(value),
            Self::None | Self::Several => None,
        }
    }
}

fn is_framing(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Host | FieldKind::ContentLength | FieldKind::TransferEncoding)
}

/// Fields that other rules decide about, and those of the two ends, cannot be nominated away.
fn is_removable(name: &[u8]) -> bool {
    FieldKind::of(name) == FieldKind::Other && !is_end_to_end(name)
}

/// Real clients send one to three; the bound keeps fields times options small.
const OPTIONS_MAX: usize = 32;
