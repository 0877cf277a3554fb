//! A hashed timer wheel over slots of a slab: arming, moving and removing an entry are constant time and allocate
//! nothing. It keeps no clock and no wakers; `alarm` does.
//!
//! After Varghese and Lauck, "Hashed and hierarchical timing wheels" (1987), scheme 4 with lazy re-arming: an entry
//! further away than the horizon waits in the last bucket and is placed again when that bucket comes.

/// Length of a tick in milliseconds; deadlines are kept to this precision.
pub(crate) const TICK_MS: u64 = 8;
/// Number of buckets: a horizon of about four seconds. A power of two, and a multiple of 64 for the bitmap.
const BUCKETS: u64 = 512;
const WORDS: usize = (BUCKETS / 64) as usize;
const NONE: u32 = u32::MAX;

/// Links of one entry. Lives inside the slot that it times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Links {
    bucket: u32,
    previous: u32,
    next: u32,
}

impl Default for Links {
    fn default() -> Self {
        Self { bucket: NONE, previous: NONE, next: NONE }
    }
}

impl Links {
    pub(crate) fn is_armed(&self) -> bool {
        self.bucket != NONE
    }
}

/// Access to the links by slot number, so that the wheel does not own the slots.
pub(crate) trait Slots {
    fn links(&mut self, slot: u32) -> &mut Links;
}

/// The wheel. `current` is the last tick that was delivered.
#[derive(Debug)]
pub(crate) struct Wheel {
    heads: [u32; BUCKETS as usize],
    occupied: [u64; WORDS],
    current: u64,
}

impl Wheel {
    pub(crate) fn new(now_tick: u64) -> Self {
        Self { heads: [NONE; BUCKETS as usize], occupied: [0; WORDS], current: now_tick }
    }

    /// Puts `slot` into the bucket of `tick`, or as far ahead as the wheel reaches. Returns the tick at which the entry
    /// will be delivered. The slot must not be armed.
    pub(crate) fn arm(&mut self, slots: &mut impl Slots, slot: u32, tick: u64) -> u64 {
        let tick = tick.clamp(self.current + 1, self.current + BUCKETS - 1);
        let bucket = (tick % BUCKETS) as usize;
        let head = self.heads[bucket];
        let links = slots.links(slot);
        debug_assert!(!links.is_armed(), "a slot is armed once");
        *links = Links { bucket: bucket as u32, previous: NONE, next: head };
        if head != NONE {
            slots.links(head).previous = slot;
        }
        self.heads[bucket] = slot;
        self.occupied[bucket / 64] |= 1 << (bucket % 64);
        tick
    }

    /// Takes `slot` out; does nothing if it is not armed.
    pub(crate) fn disarm(&mut self, slots: &mut impl Slots, slot: u32) {
        let links = std::mem::take(slots.links(slot));
        if !links.is_armed() {
            return;
        }
        let bucket = links.bucket as usize;
        if links.previous == NONE {
            self.heads[bucket] = links.next;
            if links.next == NONE {
                self.occupied[bucket / 64] &= !(1 << (bucket % 64));
            }
        } else {
            slots.links(links.previous).next = links.next;
        }
        if links.next != NONE {
            slots.links(links.next).previous = links.previous;
        }
    }

    /// Takes one entry that is due at or before `now_tick`; `None` when there is no more, and then time has moved to
    /// `now_tick`.
    pub(crate) fn take_due(&mut self, slots: &mut impl Slots, now_tick: u64) -> Option<u32> {
        loop {
            let tick = match self.next_tick() {
                Some(tick) if tick <= now_tick => tick,
                _ => {
                    self.current = self.current.max(now_tick);
                    return None;
                }
            };
            // Ticks before this one are over: what is armed again from here on is placed after them.
            self.current = tick - 1;
            let slot = self.heads[(tick % BUCKETS) as usize];
            if slot == NONE {
                debug_assert!(false, "an occupied bucket has a head");
                self.current = tick;
                continue;
            }
            self.disarm(slots, slot);
            return Some(slot);
        }
    }

    /// The tick of the first occupied bucket after the last delivered one.
    pub(crate) fn next_tick(&self) -> Option<u64> {
        let first = self.current + 1;
        let start = (first % BUCKETS) as usize;
        for step in 0..=WORDS {
            let word = (start / 64 + step) % WORDS;
            let mut bits = self.occupied[word];
            if step == 0 {
                bits &= u64::MAX << (start % 64);
            } else if step == WORDS {
                bits &= !(u64::MAX << (start % 64));
            }
            if bits != 0 {
                let bucket = (word * 64) as u64 + u64::from(bits.trailing_zeros());
                return Some(first + (bucket + BUCKETS - first % BUCKETS) % BUCKETS);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
