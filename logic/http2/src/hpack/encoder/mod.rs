//! Fields to blocks of HPACK (RFC 7541 §6).
//!
//! It does not choose what is said. Into the table goes what is said for the second time and is likely to be said again:
//! a field that is said once would only drive out another.

#[cfg(test)]
mod tests;

use super::{
    fixed::DYNAMIC_FROM,
    integer,
    saying::{Form, Saying},
    table::{ENTRY_BYTES, Table},
};

/// The table has never more, whatever the peer offers. It is also what a peer has that says nothing (RFC 9113 §6.5.2).
const TABLE_BYTES_MAX: usize = 4096;

/// Entries that such a table can have.
const ENTRIES_MAX: usize = TABLE_BYTES_MAX / ENTRY_BYTES;

/// A field may take the table's size divided by this.
const SHARE: usize = 4;

/// The encoder of a connection. Its memory: about 1 KiB and the table, at most twice its bound.
pub(crate) struct Encoder {
    table: Table,
    /// Fields that were ever inserted (it wraps).
    inserted: usize,
    recall: Option<Box<Recall>>,
    /// A size of the table that the peer knows nothing of yet.
    change: Option<Change>,
}

#[derive(Clone, Copy)]
struct Change {
    lowest: usize,
    last: usize,
}

impl Encoder {
    /// An encoder for a peer of which nothing is known. It allocates nothing yet.
    pub(crate) fn new() -> Self {
        Self { table: Table::new(TABLE_BYTES_MAX), inserted: 0, recall: None, change: None }
    }

    /// Follows the peer's SETTINGS_HEADER_TABLE_SIZE, from the next block on.
    pub(crate) fn set_table_bytes_max(&mut self, bytes: u32) {
        let last = usize::try_from(bytes).map_or(TABLE_BYTES_MAX, |bytes| bytes.min(TABLE_BYTES_MAX));
        let lowest = self.change.map_or(last, |change| change.lowest.min(last));
        self.change = Some(Change { lowest, last });
    }

    /// Begins a block. Every block has to be begun.
    #[inline]
    pub(crate) fn begin(&mut self, out: &mut Vec<u8>) {
        if let Some(change) = self.change.take() {
            self.resize(change, out);
        }
    }

    /// Says `:status`, of three digits.
    pub(crate) fn status(&self, status: u16, out: &mut Vec<u8>) {
        debug_assert!((100..=999).contains(&status), "a status has three digits");
        let index = match status {
            200 => 8,
            204 => 9,
            206 => 10,
            304 => 11,
            400 => 12,
            404 => 13,
            500 => 14,
            _ => {
                let digit = |power: u16| b'0' + (status / power % 10) as u8;
                return out.extend_from_slice(&[0x08, 3, digit(100), digit(10), digit(1)]);
            }
        };
        out.push(0x80 | index);
    }

    /// Says a field.
    #[inline]
    pub(crate) fn field(&mut self, saying: &Saying, out: &mut Vec<u8>) {
        match saying.form {
            Form::Whole(index) => out.push(0x80 | index),
            Form::Secret => write_literal::<4>(0x10, saying, out),
            Form::Plain => match self.index_of(saying) {
                Some(index) => integer::write::<7>(0x80, index, out),
                None => self.say_literally(saying, out),
            },
        }
    }

    /// Frees the memory that the table does not need.
    pub(crate) fn rest(&mut self) {
        self.table.shrink();
    }

    /// Says a field that the table has not.
    #[inline(never)]
    fn say_literally(&mut self, saying: &Saying, out: &mut Vec<u8>) {
        if saying.entry_bytes() > self.table.bytes_max() / SHARE {
            return write_literal::<4>(0x00, saying, out);
        }
        let recall = self.recall.get_or_insert_with(Box::default);
        if !recall.has_met(saying.hash) {
            return write_literal::<4>(0x00, saying, out);
        }
        write_literal::<6>(0x40, saying, out);
        recall.note((self.inserted % ENTRIES_MAX) as u8, saying.hash);
        self.table.insert(saying.name(), saying.value());
        self.inserted = self.inserted.wrapping_add(1);
    }

