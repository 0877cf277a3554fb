//! Integers with a prefix of some bits (RFC 7541 §5.1).
//!
//! It does not know what they count.

#[cfg(test)]
mod tests;

use super::HpackFault;

/// Bytes after the prefix at most: 35 bits. A block with more pads its integers with zeros, or means harm.
const CONTINUATIONS_MAX: u32 = 5;

/// The integer that `bytes` begins with, and what follows it. The bits before the prefix are ignored.
#[inline(always)]
pub(super) fn read<const PREFIX_BITS: u32>(bytes: &[u8]) -> Result<(usize, &[u8]), HpackFault> {
    let full = (1 << PREFIX_BITS) - 1;
    let Some((&first, rest)) = bytes.split_first() else { return Err(HpackFault::Cut) };
    let value = usize::from(first) & full;
    if value < full { Ok((value, rest)) } else { read_on(full, rest) }
}

#[cold]
fn read_on(full: usize, bytes: &[u8]) -> Result<(usize, &[u8]), HpackFault> {
    let mut value = full as u64;
    let mut rest = bytes;
    for place in 0..CONTINUATIONS_MAX {
        let Some((&byte, after)) = rest.split_first() else { return Err(HpackFault::Cut) };
        rest = after;
        value += u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).map_err(|_| HpackFault::Integer)?;
            return Ok((value as usize, rest));
        }
    }
    Err(HpackFault::Integer)
}

/// Appends an integer; `first` has the bits before the prefix.
#[inline]
pub(super) fn write<const PREFIX_BITS: u32>(first: u8, value: usize, out: &mut Vec<u8>) {
    let full = (1 << PREFIX_BITS) - 1;
    if value < full {
        out.push(first | value as u8);
    } else {
        out.push(first | full as u8);
        write_on(value - full, out);
    }
}

fn write_on(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(0x80 | (value & 0x7f) as u8);
        value >>= 7;
    }
    out.push(value as u8);
}
