//! What the tests of HPACK share, and tests of the static table.

use super::{
    Decoder, HpackFault, Saying,
    fixed::{FIXED, name_index, whole_index},
};

pub(super) type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// The bytes of a hexadecimal text.
pub(super) fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    assert_eq!(digits.len() % 2, 0, "{hex}");
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

pub(super) fn field(name: &str, value: &str) -> (Vec<u8>, Vec<u8>) {
    (name.into(), value.into())
}

/// The fields of a block.
pub(super) fn decoded(decoder: &mut Decoder, block: &[u8]) -> Result<Fields, HpackFault> {
    let mut fields = Vec::new();
    decoder.decode(block, &mut |name, value| fields.push((name.to_vec(), value.to_vec())))?;
    Ok(fields)
}

/// Decodes blocks one after the other. Each is given with the fields that it holds and with the table that it leaves, a
/// field a line.
pub(super) fn check_example(table_bytes_max: usize, blocks: &[(&str, &str, &str)]) {
    let mut decoder = Decoder::new(table_bytes_max);
    let lines = |fields: &Fields| {
        let lines = fields.iter().map(|(name, value)| format!("{}: {}", text(name), text(value)));
        lines.collect::<Vec<_>>().join("\n")
    };
    for (hex, fields, table) in blocks {
        assert_eq!(lines(&decoded(&mut decoder, &bytes_of(hex)).unwrap()), *fields, "{hex}");
        // What the table holds is what its indices stand for.
        let entries = (0x80 + 62..0xff).map_while(|index| decoded(&mut decoder, &[index]).ok());
        assert_eq!(lines(&entries.flatten().collect()), *table, "{hex}");
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_static_table_is_found_by_name_and_value() {
    for (index, (name, value)) in (1u8..).zip(&FIXED) {
        let first = name_index(name);
        assert_eq!(FIXED[usize::from(first) - 1].0, *name);
        assert!(FIXED[..usize::from(first) - 1].iter().all(|(other, _)| other != name));
        assert_eq!(whole_index(first, value), index, "{}", text(name));
        assert_eq!(whole_index(first, b"something else"), 0);
    }
    assert_eq!(name_index(b"x-other"), 0);
    assert_eq!(name_index(b"Server"), 0);
    assert_eq!(whole_index(0, b""), 0);
    assert_eq!(whole_index(name_index(b":path"), b""), 0);
}

#[test]
fn the_static_table_is_that_of_the_rfc() {
    assert_eq!(FIXED.len(), 61);
    for (index, name, value) in [
        (1, ":authority", ""),
        (2, ":method", "GET"),
        (7, ":scheme", "https"),
        (14, ":status", "500"),
        (16, "accept-encoding", "gzip, deflate"),
        (28, "content-length", ""),
        (38, "host", ""),
        (50, "range", ""),
        (61, "www-authenticate", ""),
    ] {
        assert_eq!(FIXED[index - 1], (name.as_bytes(), value.as_bytes()));
    }
    // After the pseudo-fields the names stand in the order of the alphabet, but for one.
    let names: Vec<_> = FIXED[14..].iter().map(|(name, _)| *name).filter(|name| *name != b"accept").collect();
    assert!(names.is_sorted());
}

#[test]
fn a_saying_can_be_set_again() {
    let mut saying = Saying::new(b"Set-Cookie", b"a=b");
    for (name, value) in [("Server", "evener"), ("accept-encoding", "gzip, deflate"), ("x-Long-name", "x"), ("", "")] {
        saying.set(name.as_bytes(), value.as_bytes());
        let other = Saying::new(name.as_bytes(), value.as_bytes());
        assert_eq!((text(saying.name()), text(saying.value())), (&name.to_ascii_lowercase()[..], value));
        assert_eq!((saying.form, saying.hash, saying.name_index), (other.form, other.hash, other.name_index));
        assert_eq!(saying.literal, other.literal);
    }
    // Where the name ends is part of a field.
    assert_ne!(Saying::new(b"ab", b"c").hash, Saying::new(b"a", b"bc").hash);
}
