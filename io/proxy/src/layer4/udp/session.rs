//! One client's session over UDP: its server, the socket that leads there, and the way back.
//!
//! A server is left when none of its addresses takes datagrams, as its host or the kernel says, when a check calls it down,
//! or when it is gone from the config; the next datagram goes to another. One that keeps silent is not: many protocols
//! have no answers.
//!
//! LIFECYCLE: seeking a server with the first datagram -> open -> (refused, server down or config changed: seeking, with
//! the next datagram) -> ended, by silence, to make room, because no server takes what waits, or because the listener
//! closes.

use super::Listener;
use crate::exchange::tell_change;
use crate::layer4::place::key;
use crate::state::{PassFault, Seat, Snapshot, Work, Worker};
use evener_balance::{Failure, NoPick, Request, ServerState, Tried};
use evener_plan::{ServerAddress, Upstream, UpstreamId};
use evener_runtime::alarm::Wake;
use evener_runtime::udp::{Arrival, Asker, Datagrams, is_refusal, is_shortage};
use evener_runtime::{Alarm, Millis};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
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
    let mut trip = Trip::new(&listener, &session);
    loop {
        let snapshot = listener.worker.snapshot();
        if trip.visit(&snapshot).await.is_none() {
            break;
        }
        *session.line.borrow_mut() = Line::Seeking;
    }
    *session.line.borrow_mut() = Line::Seeking;
    trip.lose(PassFault::NoServer);
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
    /// The server that it was at last, and the address that it has there, unless that has refused.
    held: Option<Held>,
    /// Addresses that took no datagrams.
    refused: Vec<SocketAddr>,
    /// No server gets another chance at what waits.
    is_last_round: bool,
}

/// What a session has at a server.
struct Held {
    server: ServerAddress,
    way: Option<(SocketAddr, Rc<Datagrams>)>,
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

impl<'t> Trip<'t> {
    fn new(listener: &'t Rc<Listener>, session: &'t Session) -> Self {
        Self { listener, session, held: None, refused: Vec::new(), is_last_round: false }
    }

    /// Stays with one server until the session needs another. `None`: it has ended.
    async fn visit(&mut self, snapshot: &Rc<Snapshot>) -> Option<()> {
        let service = &snapshot.plan().udp[snapshot.udp_service(self.listener.listen)?];
        if !self.is_wanted(service.idle_timeout).await {
            return None;
        }
        let mut work = self.pick(snapshot, service.upstream)?;
        let server = work.server();
        let plan = &snapshot.upstream(service.upstream).servers[server];
        let socket = match self.open(&plan.address, snapshot.pool(service.upstream, server).preferred()) {
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

    /// A server that has not refused, rather the one that the session had. If all have, they get one more chance, for they
    /// may have refused what was sent before; then what waits is lost. `None`: nobody takes it.
    fn pick<'s>(&mut self, snapshot: &'s Snapshot, upstream: UpstreamId) -> Option<Work<'s>> {
        let servers = &snapshot.upstream(upstream).servers;
        let balanced = snapshot.balanced(upstream);
        let preferred = self.held.as_ref().and_then(|held| servers.iter().position(|one| one.address == held.server));
        let preferred = preferred.filter(|server| balanced.balancer.members()[*server].state.is_up());
        let key = key(self.session.client.address.ip().to_canonical());
        loop {
            let mut tried = Tried::new();
            if self.refused.is_empty() {
                self.is_last_round = true;
            } else {
                let refused = servers.iter().enumerate().filter(|(_, server)| self.has_refused(&server.address));
                refused.for_each(|(server, _)| tried.insert(server));
            }
            let request = Request { key, preferred, ..Request::new(&tried) };
            match balanced.pick(&request, &mut *self.listener.worker.rng.borrow_mut()) {
                Ok(work) => return Some(work),
                Err(NoPick::Nobody) if !self.is_last_round => self.refused.clear(),
                Err(fault) => {
                    self.lose(match fault {
                        NoPick::Nobody => PassFault::NoServer,
                        NoPick::Full => PassFault::QueueFull,
                    });
                    return None;
                }
            }
        }
    }

