//! One client's session over UDP: its server, the socket that leads there, and the way back.
//!
//! A server is left when its host says that nobody takes datagrams there, when a check calls it down, or when it is gone
//! from the config; the next datagram goes to another. One that keeps silent is not: many protocols have no answers.
//!
//! LIFECYCLE: seeking a server with the first datagram -> open -> (refused, server down or config changed: seeking, with
//! the next datagram) -> ended, by silence, to make room, or because the listener
//! closes.

use super::Listener;
use crate::exchange::tell_change;
use crate::layer4::place::key;
use crate::state::{PassFault, Seat, Snapshot, Work, Worker};
use evener_balance::{Failure, NoPick, Request, ServerState, Tried};
use evener_plan::{ServerAddress, Upstream, UpstreamId};
use evener_runtime::alarm::Wake;
use evener_runtime::udp::{Arrival, Asker, Datagrams, is_refusal};
use evener_runtime::{Alarm, Millis};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

/// Datagrams that wait for a session's server.
const WAITING_MAX: usize = 16;
/// Answers that are passed on before others get their turn.
const BATCH: usize = 32;
/// How long a session of a listener that closes waits for the answer to its last question.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// What the listener and the session's own task share.
pub(super) struct Session {
    client: Asker,
    /// Its place among the sessions of the service, until it has to make room.
    seat: RefCell<Option<Seat>>,
    alarm: Alarm,
    line: RefCell<Line>,
    /// Datagrams without a server.
    waiting: RefCell<Vec<Box<[u8]>>>,
    last_moved: Cell<Millis>,
    /// When the oldest datagram went out that has no answer; `None` if the last word was the server's.
    asked: Cell<Option<Instant>>,
    is_closing: Cell<bool>,
}

/// The way to the server.
enum Line {
    /// There is none; the task seeks one for the next datagram.
    Seeking,
    /// It stands as long as the snapshot that it was chosen by, and the server while it is up.
    Open { socket: Rc<Datagrams>, snapshot: Rc<Snapshot>, up: Option<Arc<ServerState>> },
    /// The server's host has said that nobody takes datagrams there.
    Refused,
}

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passed {
    Sent,
    Waiting,
    Lost,
}

impl Session {
    pub(super) fn new(client: Asker, seat: Seat, worker: &Worker) -> Self {
        Self {
            client,
            seat: RefCell::new(Some(seat)),
            alarm: worker.alarms.register(),
            line: RefCell::new(Line::Seeking),
            waiting: RefCell::default(),
            last_moved: Cell::new(Millis::now()),
            asked: Cell::new(None),
            is_closing: Cell::new(false),
        }
    }

    /// Asks it to end.
    pub(super) fn close(&self) {
        self.is_closing.set(true);
        self.alarm.set(Millis::now().after(LAST_ANSWER));
        self.alarm.wake();
    }

    /// Ends it, without waiting for an answer, to make room for another. Nothing is passed to it any more.
    pub(super) fn evict(&self) {
        drop(self.seat.take());
        self.asked.set(None);
        self.close();
    }

    /// When the last datagram went through.
    pub(super) fn last_moved(&self) -> Millis {
        self.last_moved.get()
    }

    /// Sends a datagram of the client on, or keeps it until there is a server.
    pub(super) fn pass(&self, bytes: &[u8], worker: &Worker) -> Passed {
        let sent = match &*self.line.borrow() {
            Line::Open { socket, snapshot, up }
                if Rc::ptr_eq(snapshot, &worker.snapshot.borrow()) && up.as_ref().is_none_or(|state| state.is_up()) =>
            {
                Some(socket.send_now(bytes))
            }
            Line::Open { .. } | Line::Seeking | Line::Refused => None,
        };
        match sent {
            Some(Ok(())) => {
                self.went_out();
                return Passed::Sent;
            }
            Some(Err(error)) if is_refusal(&error) => *self.line.borrow_mut() = Line::Refused,
            Some(Err(_)) => return Passed::Lost,
            None => {}
        }
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() >= WAITING_MAX {
            return Passed::Lost;
        }
        waiting.push(bytes.into());
        drop(waiting);
        self.alarm.wake();
        Passed::Waiting
    }

    fn went_out(&self) {
        self.last_moved.set(Millis::now());
        if self.asked.get().is_none() {
            self.asked.set(Some(Instant::now()));
        }
    }

    /// Whether the session's time is over; if not, its alarm is set anew.
    fn is_over(&self, idle_timeout: Duration) -> bool {
        let idle_timeout = if self.is_closing.get() { LAST_ANSWER } else { idle_timeout };
        let end = self.last_moved.get().after(idle_timeout);
        if Millis::now() >= end {
            return true;
        }
        self.alarm.set(end);
        false
    }
}

