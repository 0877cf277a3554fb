//! Content-Length and Transfer-Encoding of one head: the one framing decision (K01).
//! It does not know which messages have a body at all; the parsers do.

use crate::grammar::{self, NumberFault, elements, is_token};

/// What the framing fields of a head say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Transfer {
    pub(crate) length: Option<u64>,
    pub(crate) is_chunked: bool,
}

/// What is wrong with the framing fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransferFault {
    TwoLengths,
    BadLength,
    LengthTooLarge,
    TwoEncodings,
    BadEncoding,
    UnknownCoding,
    LengthAndEncoding,
}

impl Transfer {
    /// A Content-Length line. Even two equal ones are refused: somebody wrote one that the other did not expect.
    pub(crate) fn read_length(&mut self, value: &[u8]) -> Result<(), TransferFault> {
        if self.length.is_some() {
            return Err(TransferFault::TwoLengths);
        }
        let length = grammar::decimal(value).map_err(|fault| match fault {
            NumberFault::Malformed => TransferFault::BadLength,
            NumberFault::TooLarge => TransferFault::LengthTooLarge,
        })?;
        self.length = Some(length);
        self.check_one()
    }

    /// A Transfer-Encoding line. The one accepted value is `chunked`.
    pub(crate) fn read_encoding(&mut self, value: &[u8]) -> Result<(), TransferFault> {
        if self.is_chunked {
            return Err(TransferFault::TwoEncodings);
        }
        if !value.eq_ignore_ascii_case(CHUNKED) {
            return Err(wrong_encoding(value));
        }
        self.is_chunked = true;
        self.check_one()
    }

    fn check_one(&self) -> Result<(), TransferFault> {
        if self.is_chunked && self.length.is_some() { Err(TransferFault::LengthAndEncoding) } else { Ok(()) }
    }
}

/// A well-formed list that ends in its only `chunked` has codings that are unknown here (RFC 9112 §6.1);
/// anything else has no certain end.
fn wrong_encoding(value: &[u8]) -> TransferFault {
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(CHUNKED);
    let ends_chunked = elements(value).last().is_some_and(is_chunked);
    let chunked_count = elements(value).filter(|coding| is_chunked(coding)).count();
    if ends_chunked && chunked_count == 1 && elements(value).all(is_token) {
        TransferFault::UnknownCoding
    } else {
        TransferFault::BadEncoding
    }
}

const CHUNKED: &[u8] = b"chunked";
