//! One request to a server over HTTP/2, asked and answered in the text of HTTP/1.1.
//!
//! Dropping it before both messages are whole cancels the stream. If nothing has been heard on the whole connection since
//! the request was sent, no further request goes there: it may be lost without anybody having been told.

use super::{Loss, Shared};
use crate::convert::{self, Asked};
use crate::intake::{Intake, error_of};
use crate::outlet::{Outlet, broken, write_each};
use bytes::Bytes;
use evener_http::{BodyDecoder, HeadLimits, Method, Progress, RequestParser};
use evener_runtime::Millis;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream};
use http::Response;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

/// Our own heads are bounded where they are read from clients.
const OWN_HEADS: HeadLimits = HeadLimits { bytes_max: 1024 * 1024, fields_max: 4096 };

/// A request that is given up after this time and was the only reason for the server to speak makes its connection
/// suspicious. Clients that take requests back at once must not make us open one connection after the other.
const SILENT_AFTER: Duration = Duration::from_millis(500);

/// A request over HTTP/2.
pub struct ClientStream {
    shared: Rc<Shared>,
    asking: RefCell<Ask>,
    answer: RefCell<Answer>,
    loss: Cell<Option<Loss>>,
    begun: Millis,
    /// What had been heard on the connection by then.
    heard: u32,
}

enum Ask {
    Head(SendRequest<Bytes>),
    Body(Outlet),
    Lost,
}

enum Answer {
    /// Nothing was asked yet.
    Unasked(Option<Waker>),
    /// `text` is an interim head.
    Awaited {
        future: ResponseFuture,
        method: Method,
        switch_key: Option<Vec<u8>>,
        text: Vec<u8>,
        text_read: usize,
    },
    Body(Intake),
    Lost,
}

impl std::fmt::Debug for ClientStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientStream").field("shared", &self.shared).finish_non_exhaustive()
    }
}

impl ClientStream {
    pub(super) fn new(sender: SendRequest<Bytes>, shared: Rc<Shared>, begun: Millis) -> Self {
        shared.open.set(shared.open.get() + 1);
        let heard = shared.carrier.reads();
        Self {
            shared,
            asking: RefCell::new(Ask::Head(sender)),
            answer: RefCell::new(Answer::Unasked(None)),
            loss: Cell::new(None),
            begun,
            heard,
        }
    }

    pub(crate) fn loss(&self) -> Option<Loss> {
        self.loss.get()
    }

