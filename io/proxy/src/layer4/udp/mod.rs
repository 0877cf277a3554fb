//! Datagrams of one listener, and their sessions: who sends from one address and port keeps its server for as long as it
//! goes on.
//!
//! A datagram goes out at once through its session's own socket, without a copy; only the first one, and those that find
//! their server gone, wait in memory until the session has a server. What finds no room is lost and counted.
//!
//! While all seats of the service are taken, the sessions that were silent for longest make room for new ones.
//!
//! LIFECYCLE: the listener receives until it is aborted; [`Listener::close`] then lets its sessions end, each as soon as
//! its last question is answered or a short time has passed.

mod session;

use crate::exchange::count_failure;
use crate::state::{PassFault, Seat, Worker};
use evener_plan::Listen;
use evener_runtime::Millis;
use evener_runtime::udp::{Asker, DATAGRAM_BYTES_MAX, Datagrams};
use session::{Passed, Session};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Pause after the kernel could not give a datagram; it keeps what comes meanwhile, as far as it has room.
const PAUSE: Duration = Duration::from_millis(50);
/// A session that was silent for this long may have to make room for a new one. A guess: most answers come sooner.
const IDLE_MIN: Duration = Duration::from_secs(1);
/// This part of a listener's sessions makes room at once, so that a flood of newcomers does not have all of them looked
/// through for each.
const EVICTED_PART: usize = 16;
/// How long nobody looks again after none was found.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// One worker's socket of a listener, with the sessions of those clients that the kernel has given to it.
pub(crate) struct Listener {
    worker: Rc<Worker>,
    socket: Datagrams,
    listen: Listen,
    sessions: RefCell<HashMap<Asker, Rc<Session>>>,
    /// Before this nobody looks for idle sessions.
    next_look: Cell<Millis>,
    /// Where answers of servers are read to; each goes on before the next is read.
    answer: RefCell<Box<[u8]>>,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("listen", &self.listen).finish_non_exhaustive()
    }
}

impl Listener {
    pub(crate) fn new(worker: Rc<Worker>, socket: Datagrams, listen: Listen) -> Rc<Self> {
        let answer = RefCell::new(vec![0; DATAGRAM_BYTES_MAX].into_boxed_slice());
        let next_look = Cell::new(Millis::now());
        Rc::new(Self { worker, socket, listen, sessions: RefCell::default(), next_look, answer })
    }

    pub(crate) fn listen(&self) -> Listen {
        self.listen
    }

    /// Tells the sessions to end; nothing is received any more.
    pub(crate) fn close(&self) {
        self.sessions.borrow().values().for_each(|session| session.close());
    }

    /// Passes on a datagram of a client.
    fn pass(self: &Rc<Self>, bytes: &[u8], client: Asker) {
        self.worker.counters.bytes_in.add(bytes.len() as u64);
        let known = self.sessions.borrow().get(&client).map(Rc::clone);
        let session = match known {
            Some(session) => session,
            None => match self.begin(client) {
                Ok(session) => session,
                Err(fault) => return self.refuse(fault),
            },
        };
        match session.pass(bytes, &self.worker) {
            Passed::Sent | Passed::Waiting => {}
            Passed::Lost => self.count(PassFault::Unsent),
        }
    }

    /// A new session, if there is room for one more.
    fn begin(self: &Rc<Self>, client: Asker) -> Result<Rc<Session>, PassFault> {
        let snapshot = self.worker.snapshot();
        let index = snapshot.udp_service(self.listen).ok_or(PassFault::NoServer)?;
        let take = || Seat::take(snapshot.seats(index), snapshot.plan().udp[index].sessions_max);
        let seat = take().or_else(|| {
            if self.may_look() && !self.make_room() {
                // Others may have room to give, for the client's next datagram.
                snapshot.seat_pressure().notify_waiters();
            }
            take()
        });
        let session = Rc::new(Session::new(client, seat.ok_or(PassFault::TooManySessions)?, &self.worker));
        self.sessions.borrow_mut().insert(client, Rc::clone(&session));
        tokio::task::spawn_local(session::serve(Rc::clone(self), Rc::clone(&session)));
        Ok(session)
    }

    /// Whether it is worth a look for sessions that are idle.
    fn may_look(&self) -> bool {
        Millis::now() >= self.next_look.get()
    }

    /// Ends the sessions that were silent for longest; whether there was one.
    fn make_room(&self) -> bool {
        let now = Millis::now();
        let mut sessions = self.sessions.borrow_mut();
        let idle = sessions.iter().map(|(asker, session)| (session.last_moved(), *asker));
        let mut idle: Vec<(Millis, Asker)> = idle.filter(|(moved, _)| moved.after(IDLE_MIN) <= now).collect();
        let count = sessions.len().div_ceil(EVICTED_PART).min(idle.len());
        if count == 0 {
            self.next_look.set(now.after(LOOK_PAUSE));
            return false;
        }
        idle.select_nth_unstable_by_key(count - 1, |(moved, _)| *moved);
        for (_, asker) in &idle[..count] {
            if let Some(session) = sessions.remove(asker) {
                session.evict();
                self.count(PassFault::Evicted);
            }
        }
        let (listen, fault) = (self.listen, PassFault::Evicted);
        let message = format_args!("service on {listen} over UDP ended {count} idle sessions: {fault}");
        self.worker.diagnostics.error(fault.reason(), message);
        true
    }

    /// Another worker needs room: makes it if it is for this service.
    fn help(&self) {
        let snapshot = self.worker.snapshot();
        let service = snapshot.udp_service(self.listen);
        let most = |index: usize| snapshot.plan().udp[index].sessions_max;
        if self.may_look() && service.is_some_and(|index| snapshot.seats(index).are_full(most(index))) {
            self.make_room();
        }
    }

    /// Sends an answer to a client.
    fn answer(&self, bytes: &[u8], client: Asker) {
        match self.socket.answer_now(bytes, client) {
            Ok(()) => self.worker.counters.bytes_out.add(bytes.len() as u64),
            Err(_) => self.count(PassFault::Unsent),
        }
    }

    fn count(&self, fault: PassFault) {
        count_failure(&self.worker.counters, fault.reason());
    }

    /// Counts a datagram that is not passed on, and says so.
    fn refuse(&self, fault: PassFault) {
        self.count(fault);
        let message = format_args!("service on {} over UDP dropped a datagram: {fault}", self.listen);
        self.worker.diagnostics.error(fault.reason(), message);
    }
}

/// Receives until it is aborted.
pub(crate) async fn receive(listener: Rc<Listener>) {
    // A task of its own, so that what all workers share is not touched with each datagram.
    let mut helping = JoinSet::new();
    helping.spawn_local(help_others(Rc::clone(&listener)));
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX].into_boxed_slice();
    loop {
        match poll_fn(|cx| listener.socket.poll_receive_from(cx, &mut buffer)).await {
            Ok((count, client)) => listener.pass(&buffer[..count], client),
            Err(error) => {
                let message = format_args!("cannot receive on {} over UDP: {error}", listener.listen);
                listener.worker.diagnostics.error(PassFault::NoSocket.reason(), message);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Gives room to other workers that ask for it. A call that comes meanwhile is repeated with the next datagram.
async fn help_others(listener: Rc<Listener>) {
    let pressure = Arc::clone(listener.worker.snapshot().seat_pressure());
    loop {
        pressure.notified().await;
        listener.help();
    }
}
