//! The PROXY protocol, versions 1 and 2: what a proxy in front says of the connection that it passes on.
//!
//! [`parse`] reads a header, [`write_v1`] and [`write_v2`] make one. Whether the peer may speak for somebody else is
//! not known here: ask only for a header from a peer that is trusted to send one, and then require it, because what
//! follows would otherwise be a client's own word for its address.
//! A header tells of a connection, so that the bytes behind it belong to the protocol inside and are never looked at.

mod checksum;
mod tlv;
mod v1;
mod v2;
mod write;

use crate::PreambleFault;
use std::net::SocketAddr;

pub use write::{write_v1, write_v2};

/// How far a header has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// What is there can still become a header.
    NeedMore,
    /// The header is complete.
    Complete {
        /// Bytes of the header; the protocol inside begins behind them.
        length: usize,
        /// What it says.
        header: ProxyHeader,
    },
}

/// What a header says.
///
/// Without addresses (a connection of the sender's own, a family without ports, or unknown ones) those of the
/// connection itself stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyHeader {
    /// The client. An IPv6 address that stands for one of IPv4 is given as that, so that lists of addresses match.
    pub source: Option<SocketAddr>,
    /// The address that the client connected to.
    pub destination: Option<SocketAddr>,
    /// The host name that the client asked for, in lower case and without a trailing dot.
    pub authority: Option<String>,
    /// Whether the sender speaks for itself, as in a health check, and not for a client.
    pub is_local: bool,
}

/// Reads a header from the first bytes of a connection; `bytes` are all that have come so far.
///
/// A fault in the structure shows with the first byte that makes it certain, so that nobody waits for the rest of
/// something that is not a header; the values of version 2 are judged once it is whole.
/// A call costs at most what the longest header costs ([`HEADER_BYTES_MAX`]), however many bytes there are.
///
/// # Errors
/// Any fault of the `Proxy` kind. It is final: more bytes do not mend it.
pub fn parse(bytes: &[u8]) -> Result<Progress, PreambleFault> {
    if agree(bytes, v2::SIGNATURE) {
        v2::parse(bytes)
    } else if agree(bytes, v1::START) {
        v1::parse(bytes)
    } else {
        Err(PreambleFault::ProxyMissing)
    }
}

/// Whether one begins with the other.
fn agree(bytes: &[u8], start: &[u8]) -> bool {
    bytes.iter().zip(start).all(|(byte, expected)| byte == expected)
}

/// An address as a header gives it.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The longest header that is read, of version 2.
pub const HEADER_BYTES_MAX: usize = v2::START_BYTES + v2::BLOCK_BYTES_MAX;

#[cfg(test)]
mod tests;
