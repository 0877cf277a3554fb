//! What a client sets for its side (RFC 9113 §6.5), and what is told to it.

use crate::code::Code;
use crate::frame::{self, PAYLOAD_BYTES_MAX, STREAM_MAX, kind};

/// Bytes of the window of a stream before anybody has said otherwise, and of every connection (RFC 9113 §6.9.2).
pub(crate) const WINDOW_BYTES: u32 = 65_535;

const HEADER_TABLE_SIZE: u16 = 1;
const ENABLE_PUSH: u16 = 2;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;
const MAX_HEADER_LIST_SIZE: u16 = 6;
/// RFC 8441 §3.
const ENABLE_CONNECT_PROTOCOL: u16 = 8;

/// What a client has set that matters to who answers it, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    Table(u32),
    Window(u32),
    Payload(u32),
}

/// Reads a payload whose length is a multiple of six. Nobody pushes and nobody asks the client, so that the rest of what is
/// known is looked at only for its form.
pub(crate) fn read(payload: &[u8], mut set: impl FnMut(Setting) -> Result<(), Code>) -> Result<(), Code> {
    for [a, b, c, d, e, f] in payload.as_chunks().0 {
        let value = u32::from_be_bytes([*c, *d, *e, *f]);
        match u16::from_be_bytes([*a, *b]) {
            HEADER_TABLE_SIZE => set(Setting::Table(value))?,
            ENABLE_PUSH | ENABLE_CONNECT_PROTOCOL if value > 1 => return Err(Code::ProtocolError),
            INITIAL_WINDOW_SIZE if value > STREAM_MAX => return Err(Code::FlowControlError),
            INITIAL_WINDOW_SIZE => set(Setting::Window(value))?,
            MAX_FRAME_SIZE if !(PAYLOAD_BYTES_MAX..1 << 24).contains(&value) => return Err(Code::ProtocolError),
            MAX_FRAME_SIZE => set(Setting::Payload(value))?,
            _ => {}
        }
    }
    Ok(())
}

/// Our own.
pub(crate) fn write(streams_max: u32, window_bytes: u32, head_bytes_max: u32, out: &mut Vec<u8>) {
    let settings = [
        (MAX_CONCURRENT_STREAMS, streams_max),
        (INITIAL_WINDOW_SIZE, window_bytes),
        (MAX_HEADER_LIST_SIZE, head_bytes_max),
        (ENABLE_CONNECT_PROTOCOL, 1),
    ];
    out.extend_from_slice(&frame::head_of(6 * settings.len(), kind::SETTINGS, 0, 0));
    for (setting, value) in settings {
        out.extend_from_slice(&setting.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
}
