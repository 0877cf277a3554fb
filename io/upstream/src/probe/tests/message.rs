//! The messages of a health check, byte by byte.

use crate::probe::message::{question, state};

fn framed(message: &[u8]) -> Vec<u8> {
    [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

#[test]
fn a_question_names_the_service() {
    assert_eq!(question(""), [0; 5]);
    assert_eq!(question("ab"), [0, 0, 0, 0, 4, 0x0a, 2, b'a', b'b']);
    // A length of two bytes.
    let long = question(&"s".repeat(300));
    assert_eq!(long[..8], [0, 0, 0, 1, 0x2f, 0x0a, 0xac, 0x02]);
    assert_eq!(long.len(), 308);
}

#[test]
fn the_state_is_read() {
    assert_eq!(state(&framed(&[])), Ok(0));
    assert_eq!(state(&framed(&[8, 1])), Ok(1));
    assert_eq!(state(&framed(&[8, 1, 8, 2])), Ok(2), "the last one counts");
    assert_eq!(state(&framed(&[8, 0x81, 0x80, 0])), Ok(1), "longer than it must be");
    let largest = [&[8][..], &[0xff; 9], &[1]].concat();
    assert_eq!(state(&framed(&largest)), Ok(u64::MAX), "-1 in a field of the enum");
}

#[test]
fn unknown_fields_are_passed_over() {
    let number = [0x10, 0xff, 0x7f];
    let eight = [0x19, 1, 2, 3, 4, 5, 6, 7, 8];
    let text = [0x22, 3, 8, 2, 8];
    let four = [0x2d, 8, 2, 8, 2];
    let message = [&number[..], &eight, &[8, 1], &text, &four].concat();
    assert_eq!(state(&framed(&message)), Ok(1));
}

#[test]
fn what_is_not_whole_or_not_strict_is_an_error() {
    for (answer, part) in [
        (Vec::new(), "there is none"),
        (vec![0, 0, 0], "prefix is cut short"),
        (vec![1, 0, 0, 0, 2, 8, 1], "compressed"),
        (vec![0, 0, 0, 0, 3, 8, 1], "length"),
        (vec![0, 0, 0, 0, 1, 8, 1], "length"),
        (vec![0, 0xff, 0xff, 0xff, 0xff, 8, 1], "length"),
        ([framed(&[8, 1]), framed(&[8, 1])].concat(), "length"),
        (framed(&[8]), "it is cut short"),
        (framed(&[8, 0x80]), "it is cut short"),
        (framed(&[0x22, 9, 1]), "it is cut short"),
        (framed(&[0x22, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), "it is cut short"),
        (framed(&[0x19, 1, 2]), "it is cut short"),
        (framed(&[0x0a, 1, 1]), "another type"),
        (framed(&[0, 1]), "impossible number"),
        (framed(&[0x80, 0x80, 0x80, 0x80, 0x10, 1]), "impossible number"),
        (framed(&[0x13]), "unknown type"),
        (framed(&[0x17]), "unknown type"),
        (framed(&[&[8][..], &[0xff; 9], &[2]].concat()), "too large"),
        (framed(&[&[8][..], &[0x80; 10], &[0]].concat()), "too large"),
    ] {
        let fault = state(&answer).expect_err(part);
        assert!(fault.contains(part), "{answer:?}: {fault:?} instead of {part:?}");
    }
}

#[test]
fn no_bytes_are_too_odd() {
    let mut seed = 1_u32;
    for length in (0..24).cycle().take(200_000) {
        let message: Vec<u8> = (0..length)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 24) as u8
            })
            .collect();
        // It ends, without a panic.
        let _outcome = state(&framed(&message));
    }
}
