//! The small shared words of a message: spans, methods, versions, framing, limits.
//! No parsing happens here.

/// A range of bytes relative to the start of the message.
///
/// Spans come from a parser and are read against the same message; against any other bytes they give
/// an empty slice or other bytes, never a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Span {
    /// Index of the first byte.
    pub start: u32,
    /// Index after the last byte.
    pub end: u32,
}

impl Span {
    /// A span from `start` to `end`. Heads are bounded far below 4 GiB, see [`HeadLimits`].
    pub(crate) const fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// The bytes of `message` that the span names.
    #[inline]
    pub fn of<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        message.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The number of bytes.
    pub const fn len(&self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// Whether the span holds no byte.
    pub const fn is_empty(&self) -> bool {
        self.end <= self.start
    }
}

/// Bounds of a message head (K11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// The head with its empty line may be this long.
    pub bytes_max: usize,
    /// The head may have this many field lines.
    pub fields_max: usize,
}

impl HeadLimits {
    /// The part of `message` that a head may occupy.
    pub(crate) fn window<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        let bytes_max = self.bytes_max.min(WINDOW_BYTES_MAX);
        message.get(..bytes_max).unwrap_or(message)
    }
}

/// What a parser has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// The head is not complete and nothing is wrong with what is there.
    NeedMore,
    /// The head is complete and may be read.
    Complete,
}

/// The version of a message. `HTTP/1.2` to `HTTP/1.9` are read as 1.1 (RFC 9112 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
}

impl Version {
    /// Reads exactly `HTTP/1.` and a digit; `Err` tells whether it is a well-formed version that is not 1.x.
    pub(crate) fn read(text: &[u8]) -> Result<Self, VersionFault> {
        match text {
            b"HTTP/1.1" => Ok(Self::Http11),
            b"HTTP/1.0" => Ok(Self::Http10),
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9'] => Ok(Self::Http11),
            [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => Err(VersionFault::Unsupported),
            _ => Err(VersionFault::Malformed),
        }
    }
}

/// Why a text is not a version that is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VersionFault {
    Malformed,
    Unsupported,
}

/// The methods that a proxy treats apart. Methods are case-sensitive: `get` is [`Method::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
    /// CONNECT
    Connect,
    /// OPTIONS
    Options,
    /// TRACE
    Trace,
    /// PATCH
    Patch,
    /// Any other token; its text is in the head's `method_text`.
    #[default]
    Other,
}

impl Method {
    /// The method that a token names.
    pub(crate) fn read(text: &[u8]) -> Self {
        match text {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"CONNECT" => Self::Connect,
            b"OPTIONS" => Self::Options,
            b"TRACE" => Self::Trace,
            b"PATCH" => Self::Patch,
            _ => Self::Other,
        }
    }

    /// Whether doing it twice does the same as once (RFC 9110 §9.2.2).
    pub const fn is_idempotent(self) -> bool {
        match self {
            Self::Get | Self::Head | Self::Put | Self::Delete | Self::Options | Self::Trace => true,
            Self::Post | Self::Connect | Self::Patch | Self::Other => false,
        }
    }

    /// Whether it only reads (RFC 9110 §9.2.1).
    pub const fn is_safe(self) -> bool {
        match self {
            Self::Get | Self::Head | Self::Options | Self::Trace => true,
            Self::Post | Self::Put | Self::Delete | Self::Connect | Self::Patch | Self::Other => false,
        }
    }
}

/// How the end of a body is found. It is decided once, from the head (K01).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Framing {
    /// There is no body.
    #[default]
    None,
    /// Exactly so many bytes; it may be 0.
    Length(u64),
    /// Chunks up to the last one.
    Chunked,
    /// Up to the end of the connection. Responses only.
    UntilClose,
}

impl Framing {
    /// Whether not a single byte of body follows.
    pub const fn is_empty(self) -> bool {
        matches!(self, Self::None | Self::Length(0))
    }
}

/// Spans count in 32 bits.
const WINDOW_BYTES_MAX: usize = u32::MAX as usize;
