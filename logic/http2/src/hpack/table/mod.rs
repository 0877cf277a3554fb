//! The dynamic table (RFC 7541 §2.3.2, §4), as decoder and encoder have it.
//!
//! It does not search: the decoder has an index, the encoder remembers where things are.
//!
//! Entries lie one behind the other in one piece of memory, the oldest first. New ones are appended; the place of those that
//! left is taken back when the memory would grow and half of it or more is theirs. So a byte is moved once or twice in its
//! life, and the memory is at most twice the bound of the table.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

/// What an entry counts beyond its name and value (RFC 7541 §4.1).
pub(super) const ENTRY_BYTES: usize = 32;

/// No table is larger, so that places fit 32 bits.
const BYTES_LIMIT: usize = 1 << 24;

pub(super) struct Table {
    /// Names and values, the oldest first, and before them what is left of evicted entries.
    arena: Vec<u8>,
    /// The oldest first.
    entries: VecDeque<Entry>,
    /// The place that the arena begins at. Places only ever grow (and wrap), so nothing is adjusted when the arena moves.
    base: u32,
    /// The size as RFC 7541 §4.1 counts it.
    bytes: usize,
    bytes_max: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    start: u32,
    name_bytes: u32,
    value_bytes: u32,
}

impl Table {
    /// An empty table, which has no memory yet.
    pub(super) fn new(bytes_max: usize) -> Self {
        let bytes_max = bytes_max.min(BYTES_LIMIT);
        Self { arena: Vec::new(), entries: VecDeque::new(), base: 0, bytes: 0, bytes_max }
    }

    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// The name and value of an entry; 0 is the newest.
    #[inline]
    pub(super) fn at(&self, age: usize) -> Option<(&[u8], &[u8])> {
        let entry = self.entry(age)?;
        let rest = self.arena.get(self.offset(entry)..)?;
        let (name, rest) = rest.split_at_checked(entry.name_bytes as usize)?;
        Some((name, rest.get(..entry.value_bytes as usize)?))
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether an entry is this name and value, given as one text.
    #[inline]
    pub(super) fn is_at(&self, age: usize, name_bytes: usize, text: &[u8]) -> bool {
        let Some(entry) = self.entry(age) else { return false };
        let start = self.offset(entry);
        let bytes = (entry.name_bytes + entry.value_bytes) as usize;
        entry.name_bytes as usize == name_bytes
            && bytes == text.len()
            && self.arena.get(start..start + bytes).is_some_and(|entry| entry == text)
    }

    /// Adds an entry. The oldest make room for it; one larger than the table empties it (RFC 7541 §4.4).
    pub(super) fn insert(&mut self, name: &[u8], value: &[u8]) {
        let bytes = name.len() + value.len();
        let size = bytes + ENTRY_BYTES;
        let Some(others_max) = self.bytes_max.checked_sub(size) else { return self.evict(0) };
        self.evict(others_max);
        self.make_room(bytes);
        // Nothing is cut: all three are at most twice the limit of a table.
        let start = self.base.wrapping_add(self.arena.len() as u32);
        self.entries.push_back(Entry { start, name_bytes: name.len() as u32, value_bytes: value.len() as u32 });
        self.arena.extend_from_slice(name);
        self.arena.extend_from_slice(value);
        self.bytes += size;
        debug_assert!(self.arena.len() <= 2 * self.bytes_max);
    }

    /// Changes the bound of the table, and with it that of its memory.
    pub(super) fn set_bytes_max(&mut self, bytes_max: usize) {
        let before = std::mem::replace(&mut self.bytes_max, bytes_max.min(BYTES_LIMIT));
        self.evict(self.bytes_max);
        if self.bytes_max < before {
            self.shrink();
        }
    }

    /// Frees the memory that no entry needs.
    pub(super) fn shrink(&mut self) {
        self.take_back();
        self.arena.shrink_to_fit();
        self.entries.shrink_to_fit();
    }

    /// Removes the oldest entries until the table is not larger than `bytes_max`.
    fn evict(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max {
            let entry = self.entries.pop_front().expect("a size above 0 is that of entries");
            self.bytes -= (entry.name_bytes + entry.value_bytes) as usize + ENTRY_BYTES;
        }
    }

    /// Sees that the arena takes `bytes` more, of which the table has room already.
    fn make_room(&mut self, bytes: usize) {
        if self.arena.len() + bytes <= self.arena.capacity() {
            return;
        }
        if self.dead_bytes() * 2 >= self.arena.len() {
            self.take_back();
        }
        let needed = self.arena.len() + bytes;
        if needed > self.arena.capacity() {
            let capacity = (2 * needed).min(2 * self.bytes_max).max(needed);
            self.arena.reserve_exact(capacity - self.arena.len());
        }
    }

    /// Moves the entries to the start of the arena.
    fn take_back(&mut self) {
        let dead_bytes = self.dead_bytes();
        self.arena.drain(..dead_bytes);
        self.base = self.base.wrapping_add(dead_bytes as u32);
    }

    fn dead_bytes(&self) -> usize {
        self.entries.front().map_or(self.arena.len(), |oldest| self.offset(oldest))
    }

    #[inline]
    fn entry(&self, age: usize) -> Option<&Entry> {
        // An age past the last wraps to a place that there is not.
        self.entries.get(self.entries.len().wrapping_sub(age).wrapping_sub(1))
    }

    #[inline]
    fn offset(&self, entry: &Entry) -> usize {
        entry.start.wrapping_sub(self.base) as usize
    }
}
