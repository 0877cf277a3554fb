//! Tests of the encoder, and of both ends in step.

use super::Encoder;
use crate::hpack::{
    Decoder, Saying,
    tests::{Fields, bytes_of, decoded, field},
};
use proptest::prelude::*;

/// A connection: both its ends.
struct Pair {
    encoder: Encoder,
    decoder: Decoder,
}

impl Pair {
    fn new() -> Self {
        Self { encoder: Encoder::new(), decoder: Decoder::new(4096) }
    }

    /// The block of these fields, which has been read again.
    fn block(&mut self, fields: &[(&str, &str)]) -> Vec<u8> {
        let mut out = Vec::new();
        self.encoder.begin(&mut out);
        for (name, value) in fields {
            self.encoder.field(&Saying::new(name.as_bytes(), value.as_bytes()), &mut out);
        }
        let expected = fields.iter().map(|(name, value)| field(&name.to_ascii_lowercase(), value)).collect();
        assert_eq!(decoded(&mut self.decoder, &out), Ok(expected));
        out
    }

    /// Says a field in a block of its own, and checks the bytes.
    fn check(&mut self, name: &str, value: &str, hex: &str) {
        let block = self.block(&[(name, value)]);
        assert_eq!(block, bytes_of(hex), "{name}: {value} is {block:02x?}");
    }
}

#[test]
fn a_field_enters_the_table_when_it_is_met_again() {
    let mut pair = Pair::new();
    pair.check("Custom-Key", "custom-value", "008825a849e95ba97d7f8925a849e95bb8e8b4bf");
    pair.check("custom-key", "custom-value", "408825a849e95ba97d7f8925a849e95bb8e8b4bf");
    pair.check("custom-key", "custom-value", "be");
    pair.check("CUSTOM-KEY", "custom-value", "be");
    pair.check("cache-control", "no-cache", "0f0986a8eb10649cbf");
    pair.check("cache-control", "no-cache", "5886a8eb10649cbf");
    pair.check("custom-key", "custom-value", "bf");
    pair.check("cache-control", "no-cache", "be");
    pair.check("cache-control", "private", "0f0985aec3771a4b");
}

#[test]
fn what_the_static_table_has_is_a_byte() {
    let mut pair = Pair::new();
    pair.check("Accept-Encoding", "gzip, deflate", "90");
    pair.check(":method", "POST", "83");
    pair.check(":path", "/index.html", "85");
    pair.check("server", "", "b6");
    pair.check("x", "", "0001 78 00");
}

#[test]
fn text_is_packed_only_where_that_is_shorter() {
    let mut pair = Pair::new();
    pair.check("etag", "\u{1}\u{2}", "0f13020102");
    pair.check("etag", "0", "0f130130");
    pair.check("etag", "00", "0f130230 30".replace(' ', "").as_str());
    pair.check("etag", "000", "0f13820001");
}

#[test]
fn statuses() {
    let mut encoder = Encoder::new();
    let mut decoder = Decoder::new(4096);
    for status in 100..=999 {
        let mut out = Vec::new();
        encoder.begin(&mut out);
        encoder.status(status, &mut out);
        let is_short = [200, 204, 206, 304, 400, 404, 500].contains(&status);
        assert_eq!(out.len(), if is_short { 1 } else { 5 });
        assert_eq!(decoded(&mut decoder, &out), Ok(vec![field(":status", &status.to_string())]));
    }
}

#[test]
fn secrets_are_never_indexed() {
    let mut pair = Pair::new();
    for name in ["set-cookie", "Authorization", "proxy-authorization", "cookie", "www-authenticate"] {
        for _ in 0..4 {
            assert_eq!(pair.block(&[(name, "secret")])[0] & 0xf0, 0x10);
        }
    }
    pair.check("set-cookie", "a", "1f280161");
}

#[test]
fn large_fields_stay_out_of_the_table() {
    let mut pair = Pair::new();
    let check = |pair: &mut Pair, bytes: usize, is_kept: bool| {
        let value = "~".repeat(bytes - 32 - 1);
        let block = (0..3).map(|_| pair.block(&[("a", &value)])).last().unwrap();
        assert_eq!(block.len() == 1, is_kept, "{bytes}");
    };
    check(&mut pair, 1024, true);
    check(&mut pair, 1025, false);
    pair.encoder.set_table_bytes_max(200);
    check(&mut pair, 50, true);
    check(&mut pair, 51, false);
}

#[test]
fn sizes_of_the_table_are_told() {
    let mut pair = Pair::new();
    let check = |pair: &mut Pair, sizes: &[u32], hex: &str| {
        sizes.iter().for_each(|&bytes| pair.encoder.set_table_bytes_max(bytes));
        assert_eq!(pair.block(&[]), bytes_of(hex), "{sizes:?}");
    };
    check(&mut pair, &[], "");
    check(&mut pair, &[4096], "");
    check(&mut pair, &[65536], "");
    check(&mut pair, &[u32::MAX], "");
    check(&mut pair, &[100], "3f45");
    check(&mut pair, &[100], "");
    check(&mut pair, &[50, 100], "3f13 3f45");
    check(&mut pair, &[200, 100], "");
    check(&mut pair, &[200, 50, 60, 70], "3f13 3f27");
    check(&mut pair, &[10_000], "3fe11f");
    check(&mut pair, &[0, 10_000], "20 3fe11f");
    check(&mut pair, &[0], "20");
    // Nothing is inserted into a table of nothing.
    for _ in 0..4 {
        pair.check("a", "b", "0001610162");
    }
    check(&mut pair, &[31], "3f00");
    pair.check("a", "b", "0001610162");
}

