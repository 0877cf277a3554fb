//! What a client's connection is made of, frame by frame: seen before the `h2` crate sees it, so that a client which says
//! much and asks nothing is noticed.
//!
//! It reads lengths and kinds only, judges no frame and keeps no content. The crate bounds by itself what one frame or one
//! head may cost; how many there may be of those that ask for nothing is told here.

use evener_runtime::Millis;

/// Why no further byte is wanted of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Objection {
    /// RFC 9113 §3.4: SETTINGS come first.
    NoSettings,
    /// Far more frames than go with what was asked and answered (RFC 9113 §10.5).
    Flood,
}

/// The measure of a connection.
#[derive(Debug)]
pub(crate) struct Meter {
    received: Walk,
    sent: Walk,
    /// Idle frames that may come still.
    credit: u32,
    credited: Millis,
    has_settings: bool,
    /// The number of the frame that began a block of fields, while that is not over.
    block: Option<u64>,
}

/// Frames that ask for nothing and may come at once, and how many more each second. Guesses: a client that measures the
/// delay with each answer stays far below, and one that sends them as fast as it can is beyond them in a moment.
const CREDIT_MAX: u32 = 10_000;
const CREDIT_PER_SECOND: u32 = 2_000;
/// What a frame of a message earns, in either direction: one WINDOW_UPDATE and one PING.
const EARNED: u32 = 2;
/// What a WINDOW_UPDATE costs that makes us send in crumbs, and up to which room it is one.
const CRUMB_COST: u32 = 4;
const CRUMB_BYTES_MAX: u32 = 4;
const PREFACE_BYTES: u32 = 24;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

impl Meter {
    /// A connection on which nothing was said: a client's preface comes first.
    pub(crate) fn new(now: Millis) -> Self {
        Self {
            received: Walk::after(PREFACE_BYTES),
            sent: Walk::after(0),
            credit: CREDIT_MAX,
            credited: now,
            has_settings: false,
            block: None,
        }
    }

    /// Takes notice of bytes from the client.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Result<(), Objection> {
        let Self { received, credit, has_settings, block, .. } = self;
        let (mut cost, mut earned) = (0_u32, 0_u32);
        let mut begins_wrong = false;
        received.walk(bytes, |frame, number| {
            begins_wrong |= !*has_settings && frame.kind != SETTINGS;
            *has_settings = true;
            let price = frame.price();
            cost = cost.saturating_add(price);
            earned = earned.saturating_add(if price == 0 { EARNED } else { 0 });
            match frame.kind {
                HEADERS | CONTINUATION if frame.flags & END_HEADERS != 0 => *block = None,
                HEADERS => *block = Some(number),
                _ => {}
            }
        });
        *credit = credit.saturating_add(earned).min(CREDIT_MAX);
        if begins_wrong {
            return Err(Objection::NoSettings);
        }
        self.pay(cost)
    }

    fn pay(&mut self, cost: u32) -> Result<(), Objection> {
        if cost > self.credit {
            let now = Millis::now();
            let passed = u64::try_from(now.since(self.credited).as_millis()).unwrap_or(u64::MAX);
            let more = passed.saturating_mul(u64::from(CREDIT_PER_SECOND)) / 1000;
            let more = u32::try_from(more).unwrap_or(u32::MAX);
            self.credit = self.credit.saturating_add(more).min(CREDIT_MAX);
            self.credited = now;
        }
        let left = self.credit.checked_sub(cost);
        self.credit = left.unwrap_or(0);
        left.map(drop).ok_or(Objection::Flood)
    }

    /// Takes notice of bytes to the client.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let credit = &mut self.credit;
        self.sent.walk(bytes, |frame, _| {
            if matches!(frame.kind, DATA | HEADERS) {
                *credit = credit.saturating_add(EARNED).min(CREDIT_MAX);
            }
        });
    }

    /// A number for the frame or the head that has begun and not come to its end. The content of a body does not count: it
    /// has a least rate of its own.
    pub(crate) fn unfinished(&self) -> Option<u64> {
        self.block.or_else(|| self.received.unfinished())
    }
}

/// What stands before the payload of a frame, and the beginning of that.
#[derive(Debug, Clone, Copy)]
struct FrameHead {
    kind: u8,
    flags: u8,
    length: u32,
    /// What was asked for of the payload.
    begin: u32,
}

impl FrameHead {
    /// What it takes of the credit.
    fn price(self) -> u32 {
        match self.kind {
            HEADERS => 0,
            DATA if self.flags & PADDED != 0 => u32::from(self.length <= self.begin.saturating_add(1)),
            DATA => u32::from(self.length == 0),
            WINDOW_UPDATE if self.begin <= CRUMB_BYTES_MAX => CRUMB_COST,
            _ => 1,
        }
    }

    /// How many bytes of the payload tell the price.
    fn told_by(kind: u8, flags: u8, length: u32) -> usize {
        match kind {
            DATA if flags & PADDED != 0 && length > 0 => 1,
            WINDOW_UPDATE if length == 4 => 4,
            _ => 0,
        }
    }
}

const HEAD_BYTES: usize = 9;

/// A place in a sequence of frames.
#[derive(Debug)]
struct Walk {
    held: [u8; HEAD_BYTES + 4],
    held_bytes: usize,
    wanted: usize,
    /// Bytes of the frame that are still to come.
    left: u32,
    is_body: bool,
    number: u64,
}

impl Walk {
    fn after(bytes: u32) -> Self {
        Self { held: [0; HEAD_BYTES + 4], held_bytes: 0, wanted: HEAD_BYTES, left: bytes, is_body: false, number: 0 }
    }

    fn walk(&mut self, mut bytes: &[u8], mut see: impl FnMut(FrameHead, u64)) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let count = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
                bytes = &bytes[count..];
                // It is at most `left`.
                self.left -= u32::try_from(count).unwrap_or(self.left);
                continue;
            }
            let count = bytes.len().min(self.wanted - self.held_bytes);
            self.held[self.held_bytes..self.held_bytes + count].copy_from_slice(&bytes[..count]);
            self.held_bytes += count;
            bytes = &bytes[count..];
            if self.held_bytes == self.wanted {
                self.take_head(&mut see);
            }
        }
    }

    fn take_head(&mut self, see: &mut impl FnMut(FrameHead, u64)) {
        let held = &self.held;
        let length = u32::from_be_bytes([0, held[0], held[1], held[2]]);
        let (kind, flags) = (held[3], held[4]);
        let more = FrameHead::told_by(kind, flags, length);
        if self.wanted < HEAD_BYTES + more {
            self.wanted = HEAD_BYTES + more;
            return;
        }
        let begin = match more {
            1 => u32::from(held[9]),
            4 => u32::from_be_bytes([held[9] & 0x7f, held[10], held[11], held[12]]),
            _ => 0,
        };
        self.number += 1;
        // It is 0, 1 or 4, and not more than the length.
        self.left = length - u32::try_from(more).unwrap_or(0);
        self.is_body = kind == DATA;
        (self.held_bytes, self.wanted) = (0, HEAD_BYTES);
        see(FrameHead { kind, flags, length, begin }, self.number);
    }

    fn unfinished(&self) -> Option<u64> {
        let is_within = self.held_bytes > 0 || (self.left > 0 && !self.is_body);
        is_within.then_some(self.number + u64::from(self.held_bytes > 0))
    }
}

#[cfg(any(test, feature = "checks"))]
pub(crate) mod check;
#[cfg(test)]
mod tests;
