//! Frames in pieces of any size, what they cost, and what is unfinished.

use super::{CREDIT_MAX, CREDIT_PER_SECOND, Meter, Objection};
use evener_runtime::Millis;

const PING: u8 = 6;

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
}

fn begun() -> Meter {
    let mut meter = Meter::new(Millis::now());
    let hello = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, &[])].concat();
    meter.receive(&hello).unwrap();
    meter
}

/// How many of these frames in a row are taken, up to a bound far beyond the credit.
fn taken(meter: &mut Meter, frame: &[u8]) -> Option<u32> {
    (0..3 * CREDIT_MAX).find(|_| meter.receive(frame) == Err(Objection::Flood))
}

#[test]
fn settings_come_first() {
    let mut meter = Meter::new(Millis::now());
    meter.receive(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    assert_eq!(meter.receive(&frame(PING, 0, &[0; 8])), Err(Objection::NoSettings));
}

#[test]
fn frames_that_ask_for_nothing_run_out() {
    let second = CREDIT_MAX..=CREDIT_MAX + CREDIT_PER_SECOND;
    for idle in
        [frame(PING, 0, &[0; 8]), frame(4, 0, &[]), frame(2, 0, &[0; 5]), frame(3, 0, &[0; 4]), frame(0, 0, &[])]
    {
        let count = taken(&mut begun(), &idle).unwrap();
        assert!(second.contains(&(count + 1)), "{count} of {idle:?}");
    }
    let padding = taken(&mut begun(), &frame(0, 8, &[&[200][..], &[0; 200]].concat())).unwrap();
    assert!(second.contains(&(padding + 1)), "{padding}");
    let crumbs = taken(&mut begun(), &frame(8, 0, &[0, 0, 0, 1])).unwrap();
    assert!(crumbs < CREDIT_MAX / 3, "{crumbs}");
}

#[test]
fn messages_pay_for_what_goes_with_them() {
    let with_both = [frame(0, 0, b"x"), frame(8, 0, &[0, 0, 0x40, 0]), frame(PING, 0, &[0; 8])].concat();
    assert_eq!(taken(&mut begun(), &with_both), None);
    let mut meter = begun();
    for _ in 0..3 * CREDIT_MAX {
        meter.send(&frame(0, 0, b"x"));
        meter.receive(&[frame(8, 0, &[0, 0, 0x40, 0]), frame(PING, 0, &[0; 8])].concat()).unwrap();
    }
}

#[test]
fn pieces_count_like_the_whole() {
    let frames =
        [frame(1, 0, b"abc"), frame(9, 4, b"def"), frame(0, 8, &[3, 0, 0, 0]), frame(8, 0, &[0, 0, 0, 9])].concat();
    let mut whole = begun();
    whole.receive(&frames).unwrap();
    for size in 1..frames.len() {
        let mut pieces = begun();
        frames.chunks(size).for_each(|piece| pieces.receive(piece).unwrap());
        assert_eq!((pieces.credit, pieces.received.number), (whole.credit, whole.received.number), "pieces of {size}");
        assert_eq!(pieces.unfinished(), None);
    }
}

#[test]
fn a_head_is_unfinished_until_it_ends() {
    let mut meter = begun();
    assert_eq!(meter.unfinished(), None);
    meter.receive(&frame(1, 0, b"begin")).unwrap();
    let number = meter.unfinished().unwrap();
    for byte in frame(9, 0, b"more") {
        meter.receive(&[byte]).unwrap();
        assert_eq!(meter.unfinished(), Some(number));
    }
    meter.receive(&frame(9, 4, b"end")).unwrap();
    assert_eq!(meter.unfinished(), None);
    meter.receive(&frame(PING, 0, &[0; 8])[..5]).unwrap();
    assert!(meter.unfinished().is_some_and(|next| next > number));
    let mut body = begun();
    body.receive(&frame(0, 0, &[0; 100])[..50]).unwrap();
    assert_eq!(body.unfinished(), None, "bodies are watched elsewhere");
}
