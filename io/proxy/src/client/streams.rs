//! One client connection of HTTP/2: streams come on it, and each is an exchange of its own.
//!
//! LIFECYCLE: begin -> streams come and go, with rests in between -> drained (GOAWAY: those that are open are served, and
//! those that open before the client can know) -> parted (see `parting`) -> closed. A client that takes back requests
//! faster than it lets them be answered, says much and asks nothing, never ends what it says, or takes nothing of what it
//! asked for, is told so and closed.

use super::parting;
use super::phase::{Leave, Phase, Signs};
use super::taken_back::{self, TakenBack};
use crate::exchange::{self, ClientFault, Fault};
use crate::state::{EntranceFault, Entrant, Secured};
use evener_balance::Rng;
use evener_http::{HeadLimits, Progress, RequestFault};
use evener_runtime::alarm::Wake;
use evener_runtime::{Alarm, Millis};
use evener_tls::Link;
use evener_wire::{BeginFault, HeadFault, ServerSettings, ServerStream, Serving, Wire};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// What the connection and its streams share.
struct Shared {
    entrant: Entrant,
    secured: Option<Rc<Secured>>,
    open: Cell<usize>,
    /// Streams that wait for the hand that was called for them.
    queue: RefCell<VecDeque<Box<ServerStream>>>,
    /// Hands without a stream.
    idle: RefCell<Vec<(u64, Waker)>>,
    hands: Cell<u64>,
    /// Idle hands are to go.
    is_over: Cell<bool>,
    taken_back: TakenBack,
    /// Of the heads of all streams that are being answered.
    head_bytes: Cell<usize>,
    /// Why the connection ends was counted and said.
    is_told: Cell<bool>,
    /// When an exchange last ended with a part of its answer that the client did not take.
    gave_up: Cell<Option<Millis>>,
}

/// Bytes of heads that a connection may have us hold at a time: many times what browsers send, and little memory. What goes
/// beyond is answered with 431.
const HEAD_BYTES_MAX: usize = 2 * 1024 * 1024;

/// How long the hands of a connection wait for the next stream.
const WARM: Duration = Duration::from_millis(500);

/// How long is waited for the client's word that it opens no further stream, and then for ours to go out.
const PARTING: Duration = Duration::from_secs(2);

/// Serves a connection to its end.
pub(crate) async fn serve(entrant: Entrant, link: Link, secured: Option<Rc<Secured>>) {
    let limits = entrant.worker.snapshot().plan().limits.clone();
    let head_bytes_max = u32::try_from(limits.head_bytes_max + 32 * limits.fields_max).unwrap_or(u32::MAX);
    let taken_back_max = taken_back::MAX as usize;
    let settings = ServerSettings { streams_max: limits.streams_max, head_bytes_max, taken_back_max };
    entrant.has_begun(Millis::now().after(limits.head_timeout));
    let mut serving = match begin(&entrant, link, &settings).await {
        Some(Ok(serving)) => serving,
        Some(Err(BeginFault::Broken)) => {
            return tell(&entrant, ClientFault::NoForm.reason(), "does not begin with HTTP/2");
        }
        Some(Err(BeginFault::Lost(_))) => return,
        None => return tell(&entrant, EntranceFault::Late.reason(), EntranceFault::Late),
    };
    entrant.alarm.work();
    let shared = Rc::new(Shared::new(entrant, secured));
    let mut watch = Watch::new(limits.send_timeout, limits.head_timeout);
    let end = poll_fn(|cx| poll(cx, &mut serving, &shared, &mut watch)).await;
    if serving.is_flooded() {
        shared.tell(ClientFault::Floods, "sends too much that asks for nothing");
    } else if serving.is_broken() {
        shared.tell(ClientFault::NoForm, "breaks the rules of HTTP/2");
    }
    shared.is_over.set(true);
    shared.dismiss();
    let remains = serving.into_remains();
    if end == End::Said && !watch.is_settled {
        parting::part(&shared.entrant, &remains, watch.last_sign(Millis::now())).await;
    }
    remains.link().part();
}

/// `None`: too late, which for want of room it is sooner.
async fn begin(entrant: &Entrant, link: Link, settings: &ServerSettings) -> Option<Result<Serving, BeginFault>> {
    let mut beginning = pin!(Serving::begin(link, settings));
    poll_fn(|cx| match beginning.as_mut().poll(cx) {
        Poll::Ready(begun) => Poll::Ready(Some(begun)),
        Poll::Pending => entrant.alarm.poll(cx).map(|_| None),
    })
    .await
}

