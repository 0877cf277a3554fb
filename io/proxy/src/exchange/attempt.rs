//! One try at one server: send the request, wait for the head of its answer. What a failed try permits is told by
//! [`Failed`]; the caller decides.

use super::fault::{ClientFault, Fault, OwnFault, UpstreamFault};
use super::trip::Trip;
use super::upload::Upload;
use super::watch::Watch;
use crate::state::{Client, Session};
use evener_http::{HeadLimits, Progress, RequestContext, Version, write_interim_head};
use evener_plan::Upstream;
use evener_runtime::{Buffer, Millis};
use evener_wire::{Loss, Wire};
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Interim responses (1xx) that a server may send before the real one (R9).
const INTERIM_MAX: u32 = 100;
/// Fields of a response head; servers send more than clients do.
const RESPONSE_FIELDS_MAX: usize = 256;
/// Bytes of a response head (R12).
const RESPONSE_HEAD_BYTES_MAX: usize = 64 * 1024;

/// A try that brought no response.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) fault: Fault,
    /// The server got not one byte.
    pub(crate) is_untouched: bool,
    /// The server has said something.
    pub(crate) is_heard: bool,
    /// The client has seen something of it: an interim response.
    pub(crate) is_seen: bool,
}

impl Failed {
    /// A try that ended before it began.
    pub(crate) fn unsent(fault: Fault) -> Self {
        Self { fault, is_untouched: true, is_heard: false, is_seen: false }
    }
}

impl Failed {
    /// A try that ended while the answer was waited for.
    pub(crate) fn sent(fault: Fault) -> Self {
        Self { is_untouched: false, ..Self::unsent(fault) }
    }
}

/// One try.
pub(crate) struct Attempt<'a> {
    pub(crate) client: &'a Client,
    pub(crate) server: &'a Wire,
    pub(crate) upstream: &'a Upstream,
    /// A body that did not come whole with the head.
    pub(crate) upload: Option<&'a mut Upload>,
    sent: usize,
    is_heard: bool,
    is_seen: bool,
    interim_count: u32,
    /// A 100 was passed on; another would say nothing new, and some clients take it for the final response.
    has_continued: bool,
}

enum Step {
    Read(usize),
    Closed,
    Late,
    ClientLeft,
    Fault(Fault),
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(
        client: &'a Client,
        server: &'a Wire,
        upstream: &'a Upstream,
        upload: Option<&'a mut Upload>,
    ) -> Self {
        Self {
            client,
            server,
            upstream,
            upload,
            sent: 0,
            is_heard: false,
            is_seen: false,
            interim_count: 0,
            has_continued: false,
        }
    }

    /// An attempt whose request was sent whole.
    pub(crate) fn sent(client: &'a Client, server: &'a Wire, upstream: &'a Upstream) -> Self {
        Self { sent: usize::MAX, ..Self::new(client, server, upstream, None) }
    }

    /// Sends the request in `session.out`, or gets ready to do so while its body comes.
    pub(crate) async fn begin(&mut self, session: &mut Session, trip: &Trip) -> Result<(), Failed> {
        session.answer.clear();
        session.response.reset();
        match self.upload {
            Some(_) => Ok(()),
            None => self.send(session, trip).await.map_err(|fault| self.failed(fault)),
        }
    }

    /// Reads until the head of the final response (or of a 101) is complete in `session.answer`.
    pub(crate) async fn listen(mut self, session: &mut Session, trip: &mut Trip) -> Result<(), Failed> {
        self.steps(session, trip).await.map_err(|fault| self.failed(fault))
    }

    fn failed(&self, fault: Fault) -> Failed {
        let is_untouched = match &self.upload {
            Some(upload) => upload.is_untouched(),
            None => self.sent == 0,
        } || self.server.loss().is_some_and(|loss| loss == Loss::Refused || loss.is_unsaid());
        Failed { fault, is_untouched, is_heard: self.is_heard, is_seen: self.is_seen }
    }

    /// Nothing more comes from the server.
    fn closed(&self) -> Fault {
        self.server.loss().map_or_else(|| UpstreamFault::Closed.into(), Fault::from)
    }

    /// What a server under TLS has said why it takes nothing more.
    fn last_word(&self) -> Option<Fault> {
        let error = self.server.read_now(&mut [0; 1])?.err();
        error.filter(evener_tls::is_of_tls).map(|error| UpstreamFault::Tls(error).into())
    }