    /// The index that the field has in the dynamic table.
    #[inline]
    fn index_of(&self, saying: &Saying) -> Option<usize> {
        let recall = self.recall.as_deref()?;
        // The last of a row has left the table after the others of it.
        let place = recall.last[Recall::row(saying.hash)]?;
        let age = self.age(place);
        if age >= self.table.len() {
            return None;
        }
        if recall.hashes[usize::from(place) % ENTRIES_MAX] == saying.hash && self.is_at(age, saying) {
            return Some(DYNAMIC_FROM + age);
        }
        self.index_of_older(recall, saying)
    }

    #[inline(never)]
    fn index_of_older(&self, recall: &Recall, saying: &Saying) -> Option<usize> {
        let ages = recall.places(saying.hash).map(|place| self.age(place));
        ages.filter(|&age| self.is_at(age, saying)).map(|age| DYNAMIC_FROM + age).next()
    }

    /// The age of the entry that was inserted at `place`, if it is still there.
    #[inline]
    fn age(&self, place: u8) -> usize {
        // Places are given out in turn.
        self.inserted.wrapping_sub(usize::from(place) + 1) % ENTRIES_MAX
    }

    #[inline]
    fn is_at(&self, age: usize, saying: &Saying) -> bool {
        let (text, name_bytes) = saying.text();
        self.table.is_at(age, name_bytes, text)
    }

    /// Changes the size of the table and says so: the lowest that it had to have, then the one that it has now
    /// (RFC 7541 §4.2).
    #[cold]
    fn resize(&mut self, change: Change, out: &mut Vec<u8>) {
        let Change { lowest, last } = change;
        if lowest < last && lowest < self.table.bytes_max() {
            self.table.set_bytes_max(lowest);
            integer::write::<5>(0x20, lowest, out);
        }
        if last != self.table.bytes_max() {
            self.table.set_bytes_max(last);
            integer::write::<5>(0x20, last, out);
        }
    }
}

/// Appends a literal whose first byte has these bits before the index of the name.
#[inline]
fn write_literal<const PREFIX_BITS: u32>(first: u8, saying: &Saying, out: &mut Vec<u8>) {
    out.reserve(2 + saying.literal.len());
    integer::write::<PREFIX_BITS>(first, usize::from(saying.name_index), out);
    out.extend_from_slice(&saying.literal);
}

/// What a connection has said, by hashes.
struct Recall {
    /// Of the fields that were inserted last, each at its turn; those of entries that have left are still there.
    hashes: [u32; ENTRIES_MAX],
    /// The place of the field that was inserted last, of those with the same first bits of their hashes.
    last: [Option<u8>; ROWS],
    /// Fields that were said lately, in rows by their last bits, the newest first.
    met: [[u32; MET_IN_ROW]; MET_ROWS],
}

const ROWS: usize = 128;
const MET_ROWS: usize = 16;
const MET_IN_ROW: usize = 4;

impl Default for Recall {
    fn default() -> Self {
        Self { hashes: [0; ENTRIES_MAX], last: [None; ROWS], met: [[0; MET_IN_ROW]; MET_ROWS] }
    }
}

impl Recall {
    /// Whether a field of this hash was said lately. It is from now on.
    fn has_met(&mut self, hash: u32) -> bool {
        let row = &mut self.met[hash as usize % MET_ROWS];
        let has_met = row.contains(&hash);
        if !has_met {
            row.rotate_right(1);
            row[0] = hash;
        }
        has_met
    }

    fn note(&mut self, place: u8, hash: u32) {
        let before = std::mem::replace(&mut self.hashes[usize::from(place)], hash);
        // No row may tell of a place that is another's now: it would be searched for nothing.
        let last = &mut self.last[Self::row(before)];
        *last = last.filter(|last| *last != place);
        self.last[Self::row(hash)] = Some(place);
    }

    /// The places where a field of this hash was inserted.
    fn places(&self, hash: u32) -> impl Iterator<Item = u8> {
        (0..).zip(&self.hashes).filter(move |(_, other)| **other == hash).map(|(place, _)| place)
    }

    #[inline]
    fn row(hash: u32) -> usize {
        (hash >> 25) as usize
    }
}