/// What the connection waits for besides streams.
struct Watch {
    send_timeout: Duration,
    head_timeout: Duration,
    phase: Phase,
    armed: Option<Millis>,
    leave: Leave,
    /// The client was told that it asks too much.
    is_calmed: bool,
    /// A stream was open when this was looked at last.
    was_open: bool,
    /// When the client was last seen to be there.
    alive: Millis,
    /// Nothing was answered since GOAWAY was said, so that the client has all once it answers that.
    is_settled: bool,
    /// What has begun to come and is not whole, and when it must be.
    unfinished: Option<(u64, Millis)>,
}

impl Watch {
    fn new(send_timeout: Duration, head_timeout: Duration) -> Self {
        Self {
            send_timeout,
            head_timeout,
            phase: Phase::Working,
            armed: None,
            leave: Leave::Nothing,
            is_calmed: false,
            was_open: false,
            alive: Millis::now(),
            is_settled: false,
            unfinished: None,
        }
    }
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// All was said, and the client may still take it.
    Said,
    /// What is not with the client is of no use, or it takes nothing.
    Cut,
}

/// Ready when the connection is over.
fn poll(cx: &mut Context<'_>, serving: &mut Serving, shared: &Rc<Shared>, watch: &mut Watch) -> Poll<End> {
    if shared.taken_back.is_too_much() && !watch.is_over() {
        shared.tell(ClientFault::TakesBack, "takes back too many requests");
        watch.calm(serving);
    }
    loop {
        match serving.poll_accept(cx) {
            Poll::Ready(Some(Ok(stream))) => {
                shared.give(stream);
                continue;
            }
            Poll::Ready(None) if !watch.is_calmed => return Poll::Ready(End::Said),
            Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(End::Cut),
            Poll::Pending if serving.is_flooded() && !watch.is_over() => {
                watch.calm(serving);
                continue;
            }
            Poll::Pending => {}
        }
        match watch.step(cx, serving, shared) {
            Step::Wait => return Poll::Pending,
            Step::Over => return Poll::Ready(End::Cut),
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
        let signs = self.look(cx, serving, shared, now);
        self.enter(self.phase.next(now, signs, self.leave), alarm, now);
        if worker.is_draining() && self.leave == Leave::Nothing {
            return self.drain(serving);
        }
        if self.is_late(serving, now) {
            shared.tell(ClientFault::HeadTimeout, "does not end what it began to say");
            self.calm(serving);
            return Step::Again;
        }
        let end = match self.phase {
            Phase::Working => Millis::NEVER,
            Phase::Blocked(since) => since.after(self.send_timeout),
            Phase::Resting(since) if shared.has_idle_hands() => since.after(WARM),
            Phase::Resting(since) => since.after(worker.idle_timeout()),
            Phase::Parting(since) => since.after(PARTING),
        };
        let end = self.unfinished.filter(|_| !self.is_over()).map_or(end, |(_, late)| end.min(late));
        if self.armed != Some(end) {
            alarm.set(end);
            self.armed = Some(end);
        }
        let Poll::Ready(wake) = alarm.poll(cx) else { return Step::Wait };
        self.armed = None;
        match (wake, self.phase) {
            (Wake::Deadline, Phase::Blocked(since)) if now < since.after(self.send_timeout) => Step::Again,
            (Wake::Deadline, Phase::Blocked(since)) => {
                // Exchanges that are under way, or were until now, count themselves.
                let is_counted = shared.open.get() > 0 || shared.gave_up.get() >= Some(since);
                if !is_counted {
                    shared.tell(ClientFault::ReadsTooSlowly, "takes nothing of what was answered");
                }
                serving.give_up();
                Step::Over
            }
            (Wake::Deadline, Phase::Parting(_)) if self.is_over() => Step::Over,
            (Wake::Deadline, Phase::Parting(_)) => {
                // It does not answer. What it opens from now on it knows to be unanswered.
                serving.leave();
                self.last_word(now)
            }
            (Wake::Deadline, Phase::Resting(_)) if shared.has_idle_hands() => {
                shared.dismiss();
                serving.rest();
                Step::Again
            }
            (Wake::Deadline, Phase::Resting(since)) if now < since.after(worker.idle_timeout()) => Step::Again,
            (Wake::Shed, Phase::Resting(_)) => {
                self.enter(Phase::Parting(now), alarm, now);
                self.make_room(serving, now)
            }
            (Wake::Deadline, Phase::Resting(_)) => self.drain(serving),
            (Wake::Shed, _) | (Wake::Deadline, Phase::Working) => Step::Again,
        }
    }

    /// Whether a frame or a head has been on its way for too long. No part of it makes up for that.
    fn is_late(&mut self, serving: &Serving, now: Millis) -> bool {
        self.unfinished = match (serving.unfinished(), self.unfinished) {
            (Some(number), Some((begun, late))) if number == begun => Some((begun, late)),
            (Some(number), _) => Some((number, now.after(self.head_timeout))),
            (None, _) => None,
        };
        !self.is_over() && self.unfinished.is_some_and(|(_, late)| now >= late)
    }

    fn is_over(&self) -> bool {
        self.leave == Leave::Final
    }

    fn calm(&mut self, serving: &mut Serving) {
        serving.calm();
        self.is_calmed = true;
        self.last_word(Millis::now());
    }

    fn last_word(&mut self, now: Millis) -> Step {
        (self.leave, self.is_settled) = (Leave::Final, false);
        self.phase = Phase::Parting(now);
        Step::Again
    }

    /// Its place is needed now: it ends without waiting for anything. What it opens from now on it knows to be unanswered.
    fn make_room(&mut self, serving: &mut Serving, now: Millis) -> Step {
        serving.leave();
        let step = self.last_word(now);
        self.is_settled = true;
        step
    }

    fn look(&mut self, cx: &mut Context<'_>, serving: &Serving, shared: &Shared, now: Millis) -> Signs {
        let is_open = shared.open.get() > 0;
        let is_blocked = serving.is_blocked(cx);
        let signs = Signs {
            is_open,
            is_blocked,
            has_taken: serving.take_has_taken() && is_blocked,
            has_heard: serving.take_has_heard(),
        };
        if is_open || signs.has_heard || signs.has_taken {
            self.alive = now;
        }
        self.was_open = is_open;
        self.is_settled &= !self.was_open;
        signs
    }

    /// When the client was last seen to be there, or had something to wait for.
    fn last_sign(&self, now: Millis) -> Millis {
        if self.was_open { now } else { self.alive }
    }

    fn enter(&mut self, next: Phase, alarm: &Alarm, now: Millis) {
        let was_resting = matches!(self.phase, Phase::Resting(_));
        match next {
            Phase::Resting(_) if !was_resting => alarm.rest(now),
            Phase::Resting(_) => {}
            Phase::Working | Phase::Blocked(_) | Phase::Parting(_) if was_resting => alarm.work(),
            Phase::Working | Phase::Blocked(_) | Phase::Parting(_) => {}
        }
        self.phase = next;
    }

    fn drain(&mut self, serving: &mut Serving) -> Step {
        serving.drain();
        (self.leave, self.is_settled) = (Leave::Announced, !self.was_open);
        Step::Again
    }
}

impl Shared {
    fn new(entrant: Entrant, secured: Option<Rc<Secured>>) -> Self {
        Self {
            entrant,
            secured,
            open: Cell::new(0),
            queue: RefCell::default(),
            idle: RefCell::default(),
            hands: Cell::new(0),
            is_over: Cell::new(false),
            taken_back: TakenBack::new(Millis::now()),
            head_bytes: Cell::new(0),
            is_told: Cell::new(false),
            gave_up: Cell::new(None),
        }
    }

    /// Has a stream answered: by a hand that is free, or by a new one.
    fn give(self: &Rc<Self>, stream: Box<ServerStream>) {
        self.open.set(self.open.get() + 1);
        let free = self.idle.borrow_mut().pop();
        match free {
            Some((_, waker)) => {
                self.queue.borrow_mut().push_back(stream);
                waker.wake();
            }
            None => {
                let number = self.hands.get();
                self.hands.set(number + 1);
                tokio::task::spawn_local(hand(Rc::clone(self), number, stream));
            }
        }
    }

    /// Sends the idle hands away.
    fn dismiss(&self) {
        let idle = std::mem::take(&mut *self.idle.borrow_mut());
        // A hand that is called finds nothing to do, and goes.
        idle.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn has_idle_hands(&self) -> bool {
        !self.idle.borrow().is_empty()
    }

    /// Counts a fault of the connection and says it, once: what comes of the first one is no other.
    fn tell(&self, fault: ClientFault, what: &str) {
        if self.is_told.replace(true) {
            return;
        }
        tell(&self.entrant, fault.reason(), what);
    }
}

fn tell(entrant: &Entrant, reason: &'static str, what: impl Display) {
    let peer = entrant.peer;
    exchange::count_failure(&entrant.worker.counters, reason);
    let message = format_args!("client {peer} {what}; its connection is closed");
    entrant.worker.diagnostics.error(reason, message);
}

/// Answers one stream after the other: a task for each would be made and freed with every request.
async fn hand(shared: Rc<Shared>, number: u64, first: Box<ServerStream>) {
    let mut next = Some(first);
    // One for all its streams, as a connection of HTTP/1 has one for all its requests.
    let mut alarm = shared.entrant.worker.alarms.register();
    while let Some(stream) = next {
        alarm = answer(&shared, stream, alarm).await;
        alarm.set(Millis::NEVER);
        let mut was_idle = false;
        next = poll_fn(|cx| {
            if let Some(stream) = shared.queue.borrow_mut().pop_front() {
                return Poll::Ready(Some(stream));
            }
            let idle = &mut *shared.idle.borrow_mut();
            let is_called = !idle.iter().any(|(own, _)| *own == number);
            if shared.is_over.get() || (was_idle && is_called) {
                return Poll::Ready(None);
            }
            if is_called {
                idle.push((number, cx.waker().clone()));
                was_idle = true;
            }
            Poll::Pending
        })
        .await;
        // Called, or woken by chance.
        shared.idle.borrow_mut().retain(|(own, _)| *own != number);
    }
}

/// One exchange.
async fn answer(shared: &Shared, stream: Box<ServerStream>, alarm: Alarm) -> Alarm {
    let mut open = OpenStream { shared, head_bytes: 0 };
    let worker = &shared.entrant.worker;
    let mut session = worker.take_session();
    let key = || {
        let mut rng = worker.rng.borrow_mut();
        [rng.next_u64(), rng.next_u64()]
    };
    session.out.clear();
    let said = stream.write_head(key, &mut session.out);
    session.inbound = worker.buffers.take_small();
    session.inbound.grow(session.out.len());
    session.inbound.append(&session.out);
    session.started = Some(Instant::now());
    worker.counters.bytes_in.add(session.out.len() as u64);
    let bounds = {
        let snapshot = worker.snapshot();
        let limits = &snapshot.plan().limits;
        HeadLimits { bytes_max: limits.head_bytes_max, fields_max: limits.fields_max }
    };
    let is_gone = stream.is_over();
    let fault = match (said, session.parser.parse(session.inbound.filled(), &bounds)) {
        (Ok(()), Ok(Progress::Complete)) if is_gone => Some(ClientFault::Gone.into()),
        (Ok(()), Ok(Progress::Complete)) => None,
        (Ok(()), Err(fault)) => Some(Fault::Request(fault)),
        (Err(HeadFault::TooLarge), _) => Some(Fault::Request(RequestFault::HeadTooLarge)),
        (Err(HeadFault::Malformed), _) | (Ok(()), Ok(Progress::NeedMore)) => Some(ClientFault::NoForm.into()),
    };
    let fault = match fault {
        None if !open.hold(session.inbound.len()) => {
            session.strip(&worker.buffers);
            session.started = Some(Instant::now());
            Some(Fault::Request(RequestFault::HeadTooLarge))
        }
        fault => fault,
    };
    let client = shared.entrant.stream(Wire::Served(stream), shared.secured.clone(), alarm);
    match fault {
        None => exchange::run(&client, &mut session).await,
        Some(fault) => exchange::reject(&client, &mut session, fault).await,
    };
    let is_reset = matches!(&client.wire, Wire::Served(stream) if stream.is_reset());
    if matches!(&client.wire, Wire::Served(stream) if stream.is_stuck()) {
        shared.gave_up.set(Some(Millis::now()));
    }
    if is_reset {
        shared.taken_back.add(Millis::now());
    } else {
        shared.taken_back.make_up();
    }
    session.strip(&worker.buffers);
    worker.give_back_session(session);
    client.alarm
}

/// A stream in the counts of its connection.
struct OpenStream<'s> {
    shared: &'s Shared,
    head_bytes: usize,
}

impl OpenStream<'_> {
    /// Counts a head that is held, unless that is too much.
    fn hold(&mut self, bytes: usize) -> bool {
        let total = self.shared.head_bytes.get() + bytes;
        if total <= HEAD_BYTES_MAX {
            self.shared.head_bytes.set(total);
            self.head_bytes = bytes;
        }
        total <= HEAD_BYTES_MAX
    }
}

impl Drop for OpenStream<'_> {
    fn drop(&mut self) {
        let open = self.shared.open.get() - 1;
        self.shared.open.set(open);
        self.shared.head_bytes.set(self.shared.head_bytes.get() - self.head_bytes);
        if open == 0 || self.shared.taken_back.is_too_much() {
            // The connection may have to rest now, or to end.
            self.shared.entrant.alarm.wake();
        }
    }
}
