//! The form of frames (RFC 9113 §4.1 and §6). What a frame means in its place is not decided here.

use crate::code::Code;

/// What a client says before its first frame (RFC 9113 §3.4).
pub(crate) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What stands before every payload.
pub(crate) const HEAD_BYTES: usize = 9;

/// Bytes of a payload that a peer takes who has said nothing else, and that we take (RFC 9113 §6.5.2).
pub(crate) const PAYLOAD_BYTES_MAX: u32 = 16_384;

/// The highest number of a stream, and the largest window.
pub(crate) const STREAM_MAX: u32 = 0x7fff_ffff;

/// Kinds of frames.
pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0x0;
    pub(crate) const HEADERS: u8 = 0x1;
    pub(crate) const PRIORITY: u8 = 0x2;
    pub(crate) const RST_STREAM: u8 = 0x3;
    pub(crate) const SETTINGS: u8 = 0x4;
    pub(crate) const PUSH_PROMISE: u8 = 0x5;
    pub(crate) const PING: u8 = 0x6;
    pub(crate) const GOAWAY: u8 = 0x7;
    pub(crate) const WINDOW_UPDATE: u8 = 0x8;
    pub(crate) const CONTINUATION: u8 = 0x9;
}

/// Flags of frames.
pub(crate) mod flag {
    pub(crate) const END_STREAM: u8 = 0x1;
    pub(crate) const ACK: u8 = 0x1;
    pub(crate) const END_HEADERS: u8 = 0x4;
    pub(crate) const PADDED: u8 = 0x8;
    pub(crate) const PRIORITY: u8 = 0x20;
}

/// What stands before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHead {
    pub(crate) length: u32,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    /// Without the reserved bit.
    pub(crate) stream: u32,
}

impl FrameHead {
    pub(crate) fn read(bytes: &[u8; HEAD_BYTES]) -> Self {
        let [a, b, c, kind, flags, stream @ ..] = *bytes;
        let length = u32::from_be_bytes([0, a, b, c]);
        Self { length, kind, flags, stream: u32::from_be_bytes(stream) & STREAM_MAX }
    }

    pub(crate) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// The head of a frame. `length` is below 2^24, as all payloads here are.
pub(crate) fn head_of(length: usize, kind: u8, flags: u8, stream: u32) -> [u8; HEAD_BYTES] {
    debug_assert!(length < 1 << 24, "a payload of {length} bytes");
    let [.., a, b, c] = (length as u64).to_be_bytes();
    let [d, e, f, g] = stream.to_be_bytes();
    [a, b, c, kind, flags, d, e, f, g]
}

/// The field block in the payload of HEADERS, without padding and priority (RFC 9113 §6.2).
pub(crate) fn block_of(head: FrameHead, payload: &[u8]) -> Result<&[u8], Code> {
    let (padding, mut rest) = match payload {
        _ if !head.has(flag::PADDED) => (0, payload),
        [padding, rest @ ..] => (usize::from(*padding), rest),
        [] => return Err(Code::FrameSizeError),
    };
    if head.has(flag::PRIORITY) {
        rest = rest.get(5..).ok_or(Code::FrameSizeError)?;
    }
    let block_bytes = rest.len().checked_sub(padding).ok_or(Code::ProtocolError)?;
    Ok(&rest[..block_bytes])
}

pub(crate) fn write(kind: u8, flags: u8, stream: u32, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&head_of(payload.len(), kind, flags, stream));
    out.extend_from_slice(payload);
}

pub(crate) fn write_reset(stream: u32, code: Code, out: &mut Vec<u8>) {
    write(kind::RST_STREAM, 0, stream, &(code as u32).to_be_bytes(), out);
}

pub(crate) fn write_window_update(stream: u32, by: u32, out: &mut Vec<u8>) {
    write(kind::WINDOW_UPDATE, 0, stream, &by.to_be_bytes(), out);
}

pub(crate) fn write_goaway(last: u32, code: Code, out: &mut Vec<u8>) {
    out.extend_from_slice(&head_of(8, kind::GOAWAY, 0, 0));
    out.extend_from_slice(&last.to_be_bytes());
    out.extend_from_slice(&(code as u32).to_be_bytes());
}

/// A field block in as many frames as it takes (RFC 9113 §6.2, §6.10). It stands at the end of `out`, from `start` on, behind
/// room for the head of its frame.
pub(crate) fn enclose_block(start: usize, stream: u32, flags: u8, payload_bytes_max: usize, out: &mut Vec<u8>) {
    let length = out.len() - start - HEAD_BYTES;
    if length <= payload_bytes_max {
        let head = head_of(length, kind::HEADERS, flags | flag::END_HEADERS, stream);
        out[start..start + HEAD_BYTES].copy_from_slice(&head);
        return;
    }
    let block = out.split_off(start + HEAD_BYTES);
    out.truncate(start);
    let count = block.len().div_ceil(payload_bytes_max);
    for (number, piece) in block.chunks(payload_bytes_max).enumerate() {
        let kind = if number == 0 { kind::HEADERS } else { kind::CONTINUATION };
        let first = if number == 0 { flags } else { 0 };
        let last = if number + 1 == count { flag::END_HEADERS } else { 0 };
        write(kind, first | last, stream, piece, out);
    }
}
