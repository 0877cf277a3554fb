//! A field made ready to be said again and again, on any connection.
//!
//! It does not know what a connection's table holds, and so nothing of the field's index there.

use super::{fixed, huffman, integer, table::ENTRY_BYTES};

/// A field and all that is known of its forms in HPACK.
pub(crate) struct Saying {
    /// The name in lower case, then the value.
    text: Vec<u8>,
    name_bytes: usize,
    name_hash: u64,
    /// What of `literal` is the name.
    name_literal_bytes: usize,
    /// What follows the index of the name in a literal: the name, if the static table has it not, and the value.
    pub(super) literal: Vec<u8>,
    pub(super) hash: u32,
    /// The index of the name in the static table, or 0.
    pub(super) name_index: u8,
    is_secret: bool,
    pub(super) form: Form,
}

/// How a field is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// By this index of the static table.
    Whole(u8),
    /// As a literal that is never indexed, by nobody on the way (RFC 7541 §7.1.3).
    Secret,
    /// As a literal, or by an index of the dynamic table.
    Plain,
}

impl Saying {
    /// The field of this name, in any case, and this value.
    pub(crate) fn new(name: &[u8], value: &[u8]) -> Self {
        let mut saying = Self {
            text: Vec::with_capacity(name.len() + value.len()),
            name_bytes: 0,
            name_hash: 0,
            name_literal_bytes: 0,
            literal: Vec::new(),
            hash: 0,
            name_index: 0,
            is_secret: false,
            form: Form::Plain,
        };
        saying.set_name(name);
        saying.set_value(value);
        saying
    }

    /// Makes it another field, in the same memory.
    pub(crate) fn set(&mut self, name: &[u8], value: &[u8]) {
        if !self.name().eq_ignore_ascii_case(name) {
            self.set_name(name);
        }
        self.set_value(value);
    }

    /// Gives the field another value, which is less work than another name.
    pub(crate) fn set_value(&mut self, value: &[u8]) {
        self.text.truncate(self.name_bytes);
        self.text.extend_from_slice(value);
        self.literal.truncate(self.name_literal_bytes);
        write_text(value, &mut self.literal);
        self.hash = (mix(self.name_hash, value) >> 32) as u32;
        self.form = match fixed::whole_index(self.name_index, value) {
            0 if self.is_secret => Form::Secret,
            0 => Form::Plain,
            index => Form::Whole(index),
        };
    }

    fn set_name(&mut self, name: &[u8]) {
        self.text.clear();
        self.text.extend_from_slice(name);
        self.text.make_ascii_lowercase();
        self.name_bytes = name.len();
        self.name_hash = mix(0, &self.text);
        self.name_index = fixed::name_index(&self.text);
        self.is_secret = is_secret(&self.text);
        self.literal.clear();
        if self.name_index == 0 {
            write_text(&self.text, &mut self.literal);
        }
        self.name_literal_bytes = self.literal.len();
    }

    /// The name and the value as one text, and the bytes of the name.
    #[inline]
    pub(super) fn text(&self) -> (&[u8], usize) {
        (&self.text, self.name_bytes)
    }

    /// In lower case.
    #[inline]
    pub(crate) fn name(&self) -> &[u8] {
        &self.text[..self.name_bytes]
    }

    #[inline]
    pub(crate) fn value(&self) -> &[u8] {
        &self.text[self.name_bytes..]
    }

    /// What it counts in a table (RFC 7541 §4.1).
    #[inline]
    pub(super) fn entry_bytes(&self) -> usize {
        self.text.len() + ENTRY_BYTES
    }
}

/// Whether a field may tell something that must not be found out by guessing it and looking at the size of a block.
fn is_secret(name: &[u8]) -> bool {
    matches!(
        name,
        b"authorization"
            | b"proxy-authorization"
            | b"www-authenticate"
            | b"proxy-authenticate"
            | b"authentication-info"
            | b"proxy-authentication-info"
            | b"cookie"
            | b"set-cookie"
    )
}

/// Appends a string (RFC 7541 §5.2), as Huffman code where that is shorter.
fn write_text(text: &[u8], out: &mut Vec<u8>) {
    let packed_bytes = huffman::packed_bytes(text);
    if packed_bytes < text.len() {
        integer::write::<7>(0x80, packed_bytes, out);
        huffman::pack(text, out);
    } else {
        integer::write::<7>(0, text.len(), out);
        out.extend_from_slice(text);
    }
}

/// Goes on with a hash to find a field by. It needs no secret: fields of the same hash only cost a comparison.
fn mix(hash: u64, bytes: &[u8]) -> u64 {
    /// Odd and without a pattern: the fraction of the golden ratio.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let step = |hash: u64, word: u64| (hash ^ word).wrapping_mul(FACTOR).rotate_left(29);
    let (words, rest) = bytes.as_chunks::<8>();
    let hash = words.iter().fold(hash, |hash, word| step(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    step(step(hash, u64::from_le_bytes(last)), bytes.len() as u64).wrapping_mul(FACTOR)
}
