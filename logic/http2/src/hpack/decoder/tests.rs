//! Tests of the decoder.

use super::Decoder;
use crate::hpack::{
    HpackFault,
    tests::{bytes_of, check_example, decoded, field},
};
use proptest::prelude::*;

#[test]
fn the_forms_of_a_field() {
    // RFC 7541 §C.2.
    check_example(
        4096,
        &[(
            "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
            "custom-key: custom-header",
            "custom-key: custom-header",
        )],
    );
    check_example(4096, &[("040c2f73616d706c652f70617468", ":path: /sample/path", "")]);
    check_example(4096, &[("100870617373776f726406736563726574", "password: secret", "")]);
    check_example(4096, &[("82", ":method: GET", "")]);
}

#[test]
fn requests_of_the_rfc() {
    let first = "\
:method: GET
:scheme: http
:path: /
:authority: www.example.com";
    let second = &format!("{first}\ncache-control: no-cache");
    let third = "\
:method: GET
:scheme: https
:path: /index.html
:authority: www.example.com
custom-key: custom-value";
    let tables = [
        ":authority: www.example.com",
        "cache-control: no-cache\n:authority: www.example.com",
        "custom-key: custom-value\ncache-control: no-cache\n:authority: www.example.com",
    ];
    // RFC 7541 §C.3 and §C.4.
    for blocks in [
        [
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ],
        [
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ],
    ] {
        let said = [first, second, third];
        let steps: Vec<_> = (0..3).map(|number| (blocks[number], said[number], tables[number])).collect();
        check_example(4096, &steps);
    }
}

#[test]
fn responses_of_the_rfc() {
    let date = "date: Mon, 21 Oct 2013 20:13:21 GMT";
    let later = "date: Mon, 21 Oct 2013 20:13:22 GMT";
    let place = "location: https://www.example.com";
    let cookie = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
    let private = "cache-control: private";
    let gzip = "content-encoding: gzip";
    let said = [
        [":status: 302", private, date, place].join("\n"),
        [":status: 307", private, date, place].join("\n"),
        [":status: 200", private, later, place, gzip, cookie].join("\n"),
    ];
    let tables = [
        [place, date, private, ":status: 302"].join("\n"),
        [":status: 307", place, date, private].join("\n"),
        [cookie, gzip, later].join("\n"),
    ];
    // RFC 7541 §C.5 and §C.6: entries are evicted from a table of 256 bytes.
    for blocks in [
        [
            "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54\
             6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
            "4803333037c1c0bf",
            "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a6970\
             7738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b\
             2076657273696f6e3d31",
        ],
        [
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f\
             3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        ],
    ] {
        let steps: Vec<_> = (0..3).map(|number| (blocks[number], &said[number][..], &tables[number][..])).collect();
        check_example(256, &steps);
    }
}

#[test]
fn faults() {
    let check =
        |hex: &str, expected| assert_eq!(decoded(&mut Decoder::new(4096), &bytes_of(hex)), Err(expected), "{hex}");
    // Index 0, and one more than there is.
    check("80", HpackFault::Index);
    check("be", HpackFault::Index);
    check("ff00", HpackFault::Index);
    check("ff80808008", HpackFault::Index);
    check("ffffffffff0e", HpackFault::Index);
    check("7e0161", HpackFault::Index);
    check("0f2f0161", HpackFault::Index);
    check("1f2f0161", HpackFault::Index);
    check("4001610162bf", HpackFault::Index);
    // Integers without an end.
    check("ffffffffffff", HpackFault::Integer);
    check("8282ff8080808080", HpackFault::Integer);
    check("007fffffffffff00", HpackFault::Integer);
    // Ends within a field.
    check("ff", HpackFault::Cut);
    check("00", HpackFault::Cut);
    check("0001", HpackFault::Cut);
    check("000161", HpackFault::Cut);
    check("00016102", HpackFault::Cut);
    check("0001610262", HpackFault::Cut);
    check("41", HpackFault::Cut);
    check("417f", HpackFault::Cut);
    check("3f", HpackFault::Cut);
    check("007f80ffffff0f", HpackFault::Cut);
    // Huffman codes with EOS, with zeros as padding, with a byte of padding.
    check("4184ffffffff", HpackFault::Huffman);
    check("418100", HpackFault::Huffman);
    check("4182f9ff", HpackFault::Huffman);
    check("4181ff", HpackFault::Huffman);
    check("0081fe0161", HpackFault::Huffman);
    // Sizes of the table: more than was offered, and after a field.
    check("3fe21f", HpackFault::TableSize);
    check("3f80ffffff0f", HpackFault::TableSize);
    check("8220", HpackFault::TableSize);
    check("820001610162203f", HpackFault::TableSize);
}

