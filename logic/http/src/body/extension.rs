//! The grammar of chunk extensions (RFC 9112 §7.1.1): `;name`, `;name=value`, `;name="value"`.
//! Their meaning is nobody's here; leniency at this place has been a way to smuggle.

use crate::grammar::{TOKEN, is, is_space};

/// Where in the extensions of a chunk the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extension {
    /// White space before a semicolon.
    Space,
    BeforeName,
    Name,
    /// White space after a name.
    AfterName,
    BeforeValue,
    Value,
    Quoted,
    QuotedPair,
    QuoteEnd,
}

impl Extension {
    /// The state after the first byte behind the size.
    pub(crate) fn start(byte: u8) -> Option<Self> {
        Self::QuoteEnd.after(byte)
    }

    /// The state after `byte`, which is not CR; `None` when it does not fit.
    pub(crate) fn after(self, byte: u8) -> Option<Self> {
        let is_token = is(byte, TOKEN);
        let is_text = byte == b'\t' || (byte >= b' ' && byte != 0x7f);
        match self {
            Self::Space | Self::QuoteEnd if is_space(byte) => Some(Self::Space),
            Self::Name | Self::AfterName if is_space(byte) => Some(Self::AfterName),
            Self::Value if is_space(byte) => Some(Self::Space),
            Self::Space | Self::QuoteEnd | Self::Name | Self::AfterName | Self::Value if byte == b';' => {
                Some(Self::BeforeName)
            }
            Self::BeforeName | Self::BeforeValue if is_space(byte) => Some(self),
            Self::BeforeName | Self::Name if is_token => Some(Self::Name),
            Self::Name | Self::AfterName if byte == b'=' => Some(Self::BeforeValue),
            Self::BeforeValue | Self::Value if is_token => Some(Self::Value),
            Self::BeforeValue if byte == b'"' => Some(Self::Quoted),
            Self::Quoted if byte == b'"' => Some(Self::QuoteEnd),
            Self::Quoted if byte == b'\\' => Some(Self::QuotedPair),
            Self::Quoted | Self::QuotedPair if is_text => Some(Self::Quoted),
            _ => None,
        }
    }

    /// Whether the line may end here.
    pub(crate) const fn may_end(self) -> bool {
        match self {
            Self::Name | Self::Value | Self::QuoteEnd => true,
            Self::Space | Self::BeforeName | Self::AfterName | Self::BeforeValue | Self::Quoted | Self::QuotedPair => {
                false
            }
        }
    }
}
