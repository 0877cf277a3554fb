//! Streams that we have ended and on which the client may speak still, not knowing it (RFC 9113 §5.1). Beyond
//! [`NUMBERS_MAX`] the oldest are forgotten: what comes on them is a fault.

/// A connection has at most so many. Each is there until the client ends its side.
pub(crate) const NUMBERS_MAX: usize = 2_048;

/// Numbers of streams, the lowest first. New ones are among the highest, so that hardly any is moved.
#[derive(Debug, Default)]
pub(crate) struct Dropped(Vec<u32>);

impl Dropped {
    pub(crate) fn add(&mut self, number: u32) {
        if self.0.len() == NUMBERS_MAX {
            // Many at once: each costs a move of the others.
            self.0.drain(..NUMBERS_MAX / 8);
        }
        if let Err(place) = self.0.binary_search(&number) {
            self.0.insert(place, number);
        }
    }

    pub(crate) fn has(&self, number: u32) -> bool {
        self.0.binary_search(&number).is_ok()
    }

    /// The client has ended its side.
    pub(crate) fn remove(&mut self, number: u32) {
        if let Ok(place) = self.0.binary_search(&number) {
            self.0.remove(place);
        }
    }

    pub(crate) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    #[cfg(debug_assertions)]
    pub(crate) fn check_invariants(&self) {
        assert!(self.0.is_sorted() && self.0.len() <= NUMBERS_MAX);
    }
}