/// Serves a session to its end.
pub(super) async fn serve(listener: Rc<Listener>, session: Rc<Session>) {
    let mut trip = Trip { listener: &listener, session: &session, held: None, refused: Vec::new() };
    loop {
        let snapshot = listener.worker.snapshot();
        if trip.visit(&snapshot).await.is_none() {
            break;
        }
        *session.line.borrow_mut() = Line::Seeking;
    }
    *session.line.borrow_mut() = Line::Seeking;
    let mut sessions = listener.sessions.borrow_mut();
    // One that had to make room is out already, and its client may have another.
    if sessions.get(&session.client).is_some_and(|known| Rc::ptr_eq(known, &session)) {
        sessions.remove(&session.client);
    }
}

/// What the task of a session knows.
struct Trip<'t> {
    listener: &'t Rc<Listener>,
    session: &'t Session,
    /// The server that it was at last, and the socket that leads there.
    held: Option<(ServerAddress, Rc<Datagrams>)>,
    /// Servers that took no datagrams.
    refused: Vec<ServerAddress>,
}

/// What happened to a session that waits.
enum Event<'s> {
    /// Something has come from the server.
    Arrival(io::Result<Arrival<'s>>),
    /// The line is of no use any more.
    Line,
    /// Its time is over.
    Over,
}

