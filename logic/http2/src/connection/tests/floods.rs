//! How much a client may say that asks for nothing (RFC 9113 §10.5). The bounds themselves are tested beside the budget.

use super::*;
use crate::budget::{CREDIT_MAX, FAULTS_MAX};

/// How often the frames can be said, at once, before the connection is calmed.
fn count_of(frames: &[u8], prelude: &[u8]) -> Option<u32> {
    let mut talk = Talk::new();
    talk.say(prelude);
    (0..30_000).find(|_| {
        talk.say(frames);
        talk.machine.end().is_some_and(|end| {
            assert_eq!(end, End::Calmed);
            true
        })
    })
}

fn check_flood(frames: &[u8], prelude: &[u8], price: u32) {
    let count = count_of(frames, prelude).unwrap();
    let expected = CREDIT_MAX / price;
    // The preface and the prelude have paid and earned, too.
    assert!((expected.saturating_sub(4)..=expected + 4).contains(&count), "{count} of {frames:?}");
}

#[test]
fn frames_that_ask_for_nothing_are_bounded() {
    check_flood(&frame(kind::PING, 0, 0, &[0; 8]), &[], 1);
    check_flood(&frame(kind::PING, flag::ACK, 0, &[0; 8]), &[], 1);
    check_flood(&settings(&[]), &[], 1);
    check_flood(&frame(kind::SETTINGS, flag::ACK, 0, &[]), &[], 1);
    check_flood(&frame(kind::PRIORITY, 0, 1, &[0; 5]), &[], 1);
    check_flood(&frame(kind::GOAWAY, 0, 0, &[0; 8]), &[], 1);
    check_flood(&frame(0x44, 0, 0, &[]), &[], 1);
    check_flood(&update(0, 5), &[], 1);
    check_flood(&update(0, 4), &[], 4);
    check_flood(&update(1, 1), &get(1), 4);
    check_flood(&reset(1), &get(1), 1);
    check_flood(&data(1, 0, &[]), &post(1), 1);
    check_flood(&data(1, flag::PADDED, &[5, 0, 0, 0, 0, 0]), &post(1), 1);
    check_flood(&frame(kind::CONTINUATION, 0, 1, &[]), &frame(kind::HEADERS, 0, 1, &[]), 1);
}

#[test]
fn faults_of_streams_are_bounded() {
    let fault = |frames: &[u8], prelude: &[u8]| {
        let count = count_of(frames, prelude).unwrap();
        assert!((FAULTS_MAX - 1..=FAULTS_MAX).contains(&count), "{count} of {frames:?}");
    };
    // CVE-2025-8671, on a stream that is over.
    fault(&data(1, 0, b"x"), &[get(1), reset(1)].concat());
    fault(&frame(kind::PRIORITY, 0, 1, &[0; 4]), &[get(1), reset(1)].concat());
    let each: [fn(u32) -> Vec<u8>; 6] = [
        |number| [get(number), update(number, 0)].concat(),
        |number| [get(number), update(number, 0x7fff_ffff)].concat(),
        |number| [get(number), frame(kind::PRIORITY, 0, number, &[0; 4])].concat(),
        |number| [get(number), data(number, END, b"x")].concat(),
        |number| [get(number), get(number)].concat(),
        |number| frame(kind::HEADERS, END | LAST, number, &block(&[("a", "b")])),
    ];
    for frames in each {
        let mut talk = Talk::new();
        let count = (0..1_000).find(|turn| {
            talk.say(&frames(2 * turn + 1));
            if let Some(slot) = talk.held.pop() {
                talk.release(slot);
            }
            talk.machine.end() == Some(End::Calmed)
        });
        assert_eq!(count, Some(FAULTS_MAX));
    }
}

#[test]
fn refused_streams_are_bounded() {
    let bounds = Bounds { streams_max: 0, ..BOUNDS };
    let mut talk = Talk::with(bounds, &[]);
    let count = (0..30_000).find(|turn| {
        talk.say(&get(2 * turn + 1));
        talk.machine.end() == Some(End::Calmed)
    });
    assert!(count.is_some_and(|count| (CREDIT_MAX - 3..=CREDIT_MAX).contains(&count)), "{count:?}");
}

