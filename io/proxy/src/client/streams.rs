//! One client connection of HTTP/2: streams come on it, and each is an exchange of its own.
//!
//! LIFECYCLE: begin -> streams come and go, with rests in between -> drained (GOAWAY: those that are open are served) ->
//! closed. A client that takes back requests faster than it lets them be answered, or takes nothing of what it asked for,
//! is told so and closed.

use crate::exchange::{self, ClientFault, Fault};
use crate::state::{Entrant, Secured};
use bytes::Bytes;
use evener_balance::Rng;
use evener_http::{HeadLimits, Progress};
use evener_runtime::alarm::Wake;
use evener_runtime::{Alarm, Millis};
use evener_tls::Link;
use evener_wire::{ServerSettings, ServerStream, Serving, Wire};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// What the connection and its streams share.
struct Shared {
    entrant: Entrant,
    secured: Option<Rc<Secured>>,
    open: Cell<usize>,
    /// Requests that were taken back before they were answered; answers make up for them.
    taken_back: Cell<u32>,
}

/// How far requests that were taken back may outnumber answers (CVE-2023-44487): more than a browser closes at once, and
/// no work worth an attack.
const TAKEN_BACK_MAX: u32 = 200;

/// How long a drained connection may take to say goodbye.
const PARTING: Duration = Duration::from_secs(2);

/// Serves a connection to its end.
pub(crate) async fn serve(entrant: Entrant, link: Link, secured: Option<Rc<Secured>>) {
    let limits = entrant.worker.snapshot().plan().limits.clone();
    let head_bytes_max = u32::try_from(limits.head_bytes_max + 32 * limits.fields_max).unwrap_or(u32::MAX);
    let settings = ServerSettings { streams_max: limits.streams_max, head_bytes_max };
    entrant.alarm.set(Millis::now().after(limits.head_timeout));
    let Some(mut serving) = begin(&entrant, link, &settings).await else { return };
    let shared = Rc::new(Shared { entrant, secured, open: Cell::new(0), taken_back: Cell::new(0) });
    let mut watch = Watch::new(limits.send_timeout);
    poll_fn(|cx| poll(cx, &mut serving, &shared, &mut watch)).await;
    serving.link().part();
}

async fn begin(entrant: &Entrant, link: Link, settings: &ServerSettings) -> Option<Serving> {
    let mut beginning = pin!(Serving::begin(link, Bytes::new(), settings));
    poll_fn(|cx| match beginning.as_mut().poll(cx) {
        Poll::Ready(serving) => Poll::Ready(serving.ok()),
        Poll::Pending => match entrant.alarm.poll(cx) {
            Poll::Ready(Wake::Deadline) => Poll::Ready(None),
            Poll::Ready(Wake::Shed) | Poll::Pending => Poll::Pending,
        },
    })
    .await
}

/// What the connection waits for besides streams.
struct Watch {
    send_timeout: Duration,
    phase: Phase,
    armed: Option<Millis>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Streams are open and the client takes what is sent.
    Working,
    /// The client takes nothing, since then.
    Blocked(Millis),
    /// No stream is open, since then.
    Resting(Millis),
    /// GOAWAY was said; open streams are served.
    Draining,
    /// GOAWAY was said, then, and nothing is left to be done.
    Parting(Millis),
}

impl Watch {
    fn new(send_timeout: Duration) -> Self {
        Self { send_timeout, phase: Phase::Working, armed: None }
    }
}

/// Ready when the connection is over.
fn poll(cx: &mut Context<'_>, serving: &mut Serving, shared: &Rc<Shared>, watch: &mut Watch) -> Poll<()> {
    if shared.taken_back.get() > TAKEN_BACK_MAX && !matches!(watch.phase, Phase::Parting(_)) {
        shared.tell_taken_back();
        serving.calm();
        watch.phase = Phase::Parting(Millis::now());
    }
    loop {
        match serving.poll_accept(cx) {
            Poll::Ready(Some(Ok(stream))) => {
                shared.open.set(shared.open.get() + 1);
                tokio::task::spawn_local(answer(Rc::clone(shared), stream));
                continue;
            }
            Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
            Poll::Pending => {}
        }
        match watch.step(cx, serving, shared) {
            Step::Wait => return Poll::Pending,
            Step::Over => return Poll::Ready(()),
            Step::Again => {}
        }
    }
}

/// What is to be done next.
enum Step {
    Wait,
    /// Something was said that has to go out.
    Again,
    Over,
}

