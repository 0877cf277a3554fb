//! The tables of HPACK (RFC 7541 §2.3): the static one, and a dynamic one that forgets its oldest entries.
//!
//! Names and values are texts in which each character stands for the byte of the same number.

use std::collections::VecDeque;

/// Both tables of one direction of a connection.
#[derive(Debug)]
pub(super) struct Table {
    /// The newest first.
    entries: VecDeque<(String, String)>,
    bytes: usize,
    bytes_max: usize,
}

/// What an entry costs beside its texts (RFC 7541 §4.1).
const ENTRY_BYTES: usize = 32;

impl Table {
    /// With nothing in the dynamic table, which may have 4096 bytes (RFC 9113 §6.5.2).
    pub(super) fn new() -> Self {
        Self { entries: VecDeque::new(), bytes: 0, bytes_max: 4096 }
    }

    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Sets what it may have, and forgets what is beyond.
    pub(super) fn resize(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
        self.shrink_to(bytes_max);
    }

    /// RFC 7541 §4.4: an entry that is larger than the table empties it.
    pub(super) fn insert(&mut self, name: &str, value: &str) {
        let bytes = ENTRY_BYTES + name.chars().count() + value.chars().count();
        self.shrink_to(self.bytes_max.saturating_sub(bytes));
        if bytes <= self.bytes_max {
            self.entries.push_front((name.to_owned(), value.to_owned()));
            self.bytes += bytes;
        }
    }

    fn shrink_to(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max {
            let (name, value) = self.entries.pop_back().expect("what has bytes has entries");
            self.bytes -= ENTRY_BYTES + name.chars().count() + value.chars().count();
        }
    }

    /// The entry with that index; the first has the index 1.
    pub(super) fn get(&self, index: usize) -> Option<(&str, &str)> {
        let place = index.checked_sub(1)?;
        match place.checked_sub(STATIC_TABLE.len()) {
            None => STATIC_TABLE.get(place).copied(),
            Some(place) => self.entries.get(place).map(|(name, value)| (name.as_str(), value.as_str())),
        }
    }

    /// The first index of which that is true.
    pub(super) fn find(&self, mut is_it: impl FnMut(&str, &str) -> bool) -> Option<usize> {
        (1..=STATIC_TABLE.len() + self.entries.len())
            .find(|index| self.get(*index).is_some_and(|(name, value)| is_it(name, value)))
    }

    /// Whether the dynamic table has a field of that name.
    pub(super) fn has_learnt(&self, name: &str) -> bool {
        self.entries.iter().any(|(other, _)| other == name)
    }
}

/// RFC 7541, Appendix A.
const STATIC_TABLE: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];
