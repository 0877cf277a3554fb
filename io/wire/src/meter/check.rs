//! What must hold for any frames of a client. A second, plain reader says what the meter should have seen.

use super::{
    CONTINUATION, CREDIT_MAX, CRUMB_BYTES_MAX, CRUMB_COST, DATA, END_HEADERS, HEADERS, Meter, Objection, PADDED,
    SETTINGS, WINDOW_UPDATE,
};
use evener_runtime::Millis;

/// Beyond this nothing new happens.
const BYTES_MAX: usize = 64 * 1024;

/// Any bytes after the preface. The first byte chooses how they are cut, the second how often they come.
pub(crate) fn frames(data: &[u8]) {
    let [cut, times, bytes @ ..] = data else { return };
    let times = (usize::from(*times) + 1).min(BYTES_MAX / bytes.len().max(1)).max(1);
    let bytes = bytes.repeat(times);
    let seen = Seen::read(&bytes);
    for step in [bytes.len().max(1), usize::from(*cut) + 1, 9] {
        let mut meter = Meter::new(Millis::now());
        let hello = meter.receive(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        assert_eq!((hello, meter.unfinished()), (Ok(()), None));
        let taken = bytes.chunks(step).try_for_each(|piece| {
            meter.send(piece);
            let before = meter.unfinished();
            let taken = meter.receive(piece);
            assert!(meter.credit <= CREDIT_MAX && meter.unfinished().unwrap_or(u64::MAX) >= before.unwrap_or(0));
            taken
        });
        match taken {
            Err(objection @ Objection::NoSettings) => assert_eq!(Some(objection), seen.objection()),
            // Credit comes back with time, and is earned.
            Err(objection @ Objection::Flood) => assert_eq!(Some(objection), seen.objection(), "in steps of {step}"),
            Ok(()) => {
                assert!(!seen.begins_wrong);
                // All at once, nothing that was earned can be spent.
                let left = u64::from(CREDIT_MAX).checked_sub(seen.cost);
                assert!(step < bytes.len() || left == Some(u64::from(meter.credit)), "{left:?}");
                assert_eq!((meter.received.number, meter.unfinished()), (seen.count, seen.unfinished));
            }
        }
    }
}

#[derive(Debug, Default)]
struct Seen {
    /// Frames whose price is known.
    count: u64,
    cost: u64,
    begins_wrong: bool,
    unfinished: Option<u64>,
}

impl Seen {
    fn read(mut bytes: &[u8]) -> Self {
        let mut seen = Self::default();
        let mut block = None;
        while let [a, b, c, kind, flags, _, _, _, _, payload @ ..] = bytes {
            let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
            let Some(price) = price(*kind, *flags, length, payload) else { break };
            seen.begins_wrong |= seen.count == 0 && *kind != SETTINGS;
            seen.count += 1;
            seen.cost += price;
            let ends_block = flags & END_HEADERS != 0;
            match *kind {
                HEADERS | CONTINUATION if ends_block => block = None,
                HEADERS => block = Some(seen.count),
                _ => {}
            }
            if payload.len() < length {
                seen.unfinished = block.or_else(|| (*kind != DATA).then_some(seen.count));
                return seen;
            }
            bytes = &payload[length..];
        }
        seen.unfinished = block.or_else(|| (!bytes.is_empty()).then_some(seen.count + 1));
        seen
    }

    /// What is said of it if it comes at once.
    fn objection(&self) -> Option<Objection> {
        let is_flood = (self.cost > u64::from(CREDIT_MAX)).then_some(Objection::Flood);
        if self.begins_wrong { Some(Objection::NoSettings) } else { is_flood }
    }
}

/// What a frame costs; `None` until enough of it is there.
fn price(kind: u8, flags: u8, length: usize, payload: &[u8]) -> Option<u64> {
    Some(match kind {
        HEADERS => 0,
        DATA if flags & PADDED != 0 && length > 0 => u64::from(length <= usize::from(*payload.first()?) + 1),
        DATA => u64::from(length == 0),
        WINDOW_UPDATE if length == 4 => {
            let by = payload.first_chunk().map(|by| u32::from_be_bytes(*by) & 0x7fff_ffff)?;
            if by <= CRUMB_BYTES_MAX { u64::from(CRUMB_COST) } else { 1 }
        }
        // The `h2` crate refuses it.
        WINDOW_UPDATE => u64::from(CRUMB_COST),
        _ => 1,
    })
}
