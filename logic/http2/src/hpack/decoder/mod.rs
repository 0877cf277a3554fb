//! Blocks of HPACK to fields (RFC 7541 §3, §6).
//!
//! It does not check names and values, and does not bound how many there are: a byte of a block can stand for a field of the
//! size of the table, so who takes the fields counts them. Indexed fields are not copied.

#[cfg(test)]
mod tests;

use super::{
    HpackFault,
    fixed::{DYNAMIC_FROM, FIXED},
    huffman, integer,
    table::Table,
};
use std::ops::Range;

/// The size of the table that holds until something else is agreed (RFC 9113 §6.5.2).
const TABLE_BYTES_DEFAULT: usize = 4096;

/// Memory for the text of a field that is kept for the next one.
const SCRATCH_BYTES_KEPT: usize = 8 * 1024;

/// The decoder of a connection. Its memory: the table, at most twice its bound, and while a block is read the text of one
/// field, at most 8/5 of the block and a name.
pub(crate) struct Decoder {
    table: Table,
    /// What our settings say: more the peer may not choose.
    table_bytes_max: usize,
    /// The name and the value of a literal, where they do not lie in the block.
    scratch: Vec<u8>,
}

impl Decoder {
    /// A decoder with what our SETTINGS_HEADER_TABLE_SIZE says. It allocates nothing yet.
    pub(crate) fn new(table_bytes_max: usize) -> Self {
        let table = Table::new(table_bytes_max.min(TABLE_BYTES_DEFAULT));
        Self { table, table_bytes_max, scratch: Vec::new() }
    }

    /// Decodes a whole block; calls `take` with the name and the value of each field in order, as they were sent. After a
    /// fault the decoder is of no use.
    pub(crate) fn decode(&mut self, block: &[u8], take: &mut impl FnMut(&[u8], &[u8])) -> Result<(), HpackFault> {
        let mut rest = self.take_sizes(block)?;
        while let Some(&first) = rest.first() {
            rest = match first {
                0x80.. => {
                    let (index, rest) = integer::read::<7>(rest)?;
                    let (name, value) = self.at(index)?;
                    take(name, value);
                    rest
                }
                0x40.. => self.take_literal(integer::read::<6>(rest)?, Keep::Inserted, take)?,
                0x20.. => return Err(HpackFault::TableSize),
                // Without indexing and never indexed; the difference is of use only to who encodes them again.
                _ => self.take_literal(integer::read::<4>(rest)?, Keep::Not, take)?,
            };
        }
        Ok(())
    }

    /// Frees the memory that the table does not need.
    pub(crate) fn rest(&mut self) {
        self.scratch = Vec::new();
        self.table.shrink();
    }

    /// Follows the changes of the table's size, which come before all fields; what follows them.
    #[inline]
    fn take_sizes<'b>(&mut self, block: &'b [u8]) -> Result<&'b [u8], HpackFault> {
        let mut rest = block;
        while let Some(0x20..=0x3f) = rest.first() {
            let (bytes, after) = integer::read::<5>(rest)?;
            if bytes > self.table_bytes_max {
                return Err(HpackFault::TableSize);
            }
            self.table.set_bytes_max(bytes);
            rest = after;
        }
        Ok(rest)
    }

    /// Takes a literal field whose index of a name and what follows it were read; what follows the field.
    fn take_literal<'b>(
        &mut self,
        (name_index, rest): (usize, &'b [u8]),
        keep: Keep,
        take: &mut impl FnMut(&[u8], &[u8]),
    ) -> Result<&'b [u8], HpackFault> {
        self.scratch.clear();
        let (name, rest) = match name_index {
            0 => read_text(rest, &mut self.scratch)?,
            _ => (self.known_name(name_index)?, rest),
        };
        let (value, rest) = read_text(rest, &mut self.scratch)?;
        let (name, value) = (name.bytes(&self.scratch), value.bytes(&self.scratch));
        take(name, value);
        match keep {
            Keep::Inserted => self.table.insert(name, value),
            Keep::Not => {}
        }
        if self.scratch.capacity() > SCRATCH_BYTES_KEPT {
            self.scratch = Vec::new();
        }
        Ok(rest)
    }

    /// The name of an entry. One of the dynamic table is copied, as the entry may leave for the one that is named after it.
    fn known_name(&mut self, index: usize) -> Result<Text<'static>, HpackFault> {
        if let Some((name, _)) = FIXED.get(index.wrapping_sub(1)) {
            return Ok(Text::Plain(name));
        }
        let (name, _) = self.table.at(index.wrapping_sub(DYNAMIC_FROM)).ok_or(HpackFault::Index)?;
        self.scratch.extend_from_slice(name);
        Ok(Text::Unpacked(0..name.len()))
    }

    #[inline]
    fn at(&self, index: usize) -> Result<(&[u8], &[u8]), HpackFault> {
        // 0 wraps to an index that neither has.
        match FIXED.get(index.wrapping_sub(1)) {
            Some(&entry) => Ok(entry),
            None => self.table.at(index.wrapping_sub(DYNAMIC_FROM)).ok_or(HpackFault::Index),
        }
    }
}

/// Whether a literal goes into the table.
enum Keep {
    Inserted,
    Not,
}

/// A name or a value.
enum Text<'b> {
    Plain(&'b [u8]),
    /// Where it lies in the scratch.
    Unpacked(Range<usize>),
}

impl<'b> Text<'b> {
    fn bytes<'s>(&self, scratch: &'s [u8]) -> &'s [u8]
    where
        'b: 's,
    {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Unpacked(range) => &scratch[range.clone()],
        }
    }
}

/// The string that `bytes` begins with (RFC 7541 §5.2), and what follows it.
#[inline]
fn read_text<'b>(bytes: &'b [u8], scratch: &mut Vec<u8>) -> Result<(Text<'b>, &'b [u8]), HpackFault> {
    let is_packed = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let (length, rest) = integer::read::<7>(bytes)?;
    let (text, rest) = rest.split_at_checked(length).ok_or(HpackFault::Cut)?;
    if !is_packed {
        return Ok((Text::Plain(text), rest));
    }
    let start = scratch.len();
    huffman::unpack(text, scratch)?;
    Ok((Text::Unpacked(start..scratch.len()), rest))
}
