//! Base64url (RFC 4648 §5) for values of 24 bytes, which fill 32 characters without rest and so need no padding and have
//! only one form.

use super::{BYTES, CHARACTERS};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(super) fn encode(bytes: &[u8; BYTES]) -> String {
    let mut text = String::with_capacity(CHARACTERS);
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        text.extend([18, 12, 6, 0].map(|shift| char::from(ALPHABET[bits >> shift & 63])));
    }
    text
}

/// `None` if a character is not of the alphabet.
pub(super) fn decode(text: &[u8; CHARACTERS]) -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    for (four, three) in text.chunks(4).zip(bytes.chunks_mut(3)) {
        let mut bits = 0;
        for character in four {
            bits = bits << 6 | sextet(*character)?;
        }
        three.copy_from_slice(&bits.to_be_bytes()[1..]);
    }
    Some(bytes)
}

fn sextet(character: u8) -> Option<u32> {
    let sextet = match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    };
    Some(u32::from(sextet))
}
