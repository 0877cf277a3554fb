//! Where a TLS record begins: its kind, version and length (RFC 8446 §5.1).
//! The payload is not looked at.

use crate::PreambleFault;

/// What the first bytes of a record say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RecordStart {
    /// They agree with a handshake record as far as they go.
    NeedMore,
    /// The connection does not begin with a record of TLS.
    NotTls,
    /// A handshake record with so many bytes, never 0.
    Complete { payload_bytes: usize },
}

/// Reads the start of a record that `before` others precede. Only the first one tells whether this is TLS at all.
pub(super) fn start(bytes: &[u8], before: usize) -> Result<RecordStart, PreambleFault> {
    let agrees = match bytes {
        [] => true,
        [kind] => *kind == HANDSHAKE,
        [kind, major] => (*kind, *major) == (HANDSHAKE, VERSION_MAJOR),
        [kind, major, minor, ..] => (*kind, *major) == (HANDSHAKE, VERSION_MAJOR) && *minor <= VERSION_MINOR_MAX,
    };
    if !agrees {
        return if before == 0 { Ok(RecordStart::NotTls) } else { Err(PreambleFault::HelloMalformed) };
    }
    let Some(&[_, _, _, high, low]) = bytes.first_chunk() else { return Ok(RecordStart::NeedMore) };
    let payload_bytes = usize::from(u16::from_be_bytes([high, low]));
    // An empty handshake record is forbidden (RFC 8446 §5.1), and without a bound on them would be an endless loop.
    if payload_bytes == 0 || payload_bytes > PAYLOAD_BYTES_MAX {
        return Err(PreambleFault::HelloMalformed);
    }
    Ok(RecordStart::Complete { payload_bytes })
}

/// Kind, version, length.
pub(super) const START_BYTES: usize = 5;
/// RFC 8446 §5.1; nothing is encrypted yet, so that records are not longer.
const PAYLOAD_BYTES_MAX: usize = 1 << 14;
const HANDSHAKE: u8 = 22;
const VERSION_MAJOR: u8 = 3;
/// TLS 1.3 writes 1.0 or 1.2 here.
const VERSION_MINOR_MAX: u8 = 4;