    async fn steps(&mut self, session: &mut Session, trip: &mut Trip) -> Result<(), Fault> {
        let limits = HeadLimits { bytes_max: RESPONSE_HEAD_BYTES_MAX, fields_max: RESPONSE_FIELDS_MAX };
        let context = RequestContext { method: session.parser.head().method };
        let mut deadline = self.response_deadline(trip);
        loop {
            match self.step(session, trip, deadline).await {
                Step::Read(count) => {
                    session.answer.filled_up(count);
                    self.is_heard = true;
                    trip.mark_first_byte();
                }
                Step::Closed => return Err(self.closed()),
                Step::Late => {
                    self.late(trip)?;
                    deadline = self.response_deadline(trip);
                    continue;
                }
                Step::ClientLeft => return Err(ClientFault::Gone.into()),
                Step::Fault(fault) => return Err(fault),
            }
            loop {
                let parsed = session.response.parse(session.answer.filled(), &limits, context);
                match parsed.map_err(|fault| Fault::Upstream(UpstreamFault::Response(fault)))? {
                    Progress::NeedMore => break,
                    Progress::Complete => {
                        let status = session.response.head().status;
                        if status >= 200 || status == 101 {
                            return Ok(());
                        }
                        self.pass_interim(session, trip).await?;
                    }
                }
            }
            if session.answer.is_full() {
                session.answer.compact();
                session.answer.grow(2 * RESPONSE_HEAD_BYTES_MAX);
            }
        }
    }

