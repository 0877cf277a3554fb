//! HPACK (RFC 7541), plainly: a reader that is strict with the other side, a writer that compresses as clients do, and
//! blocks that compress nothing.
//!
//! It is slow, and shares no code with evener.

mod codes;
mod table;

use std::io;

use codes::{pack, unpack};
use table::Table;

/// A block of fields, each literal and without indexing.
pub(crate) fn literal_block<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &[(N, V)]) -> Vec<u8> {
    plain_block(0, fields)
}

/// The same, but each field enters the dynamic table (RFC 7541 §6.2.1): the last one gets the index 62.
pub(crate) fn indexing_block<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &[(N, V)]) -> Vec<u8> {
    plain_block(0x40, fields)
}

fn plain_block<N: AsRef<[u8]>, V: AsRef<[u8]>>(first: u8, fields: &[(N, V)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(first);
        for text in [name.as_ref(), value.as_ref()] {
            push_integer(text.len(), 7, 0, &mut block);
            block.extend_from_slice(text);
        }
    }
    block
}

/// RFC 7541 §5.1.
fn push_integer(value: usize, prefix_bits: u8, first: u8, block: &mut Vec<u8>) {
    let limit = (1_usize << prefix_bits) - 1;
    if value < limit {
        block.push(first | u8::try_from(value).expect("it is below the limit"));
        return;
    }
    block.push(first | u8::try_from(limit).expect("a prefix has at most eight bits"));
    let mut rest = value - limit;
    while rest >= 0x80 {
        block.push(u8::try_from(rest & 0x7f).expect("seven bits") | 0x80);
        rest >>= 7;
    }
    block.push(u8::try_from(rest).expect("seven bits"));
}

/// Writes the blocks of one direction of a connection, as small as it can.
pub(crate) struct BlockWriter {
    table: Table,
    /// Size updates that the next block begins with.
    updates: Vec<usize>,
}

/// A value that is longer is not worth a place in the table.
const LEARNT_BYTES_MAX: usize = 1_000;

impl BlockWriter {
    pub(crate) fn new() -> Self {
        Self { table: Table::new(), updates: Vec::new() }
    }

    /// Has the table be of that size from the next block on.
    pub(crate) fn resize(&mut self, bytes: usize) {
        self.table.resize(bytes);
        self.updates.push(bytes);
    }

    /// By index if there is one; else a secret is never indexed, a long value is not, and all others are.
    pub(crate) fn write<N: AsRef<[u8]>, V: AsRef<[u8]>>(&mut self, fields: &[(N, V)]) -> Vec<u8> {
        let mut block = Vec::new();
        for bytes in self.updates.drain(..) {
            push_integer(bytes, 5, 0x20, &mut block);
        }
        for (name, value) in fields {
            let (name, value) = (latin(name.as_ref()), latin(value.as_ref()));
            if let Some(index) = self.table.find(|other, its| other == name && its == value) {
                push_integer(index, 7, 0x80, &mut block);
                continue;
            }
            let (prefix_bits, first) = match name.as_str() {
                "authorization" => (4, 0x10),
                _ if value.len() > LEARNT_BYTES_MAX => (4, 0),
                _ => (6, 0x40),
            };
            let index = self.table.find(|other, _| other == name);
            push_integer(index.unwrap_or(0), prefix_bits, first, &mut block);
            if index.is_none() {
                push_shortest(&name, &mut block);
            }
            push_shortest(&value, &mut block);
            if first == 0x40 {
                self.table.insert(&name, &value);
            }
        }
        block
    }
}

fn push_shortest(text: &str, block: &mut Vec<u8>) {
    let plain: Vec<u8> = text.chars().map(|one| u8::try_from(one).expect("texts stand for bytes")).collect();
    let packed = pack(&plain);
    let (first, text) = if packed.len() < plain.len() { (0x80, packed) } else { (0, plain) };
    push_integer(text.len(), 7, first, block);
    block.extend(text);
}

