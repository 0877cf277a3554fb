//! One request of a client over HTTP/2, read and answered in the text of HTTP/1.1.
//!
//! Dropping it before the answer is whole resets the stream.

use crate::convert::{self, Malformed, OwnHead};
use crate::intake::{Intake, Marking};
use crate::outlet::{Outlet, broken, write_each};
use bytes::Bytes;
use evener_http::{BodyDecoder, Method};
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::request::Parts;
use http::{HeaderMap, Request};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

/// A request over HTTP/2.
pub struct ServerStream {
    /// The head, until it was written: a client must not make us keep it twice.
    parts: RefCell<Option<Parts>>,
    is_tls: bool,
    is_tunnel: bool,
    intake: RefCell<Intake>,
    answer: RefCell<Answer>,
    /// The stream was reset before it was answered.
    is_reset: Cell<bool>,
    /// The request has turned out to be malformed, and its stream was reset for that.
    is_malformed: Cell<bool>,
    is_given_up: Rc<Cell<bool>>,
}

struct Answer {
    method: Method,
    /// The fields of the request once it was written, empty: memory for those of the answer.
    fields: HeaderMap,
    state: State,
}

enum State {
    Head(SendResponse<Bytes>),
    Body(Outlet),
    Lost,
}

impl std::fmt::Debug for ServerStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerStream").field("is_tunnel", &self.is_tunnel).finish_non_exhaustive()
    }
}

impl ServerStream {
    pub(super) fn new(
        request: Request<RecvStream>,
        respond: SendResponse<Bytes>,
        is_tls: bool,
        is_given_up: Rc<Cell<bool>>,
    ) -> Self {
        let (parts, body) = request.into_parts();
        let is_tunnel = parts.extensions.get::<h2::ext::Protocol>().is_some();
        let marking = match () {
            () if is_tunnel => Marking::Tunnel,
            () if body.is_end_stream() || parts.headers.contains_key(http::header::CONTENT_LENGTH) => Marking::Length,
            () => Marking::Chunks,
        };
        let method = if parts.method == http::Method::HEAD { Method::Head } else { Method::Other };
        Self {
            parts: RefCell::new(Some(parts)),
            is_tls,
            is_tunnel,
            intake: RefCell::new(Intake::new(body, Vec::new(), marking)),
            answer: RefCell::new(Answer { method, fields: HeaderMap::new(), state: State::Head(respond) }),
            is_reset: Cell::new(false),
            is_malformed: Cell::new(false),
            is_given_up,
        }
    }

    /// Appends the head of the request as text. `key` gives random numbers: the nonce of a WebSocket, which has none over
    /// HTTP/2. False: it cannot be said in HTTP/1.1, and must be answered with 400.
    pub fn write_head(&self, key: impl FnOnce() -> [u64; 2], out: &mut Vec<u8>) -> bool {
        let key = if self.is_tunnel { nonce(key()) } else { String::new() };
        let has_body = !self.intake.borrow().is_ended();
        let Some(mut parts) = self.parts.take() else { return false };
        let written: Result<(), Malformed> = convert::request_text(&parts, has_body, self.is_tls, &key, out);
        parts.headers.clear();
        self.answer.borrow_mut().fields = parts.headers;
        written.is_ok()
    }

    /// Whether the client has taken its request back before the head of an answer was sent.
    pub fn is_reset(&self) -> bool {
        self.is_reset.get()
    }

    /// Whether the client has broken a rule with its body, for which the stream was reset.
    pub(crate) fn is_malformed(&self) -> bool {
        self.is_malformed.get()
    }

    /// Waits until the client takes its request back, while nobody reads or writes.
    pub(crate) async fn broken(&self) -> io::Error {
        let error = poll_fn(|cx| self.answer.borrow_mut().poll_reset(cx)).await;
        self.note(&error);
        error
    }

