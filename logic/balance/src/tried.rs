//! The servers that one request has tried. Up to 128 servers it takes no memory from the heap.

/// Number of servers that fit without allocation.
const INLINE: usize = 128;

/// A set of server indexes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    inline: u128,
    /// Bits of the servers past the first 128; empty until one of them is tried.
    beyond: Vec<u64>,
}

impl Tried {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a server.
    pub fn insert(&mut self, server: usize) {
        if server < INLINE {
            self.inline |= 1 << server;
            return;
        }
        let (word, bit) = beyond_place(server);
        if self.beyond.len() <= word {
            self.beyond.resize(word + 1, 0);
        }
        self.beyond[word] |= 1 << bit;
    }

    /// Whether the server was added.
    pub fn contains(&self, server: usize) -> bool {
        if server < INLINE {
            return self.inline & (1 << server) != 0;
        }
        let (word, bit) = beyond_place(server);
        self.beyond.get(word).is_some_and(|bits| bits & (1 << bit) != 0)
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.inline == 0 && self.beyond.is_empty()
    }

    /// Number of servers that were added.
    pub fn len(&self) -> usize {
        let beyond: u32 = self.beyond.iter().map(|bits| bits.count_ones()).sum();
        (self.inline.count_ones() + beyond) as usize
    }
}

fn beyond_place(server: usize) -> (usize, usize) {
    ((server - INLINE) / 64, (server - INLINE) % 64)
}
