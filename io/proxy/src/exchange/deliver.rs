//! The response on its way to the client: its head written anew, its body decoded and framed for this client, with
//! back-pressure. What the server sends fast is moved in large pieces, and by the kernel alone where nothing has to see
//! the bytes.

use super::attempt::poll_client;
use super::fault::{ClientFault, Fault, UpstreamFault};
use super::stage::{Recode, Stage};
use super::trip::Trip;
use super::upload::{BODY_BYTES_MAX, Upload};
use super::watch::Watch;
use crate::state::{Client, Session, Work};
use evener_http::{BodyDecoder, Framing};
use evener_plan::Limits;
use evener_runtime::pipe::Pipe;
use evener_runtime::{Buffer, Millis};
use evener_wire::Wire;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// From this length on a body is spliced: two system calls move up to half a megabyte, where reading and writing would
/// copy every byte twice. A guess: below it a body fits into few reads, and where the two cost the same was not measured.
const SPLICE_BYTES_MIN: u64 = 64 * 1024;

/// Up to this length a body is copied behind its head. A guess.
const JOIN_BYTES_MAX: usize = 2048;

/// An answer that has been on its way for this long is a stream.
const STREAM_AFTER: Duration = Duration::from_secs(1);

/// A response being delivered.
pub(crate) struct Delivery<'a, 's> {
    pub(crate) client: &'a Client,
    pub(crate) server: &'a Wire,
    pub(crate) limits: &'a Limits,
    /// Bound on waiting for the next piece of the body.
    pub(crate) stall_timeout: Duration,
    /// A request body that is still coming.
    pub(crate) upload: Option<&'a mut Upload>,
    decoder: BodyDecoder,
    /// The request at the server, and when it becomes a stream.
    work: &'a mut Work<'s>,
    stream_at: Millis,
}

/// Where bytes go that the client sends during the delivery.
struct Heard<'s> {
    /// The rest of a body that is still coming.
    body: &'s mut Buffer,
    /// The next request.
    inbound: &'s mut Buffer,
    is_half_closed: &'s mut bool,
}

/// What a wait brought.
enum Moved {
    Bytes(usize),
    Ended,
}

impl<'a, 's> Delivery<'a, 's> {
    pub(crate) fn new(
        client: &'a Client,
        server: &'a Wire,
        limits: &'a Limits,
        stall_timeout: Duration,
        upload: Option<&'a mut Upload>,
        framing: Framing,
        work: &'a mut Work<'s>,
    ) -> Self {
        let decoder = BodyDecoder::new(framing);
        let stream_at = Millis::now().after(STREAM_AFTER);
        Self { client, server, limits, stall_timeout, upload, decoder, work, stream_at }
    }

    /// Sends the head in `session.out` and the body that follows it in `session.answer` and on the connection.
    pub(crate) async fn run(&mut self, session: &mut Session, trip: &mut Trip, recode: Recode) -> Result<(), Fault> {
        let is_contiguous = self.decoder.length_left().is_some() || self.decoder.is_done();
        if is_contiguous {
            self.deliver_plain(session, trip).await
        } else {
            self.deliver_staged(session, trip, Stage::new(recode)).await
        }
    }

    /// The trailers of a body that is over, as lines.
    pub(crate) fn trailers(&self) -> &[u8] {
        self.decoder.trailers()
    }

    /// A body with a known length: its bytes are passed on from the buffer that they were read into, or by the kernel.
    async fn deliver_plain(&mut self, session: &mut Session, trip: &mut Trip) -> Result<(), Fault> {
        self.read_ahead(&mut session.answer);
        self.join_small_body(session, trip);
        let mut head_sent = 0;
        loop {
            let payload_bytes = self.payload_bytes(&session.answer);
            let is_head_sent = head_sent == session.out.len();
            if is_head_sent && payload_bytes == 0 {
                if self.decoder.is_done() {
                    return Ok(());
                }
                if self.can_splice() {
                    return self.splice(session, trip).await;
                }
                self.read(session, trip).await?;
                continue;
            }
            let count = {
                let Session { out, answer, body, .. } = session;
                let head = &out[head_sent..];
                let payload = &answer.filled()[..payload_bytes];
                let pieces = [head, payload];
                let pieces = match (is_head_sent, payload_bytes) {
                    (true, _) => &pieces[1..],
                    (false, 0) => &pieces[..1],
                    (false, _) => &pieces[..],
                };
                self.write(body, trip, |cx, wire| wire.poll_write_pieces(cx, pieces)).await?
            };
            let of_head = count.min(session.out.len() - head_sent);
            head_sent += of_head;
            let of_body = count - of_head;
            session.answer.consume(of_body);
            self.decoder.skip(of_body as u64);
            trip.body_bytes_out += of_body as u64;
        }
    }

