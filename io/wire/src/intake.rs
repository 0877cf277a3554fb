//! What a server sends on a stream, as the text of HTTP/1.1: a head that was converted, then the body, in chunks if its
//! length was not announced, with its trailers.
//!
//! Flow control: the peer may send more only as fast as this is read.

use crate::convert;
use bytes::Bytes;
use evener_http::{CHUNK_END, chunk_header, last_chunk};
use h2::RecvStream;
use std::io;
use std::task::{Context, Poll, Waker, ready};

/// How the end of a body is told in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marking {
    /// By chunks.
    Chunks,
    /// By a length in the head, or there is no body.
    Length,
    /// There is no message any more: the bytes of a tunnel.
    Tunnel,
}

/// The incoming half of a stream.
pub(crate) struct Intake {
    stream: RecvStream,
    marking: Marking,
    /// Text that comes before `data`.
    text: Vec<u8>,
    text_read: usize,
    data: Bytes,
    /// `data` is a chunk, so that something must follow it.
    is_chunk: bool,
    /// Bytes of a body whose length is known that have not come.
    left: Option<u64>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Data,
    Trailers,
    Ended,
}

impl Intake {
    /// An intake that gives `head` first.
    pub(crate) fn new(stream: RecvStream, head: Vec<u8>, marking: Marking) -> Self {
        // A body that is known to be empty needs no frame to end it; one in chunks needs its last chunk told.
        let is_ended = stream.is_end_stream() && marking == Marking::Length;
        let state = if is_ended { State::Ended } else { State::Data };
        Self { stream, marking, text: head, text_read: 0, data: Bytes::new(), is_chunk: false, left: None, state }
    }

    /// So many bytes of body are to come, if that is known.
    pub(crate) fn with_length(self, length: Option<u64>) -> Self {
        Self { left: length, ..self }
    }

    /// Whether the peer has ended its side.
    pub(crate) fn is_ended(&self) -> bool {
        self.state == State::Ended || self.stream.is_end_stream()
    }

    /// Whether all that was announced was taken, be the end of the stream there or not.
    pub(crate) fn is_whole(&self) -> bool {
        self.left == Some(0) && !self.has_bytes()
    }

    /// Whether the peer has ended its side; what it says before that is dropped.
    pub(crate) fn is_drained(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match self.poll_fill(&mut cx) {
                Poll::Ready(Ok(true)) => while self.take(&mut [0; 256]) > 0 {},
                Poll::Ready(Ok(false) | Err(_)) => return true,
                Poll::Pending => return false,
            }
        }
    }

    fn has_bytes(&self) -> bool {
        self.text_read < self.text.len() || !self.data.is_empty()
    }

    /// Ready when there is something to take: true; or when the peer has ended: false.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            if self.has_bytes() {
                return Poll::Ready(Ok(true));
            }
            match self.state {
                State::Data => match ready!(self.stream.poll_data(cx)) {
                    Some(Ok(data)) if data.is_empty() => {}
                    Some(Ok(data)) => self.hold(data),
                    Some(Err(error)) => return Poll::Ready(Err(error_of(error))),
                    None => self.state = State::Trailers,
                },
                State::Trailers => {
                    let trailers = ready!(self.stream.poll_trailers(cx)).map_err(error_of)?;
                    if self.marking == Marking::Chunks {
                        self.begin_text();
                        let lines = trailers.map(|trailers| convert::field_lines(&trailers)).unwrap_or_default();
                        last_chunk(&lines, &mut self.text);
                    }
                    self.state = State::Ended;
                }
                State::Ended => return Poll::Ready(Ok(false)),
            }
        }
    }

    fn begin_text(&mut self) {
        self.text.clear();
        self.text_read = 0;
        if std::mem::take(&mut self.is_chunk) {
            self.text.extend_from_slice(CHUNK_END);
        }
    }

    fn hold(&mut self, data: Bytes) {
        self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
        if self.marking == Marking::Chunks {
            self.begin_text();
            chunk_header(data.len(), &mut self.text);
            self.is_chunk = true;
        }
        self.data = data;
    }

    /// Takes what is there, up to the length of `buffer`.
    pub(crate) fn take(&mut self, buffer: &mut [u8]) -> usize {
        let text = &self.text[self.text_read..];
        let of_text = text.len().min(buffer.len());
        buffer[..of_text].copy_from_slice(&text[..of_text]);
        self.text_read += of_text;
        let rest = &mut buffer[of_text..];
        let of_data = self.data.len().min(rest.len());
        if of_data > 0 {
            rest[..of_data].copy_from_slice(&self.data.split_to(of_data));
            // Fails only if more is given back than was taken.
            let _known = self.stream.flow_control().release_capacity(of_data);
        }
        of_text + of_data
    }
}

/// An error of a stream for whoever reads or writes it.
pub(crate) fn error_of(error: h2::Error) -> io::Error {
    if error.is_io() {
        return error.into_io().unwrap_or_else(|| io::ErrorKind::ConnectionReset.into());
    }
    io::Error::new(io::ErrorKind::ConnectionReset, error)
}
