//! Scans over many bytes at once: blocks of 16, written so that the compiler makes vector code of them.
//! Each scan has a plain meaning, one byte at a time; the tests compare both.

use super::{TOKEN, run_end};
use std::hint::black_box;

/// Index of the first control byte other than HTAB at or after `from`, or the length of `bytes`.
/// What is left are the bytes of a field value: HTAB, SP, visible ASCII and obs-text (RFC 9110 §5.5).
#[inline]
pub fn control_at(bytes: &[u8], from: usize) -> usize {
    position(bytes, from, |byte| (byte < 0x20) & (byte != b'\t') | (byte == 0x7f))
}

/// Where the token that begins at `from` ends, and the classes of its uncommon bytes (those that are not letters,
/// digits and dashes).
#[inline]
pub(crate) fn name_run_end(bytes: &[u8], from: usize) -> (usize, u8) {
    let end = position(bytes, from, |byte| {
        let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let is_digit = byte.wrapping_sub(b'0') < 10;
        !(is_letter | is_digit | (byte == b'-'))
    });
    match bytes.get(end) {
        Some(b':') | None => (end, 0),
        Some(_) => run_end(bytes, end, TOKEN),
    }
}

/// Index of the first byte at or after `from` that is a stop, or the length of `bytes`.
/// `is_stop` should be arithmetic without branches.
#[inline(always)]
pub fn position(bytes: &[u8], from: usize, is_stop: impl Fn(u8) -> bool) -> usize {
    let Some(mut rest) = bytes.get(from..) else { return bytes.len() };
    while let Some((block, after)) = rest.split_first_chunk::<BLOCK>() {
        let [low, high] = marks(block, &is_stop);
        if low != 0 {
            return bytes.len() - rest.len() + first_mark(low);
        }
        if high != 0 {
            return bytes.len() - rest.len() + BLOCK / 2 + first_mark(high);
        }
        rest = after;
    }
    let at = bytes.len() - rest.len();
    match bytes.last_chunk::<BLOCK>() {
        Some(block) if !rest.is_empty() => {
            // The last block of all holds the rest, behind bytes that are already seen or lie before `from`.
            let [low, high] = marks(block, &is_stop);
            let left = (u128::from(high) << 64 | u128::from(low)) >> ((BLOCK - rest.len()) * 8);
            if left == 0 { bytes.len() } else { at + (left.trailing_zeros() / 8) as usize }
        }
        _ => rest.iter().position(|byte| is_stop(*byte)).map_or(bytes.len(), |index| at + index),
    }
}

/// A byte of ones for each stop, in order from the lowest.
#[inline(always)]
fn marks(block: &[u8; BLOCK], is_stop: impl Fn(u8) -> bool) -> [u64; 2] {
    let mut marks = [0; BLOCK];
    for (byte, mark) in block.iter().zip(&mut marks) {
        *mark = if is_stop(*byte) { u8::MAX } else { 0 };
    }
    // Without the black box the compiler sees through to the position that is asked for, and then gives up on vector code:
    // three times the instructions on x86-64 and Rust 1.95. It changes nothing else.
    let marks = black_box(marks);
    let [low, high] = marks.as_chunks::<8>().0 else { return [0; 2] };
    [u64::from_le_bytes(*low), u64::from_le_bytes(*high)]
}

#[inline]
const fn first_mark(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

const BLOCK: usize = 16;