impl Watch {
    /// Moves on to the phase that holds now, and looks whether its time is over.
    fn step(&mut self, cx: &mut Context<'_>, serving: &mut Serving, shared: &Shared) -> Step {
        let (worker, alarm) = (&shared.entrant.worker, &shared.entrant.alarm);
        let now = Millis::now();
        self.enter(self.next(now, shared.open.get(), serving.is_blocked(cx), serving.take_has_heard()), alarm, now);
        if worker.is_draining() && !matches!(self.phase, Phase::Draining | Phase::Parting(_)) {
            return self.drain(serving, alarm, now);
        }
        let end = match self.phase {
            Phase::Working | Phase::Draining => Millis::NEVER,
            Phase::Blocked(since) => since.after(self.send_timeout),
            Phase::Resting(since) => since.after(worker.idle_timeout()),
            Phase::Parting(since) => since.after(PARTING),
        };
        if self.armed != Some(end) {
            alarm.set(end);
            self.armed = Some(end);
        }
        let Poll::Ready(wake) = alarm.poll(cx) else { return Step::Wait };
        self.armed = None;
        match (wake, self.phase) {
            (Wake::Deadline, Phase::Blocked(_) | Phase::Parting(_)) => Step::Over,
            (_, Phase::Resting(_)) => self.drain(serving, alarm, now),
            (Wake::Shed, _) | (Wake::Deadline, Phase::Working | Phase::Draining) => Step::Again,
        }
    }

    fn next(&self, now: Millis, open: usize, is_blocked: bool, has_heard: bool) -> Phase {
        match self.phase {
            Phase::Parting(since) => Phase::Parting(since),
            Phase::Draining if open == 0 => Phase::Parting(now),
            Phase::Draining => Phase::Draining,
            Phase::Blocked(since) if is_blocked => Phase::Blocked(since),
            _ if is_blocked => Phase::Blocked(now),
            Phase::Resting(since) if open == 0 && !has_heard => Phase::Resting(since),
            _ if open == 0 => Phase::Resting(now),
            _ => Phase::Working,
        }
    }

    fn enter(&mut self, next: Phase, alarm: &Alarm, now: Millis) {
        let was_resting = matches!(self.phase, Phase::Resting(_));
        match next {
            Phase::Resting(_) if !was_resting => alarm.rest(now),
            Phase::Resting(_) => {}
            Phase::Working | Phase::Blocked(_) | Phase::Draining | Phase::Parting(_) if was_resting => alarm.work(),
            Phase::Working | Phase::Blocked(_) | Phase::Draining | Phase::Parting(_) => {}
        }
        self.phase = next;
    }

    fn drain(&mut self, serving: &mut Serving, alarm: &Alarm, now: Millis) -> Step {
        serving.drain();
        self.enter(Phase::Draining, alarm, now);
        Step::Again
    }
}

impl Shared {
    fn tell_taken_back(&self) {
        let (reason, peer) = (ClientFault::TakesBack.reason(), self.entrant.peer);
        exchange::count_failure(&self.entrant.worker.counters, reason);
        let message = format_args!("client {peer} takes back too many requests; its connection is closed");
        self.entrant.worker.diagnostics.error(reason, message);
    }
}

/// One exchange.
async fn answer(shared: Rc<Shared>, stream: ServerStream) {
    let _open = OpenStream(&shared);
    let worker = &shared.entrant.worker;
    let mut session = worker.take_session();
    let key = {
        let mut rng = worker.rng.borrow_mut();
        [rng.next_u64(), rng.next_u64()]
    };
    let mut head = Vec::with_capacity(1024);
    let is_said = stream.write_head(key, &mut head);
    session.inbound = worker.buffers.take_small();
    session.inbound.grow(head.len());
    session.inbound.append(&head);
    session.started = Some(Instant::now());
    worker.counters.bytes_in.add(head.len() as u64);
    let bounds = {
        let snapshot = worker.snapshot();
        let limits = &snapshot.plan().limits;
        HeadLimits { bytes_max: limits.head_bytes_max, fields_max: limits.fields_max }
    };
    let fault = match (is_said, session.parser.parse(session.inbound.filled(), &bounds)) {
        (true, Ok(Progress::Complete)) => None,
        (true, Err(fault)) => Some(Fault::Request(fault)),
        (false, _) | (true, Ok(Progress::NeedMore)) => Some(ClientFault::NoForm.into()),
    };
    let client = shared.entrant.stream(Wire::Served(Box::new(stream)), shared.secured.clone());
    match fault {
        None => exchange::run(&client, &mut session).await,
        Some(fault) => exchange::reject(&client, &mut session, fault).await,
    };
    let is_reset = matches!(&client.wire, Wire::Served(stream) if stream.is_reset());
    let taken_back = shared.taken_back.get();
    shared.taken_back.set(if is_reset { taken_back + 1 } else { taken_back.saturating_sub(1) });
    drop(client);
    session.strip(&worker.buffers);
    worker.give_back_session(session);
}

/// A stream in the count of its connection.
struct OpenStream<'s>(&'s Shared);

impl Drop for OpenStream<'_> {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
        // The connection may have to rest now, or to end.
        self.0.entrant.alarm.wake();
    }
}
