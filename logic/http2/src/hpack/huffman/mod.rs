//! The Huffman code of RFC 7541 Appendix B.
//!
//! The code is canonical: of codes of the same length, the one of the smaller symbol is the smaller, and shorter ones come
//! first. So the lengths tell all, and the tables are made of them when the program is built.

#[cfg(test)]
mod tests;

use super::HpackFault;

/// Appends what `packed` stands for: at most 8/5 of its bytes.
pub(super) fn unpack(packed: &[u8], out: &mut Vec<u8>) -> Result<(), HpackFault> {
    let start = out.len();
    out.resize(start + packed.len() * 8 / SHORTEST, 0);
    let room = out[start..].len();
    let left = unpack_into(packed, &mut out[start..])?;
    out.truncate(start + room - left);
    Ok(())
}

/// Writes what `packed` stands for; the bytes of `room` that are left over.
fn unpack_into(packed: &[u8], room: &mut [u8]) -> Result<usize, HpackFault> {
    let mut places = room.iter_mut();
    let mut rest = packed;
    // The first `count` bits are next.
    let mut bits: u64 = 0;
    let mut count: u32 = 0;
    while let Some((four, after)) = rest.split_first_chunk::<4>() {
        rest = after;
        bits |= u64::from(u32::from_be_bytes(*four)) << (32 - count);
        count += 32;
        while count >= LONGEST {
            let (symbol, length) = next(bits)?;
            *places.next().ok_or(HpackFault::Huffman)? = symbol;
            bits <<= length;
            count -= length;
        }
    }
    for &byte in rest {
        bits |= u64::from(byte) << (56 - count);
        count += 8;
    }
    // Padding is up to seven ones (RFC 7541 §5.2), and so is what follows the last bit here.
    bits |= u64::MAX >> count;
    while count > 7 || bits != u64::MAX {
        let (symbol, length) = next(bits)?;
        count = count.checked_sub(length).ok_or(HpackFault::Huffman)?;
        *places.next().ok_or(HpackFault::Huffman)? = symbol;
        bits = !(!bits << length);
    }
    Ok(places.len())
}

/// The byte whose code `bits` begin with, and the length of the code.
#[inline(always)]
fn next(bits: u64) -> Result<(u8, u32), HpackFault> {
    let short = SHORT[(bits >> (64 - SHORT_BITS)) as usize];
    if short == 0 { next_long(bits) } else { Ok((short as u8, u32::from(short >> 8))) }
}

#[inline(never)]
fn next_long(bits: u64) -> Result<(u8, u32), HpackFault> {
    let longest = (bits >> (64 - LONGEST)) as u32;
    for length in SHORT_BITS + 1..=LONGEST {
        let group = &GROUPS[length as usize];
        let place = (longest >> (LONGEST - length)).wrapping_sub(group.first);
        // Longer codes are larger than all of this length.
        if place < group.codes {
            // All but EOS are bytes.
            let symbol = u8::try_from(SORTED[group.start + place as usize]).map_err(|_| HpackFault::Huffman)?;
            return Ok((symbol, length));
        }
    }
    Err(HpackFault::Huffman)
}

/// The bytes that `text` has as Huffman code.
pub(super) fn packed_bytes(text: &[u8]) -> usize {
    let bits: usize = text.iter().map(|&byte| usize::from(LENGTHS[usize::from(byte)])).sum();
    bits.div_ceil(8)
}

/// Appends `text` as Huffman code.
pub(super) fn pack(text: &[u8], out: &mut Vec<u8>) {
    // The last `count` bits are to be written; fewer than 32 between symbols.
    let mut bits: u64 = 0;
    let mut count: u32 = 0;
    for &byte in text {
        let length = LENGTHS[usize::from(byte)];
        bits = bits << length | u64::from(CODES[usize::from(byte)]);
        count += u32::from(length);
        if count >= 32 {
            count -= 32;
            out.extend_from_slice(&((bits >> count) as u32).to_be_bytes());
        }
    }
    while count >= 8 {
        count -= 8;
        out.push((bits >> count) as u8);
    }
    if count > 0 {
        out.push((bits << (8 - count)) as u8 | 0xff >> count);
    }
}

/// All codes of one length.
#[derive(Clone, Copy)]
struct Group {
    first: u32,
    codes: u32,
    /// The place of the symbol of the first one.
    start: usize,
}

const fn groups() -> [Group; LONGEST as usize + 1] {
    let mut groups = [Group { first: 0, codes: 0, start: 0 }; LONGEST as usize + 1];
    let mut symbol = 0;
    while symbol < LENGTHS.len() {
        groups[LENGTHS[symbol] as usize].codes += 1;
        symbol += 1;
    }
    let mut length = 1;
    while length < groups.len() {
        let shorter = groups[length - 1];
        groups[length].first = (shorter.first + shorter.codes) << 1;
        groups[length].start = shorter.start + shorter.codes as usize;
        length += 1;
    }
    groups
}

/// The symbols by their codes, and the codes by their symbols.
const fn sorted_and_codes() -> ([u16; LENGTHS.len()], [u32; LENGTHS.len()]) {
    let (mut sorted, mut codes) = ([0; LENGTHS.len()], [0; LENGTHS.len()]);
    let mut met = [0; LONGEST as usize + 1];
    let mut symbol = 0;
    while symbol < LENGTHS.len() {
        let length = LENGTHS[symbol] as usize;
        sorted[GROUPS[length].start + met[length]] = symbol as u16;
        codes[symbol] = GROUPS[length].first + met[length] as u32;
        met[length] += 1;
        symbol += 1;
    }
    (sorted, codes)
}

/// For all that a code of at most `SHORT_BITS` can be followed by: its byte, and above that its length.
const fn short() -> [u16; 1 << SHORT_BITS] {
    let mut short = [0; 1 << SHORT_BITS];
    let mut symbol = 0;
    while symbol < 256 {
        let length = LENGTHS[symbol] as u32;
        if length <= SHORT_BITS {
            let spare = SHORT_BITS - length;
            let mut place = (CODES[symbol] as usize) << spare;
            let end = place + (1 << spare);
            while place < end {
                short[place] = (length << 8) as u16 | symbol as u16;
                place += 1;
            }
        }
        symbol += 1;
    }
    short
}

const SHORTEST: usize = 5;
const LONGEST: u32 = 30;

/// The codes that are found at once: those of all letters and digits, and of nearly all that stands in a URL.
const SHORT_BITS: u32 = 10;

static GROUPS: [Group; LONGEST as usize + 1] = groups();
static SORTED: [u16; LENGTHS.len()] = sorted_and_codes().0;
pub(super) static CODES: [u32; LENGTHS.len()] = sorted_and_codes().1;
static SHORT: [u16; 1 << SHORT_BITS] = short();

/// The bits of the code of each byte, and of EOS.
#[rustfmt::skip]
pub(super) static LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
     6, 10, 10, 12, 13,  6,  8, 11, 10, 10,  8, 11,  8,  6,  6,  6,
     5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8, 15,  6, 12, 10,
    13,  6,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,
     7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8, 13, 19, 13, 14,  6,
    15,  5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,
     6,  7,  6,  5,  5,  6,  7,  7,  7,  7,  7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];
