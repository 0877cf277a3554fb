//! Trailers of a client as lines of text.
//! Which of them may go on is decided where bodies are read.

use super::HeadFault;
use super::line::{ADDED_BYTES, write_field};
use super::name::Kind;

/// A block of trailers that becomes lines `name: value CRLF`.
pub(crate) struct TrailerText<'t> {
    lines: &'t mut Vec<u8>,
    bytes_max: usize,
    fault: Option<HeadFault>,
}

impl<'t> TrailerText<'t> {
    /// `lines` is empty and takes the trailers; `bytes_max` bounds them.
    pub(crate) fn new(lines: &'t mut Vec<u8>, bytes_max: usize) -> Self {
        Self { lines, bytes_max, fault: None }
    }

    /// Takes the next field. After a fault nothing is written.
    pub(crate) fn field(&mut self, name: &[u8], value: &[u8]) {
        if self.fault.is_none() {
            self.fault = self.write(name, value).err();
        }
    }

    /// What became of the fields.
    pub(crate) fn finish(self) -> Result<(), HeadFault> {
        self.fault.map_or(Ok(()), Err)
    }

    fn write(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeadFault> {
        // A pseudo-field is no token.
        match Kind::of(name) {
            Kind::OfConnection | Kind::TransferEncoding | Kind::Te => return Err(HeadFault::Malformed),
            Kind::Plain
            | Kind::Host
            | Kind::Cookie
            | Kind::ContentLength
            | Kind::SwitchKey
            | Kind::SwitchAccept
            | Kind::GrpcStatus => {}
        }
        if self.lines.len() + name.len() + value.len() + ADDED_BYTES > self.bytes_max {
            return Err(HeadFault::TooLarge);
        }
        write_field(name, value, self.lines)
    }
}
