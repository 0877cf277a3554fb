//! Tests of the Huffman code.

use super::{CODES, LENGTHS, pack, packed_bytes, unpack};
use crate::hpack::{HpackFault, tests::bytes_of};
use proptest::prelude::*;

fn packed(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    pack(text, &mut out);
    assert_eq!(out.len(), packed_bytes(text));
    out
}

fn unpacked(packed: &[u8]) -> Result<Vec<u8>, HpackFault> {
    let mut out = b"kept".to_vec();
    unpack(packed, &mut out)?;
    Ok(out.strip_prefix(b"kept").unwrap().to_vec())
}

/// The bits of symbols one after the other, and padding.
fn bits_of(symbols: &[usize], padding: &str) -> Vec<u8> {
    let mut bits: String = symbols
        .iter()
        .map(|&symbol| format!("{:0length$b}", CODES[symbol], length = usize::from(LENGTHS[symbol])))
        .collect();
    bits += padding;
    assert_eq!(bits.len() % 8, 0);
    bits.as_bytes().chunks(8).map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap()).collect()
}

#[test]
fn the_code_is_a_complete_prefix_code() {
    // As many strings of 30 bits begin with a code as there are.
    let strings: u64 = LENGTHS.iter().map(|&length| 1 << (30 - length)).sum();
    assert_eq!(strings, 1 << 30);
    for (symbol, (&code, &length)) in CODES.iter().zip(&LENGTHS).enumerate() {
        for (other, (&longer, &longer_length)) in CODES.iter().zip(&LENGTHS).enumerate() {
            let is_prefix = longer_length >= length && longer >> (longer_length - length) == code;
            assert_eq!(is_prefix, symbol == other, "{symbol} {other}");
        }
    }
}

#[test]
fn codes_are_those_of_the_rfc() {
    let check = |symbol: usize, code, length| assert_eq!((CODES[symbol], LENGTHS[symbol]), (code, length), "{symbol}");
    check(0, 0x1ff8, 13);
    check(1, 0x7f_ffd8, 23);
    check(9, 0xff_ffea, 24);
    check(10, 0x3fff_fffc, 30);
    check(usize::from(b' '), 0x14, 6);
    check(usize::from(b'0'), 0x0, 5);
    check(usize::from(b'9'), 0x1f, 6);
    check(usize::from(b'A'), 0x21, 6);
    check(usize::from(b'Z'), 0xfd, 8);
    check(usize::from(b'\\'), 0x7_fff0, 19);
    check(usize::from(b'a'), 0x3, 5);
    check(usize::from(b'z'), 0x7b, 7);
    check(usize::from(b'~'), 0x1ffd, 13);
    check(127, 0xfff_fffc, 28);
    check(128, 0xf_ffe6, 20);
    check(249, 0xfff_fffe, 28);
    check(255, 0x3ff_ffee, 26);
    check(256, 0x3fff_ffff, 30);
}

#[test]
fn the_examples_of_the_rfc() {
    for (text, hex) in [
        ("", ""),
        ("www.example.com", "f1e3c2e5f23a6ba0ab90f4ff"),
        ("no-cache", "a8eb10649cbf"),
        ("custom-key", "25a849e95ba97d7f"),
        ("custom-value", "25a849e95bb8e8b4bf"),
        ("302", "6402"),
        ("307", "640eff"),
        ("private", "aec3771a4b"),
        ("Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff"),
        ("https://www.example.com", "9d29ad171863c78f0b97c8e9ae82ae43d3"),
        ("gzip", "9bd9ab"),
    ] {
        assert_eq!(packed(text.as_bytes()), bytes_of(hex), "{text}");
        assert_eq!(unpacked(&bytes_of(hex)), Ok(text.as_bytes().to_vec()));
    }
}

#[test]
fn every_byte_comes_back() {
    let all: Vec<u8> = (0..=255).collect();
    assert_eq!(unpacked(&packed(&all)), Ok(all.clone()));
    for first in 0..=255 {
        assert_eq!(unpacked(&packed(&[first])), Ok(vec![first]));
        for second in 0..=255 {
            assert_eq!(unpacked(&packed(&[first, second])), Ok(vec![first, second]));
        }
    }
}

#[test]
fn padding_is_up_to_seven_ones() {
    let check = |symbols: &[usize], padding, expected| {
        assert_eq!(unpacked(&bits_of(symbols, padding)), expected, "{symbols:?} {padding}");
    };
    let (zero, eight, x) = (usize::from(b'0'), usize::from(b'8'), usize::from(b'X'));
    let fault = Err(HpackFault::Huffman);
    check(&[zero], "111", Ok(b"0".to_vec()));
    check(&[zero], "110", fault.clone());
    check(&[zero], "011", fault.clone());
    check(&[zero], "000", fault.clone());
    check(&[x], "", Ok(b"X".to_vec()));
    check(&[x], "11111111", fault.clone());
    check(&[zero], "11111111111", fault.clone());
    check(&[zero, zero, zero, zero, eight, eight, eight], "11", Ok(b"0000888".to_vec()));
    check(&[zero, eight, eight], "1111111", Ok(b"088".to_vec()));
    check(&[], "11111111", fault.clone());
    check(&[], "1111111111111111", fault.clone());
    check(&[], "111111111111111111111111111111111111111111111111", fault.clone());
    // EOS, at the end and with more behind it, short of four bytes and beyond.
    check(&[256], "11", fault.clone());
    check(&[256, x], "11", fault.clone());
    check(&[zero, 256], "11111", fault.clone());
    check(&[zero, 256, x, x, x, x], "11111", fault.clone());
    check(&[256, 256, 256, 256], "", fault);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn what_is_packed_is_unpacked(text: Vec<u8>, plain in "[ -~]{0,80}") {
        prop_assert_eq!(unpacked(&packed(&text)), Ok(text));
        prop_assert_eq!(unpacked(&packed(plain.as_bytes())), Ok(plain.into_bytes()));
    }

    #[test]
    fn what_is_unpacked_was_packed_so(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
        // There is one way to write a text, so whatever is read is written the same again.
        if let Ok(text) = unpacked(&bytes) {
            prop_assert_eq!(packed(&text), bytes);
        }
    }
}
