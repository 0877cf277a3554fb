//! Why a stream or a connection ends (RFC 9113 §7).

/// The codes that are said here; what clients give as theirs is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Code {
    /// `NO_ERROR`
    NoError = 0x0,
    /// `PROTOCOL_ERROR`
    ProtocolError = 0x1,
    /// `INTERNAL_ERROR`
    InternalError = 0x2,
    /// `FLOW_CONTROL_ERROR`
    FlowControlError = 0x3,
    /// `STREAM_CLOSED`
    StreamClosed = 0x5,
    /// `FRAME_SIZE_ERROR`
    FrameSizeError = 0x6,
    /// `REFUSED_STREAM`
    RefusedStream = 0x7,
    /// `COMPRESSION_ERROR`
    CompressionError = 0x9,
    /// `ENHANCE_YOUR_CALM`
    EnhanceYourCalm = 0xb,
}
