//! The fields behind the addresses of a version 2 header: type, length, value.
//! They must end exactly where the header ends. A field that reached beyond would make two readers disagree on where
//! the protocol inside begins.

use super::checksum::crc32c;
use crate::PreambleFault;
use crate::host::canonical_name;

/// How far the fields have been read.
pub(super) enum Walk {
    /// Those that are there are in order.
    NeedMore,
    /// All are there; the authority among them.
    Complete(Option<String>),
}

/// Reads the fields of `header` from `start` to `end`, which may be beyond what is there.
pub(super) fn walk(header: &[u8], start: usize, end: usize) -> Result<Walk, PreambleFault> {
    let mut position = start;
    let mut authority = None;
    let mut checksum = None;
    while position < end {
        if end - position < FIELD_START_BYTES {
            return Err(PreambleFault::ProxyMalformed);
        }
        let Some(&[kind, high, low]) = header.get(position..).and_then(<[u8]>::first_chunk) else {
            return Ok(Walk::NeedMore);
        };
        let value = position + FIELD_START_BYTES;
        position = value + usize::from(u16::from_be_bytes([high, low]));
        if position > end {
            return Err(PreambleFault::ProxyMalformed);
        }
        let known = match kind {
            AUTHORITY => &mut authority,
            CHECKSUM if position - value == CHECKSUM_BYTES => &mut checksum,
            CHECKSUM => return Err(PreambleFault::ProxyMalformed),
            _ => continue,
        };
        if known.replace(value..position).is_some() {
            return Err(PreambleFault::ProxyMalformed);
        }
    }
    if header.len() < end {
        return Ok(Walk::NeedMore);
    }
    if checksum.is_some_and(|place| !has_checksum(header, place.start)) {
        return Err(PreambleFault::ProxyChecksum);
    }
    let Some(place) = authority else { return Ok(Walk::Complete(None)) };
    let name = header.get(place).and_then(canonical_name).ok_or(PreambleFault::ProxyAuthority)?;
    Ok(Walk::Complete(Some(name)))
}

/// Whether the four bytes at `place` are the checksum of the header with zeros in their stead.
fn has_checksum(header: &[u8], place: usize) -> bool {
    let Some((before, rest)) = header.split_at_checked(place) else { return false };
    let Some((written, after)) = rest.split_first_chunk::<CHECKSUM_BYTES>() else { return false };
    crc32c(&[before, &[0; CHECKSUM_BYTES], after]) == u32::from_be_bytes(*written)
}

const FIELD_START_BYTES: usize = 3;
const CHECKSUM_BYTES: usize = 4;
const AUTHORITY: u8 = 0x02;
const CHECKSUM: u8 = 0x03;