    /// Whether no address of a server is left to be tried.
    fn has_refused(&self, server: &ServerAddress) -> bool {
        match server {
            ServerAddress::Tcp(addresses) => addresses.iter().all(|address| self.refused.contains(address)),
            ServerAddress::Unix(_) => true,
        }
    }

    /// The socket that leads to a server: the one that the session has, if it does. Of several addresses the first one that
    /// has not refused and to which a way leads, beginning with the one that others have found good (`preferred`).
    fn open(&mut self, server: &ServerAddress, preferred: &Cell<usize>) -> io::Result<Rc<Datagrams>> {
        if let Some(Held { server: held, way: Some((_, socket)) }) = &self.held
            && held == server
        {
            return Ok(Rc::clone(socket));
        }
        let addresses: &[SocketAddr] = match server {
            ServerAddress::Tcp(addresses) => addresses,
            ServerAddress::Unix(_) => &[],
        };
        let mut outcome = Err(io::ErrorKind::AddrNotAvailable.into());
        for turn in 0..addresses.len() {
            let index = (preferred.get() + turn) % addresses.len();
            let to = addresses[index];
            if self.refused.contains(&to) {
                continue;
            }
            match Datagrams::connect(to) {
                Ok(socket) => {
                    let socket = Rc::new(socket);
                    preferred.set(index);
                    self.held = Some(Held { server: server.clone(), way: Some((to, Rc::clone(&socket))) });
                    return Ok(socket);
                }
                Err(error) if is_shortage(&error) => return Err(error),
                Err(error) => {
                    self.refused.push(to);
                    outcome = Err(error);
                }
            }
        }
        outcome
    }

    /// Sends what has waited for the server. On an error what is left waits on.
    fn send_waiting(&mut self, socket: &Datagrams) -> io::Result<()> {
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
        if sent > 0 {
            // Whoever refuses from now on has been asked.
            self.is_last_round = false;
        }
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

    /// Leaves a server, or one of its addresses. That failed if its host said so, to us or to the listener, or if no way
    /// leads there. `None`: the session is over.
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
        if let Some(error) = error.as_ref().filter(|error| is_shortage(error)) {
            // Our own trouble; the client's next datagram begins anew.
            let fault = PassFault::NoSocket;
            tell(worker, plan, server, fault, Some(error));
            self.lose(fault);
            return None;
        }
        let address = &plan.servers[server].address;
        if let Some(held) = self.held.as_mut().filter(|held| held.server == *address)
            && let Some((to, _)) = held.way.take()
        {
            self.refused.push(to);
        }
        self.session.asked.set(None);
        let fault = PassFault::Refused;
        tell(worker, plan, server, fault, error.as_ref());
        self.listener.count(fault);
        if self.has_refused(address) {
            worker.counters.upstream_failures.increment();
            let change = work.fail(Failure::Reset);
            tell_change(worker, snapshot, upstream, server, change);
            self.held = None;
        }
        Some(())
    }

    /// Gives up what waits, and counts it.
    fn lose(&self, fault: PassFault) {
        let lost = self.session.waiting.take();
        if lost.is_empty() {
            return;
        }
        lost.iter().skip(1).for_each(|_| self.listener.count(fault));
        self.listener.refuse(fault);
    }
}

/// Says on standard error what a server did.
fn tell(worker: &Worker, upstream: &Upstream, server: usize, fault: PassFault, error: Option<&io::Error>) {
    let (label, name) = (&upstream.servers[server].label, &upstream.name);
    match error.filter(|error| error.kind() != io::ErrorKind::ConnectionRefused) {
        Some(error) => {
            worker
                .diagnostics
                .error(fault.reason(), format_args!("server {label} of upstream {name} {fault}: {error}"));
        }
        None => {
            worker.diagnostics.error(fault.reason(), format_args!("server {label} of upstream {name} {fault}"));
        }
    }
}