impl Trip<'_> {
    /// Stays with one server until the session needs another. `None`: it has ended.
    async fn visit(&mut self, snapshot: &Rc<Snapshot>) -> Option<()> {
        let service = &snapshot.plan().udp[snapshot.udp_service(self.listener.listen)?];
        if !self.is_wanted(service.idle_timeout).await {
            return None;
        }
        let mut work = self.pick(snapshot, service.upstream)?;
        let server = work.server();
        let plan = &snapshot.upstream(service.upstream).servers[server];
        let socket = match self.open(&plan.address) {
            Ok(socket) => socket,
            Err(error) => return self.leave(snapshot, service.upstream, work, Some(error)),
        };
        let state = &snapshot.balanced(service.upstream).balancer.members()[server].state;
        let up = state.is_up().then(|| Arc::clone(state));
        let (line, snapshot_of_line) = (Rc::clone(&socket), Rc::clone(snapshot));
        *self.session.line.borrow_mut() = Line::Open { socket: line, snapshot: snapshot_of_line, up };
        if let Err(error) = self.send_waiting(&socket) {
            return self.leave(snapshot, service.upstream, work, Some(error));
        }
        loop {
            match self.wait(&socket, service.idle_timeout).await {
                Event::Arrival(Ok(mut arrival)) => match self.answers(&mut arrival) {
                    Ok(false) => {}
                    Ok(true) => {
                        let time = self.session.asked.take().map(|asked| asked.elapsed()).unwrap_or_default();
                        let change = work.answered(None, time);
                        tell_change(&self.listener.worker, snapshot, service.upstream, server, change);
                        self.refused.clear();
                    }
                    Err(error) => return self.leave(snapshot, service.upstream, work, Some(error)),
                },
                Event::Arrival(Err(_)) | Event::Over => return None,
                Event::Line => return self.leave(snapshot, service.upstream, work, None),
            }
        }
    }

    /// Waits for a datagram that needs a server.
    async fn is_wanted(&self, idle_timeout: Duration) -> bool {
        let session = self.session;
        session.alarm.set(Millis::now().after(idle_timeout));
        poll_fn(|cx| {
            if !session.waiting.borrow().is_empty() {
                return Poll::Ready(true);
            }
            if session.is_closing.get() {
                return Poll::Ready(false);
            }
            while session.alarm.poll(cx).is_ready() {
                if session.is_over(idle_timeout) {
                    return Poll::Ready(false);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// A server that has not refused, rather the one that the session had; any one if all have.
    fn pick<'s>(&mut self, snapshot: &'s Snapshot, upstream: UpstreamId) -> Option<Work<'s>> {
        let servers = &snapshot.upstream(upstream).servers;
        let balanced = snapshot.balanced(upstream);
        let place_of = |address: &ServerAddress| servers.iter().position(|server| server.address == *address);
        let mut tried = Tried::new();
        self.refused.iter().filter_map(place_of).for_each(|server| tried.insert(server));
        let preferred = self.held.as_ref().and_then(|(address, _)| place_of(address));
        let preferred = preferred.filter(|server| balanced.balancer.members()[*server].state.is_up());
        let request =
            Request { key: key(self.session.client.address.ip().to_canonical()), preferred, ..Request::new(&tried) };
        let rng = &self.listener.worker.rng;
        let mut picked = balanced.pick(&request, &mut *rng.borrow_mut());
        if picked.as_ref().is_err_and(|fault| *fault == NoPick::Nobody) && !self.refused.is_empty() {
            self.refused.clear();
            let request = Request { tried: &Tried::new(), ..request };
            picked = balanced.pick(&request, &mut *rng.borrow_mut());
        }
        match picked {
            Ok(work) => Some(work),
            Err(fault) => {
                self.listener.refuse(match fault {
                    NoPick::Nobody => PassFault::NoServer,
                    NoPick::Full => PassFault::QueueFull,
                });
                None
            }
        }
    }

    /// The socket that leads to a server: the one that the session has, if it does.
    fn open(&mut self, address: &ServerAddress) -> io::Result<Rc<Datagrams>> {
        if let Some((_, socket)) = self.held.as_ref().filter(|(held, _)| held == address) {
            return Ok(Rc::clone(socket));
        }
        let first = match address {
            ServerAddress::Tcp(addresses) => addresses.first(),
            ServerAddress::Unix(_) => None,
        };
        let socket = Rc::new(Datagrams::connect(*first.ok_or(io::ErrorKind::AddrNotAvailable)?)?);
        self.held = Some((address.clone(), Rc::clone(&socket)));
        Ok(socket)
    }

    /// Sends what has waited for the server. On an error what is left waits on.
    fn send_waiting(&self, socket: &Datagrams) -> io::Result<()> {
        let mut waiting = self.session.waiting.borrow_mut();
        let mut sent = 0;
        let mut outcome = Ok(());
        for bytes in waiting.iter() {
            match socket.send_now(bytes) {
                Ok(()) => self.session.went_out(),
                Err(error) if is_refusal(&error) => {
                    outcome = Err(error);
                    break;
                }
                Err(_) => self.listener.count(PassFault::Unsent),
            }
            sent += 1;
        }
        waiting.drain(..sent);
        outcome
    }

    async fn wait<'s>(&self, socket: &'s Datagrams, idle_timeout: Duration) -> Event<'s> {
        let session = self.session;
        let mut arrival = pin!(socket.arrival());
        poll_fn(|cx| {
            if let Poll::Ready(arrival) = arrival.as_mut().poll(cx) {
                return Poll::Ready(Event::Arrival(arrival));
            }
            if !session.waiting.borrow().is_empty() {
                return Poll::Ready(Event::Line);
            }
            if session.is_closing.get() && session.asked.get().is_none() {
                return Poll::Ready(Event::Over);
            }
            while let Poll::Ready(Wake::Deadline | Wake::Shed) = session.alarm.poll(cx) {
                if session.is_over(idle_timeout) {
                    return Poll::Ready(Event::Over);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Passes answers on; whether there was one.
    fn answers(&self, arrival: &mut Arrival<'_>) -> io::Result<bool> {
        let mut buffer = self.listener.answer.borrow_mut();
        let mut is_answered = false;
        for _ in 0..BATCH {
            match arrival.take(&mut buffer) {
                Ok(Some(count)) => {
                    self.session.last_moved.set(Millis::now());
                    self.listener.answer(&buffer[..count], self.session.client);
                    is_answered = true;
                }
                Ok(None) => break,
                Err(error) if is_refusal(&error) => return Err(error),
                // Of one datagram, such as that it was too long for the way.
                Err(_) => self.listener.count(PassFault::Unsent),
            }
        }
        Ok(is_answered)
    }

    /// Leaves a server. It failed if its host said so, to us or to the listener.
    fn leave(
        &mut self,
        snapshot: &Snapshot,
        upstream: UpstreamId,
        work: Work<'_>,
        error: Option<io::Error>,
    ) -> Option<()> {
        let is_told = matches!(*self.session.line.borrow(), Line::Refused);
        if error.is_none() && !is_told {
            return Some(());
        }
        let (server, plan) = (work.server(), snapshot.upstream(upstream));
        let worker = &self.listener.worker;
        let has_no_socket = error.as_ref().is_some_and(|error| !is_refusal(error));
        let fault = if has_no_socket { PassFault::NoSocket } else { PassFault::Refused };
        tell(worker, plan, server, fault);
        self.listener.count(fault);
        if has_no_socket {
            // Our own trouble; the client's next datagram begins anew.
            return None;
        }
        worker.counters.upstream_failures.increment();
        let change = work.fail(Failure::Reset);
        tell_change(worker, snapshot, upstream, server, change);
        self.refused.push(plan.servers[server].address.clone());
        self.held = None;
        self.session.asked.set(None);
        Some(())
    }
}

fn tell(worker: &Worker, upstream: &Upstream, server: usize, fault: PassFault) {
    let label = &upstream.servers[server].label;
    worker.diagnostics.error(fault.reason(), format_args!("server {label} of upstream {} {fault}", upstream.name));
}
