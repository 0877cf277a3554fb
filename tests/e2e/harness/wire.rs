//! One connection, in the clear or under TLS, with a read buffer and a deadline on every wait.
//!
//! It knows lines and byte counts, not HTTP.

use std::io::{self, Error, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use socket2::SockRef;

use super::socket::{Secrets, Socket};
use super::wait::Deadline;

/// The longest line the plain reader takes.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Bytes that several threads look at: one adds, the others read.
#[derive(Clone, Default)]
pub(crate) struct Record(Arc<Mutex<Vec<u8>>>);

impl Record {
    pub(crate) fn add(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn length(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// A connection. Every wait ends at the latest after `patience`.
pub(crate) struct Wire {
    stream: Socket,
    buffer: Vec<u8>,
    start: usize,
    patience: Duration,
    record: Option<Record>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, patience: Duration) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self::over(Socket::Clear(stream), patience))
    }

    fn over(stream: Socket, patience: Duration) -> Self {
        Self { stream, buffer: Vec::new(), start: 0, patience, record: None }
    }

    pub(crate) fn connect(address: SocketAddr, patience: Duration) -> io::Result<Self> {
        Self::new(TcpStream::connect_timeout(&address, patience)?, patience)
    }

    /// The same under TLS, after the client's part of the handshake.
    pub(crate) fn connect_secured(address: SocketAddr, patience: Duration, secrets: &Secrets) -> io::Result<Self> {
        Ok(Self::over(Socket::connect(address, patience, secrets)?, patience))
    }

    /// Every byte received from now on is also kept in the record.
    pub(crate) fn keep_in(mut self, record: Record) -> Self {
        self.record = Some(record);
        self
    }

    pub(crate) fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Writes everything, within the deadline.
    pub(crate) fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let deadline = Deadline::after(self.patience);
        while !bytes.is_empty() {
            self.stream.tcp().set_write_timeout(Some(time_left(deadline)?))?;
            match self.stream.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if is_time_out(&error) => return Err(too_late("to send")),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // Records of TLS may be held back still.
        let flushed = self.stream.flush();
        flushed.map_err(|error| if is_time_out(&error) { too_late("to send") } else { error })
    }

    /// Waits for more bytes; 0 means that the peer closed its side.
    pub(crate) fn fill(&mut self, deadline: Deadline) -> io::Result<usize> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let mut piece = [0; 64 * 1024];
        loop {
            self.stream.tcp().set_read_timeout(Some(time_left(deadline)?))?;
            match self.stream.read(&mut piece) {
                Ok(count) => {
                    self.buffer.extend_from_slice(&piece[..count]);
                    if let Some(record) = &self.record {
                        record.add(&piece[..count]);
                    }
                    return Ok(count);
                }
                Err(error) if is_time_out(&error) => return Err(too_late("for bytes")),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next line without its CR LF; each byte becomes the character of the same number.
    pub(crate) fn line(&mut self) -> io::Result<String> {
        let deadline = Deadline::after(self.patience);
        loop {
            let pending = &self.buffer[self.start..];
            if let Some(end) = pending.windows(2).position(|pair| pair == b"\r\n") {
                let line = pending[..end].iter().map(|&byte| char::from(byte)).collect();
                self.start += end + 2;
                return Ok(line);
            }
            if pending.len() > LINE_BYTES_MAX {
                return Err(Error::new(ErrorKind::InvalidData, "a line without an end"));
            }
            self.fill_or_fail(deadline)?;
        }
    }

    /// Exactly so many bytes, handed on piece by piece.
    pub(crate) fn exactly(&mut self, count: usize, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let mut left = count;
        while left > 0 {
            if self.pending() == 0 {
                self.fill_or_fail(Deadline::after(self.patience))?;
            }
            let piece = left.min(self.pending());
            sink(&self.buffer[self.start..self.start + piece]);
            self.start += piece;
            left -= piece;
        }
        Ok(())
    }

    /// Everything until the peer closes its side, handed on piece by piece.
    pub(crate) fn until_close(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        loop {
            sink(&self.buffer[self.start..]);
            self.start = self.buffer.len();
            if self.fill(Deadline::after(self.patience))? == 0 {
                return Ok(());
            }
        }
    }

    /// Bytes received and not yet taken.
    pub(crate) fn pending(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Waits until there is a byte to take, or the peer has closed: then false.
    pub(crate) fn has_more(&mut self) -> io::Result<bool> {
        Ok(self.pending() > 0 || self.fill(Deadline::after(self.patience))? > 0)
    }

    /// Says that nothing more will be sent; reading goes on.
    pub(crate) fn half_close(&self) -> io::Result<()> {
        self.stream.tcp().shutdown(Shutdown::Write)
    }

    /// Makes the close, which follows when the wire is dropped, a reset.
    pub(crate) fn close_with_reset(&self) -> io::Result<()> {
        SockRef::from(self.stream.tcp()).set_linger(Some(Duration::ZERO))
    }

    fn fill_or_fail(&mut self, deadline: Deadline) -> io::Result<()> {
        match self.fill(deadline)? {
            0 => Err(Error::new(ErrorKind::UnexpectedEof, "the peer closed in the middle")),
            _ => Ok(()),
        }
    }
}

fn time_left(deadline: Deadline) -> io::Result<Duration> {
    deadline.remaining().ok_or_else(|| too_late("for the peer"))
}

fn is_time_out(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn too_late(what: &str) -> Error {
    Error::new(ErrorKind::TimedOut, format!("waited too long {what}"))
}