/// Who asks and reads may send as many of them as clients do.
#[test]
fn honest_clients_are_never_calmed() {
    let mut talk = Talk::new();
    for turn in 0..30_000 {
        let number = 2 * turn + 1;
        let slot = talk.open(&post(number));
        talk.begin_answer(slot);
        talk.machine.end_message(slot, b"", &mut talk.known);
        talk.say(&[data(number, END, b""), update(0, 100), frame(kind::PING, 0, 0, &[0; 8])].concat());
        talk.release(slot);
        assert_eq!(talk.machine.end(), None, "{turn}");
    }
}

/// The frame whose price is too high does nothing more, however short it is.
#[test]
fn nothing_is_opened_after_the_end() {
    let (mut more, block) = (frame(kind::CONTINUATION, 0, 1, &[]), request_block("GET", &[]));
    let mut calmed = 0;
    for count in CREDIT_MAX - 5..CREDIT_MAX + 5 {
        let mut talk = Talk::new();
        talk.say(&frame(kind::HEADERS, END, 1, &block));
        more[4] = 0;
        talk.say(&more.repeat(count as usize));
        more[4] = LAST;
        talk.say(&more);
        assert_eq!(talk.held.is_empty(), talk.machine.end().is_some());
        calmed += u32::from(talk.machine.end() == Some(End::Calmed));
    }
    assert!((1..10).contains(&calmed));
}

#[test]
fn replies_that_nobody_reads_are_bounded() {
    let mut talk = Talk::new();
    let ping = frame(kind::PING, 0, 0, &[0; 8]);
    let mut count = 0;
    while !talk.machine.is_full_of_replies() {
        talk.machine.receive(&ping, 0);
        // As requests would.
        talk.machine.budget.earn();
        count += 1;
    }
    assert!(count < 20_000 && talk.machine.output().len() < 200 * 1024);
    talk.hear();
    assert!(!talk.machine.is_full_of_replies());
}

/// What comes on a stream that is over for us may be on its way, and asks for nothing.
#[test]
fn frames_of_streams_that_are_over_are_bounded() {
    let early = |frames: &[u8]| {
        let mut talk = Talk::new();
        let slot = talk.open(&post(1));
        talk.release(slot);
        (0..30_000).find(|_| {
            talk.say(frames);
            talk.machine.end() == Some(End::Calmed)
        })
    };
    // A whole window of small frames is none too many.
    assert!(early(&data(1, 0, b"small")).is_some_and(|count| count > 9_000));
    assert!(early(&trailers(1, 0, &[("a", "b")])).is_some_and(|count| count > 9_000));
}

/// Room that is given in crumbs has its price, however it is given, and what goes out in crumbs earns nothing.
#[test]
fn crumbs_are_bounded() {
    let count = |client: &[(u16, u32)], senders: usize, grant: fn(u32) -> Vec<u8>| {
        let mut talk = Talk::with(BOUNDS, client);
        let slots: Vec<Slot> = (0..8).map(|number| talk.open(&get(2 * number + 1))).collect();
        slots.iter().for_each(|slot| talk.begin_answer(*slot));
        (0..20_000).find(|turn| {
            talk.say(&grant(*turn));
            for slot in slots.iter().take(senders) {
                while talk.machine.end().is_none()
                    && let Room::Bytes(bytes) = talk.machine.room(*slot, false)
                {
                    talk.machine.begin_data(*slot, bytes.min(7), false);
                    talk.machine.output().clear();
                }
            }
            talk.machine.end() == Some(End::Calmed)
        })
    };
    // One byte more for each of eight streams.
    let by_settings = count(&[(4, 0)], 8, |turn| settings(&[(4, turn + 1)]));
    assert!(by_settings.is_some_and(|count| count < 400), "{by_settings:?}");
    // Open and shut again in turn, before anything could go.
    let flips = count(&[(4, 0)], 0, |turn| settings(&[(4, 1 - turn % 2)]));
    assert!(flips.is_some_and(|count| count < 800), "{flips:?}");
    // Seven bytes for all of them.
    let window = count(&[], 8, |turn| if turn == 0 { update(0, 1) } else { update(0, 7) });
    assert!(window.is_some_and(|count| count < 15_000), "{window:?}");
}