/// Reads the blocks of one direction of a connection; each byte of names and values becomes the character of the same
/// number.
#[derive(Debug)]
pub(crate) struct BlockReader {
    table: Table,
    /// What we have said that the table may have.
    limit: usize,
    /// The lowest of what we have said since the last block.
    lowest: Option<usize>,
}

impl BlockReader {
    pub(crate) fn new() -> Self {
        Self { table: Table::new(), limit: 4096, lowest: None }
    }

    /// The other side has acknowledged that the table may have so many bytes.
    pub(crate) fn limit(&mut self, bytes: usize) {
        self.limit = bytes;
        self.lowest = Some(self.lowest.map_or(bytes, |lowest| lowest.min(bytes)));
    }

    /// Whether the dynamic table has a field of that name.
    pub(crate) fn has_learnt(&self, name: &str) -> bool {
        self.table.has_learnt(name)
    }

    pub(crate) fn read(&mut self, block: &[u8]) -> io::Result<Vec<(String, String)>> {
        let mut pieces = Pieces { rest: block };
        self.read_updates(&mut pieces)?;
        let mut fields = Vec::new();
        while let Some(&first) = pieces.rest.first() {
            fields.push(match first {
                0x80.. => self.entry(pieces.integer(7)?)?,
                0x40..0x80 => {
                    let (name, value) = self.literal(6, &mut pieces)?;
                    self.table.insert(&name, &value);
                    (name, value)
                }
                0x20..0x40 => return Err(bad("a size update after a field")),
                0..0x20 => self.literal(4, &mut pieces)?,
            });
        }
        Ok(fields)
    }

    /// RFC 7541 §4.2: a table that was made smaller shrinks with the next block, as far as it was made smaller meanwhile.
    fn read_updates(&mut self, pieces: &mut Pieces<'_>) -> io::Result<()> {
        let (before, mut least) = (self.table.bytes_max(), usize::MAX);
        while pieces.rest.first().is_some_and(|first| (0x20..0x40).contains(first)) {
            let bytes = pieces.integer(5)?;
            if bytes > self.limit {
                return Err(bad("a size update beyond the limit"));
            }
            least = least.min(bytes);
            self.table.resize(bytes);
        }
        match self.lowest.take() {
            Some(lowest) if lowest < before && least > lowest => Err(bad("no size update")),
            _ => Ok(()),
        }
    }

    fn literal(&self, prefix_bits: u8, pieces: &mut Pieces<'_>) -> io::Result<(String, String)> {
        let name = match pieces.integer(prefix_bits)? {
            0 => pieces.string()?,
            index => self.entry(index)?.0,
        };
        Ok((name, pieces.string()?))
    }

    fn entry(&self, index: usize) -> io::Result<(String, String)> {
        let (name, value) = self.table.get(index).ok_or_else(|| bad("an index out of range"))?;
        Ok((name.to_owned(), value.to_owned()))
    }
}

struct Pieces<'b> {
    rest: &'b [u8],
}

impl Pieces<'_> {
    fn byte(&mut self) -> io::Result<u8> {
        let (&byte, rest) = self.rest.split_first().ok_or_else(|| bad("a block that ends too early"))?;
        self.rest = rest;
        Ok(byte)
    }

    fn integer(&mut self, prefix_bits: u8) -> io::Result<usize> {
        let limit = (1_usize << prefix_bits) - 1;
        let mut value = usize::from(self.byte()?) & limit;
        if value < limit {
            return Ok(value);
        }
        for shift in [0, 7, 14, 21] {
            let byte = usize::from(self.byte()?);
            value += (byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(bad("an integer that is too large"))
    }

    fn string(&mut self) -> io::Result<String> {
        let is_packed = self.rest.first().is_some_and(|first| *first >= 0x80);
        let length = self.integer(7)?;
        if length > self.rest.len() {
            return Err(bad("a string that ends too early"));
        }
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(if is_packed { latin(&unpack(text)?) } else { latin(text) })
    }
}

fn latin(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests;
