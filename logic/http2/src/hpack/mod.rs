//! Compression of fields (RFC 7541): blocks of HPACK to fields and fields to blocks, with the tables that keep in step.
//!
//! It does not judge fields: which names and values a request may have is of `head`. A connection has one decoder and one
//! encoder; a fault of the decoder ends the connection, as the tables are out of step from there on.

mod decoder;
mod encoder;
mod fixed;
mod huffman;
mod integer;
mod saying;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use decoder::Decoder;
pub(crate) use encoder::Encoder;
pub(crate) use saying::Saying;

/// What is wrong with a block. All are a COMPRESSION_ERROR of the connection (RFC 9113 §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HpackFault {
    /// An index that neither table has.
    Index,
    /// An integer longer or larger than anything that could be meant.
    Integer,
    /// A code of EOS or padding that is none (RFC 7541 §5.2).
    Huffman,
    /// The block ends within a field.
    Cut,
    /// A change of the table's size past the bound, or after a field (RFC 7541 §4.2).
    TableSize,
}