#[test]
fn sizes_of_the_table_come_first() {
    let mut decoder = Decoder::new(4096);
    let check = |decoder: &mut Decoder, hex: &str, expected: &[(&str, &str)]| {
        let expected = expected.iter().map(|(name, value)| field(name, value)).collect();
        assert_eq!(decoded(decoder, &bytes_of(hex)), Ok(expected), "{hex}");
    };
    check(&mut decoder, "", &[]);
    check(&mut decoder, "3fe11f", &[]);
    check(&mut decoder, "4001610162 be", &[("a", "b"), ("a", "b")]);
    // Nothing is left after 0, and what comes then stays.
    check(&mut decoder, "203fe11f4001630164be", &[("c", "d"), ("c", "d")]);
    assert_eq!(decoded(&mut decoder, &bytes_of("bf")), Err(HpackFault::Index));
    // Room for one entry, then for none: it is a field all the same.
    check(&mut decoder, "3f034001650166be", &[("e", "f"), ("e", "f")]);
    check(&mut decoder, "3f024001670168", &[("g", "h")]);
    assert_eq!(decoded(&mut decoder, &bytes_of("be")), Err(HpackFault::Index));
}

#[test]
fn a_larger_table_has_to_be_asked_for() {
    let mut decoder = Decoder::new(8192);
    assert_eq!(decoder.table.bytes_max(), 4096);
    assert_eq!(decoded(&mut decoder, &bytes_of("3fe13f")), Ok(vec![]));
    assert_eq!(decoder.table.bytes_max(), 8192);
    assert_eq!(decoded(&mut decoder, &bytes_of("3fe23f")), Err(HpackFault::TableSize));
}

#[test]
fn an_entry_may_be_named_after_the_one_that_it_drives_out() {
    // RFC 7541 §4.4: a table for one entry of 34 to 36 bytes.
    let mut decoder = Decoder::new(36);
    let expected = vec![field("ab", "c"), field("ab", "d"), field("ab", "d")];
    assert_eq!(decoded(&mut decoder, &bytes_of("40026162 0163 7e0164 be")), Ok(expected));
    // One that is too large empties the table.
    let expected = vec![field("ab", "defgh")];
    assert_eq!(decoded(&mut decoder, &bytes_of("7e056465666768")), Ok(expected));
    assert_eq!(decoded(&mut decoder, &bytes_of("be")), Err(HpackFault::Index));
}

#[test]
fn memory_is_given_back() {
    let mut decoder = Decoder::new(4096);
    assert_eq!(decoder.scratch.capacity(), 0);
    decoded(&mut decoder, &bytes_of("408825a849e95ba97d7f8925a849e95bb8e8b4bf")).unwrap();
    decoder.rest();
    assert_eq!(decoder.scratch.capacity(), 0);
    assert_eq!(decoded(&mut decoder, &bytes_of("be")), Ok(vec![field("custom-key", "custom-value")]));
}

/// Bytes that are read as fields more often than any bytes are.
fn block() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => (0x80u8..0xd0).prop_map(|index| vec![index]),
        2 => (0x40u8..0x80, 0u8..6, any::<[u8; 6]>()).prop_map(|(first, length, text)| {
            [&[first, length][..], &text[..usize::from(length)]].concat()
        }),
        2 => (0u8..0x20, 0x80u8..0x86, any::<[u8; 6]>()).prop_map(|(first, length, text)| {
            [&[first, length][..], &text[..usize::from(length & 0x7f)]].concat()
        }),
        1 => Just(bytes_of("4001610162")),
        1 => Just(bytes_of("3fe11f")),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn any_bytes_are_fields_or_a_fault(blocks in proptest::collection::vec(block(), 1..8), any: Vec<u8>) {
        let mut decoder = Decoder::new(4096);
        for block in blocks.iter().chain([&any]) {
            let outcome = decoder.decode(block, &mut |name, value| assert!(name.len() + value.len() < 4096));
            prop_assert!(decoder.scratch.capacity() <= 2 * (block.len() * 8 / 5 + 4096));
            if outcome.is_err() {
                break;
            }
        }
    }

    #[test]
    fn what_is_cut_is_a_fault_or_the_first_fields(block in block()) {
        let mut whole = Vec::new();
        let outcome = Decoder::new(4096).decode(&block, &mut |name, value| whole.push((name.to_vec(), value.to_vec())));
        for end in 0..block.len() {
            let mut fields = Vec::new();
            let cut = Decoder::new(4096)
                .decode(&block[..end], &mut |name, value| fields.push((name.to_vec(), value.to_vec())));
            prop_assert!(whole.starts_with(&fields));
            match (cut, outcome) {
                (Ok(()) | Err(HpackFault::Cut), _) => {}
                (fault, _) => prop_assert_eq!(fault, outcome),
            }
        }
    }
}
