//! Blocks of the RFC, and what is written read again.

use super::{BlockReader, BlockWriter, literal_block};

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

type Fields = &'static [(&'static str, &'static str)];

/// RFC 7541 §C.4: three requests, the later ones smaller.
const PACKED: [(&[u8], Fields); 3] = [
    (
        &[0x82, 0x86, 0x84, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff],
        &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")],
    ),
    (
        &[0x82, 0x86, 0x84, 0xbe, 0x58, 0x86, 0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf],
        &[
            (":method", "GET"),
            (":scheme", "http"),
            (":path", "/"),
            (":authority", "www.example.com"),
            ("cache-control", "no-cache"),
        ],
    ),
    (
        &[
            0x82, 0x87, 0x85, 0xbf, 0x40, 0x88, 0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xa9, 0x7d, 0x7f, 0x89, 0x25, 0xa8, 0x49,
            0xe9, 0x5b, 0xb8, 0xe8, 0xb4, 0xbf,
        ],
        &[
            (":method", "GET"),
            (":scheme", "https"),
            (":path", "/index.html"),
            (":authority", "www.example.com"),
            ("custom-key", "custom-value"),
        ],
    ),
];

#[test]
fn blocks_of_the_rfc_are_read_and_written() {
    let (mut reader, mut writer) = (BlockReader::new(), BlockWriter::new());
    for (block, fields) in PACKED {
        assert_eq!(reader.read(block).expect("a block of the RFC"), owned(fields));
        assert_eq!(writer.write(fields), block);
    }
    assert!(reader.has_learnt("custom-key") && !reader.has_learnt(":method"));
}

#[test]
fn what_is_written_is_read() {
    let long = "x".repeat(20_000);
    let fields = [("a", "b"), (":path", ""), ("long", &long)];
    let (mut reader, mut writer) = (BlockReader::new(), BlockWriter::new());
    assert_eq!(reader.read(&literal_block(&fields)).expect("an own block"), owned(&fields));
    for round in 0..100 {
        let number = round.to_string();
        let fields = [("x-number", number.as_str()), ("authorization", "secret"), ("x-filler", &long[..900])];
        if round % 10 == 9 {
            [100, 0, 300, 4096].into_iter().skip(round % 4).for_each(|bytes| writer.resize(bytes));
        }
        assert_eq!(reader.read(&writer.write(&fields)).expect("an own block"), owned(&fields), "round {round}");
        assert!(!reader.has_learnt("authorization"));
    }
}

#[test]
fn tables_shrink_when_they_must() {
    let check = |limits: &[usize], block: &[u8], expected: bool| {
        let mut reader = BlockReader::new();
        limits.iter().for_each(|limit| reader.limit(*limit));
        assert_eq!(reader.read(block).is_ok(), expected, "{limits:?}, {block:x?}");
    };
    check(&[], &[0x82], true);
    check(&[4096], &[0x82], true);
    check(&[8192], &[0x82], true);
    check(&[0], &[0x82], false);
    check(&[0], &[0x20, 0x82], true);
    check(&[0, 4096], &[0x82], false);
    check(&[0, 4096], &[0x20, 0x82], true);
    check(&[0, 4096], &[0x20, 0x3f, 0xe1, 0x1f, 0x82], true);
    check(&[0, 4096], &[0x3f, 0xe1, 0x1f, 0x82], false);
    check(&[100], &[0x3f, 0x46, 0x82], false);
    check(&[100], &[0x3f, 0x45, 0x82], true);
    check(&[], &[0x82, 0x20], false);
}