    /// A body that has to be decoded, or whose end is not known: its pieces are joined and framed anew.
    async fn deliver_staged(&mut self, session: &mut Session, trip: &mut Trip, mut stage: Stage) -> Result<(), Fault> {
        if session.answer.is_empty() {
            self.read_ahead(&mut session.answer);
        }
        let mut head_sent = 0;
        loop {
            let gathered = self.gather(&mut session.answer, &mut stage)?;
            trip.body_bytes_out += gathered as u64;
            trip.is_between_chunks = false;
            while head_sent < session.out.len() || !stage.pending().is_empty() {
                let Session { out, body, .. } = session;
                let head = &out[head_sent..];
                let pieces = [head, stage.pending()];
                let pieces = if head.is_empty() { &pieces[1..] } else { &pieces[..] };
                let count = self.write(body, trip, |cx, wire| wire.poll_write_pieces(cx, pieces)).await?;
                let of_head = count.min(head.len());
                head_sent += of_head;
                stage.sent(count - of_head);
            }
            trip.is_between_chunks = stage.is_chunked();
            if self.decoder.is_done() {
                return Ok(());
            }
            self.read(session, trip).await?;
        }
    }

    /// Copies a small body behind its head, for a plain write instead of one of two pieces.
    fn join_small_body(&mut self, session: &mut Session, trip: &mut Trip) {
        let payload_bytes = self.payload_bytes(&session.answer);
        if payload_bytes <= JOIN_BYTES_MAX {
            session.out.extend_from_slice(&session.answer.filled()[..payload_bytes]);
            session.answer.consume(payload_bytes);
            self.decoder.skip(payload_bytes as u64);
            trip.body_bytes_out += payload_bytes as u64;
        }
    }

    fn gather(&mut self, answer: &mut Buffer, stage: &mut Stage) -> Result<usize, Fault> {
        let broken = |fault| Fault::Upstream(UpstreamFault::Body(fault));
        stage.begin(answer.len());
        let mut gathered = 0;
        while !self.decoder.is_done() {
            let decoded = self.decoder.decode(answer.filled()).map_err(broken)?;
            if decoded.consumed == 0 {
                break;
            }
            gathered += decoded.payload.len();
            stage.push(&answer.filled()[decoded.payload]);
            answer.consume(decoded.consumed);
        }
        stage.seal(self.decoder.is_done().then(|| self.decoder.trailers()));
        Ok(gathered)
    }

    /// Bytes in `answer` that belong to a body of known length.
    fn payload_bytes(&self, answer: &Buffer) -> usize {
        let left = self.decoder.length_left().unwrap_or(0);
        usize::try_from(left).map_or(answer.len(), |left| left.min(answer.len()))
    }

    /// Servers often send head and body in two segments. When the body is there already, both go out in one write.
    fn read_ahead(&self, answer: &mut Buffer) {
        if self.decoder.is_done() || answer.is_full() || answer.capacity() == 0 {
            return;
        }
        let wanted = self.decoder.length_left().unwrap_or(u64::MAX);
        let is_whole = wanted <= answer.len() as u64;
        if !is_whole
            && wanted < SPLICE_BYTES_MIN
            && let Some(Ok(count)) = self.server.read_now(answer.space())
        {
            // An end (0) is seen again by the next read, which knows what it means.
            answer.filled_up(count);
        }
    }

    /// Reads more of the body; the end of the connection is good news only for a body that ends with it.
    async fn read(&mut self, session: &mut Session, trip: &Trip) -> Result<(), Fault> {
        let (answer, heard) = split(session);
        if answer.is_empty() {
            answer.clear();
        } else if answer.is_full() {
            answer.compact();
        }
        if answer.capacity() == 0 {
            *answer = self.client.worker.buffers.take_large();
        }
        let moved = self.wait_for_server(heard, trip, |cx, wire| wire.poll_read(cx, answer.space())).await?;
        match moved {
            Moved::Bytes(count) => {
                let is_full = count == answer.space().len();
                answer.filled_up(count);
                if is_full && answer.capacity() < BODY_BYTES_MAX {
                    self.client.worker.buffers.grow(answer, answer.capacity() * 4);
                }
                Ok(())
            }
            Moved::Ended => self.decoder.on_eof().map_err(|fault| Fault::Upstream(UpstreamFault::Body(fault))),
        }
    }