#[test]
fn a_table_that_was_emptied_is_not_used() {
    let mut pair = Pair::new();
    (0..3).for_each(|_| drop(pair.block(&[("a", "b")])));
    pair.check("a", "b", "be");
    pair.encoder.set_table_bytes_max(0);
    pair.encoder.set_table_bytes_max(4096);
    pair.check("a", "b", "20 3fe11f 4001610162");
    pair.check("a", "b", "be");
}

#[test]
fn fields_said_once_do_not_drive_out_others() {
    let mut pair = Pair::new();
    for number in 0..1000 {
        let id = format!("id-{number}");
        let block = pair.block(&[("server", "evener"), ("content-type", "text/plain"), ("etag", &id)]);
        assert!(number < 2 || block.len() <= 2 + 2 + 1 + id.len(), "{number}: {block:02x?}");
    }
}

#[test]
fn fields_of_the_same_hash_are_told_apart() {
    let mut pair = Pair::new();
    // The third has the text of the fourth, but another name.
    let fields = [("a", "1"), ("a", "2"), ("ab", "c"), ("a", "bc")];
    let sayings = fields.map(|(name, value)| {
        let mut saying = Saying::new(name.as_bytes(), value.as_bytes());
        saying.hash = 7;
        saying
    });
    let expected = fields.map(|(name, value)| field(name, value)).to_vec();
    for round in 0..5 {
        let mut out = Vec::new();
        pair.encoder.begin(&mut out);
        sayings.iter().for_each(|saying| pair.encoder.field(saying, &mut out));
        assert_eq!(decoded(&mut pair.decoder, &out), Ok(expected.clone()));
        assert_eq!(out.len() == fields.len(), round > 1, "{out:02x?}");
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// One of a few fields, so that it is met again.
    Usual(u8, u8),
    Any(Vec<u8>, Vec<u8>),
    Status(u16),
    Size(u32),
    EndBlock,
    Rest,
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = |most| proptest::collection::vec(any::<u8>(), 0..most);
    prop_oneof![
        40 => (0u8..12, 0u8..6).prop_map(|(name, value)| Step::Usual(name, value)),
        10 => (any::<u8>(), any::<u8>()).prop_map(|(name, value)| Step::Usual(name, value)),
        5 => (bytes(40), bytes(300)).prop_map(|(name, value)| Step::Any(name, value)),
        1 => (bytes(40), bytes(3000)).prop_map(|(name, value)| Step::Any(name, value)),
        5 => (100u16..1000).prop_map(Step::Status),
        1 => prop_oneof![0u32..300, 0u32..5000, any::<u32>()].prop_map(Step::Size),
        15 => Just(Step::EndBlock),
        1 => Just(Step::Rest),
    ]
}

/// A name that is known, or made up.
fn usual_name(number: u8) -> Vec<u8> {
    const NAMES: [&str; 8] =
        ["server", "content-type", "date", "accept-encoding", "set-cookie", "vary", "grpc-status", ":path"];
    match NAMES.get(usize::from(number)) {
        Some(name) => name.as_bytes().to_vec(),
        None => format!("x-field-{number}").into_bytes(),
    }
}

/// Reads what was said since the last block.
fn end_block(pair: &mut Pair, out: &mut Vec<u8>, said: &mut Fields) {
    assert_eq!(decoded(&mut pair.decoder, out), Ok(std::mem::take(said)));
    out.clear();
    pair.encoder.begin(out);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn both_ends_stay_in_step(steps in proptest::collection::vec(step(), 0..600)) {
        let mut pair = Pair::new();
        let (mut out, mut said) = (Vec::new(), Vec::new());
        let mut saying = Saying::new(b"", b"");
        for step in steps {
            match step {
                Step::Usual(name, value) => {
                    let (name, value) = (usual_name(name), vec![b'a' + value % 26; usize::from(value)]);
                    saying.set(&name, &value);
                    pair.encoder.field(&saying, &mut out);
                    said.push((name, value));
                }
                Step::Any(mut name, value) => {
                    saying.set(&name, &value);
                    pair.encoder.field(&saying, &mut out);
                    name.make_ascii_lowercase();
                    said.push((name, value));
                }
                Step::Status(status) => {
                    pair.encoder.status(status, &mut out);
                    said.push(field(":status", &status.to_string()));
                }
                Step::Size(bytes) => pair.encoder.set_table_bytes_max(bytes),
                Step::EndBlock => end_block(&mut pair, &mut out, &mut said),
                Step::Rest => {
                    pair.encoder.rest();
                    pair.decoder.rest();
                }
            }
        }
        end_block(&mut pair, &mut out, &mut said);
    }

    #[test]
    fn a_block_that_is_cut_is_a_fault_or_its_first_fields(fields in proptest::collection::vec((0u8..12, 0u8..6), 0..30)) {
        let mut encoder = Encoder::new();
        let mut out = Vec::new();
        let mut said = Vec::new();
        // Where a field ends, a block may end as well.
        let mut ends = vec![0];
        for (name, value) in fields {
            let (name, value) = (usual_name(name), vec![b'a' + value; usize::from(value)]);
            encoder.field(&Saying::new(&name, &value), &mut out);
            ends.push(out.len());
            said.push((name, value));
        }
        for end in 0..=out.len() {
            let expected = match ends.binary_search(&end) {
                Ok(count) => Ok(said[..count].to_vec()),
                Err(_) => Err(crate::hpack::HpackFault::Cut),
            };
            prop_assert_eq!(decoded(&mut Decoder::new(4096), &out[..end]), expected);
        }
    }
}
