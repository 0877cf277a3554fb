//! A request body that is still coming while it is passed on: decoded, counted, framed anew, with back-pressure both
//! ways. Bodies that came whole with their head do not pass here.
//!
//! LIFECYCLE: running -> done, or running -> stopped when the server takes no more. A stopped upload is no failure yet:
//! the server may have answered before it closed.

use super::fault::{ClientFault, Fault, UpstreamFault};
use super::stage::{Recode, Stage};
use super::watch::RateWindow;
use crate::state::Client;
use evener_http::{BodyDecoder, Framing};
use evener_plan::Limits;
use evener_runtime::{Buffer, Millis};
use evener_wire::Wire;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// The state of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    WaitsForClient,
    /// The client sends nothing before the server has said 100 (RFC 9110 §10.1.1): it is the server's time that runs.
    WaitsForPermission,
    WaitsForServer,
    Done,
    Stopped,
}

/// A request on its way to the server, head and body.
#[derive(Debug)]
pub(crate) struct Upload {
    decoder: BodyDecoder,
    stage: Stage,
    is_chunked: bool,
    is_end_staged: bool,
    state: State,
    head_sent: usize,
    body_sent: u64,
    received: u64,
    is_permitted: bool,
    bytes_max: Option<u64>,
    /// What was passed on, as long as it may have to be passed on again.
    kept: Option<Kept>,
    rate: RateWindow,
    /// When the server must have taken something.
    stall_end: Millis,
    stall_timeout: Duration,
}

/// The beginning of a body that can be sent once more.
#[derive(Debug, Default)]
struct Kept {
    payload: Vec<u8>,
    /// How much of it is behind the one who sends; less than all while it is being repeated.
    passed: usize,
}

/// Bytes of a body that are kept for another attempt.
const KEPT_BYTES_MAX: usize = 64 * 1024;

impl Upload {
    /// An upload of which nothing has been sent.
    pub(crate) fn new(framing: Framing, limits: &Limits, stall_timeout: Duration) -> Self {
        let now = Millis::now();
        let is_chunked = matches!(framing, Framing::Chunked);
        Self {
            decoder: BodyDecoder::new(framing),
            stage: Stage::new(if is_chunked { Recode::Chunked } else { Recode::Plain }),
            is_chunked,
            is_end_staged: false,
            state: State::WaitsForServer,
            head_sent: 0,
            body_sent: 0,
            received: 0,
            is_permitted: true,
            bytes_max: limits.body_bytes_max,
            kept: None,
            rate: RateWindow::new(limits, now),
            stall_end: now.after(stall_timeout),
            stall_timeout,
        }
    }

    /// The body may be sent to another server, as long as it is short.
    pub(crate) fn with_memory(self) -> Self {
        let is_short = self.decoder.length_left().is_none_or(|length| length <= KEPT_BYTES_MAX as u64);
        Self { kept: is_short.then(Kept::default), ..self }
    }

    /// The client may pause for so long between its messages, and need not keep a rate.
    pub(crate) fn with_pauses(self, length: Duration) -> Self {
        Self { rate: RateWindow::pausing(length, Millis::now()), ..self }
    }

    /// The client waits for a 100 before it sends the body.
    pub(crate) fn with_permission(self) -> Self {
        Self { is_permitted: false, ..self }
    }

    /// The client was told to go on.
    pub(crate) fn permit(&mut self) {
        self.is_permitted = true;
    }

    /// Whether there is more to do.
    pub(crate) fn is_running(&self) -> bool {
        !matches!(self.state, State::Done | State::Stopped)
    }

    /// Whether it waits for the server, so that nothing is read from the client.
    pub(crate) fn is_held_up(&self) -> bool {
        self.state == State::WaitsForServer
    }

    /// Whether the whole request was sent.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether not one byte was given to the server.
    pub(crate) fn is_untouched(&self) -> bool {
        self.head_sent == 0 && self.body_sent == 0
    }