    fn can_splice(&self) -> bool {
        let is_uploading = self.upload.as_ref().is_some_and(|upload| upload.is_running());
        let is_plain = self.server.as_plain().is_some() && self.client.wire.as_plain().is_some();
        is_plain && !is_uploading && self.decoder.length_left().is_some_and(|left| left >= SPLICE_BYTES_MIN)
    }

    /// Moves the rest of a long body through a pipe.
    async fn splice(&mut self, session: &mut Session, trip: &mut Trip) -> Result<(), Fault> {
        let Ok(pipe) = self.client.worker.pipes.take() else {
            // No descriptors for a pipe: copy instead.
            while !self.decoder.is_done() {
                self.read(session, trip).await?;
                self.write_payload(session, trip).await?;
            }
            return Ok(());
        };
        // What was in it has been sent, and the rest does not pass through it.
        self.client.worker.buffers.give_back(std::mem::take(&mut session.answer));
        // On any error the pipe is dropped with what is in it.
        while let Some(left) = self.decoder.length_left().filter(|left| *left > 0) {
            let wanted = usize::try_from(left).map_or(Pipe::capacity(), |left| left.min(Pipe::capacity()));
            let (_, heard) = split(session);
            let moved = self.wait_for_server(heard, trip, |cx, wire| splice_into(cx, wire, &pipe, wanted)).await?;
            let Moved::Bytes(mut held) = moved else {
                return self.decoder.on_eof().map_err(|fault| Fault::Upstream(UpstreamFault::Body(fault)));
            };
            while held > 0 {
                let body = &mut session.body;
                let count = self.write(body, trip, |cx, wire| splice_from(cx, wire, &pipe, held)).await?;
                held -= count;
                self.decoder.skip(count as u64);
                trip.body_bytes_out += count as u64;
            }
        }
        self.client.worker.pipes.give_back(pipe);
        Ok(())
    }

    async fn write_payload(&mut self, session: &mut Session, trip: &mut Trip) -> Result<(), Fault> {
        loop {
            let payload_bytes = self.payload_bytes(&session.answer);
            if payload_bytes == 0 {
                return Ok(());
            }
            let Session { answer, body, .. } = session;
            let payload = &answer.filled()[..payload_bytes];
            let count = self.write(body, trip, |cx, wire| wire.poll_write(cx, payload)).await?;
            answer.consume(count);
            self.decoder.skip(count as u64);
            trip.body_bytes_out += count as u64;
        }
    }

