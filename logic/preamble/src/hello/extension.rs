//! The extensions of a ClientHello that say where a connection belongs: server name, ALPN, versions.
//! Each is read to its last byte, and none may be empty.

use super::cursor::Cursor;
use crate::PreambleFault;
use crate::host::{canonical_name, is_address};

/// RFC 6066 §3: a list that may hold one name of each kind; only one kind was ever defined. Addresses are not names.
pub(super) fn server_name(mut content: Cursor<'_>) -> Result<String, PreambleFault> {
    let mut list = content.vector()?;
    content.end()?;
    if list.byte()? != HOST_NAME {
        return Err(PreambleFault::HelloServerName);
    }
    let name = list.vector()?.rest();
    if !list.is_empty() {
        return Err(PreambleFault::HelloServerName);
    }
    canonical_name(name).filter(|name| !is_address(name)).ok_or(PreambleFault::HelloServerName)
}

/// RFC 7301 §3.1: names of 1 to 255 bytes, at least one.
pub(super) fn protocols(mut content: Cursor<'_>) -> Result<Vec<Vec<u8>>, PreambleFault> {
    let mut list = content.vector()?;
    content.end()?;
    let mut protocols = Vec::new();
    while !list.is_empty() {
        let name = list.short_vector()?.rest();
        if name.is_empty() {
            return Err(PreambleFault::HelloMalformed);
        }
        if protocols.len() == PROTOCOLS_MAX {
            return Err(PreambleFault::HelloTooLong);
        }
        protocols.push(name.to_vec());
    }
    if protocols.is_empty() { Err(PreambleFault::HelloMalformed) } else { Ok(protocols) }
}

/// RFC 8446 §4.2.1: at least one version; the length takes one byte, which is bound enough.
pub(super) fn versions(mut content: Cursor<'_>) -> Result<Vec<u16>, PreambleFault> {
    let mut list = content.short_vector()?;
    content.end()?;
    let mut versions = Vec::with_capacity(list.rest().len() / 2);
    while !list.is_empty() {
        versions.push(list.number()?);
    }
    if versions.is_empty() { Err(PreambleFault::HelloMalformed) } else { Ok(versions) }
}

const HOST_NAME: u8 = 0;
/// Clients name two or three, and a reserved one.
const PROTOCOLS_MAX: usize = 64;
