//! Accepting connections. It survives every error: without descriptors it frees some and waits, without being asked in
//! vain all the time.

use crate::client::{Serve, Unplaced};
use crate::entrance::enter;
use crate::state::{Admission, Counted, Door, Entrant, Snapshot, TooMany, Worker};
use evener_plan::Listen;
use evener_runtime::Socket;
use evener_runtime::listener::Listener;
use evener_tls::Link;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// Pause after the process ran out of descriptors; the backlog keeps the clients meanwhile.
const PAUSE: Duration = Duration::from_millis(50);
/// Idle connections closed at once to make room.
const SHED_COUNT: usize = 16;
/// Connections taken in a row before others get their turn.
const BATCH: usize = 64;

/// Newcomers beyond the limit that wait for room at once; each holds a descriptor.
const WAITING_MAX: usize = 16;
/// How often and how long a newcomer beyond the limit waits for room before it is refused.
const ROOM_LOOKS: u32 = 5;
const ROOM_LOOK_EVERY: Duration = Duration::from_millis(4);

/// Accepts until it is aborted.
pub(crate) async fn accept(worker: Rc<Worker>, listener: Rc<Listener>, listen: Listen) {
    loop {
        for _ in 0..BATCH {
            match poll_fn(|cx| listener.poll_accept(cx)).await {
                Ok((socket, peer)) => admit(&worker, socket, peer, listen),
                Err(error) => {
                    let shed = worker.shed(SHED_COUNT);
                    worker.diagnostics.error(
                        "descriptors_exhausted",
                        format_args!("cannot accept on {listen}: {error}; closed {shed} idle connections"),
                    );
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Accepts what waits now.
pub(crate) fn accept_rest(worker: &Rc<Worker>, listener: &Listener, listen: Listen) {
    while let Ok(Some((socket, peer))) = listener.accept_now() {
        admit(worker, socket, peer, listen);
    }
}

fn admit(worker: &Rc<Worker>, socket: Socket, peer: SocketAddr, listen: Listen) {
    worker.counters.connections_accepted.increment();
    let snapshot = worker.snapshot();
    let door = snapshot.door(listen);
    let mut newcomer = Newcomer { snapshot, door, socket, peer, listen, counted: None };
    if let Err(why) = newcomer.count() {
        return newcomer.refuse(worker, why);
    }
    match worker.admit() {
        // The connection ends by itself, or with the worker's event loop.
        Some(admission) => newcomer.begin(admission),
        None if worker.waiting.get() < WAITING_MAX => {
            worker.waiting.set(worker.waiting.get() + 1);
            tokio::task::spawn_local(wait_for_room(Rc::clone(worker), newcomer));
        }
        None => newcomer.refuse(worker, TooMany::Connections),
    }
}

/// A connection that was accepted and has no place yet.
struct Newcomer {
    snapshot: Rc<Snapshot>,
    door: Option<Rc<Door>>,
    socket: Socket,
    peer: SocketAddr,
    listen: Listen,
    counted: Option<Box<Counted>>,
}

impl Newcomer {
    /// Counts it for its address, unless a PROXY header is yet to tell that.
    fn count(&mut self) -> Result<(), TooMany> {
        if self.door.as_ref().is_none_or(|door| door.accept_proxy.is_none()) {
            self.counted = self.snapshot.count_for(self.peer.ip())?;
        }
        Ok(())
    }

    fn begin(self, admission: Admission) {
        let mut entrant = Entrant::new(self.peer, self.listen, admission);
        entrant.counts_as(self.counted);
        match self.door {
            Some(door) => tokio::task::spawn_local(enter(entrant, self.snapshot, self.socket, door)),
            None => tokio::task::spawn_local(Serve::new(entrant.into_client(Link::plain(self.socket).into(), None))),
        };
    }

    fn refuse(&self, worker: &Worker, why: TooMany) {
        let (peer, listen) = (self.peer.ip().to_canonical(), self.listen);
        Unplaced { worker, peer, listen, door: self.door.as_deref() }.refuse(&self.socket, why);
    }
}

/// The process has as many connections as it may: an idle one makes room if there is one, here or with another worker.
async fn wait_for_room(worker: Rc<Worker>, newcomer: Newcomer) {
    let mut admission = None;
    for _ in 0..ROOM_LOOKS {
        worker.pressure.notify_waiters();
        tokio::time::sleep(ROOM_LOOK_EVERY).await;
        admission = worker.admit();
        if admission.is_some() {
            break;
        }
    }
    worker.waiting.set(worker.waiting.get() - 1);
    match admission {
        Some(admission) => newcomer.begin(admission),
        None => newcomer.refuse(&worker, TooMany::Connections),
    }
}