    /// Waits for the server to give something, or for the client to leave: a server that is silent for long, as with
    /// events, must not work for nobody.
    async fn wait_for_server(
        &mut self,
        mut heard: Heard<'_>,
        trip: &Trip,
        mut poll: impl FnMut(&mut Context<'_>, &Wire) -> Poll<io::Result<usize>>,
    ) -> Result<Moved, Fault> {
        let mut watch = Watch::new(&self.client.alarm);
        let mut deadline = None;
        let mut uploaded = self.uploaded();
        poll_fn(|cx| {
            if let Poll::Ready(Err(fault)) = self.poll_upload(cx, heard.body) {
                return Poll::Ready(Err(fault));
            }
            match poll(cx, self.server) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(Moved::Ended)),
                Poll::Ready(Ok(count)) => return Poll::Ready(Ok(Moved::Bytes(count))),
                // A reset is a cut body, also for one that ends with the connection.
                Poll::Ready(Err(_)) => {
                    return Poll::Ready(Err(UpstreamFault::Body(evener_http::BodyFault::Truncated).into()));
                }
                Poll::Pending => {}
            }
            if self.has_client_left(cx, &mut heard) {
                return Poll::Ready(Err(ClientFault::Gone.into()));
            }
            loop {
                let phase = *deadline.get_or_insert_with(|| Millis::now().after(self.stall_timeout));
                ready!(watch.poll(cx, trip.earlier(phase.min(self.stream_at))));
                if Millis::now() >= self.stream_at {
                    self.stream_at = Millis::NEVER;
                    self.work.streams();
                    continue;
                }
                if Millis::now() >= trip.deadline() {
                    return Poll::Ready(Err(trip.late()));
                }
                // A server that reads a long upload does not stand still.
                let now_uploaded = self.uploaded();
                if now_uploaded - uploaded < self.uploaded_bytes_min() {
                    return Poll::Ready(Err(UpstreamFault::BodyTimeout.into()));
                }
                (uploaded, deadline) = (now_uploaded, None);
            }
        })
        .await
    }

    /// Bytes of the request body that have moved.
    fn uploaded(&self) -> u64 {
        self.upload.as_ref().map_or(0, |upload| upload.received())
    }

    /// What an upload must move while the server says nothing: the least rate, and not nothing.
    fn uploaded_bytes_min(&self) -> u64 {
        self.limits.rate_bytes_per_second_min.saturating_mul(self.stall_timeout.as_secs()).max(1)
    }

    /// Waits for the client to take something.
    async fn write(
        &mut self,
        body: &mut Buffer,
        trip: &mut Trip,
        mut poll: impl FnMut(&mut Context<'_>, &Wire) -> Poll<io::Result<usize>>,
    ) -> Result<usize, Fault> {
        let mut watch = Watch::new(&self.client.alarm);
        let mut deadline = None;
        let sent = poll_fn(|cx| {
            match poll(cx, &self.client.wire) {
                Poll::Ready(Ok(count)) => return Poll::Ready(Ok(count)),
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Fault::Client(ClientFault::Gone))),
                Poll::Pending => {}
            }
            if let Poll::Ready(Err(fault)) = self.poll_upload(cx, body) {
                return Poll::Ready(Err(fault));
            }
            let phase = *deadline.get_or_insert_with(|| Millis::now().after(self.limits.send_timeout));
            match watch.poll(cx, trip.earlier(phase)) {
                Poll::Ready(()) if Millis::now() >= trip.deadline() => Poll::Ready(Err(trip.late())),
                Poll::Ready(()) => Poll::Ready(Err(ClientFault::ReadsTooSlowly.into())),
                Poll::Pending => Poll::Pending,
            }
        })
        .await?;
        trip.is_answering = true;
        self.client.worker.counters.bytes_out.add(sent as u64);
        Ok(sent)
    }

    /// Listens to the client, unless an upload does so.
    fn has_client_left(&self, cx: &mut Context<'_>, heard: &mut Heard<'_>) -> bool {
        let is_uploading = self.upload.as_ref().is_some_and(|upload| upload.is_running());
        if is_uploading || *heard.is_half_closed {
            return false;
        }
        let bytes = if self.upload.is_some() { &mut *heard.body } else { &mut *heard.inbound };
        poll_client(cx, self.client, bytes, heard.is_half_closed).is_ready()
    }

    fn poll_upload(&mut self, cx: &mut Context<'_>, body: &mut Buffer) -> Poll<Result<(), Fault>> {
        match self.upload.as_deref_mut().filter(|upload| upload.is_running()) {
            // The head was sent before the answer came, see `Upload::head_is_over`.
            Some(upload) => upload.poll(cx, self.client, &[], body, self.server),
            None => Poll::Pending,
        }
    }
}

/// What the server sends, and what the client does.
fn split(session: &mut Session) -> (&mut Buffer, Heard<'_>) {
    let Session { answer, body, inbound, is_half_closed, .. } = session;
    (answer, Heard { body, inbound, is_half_closed })
}

/// Moves bytes from a connection in the clear into a pipe; no other is asked to, see [`Delivery::can_splice`].
fn splice_into(cx: &mut Context<'_>, wire: &Wire, pipe: &Pipe, bytes_max: usize) -> Poll<io::Result<usize>> {
    match wire.as_plain() {
        Some(socket) => socket.poll_splice_into(cx, pipe, bytes_max),
        None => Poll::Ready(Err(io::ErrorKind::Unsupported.into())),
    }
}

/// The same from a pipe.
fn splice_from(cx: &mut Context<'_>, wire: &Wire, pipe: &Pipe, bytes_max: usize) -> Poll<io::Result<usize>> {
    match wire.as_plain() {
        Some(socket) => socket.poll_splice_from(cx, pipe, bytes_max),
        None => Poll::Ready(Err(io::ErrorKind::Unsupported.into())),
    }
}
