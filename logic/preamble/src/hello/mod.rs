//! The ClientHello of a TLS connection that is to be passed on by its server name, without ending here.
//!
//! A [`HelloReader`] gathers the message from its records, however those are cut, and then reads it once. A client's
//! first flight may be several segments (a key share with ML-KEM alone is longer than one), and a message may be
//! divided among records; a reader that looked only at the first of either would let a client past the route, and the
//! rules, of the name that its server sees.
//! Nothing is decrypted: of an encrypted ClientHello the outer name counts. What versions and ciphers mean is for
//! whoever ends the connection.
//!
//! # Lifecycle
//! A reader serves one connection. It begins empty and is asked with everything that has come until it says something
//! else than [`HelloProgress::NeedMore`]; then it repeats itself. It keeps a copy of the message, dropped with it.

mod cursor;
mod extension;
mod message;
mod record;

use crate::PreambleFault;
use record::RecordStart;

/// How far a ClientHello has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum HelloProgress {
    /// What is there can still become a ClientHello.
    NeedMore,
    /// The connection begins with something else than TLS.
    NotTls,
    /// The ClientHello is complete.
    Complete(Hello),
}

/// What a ClientHello says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// The server name: a DNS name in lower case, without a trailing dot.
    pub server_name: Option<String>,
    /// The protocols of ALPN in the client's order; empty when it names none.
    pub alpn: Vec<Vec<u8>>,
    /// The versions that the client speaks in its order, `0x0304` for TLS 1.3. Reserved ones that mean nothing
    /// (RFC 8701) are among them.
    pub versions: Vec<u16>,
}

/// Reads one ClientHello from the bytes of a connection as they arrive.
///
/// Each byte is copied once and each call goes on where the last one ended, so that the cost is linear in the bytes
/// even if they come one by one.
#[derive(Debug, Default)]
pub struct HelloReader {
    /// Bytes of the connection that have been taken.
    position: usize,
    /// Bytes of the current record that are yet to come.
    record_left: usize,
    /// Records that have begun.
    records: usize,
    /// The handshake message without the borders of records.
    message: Vec<u8>,
}

impl HelloReader {
    /// A reader for a new connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads on. `bytes` are all that have come on the connection so far, those of earlier calls too.
    ///
    /// # Errors
    /// Any fault of the `Hello` kind. It is final: more bytes do not mend it.
    pub fn read(&mut self, bytes: &[u8]) -> Result<HelloProgress, PreambleFault> {
        loop {
            if let Some(length) = self.message_length()? {
                // The keys may change behind the ClientHello, so nothing else may share its record (RFC 8446 §5.1).
                if self.message.len() + self.record_left > length {
                    return Err(PreambleFault::HelloMalformed);
                }
                if self.message.len() == length {
                    let body = self.message.get(MESSAGE_START_BYTES..).unwrap_or_default();
                    return message::read(body).map(HelloProgress::Complete);
                }
            }
            let rest = bytes.get(self.position..).unwrap_or_default();
            if self.record_left == 0 {
                match record::start(rest, self.records)? {
                    RecordStart::NeedMore => return Ok(HelloProgress::NeedMore),
                    RecordStart::NotTls => return Ok(HelloProgress::NotTls),
                    RecordStart::Complete { payload_bytes } => self.begin_record(payload_bytes)?,
                }
            } else if rest.is_empty() {
                return Ok(HelloProgress::NeedMore);
            } else {
                self.take_payload(rest);
            }
        }
    }

    fn begin_record(&mut self, payload_bytes: usize) -> Result<(), PreambleFault> {
        let start = self.position + record::START_BYTES;
        if self.records == RECORDS_MAX || start + payload_bytes > BYTES_MAX {
            return Err(PreambleFault::HelloTooLong);
        }
        self.records += 1;
        self.position = start;
        self.record_left = payload_bytes;
        Ok(())
    }

    fn take_payload(&mut self, rest: &[u8]) {
        let payload = rest.get(..self.record_left).unwrap_or(rest);
        self.message.extend_from_slice(payload);
        self.position += payload.len();
        self.record_left -= payload.len();
    }

    /// The length that the message says it has, its start included; `None` until that is known.
    fn message_length(&self) -> Result<Option<usize>, PreambleFault> {
        if self.message.first().is_some_and(|kind| *kind != CLIENT_HELLO) {
            return Err(PreambleFault::HelloUnexpected);
        }
        let Some(&[_, high, middle, low]) = self.message.first_chunk() else { return Ok(None) };
        let length =
            MESSAGE_START_BYTES + usize::from(high) * 0x1_0000 + usize::from(u16::from_be_bytes([middle, low]));
        if length > BYTES_MAX - record::START_BYTES {
            return Err(PreambleFault::HelloTooLong);
        }
        Ok(Some(length))
    }
}

/// The longest ClientHello with its records. Those of browsers have below 2 KiB, a ticket or a post-quantum key of the
/// largest kind below 10 KiB; libraries allow 64 KiB.
pub const BYTES_MAX: usize = 64 * 1024;
/// The most records that one may be divided among. One would do; tools that evade filters send up to ten.
pub const RECORDS_MAX: usize = 64;

/// Kind and length in front of a handshake message.
const MESSAGE_START_BYTES: usize = 4;
const CLIENT_HELLO: u8 = 1;

#[cfg(test)]
mod tests;