    /// Looks whether the client has taken its request back already.
    pub fn is_over(&self) -> bool {
        self.answer.borrow_mut().poll_reset(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    /// Notes why the stream is over.
    fn note(&self, error: &io::Error) {
        if !matches!(self.answer.borrow().state, State::Body(_)) {
            self.is_reset.set(true);
        }
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<h2::Error>());
        if cause.is_some_and(|cause| cause.is_reset() && cause.is_library()) {
            self.is_malformed.set(true);
        }
    }

    /// Whether the connection was cut because the client takes nothing.
    pub(crate) fn is_given_up(&self) -> bool {
        self.is_given_up.get()
    }

    /// Whether a part of the answer waits for the client, which could still take it.
    pub fn is_stuck(&self) -> bool {
        match &mut self.answer.borrow_mut().state {
            State::Body(outlet) => outlet.is_stuck(),
            State::Head(_) | State::Lost => false,
        }
    }

    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(self.poll_fill(cx)) {
            Ok(_) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let is_there = ready!(self.poll_fill(cx))?;
        Poll::Ready(Ok(if is_there { self.intake.borrow_mut().take(buffer) } else { 0 }))
    }

    pub(crate) fn read_now(&self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        match self.poll_read(&mut Context::from_waker(Waker::noop()), buffer) {
            Poll::Ready(read) => Some(read),
            Poll::Pending => None,
        }
    }

    /// Ready when there is something to read: true; or when a tunnel has ended: false. A request that has ended is never
    /// ready again, unless the client resets the stream: it is no connection on which another could come.
    fn poll_fill(&self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let filled = ready!(self.intake.borrow_mut().poll_fill(cx));
        match filled {
            Ok(false) if !self.is_tunnel => {
                let error = ready!(self.answer.borrow_mut().poll_reset(cx));
                self.note(&error);
                Poll::Ready(Err(error))
            }
            Err(error) => {
                self.note(&error);
                Poll::Ready(Err(error))
            }
            Ok(is_there) => Poll::Ready(Ok(is_there)),
        }
    }

    pub(crate) fn poll_write_pieces(&self, cx: &mut Context<'_>, pieces: &[&[u8]]) -> Poll<io::Result<usize>> {
        let written = {
            let answer = &mut *self.answer.borrow_mut();
            write_each(pieces, |piece| answer.poll_write(cx, piece))
        };
        if let Poll::Ready(Err(error)) = &written {
            self.note(error);
        }
        written
    }

    pub(crate) fn end(&self) {
        if let State::Body(outlet) = &mut self.answer.borrow_mut().state {
            outlet.end();
        }
    }
}

/// A key as a client of HTTP/1.1 makes one (RFC 6455 §4.1).
fn nonce(random: [u64; 2]) -> String {
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&random[0].to_le_bytes());
    nonce[8..].copy_from_slice(&random[1].to_le_bytes());
    convert::base64(&nonce)
}

impl Answer {
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.state {
            State::Head(_) => Poll::Ready(self.write_head(bytes)),
            State::Body(outlet) => outlet.poll_write(cx, bytes),
            State::Lost => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }

    /// Sends the head that `bytes` begin with; returns its length.
    fn write_head(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let OwnHead { response, status, framing, head_bytes } =
            convert::own_head(bytes, self.method, std::mem::take(&mut self.fields))
                .ok_or_else(|| broken("a head out of form"))?;
        let State::Head(mut respond) = std::mem::replace(&mut self.state, State::Lost) else {
            return Err(io::ErrorKind::ConnectionReset.into());
        };
        if status < 200 && status != 101 {
            respond.send_informational(response).map_err(crate::intake::error_of)?;
            self.state = State::Head(respond);
            return Ok(head_bytes);
        }
        let decoder = BodyDecoder::new(framing);
        let is_over = status != 101 && decoder.is_done();
        let stream = respond.send_response(response, is_over).map_err(crate::intake::error_of)?;
        self.state = State::Body(match status {
            101 => Outlet::tunnel(stream),
            _ => Outlet::framed(stream, decoder, is_over),
        });
        Ok(head_bytes)
    }

    fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        match &mut self.state {
            State::Head(respond) => match ready!(respond.poll_reset(cx)) {
                Ok(reason) => Poll::Ready(io::Error::new(io::ErrorKind::ConnectionReset, h2::Error::from(reason))),
                Err(error) => Poll::Ready(crate::intake::error_of(error)),
            },
            State::Body(outlet) => outlet.poll_reset(cx),
            State::Lost => Poll::Ready(io::ErrorKind::ConnectionReset.into()),
        }
    }
}

impl Drop for ServerStream {
    /// An answer that is not whole is an error. One that is whole before the request ends the request (RFC 9113 §8.1):
    /// the `h2` crate says so once the answer has gone out, where a reset from here would overtake it.
    fn drop(&mut self) {
        match &mut self.answer.borrow_mut().state {
            State::Head(respond) => respond.send_reset(Reason::INTERNAL_ERROR),
            State::Body(outlet) if !outlet.is_over() => outlet.reset(Reason::INTERNAL_ERROR),
            State::Body(_) | State::Lost => {}
        }
    }
}