    pub(crate) fn poll_write_pieces(&self, cx: &mut Context<'_>, pieces: &[&[u8]]) -> Poll<io::Result<usize>> {
        write_each(pieces, |piece| self.poll_write(cx, piece))
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Ask::Body(outlet) = &mut *self.asking.borrow_mut() {
            return outlet.poll_write(cx, bytes);
        }
        match self.asking.replace(Ask::Lost) {
            Ask::Head(sender) => {
                let written = self.write_head(sender, bytes);
                if written.is_err()
                    && let Answer::Unasked(Some(waker)) = self.answer.replace(Answer::Lost)
                {
                    waker.wake();
                }
                Poll::Ready(written)
            }
            Ask::Body(_) | Ask::Lost => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }

    /// Sends the head that `bytes` begin with; returns its length.
    fn write_head(&self, mut sender: SendRequest<Bytes>, bytes: &[u8]) -> io::Result<usize> {
        let mut parser = RequestParser::new();
        if !matches!(parser.parse(bytes, &OWN_HEADS), Ok(Progress::Complete)) {
            return Err(self.unsaid(Loss::NoForm));
        }
        let head = parser.head();
        let is_tls = self.shared.carrier.link().is_tls();
        let asked = convert::request_of(bytes, head, is_tls).ok_or_else(|| self.unsaid(Loss::NoForm))?;
        let Asked { request, switch_key } = asked;
        if switch_key.is_some() && !sender.is_extended_connect_protocol_enabled() {
            return Err(self.unsaid(Loss::NoWebSocket));
        }
        let decoder = BodyDecoder::new(head.framing);
        let is_over = switch_key.is_none() && decoder.is_done();
        let (future, stream) = sender.send_request(request, is_over).map_err(|error| self.fail(error))?;
        let outlet = match switch_key {
            Some(_) => Outlet::tunnel(stream),
            None => Outlet::framed(stream, decoder, is_over),
        };
        self.asking.replace(Ask::Body(outlet));
        let answer = Answer::Awaited { future, method: head.method, switch_key, text: Vec::new(), text_read: 0 };
        if let Answer::Unasked(Some(waker)) = self.answer.replace(answer) {
            waker.wake();
        }
        Ok(head.head_bytes)
    }

    /// A request that stays here.
    fn unsaid(&self, loss: Loss) -> io::Error {
        self.loss.set(Some(loss));
        broken("a request that the server cannot be asked")
    }

    /// An error for the reader or writer.
    fn fail(&self, error: h2::Error) -> io::Error {
        self.loss.set(self.loss.get().or_else(|| Some(Loss::of(&error))));
        error_of(error)
    }

    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_fill(cx).map_ok(|_| ())
    }

    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if !ready!(self.poll_fill(cx))? {
            return Poll::Ready(Ok(0));
        }
        Poll::Ready(Ok(match &mut *self.answer.borrow_mut() {
            Answer::Awaited { text, text_read, .. } => {
                let rest = &text[*text_read..];
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                *text_read += count;
                count
            }
            Answer::Body(intake) => intake.take(buffer),
            Answer::Unasked(_) | Answer::Lost => 0,
        }))
    }

    pub(crate) fn read_now(&self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        match self.poll_read(&mut Context::from_waker(Waker::noop()), buffer) {
            Poll::Ready(read) => Some(read),
            Poll::Pending => None,
        }
    }

    /// Ready when there is something to read: true; or when the answer is over: false.
    fn poll_fill(&self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let answer = &mut *self.answer.borrow_mut();
        loop {
            match answer {
                Answer::Unasked(waker) => {
                    *waker = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                Answer::Lost => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                Answer::Body(intake) => return intake.poll_fill(cx),
                Answer::Awaited { text, text_read, .. } if *text_read < text.len() => return Poll::Ready(Ok(true)),
                Answer::Awaited { .. } => {}
            }
            if let Err(error) = ready!(self.poll_head(cx, answer)) {
                *answer = Answer::Lost;
                return Poll::Ready(Err(error));
            }
        }
    }

    /// Ready when a head has come, an interim one or the final one.
    fn poll_head(&self, cx: &mut Context<'_>, answer: &mut Answer) -> Poll<io::Result<()>> {
        let Answer::Awaited { future, method, switch_key, text, text_read } = answer else {
            return Poll::Ready(Ok(()));
        };
        match future.poll_informational(cx) {
            Poll::Ready(Some(Ok(interim))) => {
                text.clear();
                *text_read = 0;
                convert::response_text(&interim.into_parts().0, *method, false, None, text);
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(self.fail(error))),
            Poll::Ready(None) | Poll::Pending => {}
        }
        let response: Response<RecvStream> = ready!(Pin::new(future).poll(cx)).map_err(|error| self.fail(error))?;
        let (parts, body) = response.into_parts();
        let mut text = Vec::with_capacity(512);
        let (marking, length) =
            convert::response_text(&parts, *method, body.is_end_stream(), switch_key.as_deref(), &mut text);
        *answer = Answer::Body(Intake::new(body, text, marking).with_length(length));
        Poll::Ready(Ok(()))
    }

    pub(crate) fn end(&self) {
        if let Ask::Body(outlet) = &mut *self.asking.borrow_mut() {
            outlet.end();
        }
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        let is_asked = matches!(self.asking.get_mut(), Ask::Body(outlet) if outlet.is_over());
        match std::mem::replace(self.answer.get_mut(), Answer::Lost) {
            Answer::Body(intake) if is_asked && intake.is_ended() => {}
            Answer::Body(mut intake) if is_asked && intake.is_whole() && !self.shared.is_let_go.get() => {
                if !intake.is_drained() {
                    // Its place is left when the server has ended it.
                    return self.shared.lingering.add(intake);
                }
            }
            _ => self.cancel(),
        }
        self.shared.leave(1);
    }
}

impl ClientStream {
    fn cancel(&mut self) {
        let Ask::Body(outlet) = self.asking.get_mut() else { return };
        outlet.reset(Reason::CANCEL);
        let is_silent = self.shared.carrier.reads() == self.heard;
        if is_silent && Millis::now().since(self.begun) >= SILENT_AFTER {
            self.shared.is_closed.set(true);
        }
    }
}
