//! However a conversation is cut, it is the same one.

use super::*;
use crate::connection::check::check_frames;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

/// Frames that mean something, on a few streams, some of them wrong.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![8 => (0..8_u32).prop_map(|turn| 2 * turn + 1), 1 => 0..20_u32];
    let bytes = prop::collection::vec(any::<u8>(), 0..40);
    let kind = prop_oneof![0..11_u8, any::<u8>()];
    let flags = prop_oneof![Just(0), Just(END), Just(LAST), Just(END | LAST), Just(flag::PADDED), any::<u8>()];
    prop_oneof![
        6 => (number.clone(), any::<bool>()).prop_map(|(number, is_end)| if is_end { get(number) } else { post(number) }),
        3 => (number.clone(), 0..9_usize).prop_map(|(number, length)| post_with(number, &[("content-length", &length.to_string())])),
        6 => (number.clone(), bytes.clone(), any::<bool>()).prop_map(|(number, bytes, is_end)| data(number, u8::from(is_end), &bytes)),
        3 => (number.clone(), bytes.clone(), 0..50_u8)
            .prop_map(|(number, bytes, padding)| data(number, flag::PADDED, &[&[padding][..], &bytes, &vec![0; padding.into()]].concat())),
        2 => number.clone().prop_map(reset),
        3 => (number.clone(), 0..4000_u32).prop_map(|(number, by)| update(number, by)),
        2 => (0..7_u16, prop_oneof![0..5_u32, Just(16_384), Just(70_000)]).prop_map(|(name, value)| settings(&[(name, value)])),
        2 => number.clone().prop_map(|number| trailers(number, END, &[("a", "b")])),
        1 => Just(frame(kind::PING, flag::ACK, 0, b"evener!\n")),
        1 => (number.clone(), 1..30_usize).prop_map(|(number, at)| {
            let block = request_block("GET", &[]);
            [frame(kind::HEADERS, END, number, &block[..at]), frame(kind::CONTINUATION, LAST, number, &block[at..])].concat()
        }),
        1 => (kind, flags, number, bytes).prop_map(|(kind, flags, number, bytes)| frame(kind, flags, number, &bytes)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn cuts_make_no_difference(choices in any::<u8>(), seed in any::<u8>(), pieces in prop::collection::vec(piece(), 0..25), cut in 0..20_usize) {
        let mut input = vec![choices & !0x10, seed];
        input.extend(pieces.concat());
        input.truncate((input.len() - cut.min(input.len())).max(2));
        check_frames(&input);
    }

    /// In any order of numbers that rise, so that streams live longer.
    #[test]
    fn cuts_make_no_difference_to_good_conversations(seed in any::<u8>(), kinds in prop::collection::vec(0..6_u8, 1..40)) {
        let mut input = vec![0, seed];
        let mut number = 1;
        for kind in kinds {
            let open = post(number);
            input.extend(match kind {
                0 => get(number),
                1 => [open, data(number, 0, b"abc")].concat(),
                2 => [open, data(number, 0, &[7; 3000]), data(number, END, b"")].concat(),
                3 => [open, data(number, flag::PADDED, b"\x02abc\0\0"), trailers(number, END, &[("x", "y")])].concat(),
                4 => [open, reset(number)].concat(),
                _ => [update(0, 50), open, update(number, 50), data(number, END, &[1; 200])].concat(),
            });
            number += 2;
        }
        check_frames(&input);
    }
}

/// Every place at which one conversation can be cut in two.
#[test]
fn every_cut_of_one_conversation() {
    let frames = [
        PREFACE.to_vec(),
        settings(&[(4, 100_000), (1, 0)]),
        get(1),
        post_with(3, &[("content-length", "5")]),
        frame(kind::PING, 0, 0, b"12345678"),
        data(3, flag::PADDED, b"\x03abc\0\0\0"),
        frame(0x55, 0, 3, b"unknown"),
        data(3, END, b"de"),
        frame(kind::HEADERS, 0, 5, &request_block("POST", &[])[..9]),
        frame(kind::CONTINUATION, LAST, 5, &request_block("POST", &[])[9..]),
        update(5, 0),
        trailers(5, END, &[("a", "b")]),
        update(0, 0),
        get(7),
    ]
    .concat();
    let run = |at: usize| {
        let mut talk = Talk::silent(BOUNDS);
        let mut seen = talk.say(&frames[..at]);
        seen.extend(talk.say(&frames[at..]));
        let mut events = talk.take_events();
        events.dedup();
        let texts: Vec<String> = talk.held.clone().into_iter().map(|slot| talk.head(slot)).collect();
        let body = talk.take(talk.held[1]);
        (seen, events, texts, body, talk.machine.end())
    };
    let whole = run(0);
    assert_eq!(whole.4, Some(End::Broken(Code::ProtocolError)));
    for at in 1..=frames.len() {
        assert_eq!(run(at), whole, "cut at {at}");
    }
}
