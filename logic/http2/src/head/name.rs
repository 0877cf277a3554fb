//! Names of fields that mean something to the change between HTTP/2 and HTTP/1.1.
//! What a name means to a proxy is the business of the parser that reads the text.

/// What a field is to that change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Host,
    Cookie,
    ContentLength,
    /// `te`, which may stand in requests with one value only (RFC 9113 §8.2.2).
    Te,
    /// Of a connection of HTTP/1.1; HTTP/2 has no such field (RFC 9113 §8.2.2).
    OfConnection,
    TransferEncoding,
    /// The key of a WebSocket and the answer to it, which HTTP/2 does not have (RFC 8441 §5.1).
    SwitchKey,
    SwitchAccept,
    GrpcStatus,
}

impl Kind {
    /// The kind of a name in lower case. Its length leaves few candidates.
    #[inline]
    pub(super) fn of(name: &[u8]) -> Self {
        match name.len() {
            2 if name == b"te" => Self::Te,
            4 if name == b"host" => Self::Host,
            6 if name == b"cookie" => Self::Cookie,
            7 if name == b"upgrade" => Self::OfConnection,
            10 if name == b"connection" || name == b"keep-alive" => Self::OfConnection,
            11 if name == b"grpc-status" => Self::GrpcStatus,
            14 if name == b"content-length" => Self::ContentLength,
            16 if name == b"proxy-connection" => Self::OfConnection,
            17 if name == b"transfer-encoding" => Self::TransferEncoding,
            17 if name == b"sec-websocket-key" => Self::SwitchKey,
            20 if name == b"sec-websocket-accept" => Self::SwitchAccept,
            _ => Self::Plain,
        }
    }
}
