//! Tests of integers.

use super::{read, write};
use crate::hpack::HpackFault;
use proptest::prelude::*;

/// An integer with a prefix of 1 to 8 bits.
fn written(prefix_bits: u32, first: u8, value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    match prefix_bits {
        4 => write::<4>(first, value, &mut out),
        5 => write::<5>(first, value, &mut out),
        6 => write::<6>(first, value, &mut out),
        7 => write::<7>(first, value, &mut out),
        _ => write::<8>(first, value, &mut out),
    }
    out
}

fn again(prefix_bits: u32, bytes: &[u8]) -> Result<(usize, &[u8]), HpackFault> {
    match prefix_bits {
        4 => read::<4>(bytes),
        5 => read::<5>(bytes),
        6 => read::<6>(bytes),
        7 => read::<7>(bytes),
        _ => read::<8>(bytes),
    }
}

#[test]
fn the_examples_of_the_rfc() {
    // RFC 7541 §C.1.
    for (prefix_bits, value, bytes) in [
        (5, 10, &[0x0a][..]),
        (5, 1337, &[0x1f, 0x9a, 0x0a]),
        (8, 42, &[0x2a]),
        (7, 127, &[0x7f, 0]),
        (4, 15, &[0x0f, 0]),
    ] {
        assert_eq!(written(prefix_bits, 0, value), bytes);
        assert_eq!(again(prefix_bits, bytes), Ok((value, &[][..])));
    }
}

#[test]
fn what_is_too_long_or_cut_is_a_fault() {
    let check = |bytes: &[u8], expected| assert_eq!(read::<7>(bytes), expected, "{bytes:02x?}");
    check(&[], Err(HpackFault::Cut));
    check(&[0x7f], Err(HpackFault::Cut));
    check(&[0x7f, 0x80], Err(HpackFault::Cut));
    check(&[0x7f, 0x80, 0x80, 0x80, 0x80], Err(HpackFault::Cut));
    check(&[0x7f, 0x80, 0x80, 0x80, 0x80, 0x80], Err(HpackFault::Integer));
    check(&[0x7f, 0x80, 0x80, 0x80, 0x80, 0x00, 7], Ok((127, &[7])));
    check(&[0x7f, 0x80, 0xff, 0xff, 0xff, 0x0f], Ok((u32::MAX as usize, &[])));
    check(&[0x7f, 0x81, 0xff, 0xff, 0xff, 0x0f], Err(HpackFault::Integer));
    check(&[0x7f, 0xff, 0xff, 0xff, 0xff, 0x7f], Err(HpackFault::Integer));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn what_is_written_is_read(prefix_bits in 4u32..=8, value: u32, small in 0usize..600, rest: Vec<u8>) {
        for value in [value as usize, small] {
            let first = !(((1u32 << prefix_bits) - 1) as u8);
            let mut bytes = written(prefix_bits, first, value);
            for end in 0..bytes.len() {
                prop_assert_eq!(again(prefix_bits, &bytes[..end]), Err(HpackFault::Cut));
            }
            prop_assert_eq!(bytes[0] & first, first);
            bytes.extend(&rest);
            prop_assert_eq!(again(prefix_bits, &bytes), Ok((value, &rest[..])));
        }
    }
}