    /// Sends a request whose body, if any, stands whole behind its head in `session.inbound`.
    async fn send(&mut self, session: &Session, trip: &Trip) -> Result<(), Fault> {
        let body = trip.whole_body(session);
        let mut watch = Watch::new(&self.client.alarm);
        let mut deadline = None;
        while self.sent < session.out.len() + body.len() {
            let sent = poll_fn(|cx| {
                let head = session.out.get(self.sent..).unwrap_or_default();
                let rest = &body[self.sent.saturating_sub(session.out.len())..];
                let pieces = [head, rest];
                let pieces = if rest.is_empty() { &pieces[..1] } else { &pieces[..] };
                match self.server.poll_write_pieces(cx, pieces) {
                    Poll::Ready(Ok(count)) => Poll::Ready(Ok(count)),
                    Poll::Ready(Err(_)) => Poll::Ready(Err(UpstreamFault::Closed)),
                    Poll::Pending => {
                        let deadline = *deadline.get_or_insert_with(|| self.response_deadline(trip));
                        watch.poll(cx, deadline).map(|()| Err(UpstreamFault::ResponseTimeout))
                    }
                }
            })
            .await;
            match sent {
                Ok(count) => self.sent += count,
                // A server may answer and close before it has read everything (RFC 9112 §9.5): look for the answer.
                Err(UpstreamFault::Closed) if self.sent > 0 => return Ok(()),
                Err(UpstreamFault::Closed) => return Err(self.last_word().unwrap_or_else(|| self.closed())),
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(())
    }

    /// Waits until something happens: bytes from the server, its end, the deadline, or the client's leaving. Meanwhile
    /// the upload goes on.
    async fn step(&mut self, session: &mut Session, trip: &mut Trip, mut deadline: Millis) -> Step {
        let mut watch = Watch::new(&self.client.alarm);
        let Session { inbound, body, answer, out, is_half_closed, .. } = session;
        let client = self.client;
        // Made when it is needed, and rarely is.
        let mut left = None;
        poll_fn(|cx| {
            let mut is_uploading = false;
            if let Some(upload) = self.upload.as_deref_mut().filter(|upload| upload.is_running()) {
                match upload.poll(cx, self.client, out, body, self.server) {
                    Poll::Ready(Err(fault)) => return Poll::Ready(Step::Fault(fault)),
                    // From here on it is the server's time that counts.
                    Poll::Ready(Ok(())) => {
                        trip.mark_sent();
                        deadline = self.response_deadline(trip);
                    }
                    Poll::Pending => {
                        is_uploading = true;
                        deadline = trip.earlier(upload.deadline());
                        if upload.is_held_up() {
                            let left = left.get_or_insert_with(|| Box::pin(client.wire.broken()));
                            if left.as_mut().poll(cx).is_ready() {
                                return Poll::Ready(Step::ClientLeft);
                            }
                        }
                    }
                }
            }
            match self.poll_answer(cx, answer) {
                Poll::Ready(Err(error)) if evener_tls::is_of_tls(&error) => {
                    return Poll::Ready(Step::Fault(UpstreamFault::Tls(error).into()));
                }
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Step::Closed),
                Poll::Ready(Ok(count)) => return Poll::Ready(Step::Read(count)),
                Poll::Pending => {}
            }
            if !is_uploading && !*is_half_closed {
                let heard = if self.upload.is_some() { &mut *body } else { &mut *inbound };
                if poll_client(cx, self.client, heard, is_half_closed).is_ready() {
                    return Poll::Ready(Step::ClientLeft);
                }
            }
            watch.poll(cx, deadline).map(|()| Step::Late)
        })
        .await
    }

    fn poll_answer(&self, cx: &mut Context<'_>, answer: &mut Buffer) -> Poll<io::Result<usize>> {
        if answer.capacity() == 0 {
            // No buffer is taken before there is something to put into it: thousands may wait for slow servers.
            ready!(self.server.poll_readable(cx))?;
            *answer = self.client.worker.buffers.take_large();
        }
        self.server.poll_read(cx, answer.space())
    }

    fn response_deadline(&self, trip: &Trip) -> Millis {
        trip.earlier(Millis::now().after(self.upstream.response_timeout))
    }

    fn late(&mut self, trip: &Trip) -> Result<(), Fault> {
        let now = Millis::now();
        if now >= trip.deadline() {
            return Err(trip.late());
        }
        match self.upload.as_deref_mut().filter(|upload| upload.is_running()) {
            Some(upload) => upload.late(now),
            None => Err(UpstreamFault::ResponseTimeout.into()),
        }
    }

    /// Passes an interim response on, unless the client cannot know what it is, and takes it off the answer.
    async fn pass_interim(&mut self, session: &mut Session, trip: &Trip) -> Result<(), Fault> {
        self.interim_count += 1;
        if self.interim_count > INTERIM_MAX {
            return Err(UpstreamFault::TooManyInterim.into());
        }
        let request = session.parser.head();
        let interim = session.response.head();
        // RFC 9110 §15.2: none to a client of HTTP/1.0. §10.1.1: a 100 only to one that waits for it, and once.
        let is_continue = interim.status == 100;
        let is_awaited = !is_continue || (request.expects_continue && !self.has_continued);
        if request.version == Version::Http11 && is_awaited {
            self.has_continued |= is_continue;
            let mut head = Vec::with_capacity(256);
            write_interim_head(session.answer.filled(), interim, &mut head);
            self.is_seen = true;
            send_all(self.client, &head, trip).await?;
            if let Some(upload) = self.upload.as_deref_mut().filter(|_| is_continue) {
                upload.permit();
            }
        }
        let length = interim.head_bytes;
        session.answer.consume(length);
        session.response.reset();
        Ok(())
    }
}

/// Listens to the client while the server works: what comes is the next request, an end is a client that may still read,
/// and an error one that has left. Ready only for the last.
pub(crate) fn poll_client(
    cx: &mut Context<'_>,
    client: &Client,
    heard: &mut Buffer,
    is_half_closed: &mut bool,
) -> Poll<()> {
    while !heard.is_full() {
        match ready!(client.wire.poll_read(cx, heard.space())) {
            Ok(0) => {
                *is_half_closed = true;
                return Poll::Pending;
            }
            Ok(count) => {
                client.worker.counters.bytes_in.add(count as u64);
                heard.filled_up(count);
            }
            Err(_) => return Poll::Ready(()),
        }
    }
    Poll::Pending
}

/// Sends a few bytes to the client. A worker that stops does not wait for it.
pub(crate) async fn send_all(client: &Client, mut bytes: &[u8], trip: &Trip) -> Result<(), Fault> {
    let mut watch = Watch::new(&client.alarm);
    let deadline = trip.earlier(Millis::now().after(SEND_TIMEOUT));
    while !bytes.is_empty() {
        let sent = poll_fn(|cx| match client.wire.poll_write(cx, bytes) {
            Poll::Ready(Ok(count)) => Poll::Ready(Ok(count)),
            Poll::Ready(Err(_)) => Poll::Ready(Err(Fault::Client(ClientFault::Gone))),
            Poll::Pending if client.worker.is_stopping() => Poll::Ready(Err(OwnFault::Stopped.into())),
            Poll::Pending => watch.poll(cx, deadline).map(|()| Err(ClientFault::ReadsTooSlowly.into())),
        })
        .await?;
        client.worker.counters.bytes_out.add(sent as u64);
        bytes = &bytes[sent..];
    }
    Ok(())
}

/// A client has this long to take an answer of a few hundred bytes, which the kernel nearly always takes at once.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
