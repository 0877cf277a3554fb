//! The chunked coding (RFC 9112 §7.1), read strictly: LF alone, signs, spaces and overlong sizes are faults (K02).
//! Extensions are checked and dropped; chunks are never passed on as they came.

use super::extension::Extension;
use super::trailers::Trailers;
use super::{BodyFault, Decoded};
use crate::grammar::hex_value;
use std::ops::Range;

/// Decodes a chunked body.
#[derive(Debug, Default)]
pub(crate) struct Chunked {
    state: ChunkState,
    trailers: Trailers,
    extension_bytes: usize,
    /// Found behind a piece of payload that had to be given first.
    fault: Option<BodyFault>,
}

#[derive(Clone, Copy, Debug)]
enum ChunkState {
    Size { size: u64, digits: u8 },
    Extension { size: u64, extension: Extension, bytes: usize },
    SizeLf { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
    Trailers,
    Done,
}

impl Default for ChunkState {
    fn default() -> Self {
        Self::Size { size: 0, digits: 0 }
    }
}

impl Chunked {
    pub(crate) fn decode(&mut self, src: &[u8], payload_bytes_max: usize) -> Result<Decoded, BodyFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let mut payload: Range<usize> = 0..0;
        let mut at = 0;
        while at < src.len() {
            match &mut self.state {
                ChunkState::Done => break,
                ChunkState::Data { .. } if !payload.is_empty() || payload_bytes_max == 0 => break,
                ChunkState::Data { left } => {
                    let len = (src.len() - at).min(payload_bytes_max).min(usize::try_from(*left).unwrap_or(usize::MAX));
                    payload = at..at + len;
                    at += len;
                    *left -= len as u64;
                    if *left == 0 {
                        self.state = ChunkState::DataCr;
                    }
                }
                _ => match self.step_line(&src[at..]) {
                    Ok(len) => at += len,
                    Err(fault) => {
                        self.fault = Some(fault);
                        if payload.is_empty() {
                            return Err(fault);
                        }
                        break;
                    }
                },
            }
        }
        Ok(Decoded { consumed: at, payload })
    }

    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.state, ChunkState::Done)
    }

    pub(crate) fn trailers(&self) -> &[u8] {
        if self.is_done() { self.trailers.kept() } else { &[] }
    }

    /// Takes what lies between chunk data: a whole plain line at once, else one byte. Gives how many bytes.
    fn step_line(&mut self, src: &[u8]) -> Result<usize, BodyFault> {
        match (&self.state, src) {
            (ChunkState::Size { digits: 0, .. }, _) => {
                if let Some((size, len)) = plain_size(src) {
                    self.state = ChunkState::Data { left: size };
                    return Ok(len);
                }
            }
            (ChunkState::DataCr, [b'\r', b'\n', ..]) => {
                self.state = ChunkState::default();
                return Ok(2);
            }
            _ => {}
        }
        self.step(src[0])?;
        Ok(1)
    }

    /// Takes one byte outside chunk data.
    fn step(&mut self, byte: u8) -> Result<(), BodyFault> {
        self.state = match self.state {
            ChunkState::Size { size, digits } => after_size(size, digits, byte)?,
            ChunkState::Extension { size, extension, bytes } => self.after_extension(size, extension, bytes, byte)?,
            ChunkState::SizeLf { .. } if byte != b'\n' => return Err(BodyFault::BadChunkSize),
            ChunkState::SizeLf { size: 0 } => ChunkState::Trailers,
            ChunkState::SizeLf { size } => ChunkState::Data { left: size },
            ChunkState::DataCr if byte == b'\r' => ChunkState::DataLf,
            ChunkState::DataLf if byte == b'\n' => ChunkState::default(),
            ChunkState::DataCr | ChunkState::DataLf => return Err(BodyFault::BadChunkEnd),
            ChunkState::Trailers if self.trailers.take(byte)? => ChunkState::Done,
            state @ (ChunkState::Trailers | ChunkState::Data { .. } | ChunkState::Done) => state,
        };
        Ok(())
    }

    fn after_extension(
        &mut self,
        size: u64,
        extension: Extension,
        bytes: usize,
        byte: u8,
    ) -> Result<ChunkState, BodyFault> {
        if byte == b'\r' {
            return if extension.may_end() {
                Ok(ChunkState::SizeLf { size })
            } else {
                Err(BodyFault::BadChunkExtension)
            };
        }
        let bytes = bytes + 1;
        self.extension_bytes += 1;
        if bytes > EXTENSION_BYTES_MAX || self.extension_bytes > EXTENSIONS_BYTES_MAX {
            return Err(BodyFault::ChunkExtensionsTooLong);
        }
        let extension = extension.after(byte).ok_or(BodyFault::BadChunkExtension)?;
        Ok(ChunkState::Extension { size, extension, bytes })
    }
}

/// The size and the length of a line that is nothing but a size from 1 to what is allowed; the state machine reads the
/// others.
fn plain_size(src: &[u8]) -> Option<(u64, usize)> {
    let mut size = 0;
    let mut len = 0;
    while let Some(value) = src.get(len).and_then(|byte| hex_value(*byte)) {
        if len == usize::from(SIZE_DIGITS_MAX) {
            return None;
        }
        size = size << 4 | u64::from(value);
        len += 1;
    }
    let is_plain = matches!(size, 1..=SIZE_MAX) && src.get(len..len + 2) == Some(b"\r\n");
    is_plain.then_some((size, len + 2))
}

fn after_size(size: u64, digits: u8, byte: u8) -> Result<ChunkState, BodyFault> {
    if let Some(value) = hex_value(byte) {
        if digits == SIZE_DIGITS_MAX {
            return Err(BodyFault::BadChunkSize);
        }
        let size = size << 4 | u64::from(value);
        return Ok(ChunkState::Size { size, digits: digits + 1 });
    }
    match byte {
        _ if digits == 0 => Err(BodyFault::BadChunkSize),
        _ if size > SIZE_MAX => Err(BodyFault::ChunkTooLarge),
        b'\r' => Ok(ChunkState::SizeLf { size }),
        byte => match Extension::start(byte) {
            Some(extension) => Ok(ChunkState::Extension { size, extension, bytes: 1 }),
            None => Err(BodyFault::BadChunkSize),
        },
    }
}

/// 64 bits; it bounds leading zeros too.
const SIZE_DIGITS_MAX: u8 = 16;
const SIZE_MAX: u64 = i64::MAX as u64;
/// Nothing is known to send more than a signature of about 100 bytes.
const EXTENSION_BYTES_MAX: usize = 256;
/// Of one body. Reading extensions costs without giving payload (RFC 9112 §7.1.1).
const EXTENSIONS_BYTES_MAX: usize = 16 * 1024;
