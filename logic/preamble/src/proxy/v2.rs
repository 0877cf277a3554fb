//! Version 2 of the PROXY protocol: a signature, a fixed start, addresses, and fields behind them.
//! The fields are read in `tlv`; those that evener does not know are passed over, those of TLS too.

use super::tlv::{self, Walk};
use super::{Progress, ProxyHeader, canonical};
use crate::PreambleFault;
use std::net::SocketAddr;

/// Reads a header of which the start has been found to agree with [`SIGNATURE`].
pub(super) fn parse(bytes: &[u8]) -> Result<Progress, PreambleFault> {
    let mut start = bytes.iter().copied().skip(SIGNATURE.len());
    let Some(version_and_command) = start.next() else { return Ok(Progress::NeedMore) };
    let is_local = match version_and_command {
        LOCAL => true,
        PROXY => false,
        _ => return Err(PreambleFault::ProxyMalformed),
    };
    let Some(family) = start.next() else { return Ok(Progress::NeedMore) };
    // The family of a local connection has no meaning and is for nobody.
    let block = if is_local { Block::Ignored } else { Block::read(family)? };
    let (Some(high), Some(low)) = (start.next(), start.next()) else { return Ok(Progress::NeedMore) };
    let block_bytes = usize::from(u16::from_be_bytes([high, low]));
    if block_bytes > BLOCK_BYTES_MAX {
        return Err(PreambleFault::ProxyTooLong);
    }
    if block_bytes < block.address_bytes() {
        return Err(PreambleFault::ProxyMalformed);
    }
    let length = START_BYTES + block_bytes;
    let header = bytes.get(..length).unwrap_or(bytes);
    let mut authority = None;
    if block != Block::Ignored {
        match tlv::walk(header, START_BYTES + block.address_bytes(), length)? {
            Walk::NeedMore => return Ok(Progress::NeedMore),
            Walk::Complete(found) => authority = found,
        }
    }
    if header.len() < length {
        return Ok(Progress::NeedMore);
    }
    let (source, destination) = block.addresses(header.get(START_BYTES..).unwrap_or_default()).unzip();
    Ok(Progress::Complete { length, header: ProxyHeader { source, destination, authority, is_local } })
}

/// What stands behind the start.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Nothing that has a known form.
    Ignored,
    V4,
    V6,
    /// Two paths of Unix sockets.
    Unix,
}

impl Block {
    /// Of all pairs of family and transport these seven exist; the protocol has all others refused.
    fn read(family: u8) -> Result<Self, PreambleFault> {
        match family {
            0x00 => Ok(Self::Ignored),
            0x11 | 0x12 => Ok(Self::V4),
            0x21 | 0x22 => Ok(Self::V6),
            0x31 | 0x32 => Ok(Self::Unix),
            _ => Err(PreambleFault::ProxyMalformed),
        }
    }

    const fn address_bytes(self) -> usize {
        match self {
            Self::Ignored => 0,
            Self::V4 => 12,
            Self::V6 => 36,
            Self::Unix => 216,
        }
    }

    /// Source and destination.
    fn addresses(self, block: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
        match self {
            Self::Ignored | Self::Unix => None,
            Self::V4 => addresses::<4>(block),
            Self::V6 => addresses::<16>(block),
        }
    }
}

/// Two addresses and then their ports.
fn addresses<const BYTES: usize>(block: &[u8]) -> Option<(SocketAddr, SocketAddr)>
where
    std::net::IpAddr: From<[u8; BYTES]>,
{
    let (source, block) = block.split_first_chunk::<BYTES>()?;
    let (destination, block) = block.split_first_chunk::<BYTES>()?;
    let (source_port, block) = block.split_first_chunk::<2>()?;
    let (destination_port, _) = block.split_first_chunk::<2>()?;
    let source = SocketAddr::new((*source).into(), u16::from_be_bytes(*source_port));
    let destination = SocketAddr::new((*destination).into(), u16::from_be_bytes(*destination_port));
    Some((canonical(source), canonical(destination)))
}

/// How a header begins: not in any text, and not in HTTP/2 or TLS.
pub(super) const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and transport, length of the block.
pub(super) const START_BYTES: usize = SIGNATURE.len() + 4;
/// The longest block. The protocol allows 64 KiB; what proxies send, a client certificate's names included, is below
/// 1 KiB, and receivers are asked to take at least 2 KiB.
pub(super) const BLOCK_BYTES_MAX: usize = 4096;
pub(super) const LOCAL: u8 = 0x20;
pub(super) const PROXY: u8 = 0x21;
