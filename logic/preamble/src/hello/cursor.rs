//! Reads numbers and length-prefixed vectors of TLS (RFC 8446 §3) from a slice.
//! Whatever is not there is a fault: the caller has the whole message.

use crate::PreambleFault;

/// What is left of a slice.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Everything that is left.
    pub(super) const fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(super) fn byte(&mut self) -> Result<u8, PreambleFault> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(super) fn number(&mut self) -> Result<u16, PreambleFault> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn skip(&mut self, length: usize) -> Result<(), PreambleFault> {
        self.take(length).map(|_| ())
    }

    /// A vector whose length takes one byte.
    pub(super) fn short_vector(&mut self) -> Result<Self, PreambleFault> {
        let length = self.byte()?;
        self.take(usize::from(length)).map(Self)
    }

    /// A vector whose length takes two bytes.
    pub(super) fn vector(&mut self) -> Result<Self, PreambleFault> {
        let length = self.number()?;
        self.take(usize::from(length)).map(Self)
    }

    /// Makes sure that nothing is left.
    pub(super) fn end(self) -> Result<(), PreambleFault> {
        if self.is_empty() { Ok(()) } else { Err(PreambleFault::HelloMalformed) }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], PreambleFault> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(PreambleFault::HelloMalformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], PreambleFault> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(PreambleFault::HelloMalformed)?;
        self.0 = rest;
        Ok(*taken)
    }
}
