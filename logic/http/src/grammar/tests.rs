//! The scans against their plain meaning, and the numbers.

use super::*;

/// Every position of every byte in buffers around the block size.
#[test]
fn scans_mean_the_same_one_byte_at_a_time() {
    for len in (0..40).chain([64, 100]) {
        for filler in [b'a', b'-', b' ', 0x80, b'\t'] {
            let mut bytes = vec![filler; len];
            check_scans(&bytes);
            for index in 0..len {
                for byte in
                    [0, 9, 10, 13, 31, 32, b':', b'_', b'@', b'[', b'`', b'{', b'/', b'Z', b'z', b'9', 127, 128, 255]
                {
                    bytes[index] = byte;
                    check_scans(&bytes);
                }
                bytes[index] = filler;
            }
        }
    }
}

fn check_scans(bytes: &[u8]) {
    for from in [0, 1, 7, 15, 16, 17, 33, 200] {
        let rest = || bytes.iter().enumerate().skip(from);
        let plain_end = |found: Option<(usize, &u8)>| found.map_or(bytes.len(), |(index, _)| index);
        let control = plain_end(rest().find(|(_, byte)| (**byte < 32 && **byte != 9) || **byte == 127));
        assert_eq!(control_at(bytes, from), control, "{} from {from}", bytes.escape_ascii());
        if from < bytes.len() {
            let token = plain_end(rest().find(|(_, byte)| !is(**byte, TOKEN)));
            assert_eq!(name_run_end(bytes, from).0, token, "{} from {from}", bytes.escape_ascii());
            assert_eq!(run_end(bytes, from, TOKEN).0, token);
        }
    }
}

#[test]
fn aliases_of_dashes_are_met() {
    for (name, expected) in
        [("x_a:", true), ("x-a:", false), ("a.b", true), ("a!b:", false), ("0123456789abcdef_:", true)]
    {
        assert_eq!(name_run_end(name.as_bytes(), 0).1 & DASH_ALIAS != 0, expected, "{name}");
    }
}

#[test]
fn tokens() {
    let tokens: String = (0..=255).filter(|byte| is(*byte, TOKEN)).map(char::from).collect();
    assert_eq!(tokens, "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~");
    assert!(is_token(b"a") && !is_token(b"") && !is_token(b"a b"));
}

#[test]
fn numbers() {
    for (text, expected) in [
        ("0", Ok(0)),
        ("007", Ok(7)),
        ("999999999999999999", Ok(999_999_999_999_999_999)),
        ("1000000000000000000", Err(NumberFault::TooLarge)),
        ("", Err(NumberFault::Malformed)),
        ("1 ", Err(NumberFault::Malformed)),
        ("+1", Err(NumberFault::Malformed)),
    ] {
        assert_eq!(decimal(text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn lists() {
    let found: Vec<_> = elements(b" a ,, b\tc ,").collect();
    assert_eq!(found, [&b"a"[..], b"", b"b\tc", b""]);
    assert_eq!(elements(b"").collect::<Vec<_>>(), [b""]);
}
