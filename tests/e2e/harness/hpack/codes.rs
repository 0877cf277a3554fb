//! The Huffman code of HPACK (RFC 7541 §5.2 and Appendix B), bit by bit.
//!
//! It knows no fields.

use std::io;
use std::sync::LazyLock;

use super::bad;

/// The text that a packed one stands for.
pub(super) fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    let (mut unpacked, mut code, mut length) = (Vec::new(), 0_u32, 0_u8);
    for bit in packed.iter().flat_map(|byte| (0..8).rev().map(move |place| byte >> place & 1)) {
        (code, length) = (code << 1 | u32::from(bit), length + 1);
        if let Ok(found) = CODES.binary_search_by_key(&(length, code), |(length, code, _)| (*length, *code)) {
            unpacked.push(CODES[found].2);
            (code, length) = (0, 0);
        }
        if length > 30 {
            return Err(bad("a code that stands for nothing"));
        }
    }
    let is_padding = length < 8 && code == (1 << length) - 1;
    if is_padding { Ok(unpacked) } else { Err(bad("padding that is none")) }
}

/// The packed form of a text.
pub(super) fn pack(text: &[u8]) -> Vec<u8> {
    let mut bits = Vec::new();
    for byte in text {
        let (length, code) = BY_SYMBOL[usize::from(*byte)];
        bits.extend((0..length).rev().map(|place| code >> place & 1 == 1));
    }
    // RFC 7541 §5.2: the rest of the last byte is ones.
    bits.chunks(8)
        .map(|bits| (0..8).fold(0, |byte, place| byte << 1 | u8::from(bits.get(place) != Some(&false))))
        .collect()
}

/// Length, code and symbol, in this order. The code is canonical, so that the lengths tell all of it.
static CODES: LazyLock<Vec<(u8, u32, u8)>> = LazyLock::new(|| {
    let mut symbols: Vec<(u8, u8)> = (0..=255).map(|symbol| (CODE_LENGTHS[usize::from(symbol)], symbol)).collect();
    symbols.sort_unstable();
    let (mut code, mut before) = (0_u32, symbols[0].0);
    let mut codes = Vec::new();
    for (length, symbol) in symbols {
        code <<= length - before;
        codes.push((length, code, symbol));
        (code, before) = (code + 1, length);
    }
    codes
});

/// Length and code of each symbol.
static BY_SYMBOL: LazyLock<Vec<(u8, u32)>> = LazyLock::new(|| {
    let mut codes = vec![(0, 0); 256];
    for (length, code, symbol) in CODES.iter() {
        codes[usize::from(*symbol)] = (*length, *code);
    }
    codes
});

/// Lengths of the codes of RFC 7541, Appendix B.
const CODE_LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12,
    10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6,
    5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22,
    22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20,
    22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28,
    27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28,
    27, 27, 27, 27, 27, 26,
];
