//! The ClientHello itself (RFC 8446 §4.1.2): fixed parts, then extensions.
//! Ciphers, keys and tickets are stepped over.

use super::Hello;
use super::cursor::Cursor;
use super::extension;
use crate::PreambleFault;

/// Reads the whole message without its kind and length.
pub(super) fn read(body: &[u8]) -> Result<Hello, PreambleFault> {
    let mut body = Cursor::new(body);
    let version = body.number()?;
    if version >> 8 != VERSION_MAJOR {
        return Err(PreambleFault::HelloMalformed);
    }
    body.skip(RANDOM_BYTES)?;
    let session = body.short_vector()?.rest();
    let ciphers = body.vector()?.rest();
    let compressions = body.short_vector()?.rest();
    if session.len() > SESSION_BYTES_MAX || ciphers.is_empty() || ciphers.len() % 2 != 0 || compressions.is_empty() {
        return Err(PreambleFault::HelloMalformed);
    }
    let mut hello = Hello { versions: vec![version], ..Hello::default() };
    // A client of TLS 1.2 may end here, without even the length of its extensions.
    if !body.is_empty() {
        let extensions = body.vector()?;
        body.end()?;
        read_extensions(extensions, &mut hello)?;
    }
    Ok(hello)
}

fn read_extensions(mut extensions: Cursor<'_>, hello: &mut Hello) -> Result<(), PreambleFault> {
    let mut seen = Vec::new();
    while !extensions.is_empty() {
        let kind = extensions.number()?;
        let content = extensions.vector()?;
        // Of two with one kind, two readers would take different ones (RFC 8446 §4.2 forbids it).
        if seen.contains(&kind) {
            return Err(PreambleFault::HelloMalformed);
        }
        if seen.len() == EXTENSIONS_MAX {
            return Err(PreambleFault::HelloTooLong);
        }
        seen.push(kind);
        match kind {
            SERVER_NAME => hello.server_name = Some(extension::server_name(content)?),
            ALPN => hello.alpn = extension::protocols(content)?,
            SUPPORTED_VERSIONS => hello.versions = extension::versions(content)?,
            _ => {}
        }
    }
    Ok(())
}

const VERSION_MAJOR: u16 = 3;
const RANDOM_BYTES: usize = 32;
const SESSION_BYTES_MAX: usize = 32;
/// Some 60 kinds exist, of which a client sends up to 20. It bounds the search for kinds that come twice.
const EXTENSIONS_MAX: usize = 128;
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