    /// Whether the body can be sent to another server: none of it has left the buffer, or all of that was kept.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.received == 0 || self.kept.is_some()
    }

    /// Bytes of body that the client has sent.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Sends the head again, to another server.
    pub(crate) fn rewind(&mut self) {
        debug_assert!(self.is_repeatable(), "body bytes are gone");
        self.head_sent = 0;
        self.body_sent = 0;
        if self.is_chunked {
            let kept = self.kept.as_ref().map_or(&[][..], |kept| &kept.payload);
            self.stage = Stage::new(Recode::Chunked);
            self.stage.begin(kept.len());
            self.stage.push(kept);
            self.stage.seal(self.is_end_staged.then(|| self.decoder.trailers()));
        } else if let Some(kept) = &mut self.kept {
            kept.passed = 0;
        }
        self.state = State::WaitsForServer;
        self.stall_end = Millis::now().after(self.stall_timeout);
    }

    /// The server has answered: what is unsent of a head of so many bytes is not worth sending any more, and nothing will
    /// be repeated.
    pub(crate) fn head_is_over(&mut self, head_bytes: usize) {
        if self.kept.as_ref().is_some_and(|kept| kept.again().is_none()) {
            self.kept = None;
        }
        if self.head_sent < head_bytes {
            self.state = State::Stopped;
        }
    }

    /// When [`Self::late`] must be called unless something moves.
    pub(crate) fn deadline(&self) -> Millis {
        match self.state {
            State::WaitsForClient => self.rate.end(),
            State::WaitsForServer | State::WaitsForPermission => self.stall_end,
            State::Done | State::Stopped => Millis::NEVER,
        }
    }

    /// The deadline has passed.
    pub(crate) fn late(&mut self, now: Millis) -> Result<(), Fault> {
        match self.state {
            State::WaitsForClient if self.rate.turn(now) => Ok(()),
            State::WaitsForClient => Err(ClientFault::BodyTooSlow.into()),
            State::WaitsForServer | State::WaitsForPermission => Err(UpstreamFault::ResponseTimeout.into()),
            State::Done | State::Stopped => Ok(()),
        }
    }

    /// Moves what can be moved. Ready when the upload is done or stopped; `body` holds what the client has sent and may
    /// hold the next request after the body's end.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        client: &Client,
        head: &[u8],
        body: &mut Buffer,
        server: &Wire,
    ) -> Poll<Result<(), Fault>> {
        while self.is_running() {
            if let Err(fault) = self.gather(body) {
                return Poll::Ready(Err(fault));
            }
            let head = head.get(self.head_sent..).unwrap_or_default();
            let payload = self.payload(body);
            // An empty payload tells that nothing is being repeated either.
            let is_ended = self.decoder.is_done() && (!self.is_chunked || self.is_end_staged);
            if head.is_empty() && payload.is_empty() {
                if is_ended {
                    self.state = State::Done;
                    break;
                }
                let read = ready!(self.poll_receive(cx, client, body));
                if let Err(fault) = read {
                    return Poll::Ready(Err(fault));
                }
                continue;
            }
            let pieces = [head, payload];
            let pieces = if head.is_empty() { &pieces[1..] } else { &pieces[..] };
            match server.poll_write_pieces(cx, pieces) {
                Poll::Ready(sent) => self.account(sent, head.len(), body),
                Poll::Pending => {
                    self.wait_for_server();
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn wait_for_server(&mut self) {
        if self.state != State::WaitsForServer {
            self.state = State::WaitsForServer;
            self.stall_end = Millis::now().after(self.stall_timeout);
        }
    }

    /// For a chunked body: decodes what is there and frames it anew, once the last piece is on its way.
    fn gather(&mut self, body: &mut Buffer) -> Result<(), Fault> {
        if !self.is_chunked || self.is_end_staged || !self.stage.pending().is_empty() {
            return Ok(());
        }
        self.stage.begin(body.len());
        while !self.decoder.is_done() {
            let decoded = self.decoder.decode(body.filled()).map_err(Fault::Body)?;
            if decoded.consumed == 0 {
                break;
            }
            self.received += decoded.payload.len() as u64;
            let payload = &body.filled()[decoded.payload];
            keep(&mut self.kept, payload);
            self.stage.push(payload);
            body.consume(decoded.consumed);
        }
        if self.bytes_max.is_some_and(|bytes_max| self.received > bytes_max) {
            return Err(ClientFault::BodyTooLarge.into());
        }
        self.is_end_staged = self.decoder.is_done();
        let trailers = self.is_end_staged.then(|| self.decoder.trailers());
        self.stage.seal(trailers);
        Ok(())
    }

    /// What can be sent now of the body.
    fn payload<'b>(&'b self, body: &'b Buffer) -> &'b [u8] {
        if self.is_chunked {
            return self.stage.pending();
        }
        if let Some(again) = self.kept.as_ref().and_then(Kept::again) {
            return again;
        }
        let left = self.decoder.length_left().unwrap_or(0);
        let count = usize::try_from(left).map_or(body.len(), |left| left.min(body.len()));
        &body.filled()[..count]
    }

    fn account(&mut self, sent: io::Result<usize>, head_bytes: usize, body: &mut Buffer) {
        let Ok(sent) = sent else {
            self.state = State::Stopped;
            return;
        };
        self.stall_end = Millis::now().after(self.stall_timeout);
        let of_head = sent.min(head_bytes);
        self.head_sent += of_head;
        let of_body = sent - of_head;
        self.body_sent += of_body as u64;
        if self.is_chunked {
            self.stage.sent(of_body);
        } else if let Some(kept) = self.kept.as_mut().filter(|kept| kept.again().is_some()) {
            kept.passed += of_body;
        } else {
            keep(&mut self.kept, &body.filled()[..of_body]);
            body.consume(of_body);
            self.decoder.skip(of_body as u64);
            self.received += of_body as u64;
        }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>, client: &Client, body: &mut Buffer) -> Poll<Result<(), Fault>> {
        let state = if self.is_permitted { State::WaitsForClient } else { State::WaitsForPermission };
        if self.state != state {
            self.state = state;
            let now = Millis::now();
            self.rate.restart(now);
            self.stall_end = now.after(self.stall_timeout);
        }
        if body.is_full() {
            // Only an unfinished size line or trailer can fill it; the decoder bounds both far below a buffer.
            body.compact();
        }
        match ready!(client.wire.poll_read(cx, body.space())) {
            Ok(0) | Err(_) => Poll::Ready(Err(ClientFault::Gone.into())),
            Ok(count) => {
                client.worker.counters.bytes_in.add(count as u64);
                self.rate.count(count);
                // A client may also send without waiting any longer.
                self.is_permitted = true;
                let is_full = count == body.space().len();
                body.filled_up(count);
                if is_full && body.capacity() < BODY_BYTES_MAX {
                    client.worker.buffers.grow(body, body.capacity() * 4);
                }
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl Kept {
    /// What is to be sent again.
    fn again(&self) -> Option<&[u8]> {
        self.payload.get(self.passed..).filter(|rest| !rest.is_empty())
    }
}

/// Keeps what was passed on, until it is too much.
fn keep(kept: &mut Option<Kept>, payload: &[u8]) {
    let Some(memory) = kept else { return };
    if memory.payload.len() + payload.len() > KEPT_BYTES_MAX {
        *kept = None;
        return;
    }
    memory.payload.extend_from_slice(payload);
    memory.passed = memory.payload.len();
}

/// A buffer grows to this size while reads fill it: fewer, larger system calls for a fast body.
pub(crate) const BODY_BYTES_MAX: usize = 256 * 1024;
