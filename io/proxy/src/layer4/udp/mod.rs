//! Datagrams of one listener, and their sessions: who sends from one address and port keeps its server for as long as it
//! goes on.
//!
//! A datagram goes out at once through its session's own socket, without a copy; only the first one, and those that find
//! their server gone, wait in memory until the session has a server. What finds no room is lost and counted.
//!
//! LIFECYCLE: the listener receives until it is aborted; [`Listener::close`] then lets its sessions end, each as soon as
//! its last question is answered or a short time has passed.

mod session;

use crate::exchange::count_failure;
use crate::state::{PassFault, Seat, Worker};
use evener_plan::Listen;
use evener_runtime::udp::{DATAGRAM_BYTES_MAX, Datagrams};
use session::{Passed, Session};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// Pause after the kernel could not give a datagram; it keeps what comes meanwhile, as far as it has room.
const PAUSE: Duration = Duration::from_millis(50);

/// One worker's socket of a listener, with the sessions of those clients that the kernel has given to it.
pub(crate) struct Listener {
    worker: Rc<Worker>,
    socket: Datagrams,
    listen: Listen,
    sessions: RefCell<HashMap<SocketAddr, Rc<Session>>>,
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
        Rc::new(Self { worker, socket, listen, sessions: RefCell::default(), answer })
    }

    pub(crate) fn listen(&self) -> Listen {
        self.listen
    }

    /// Tells the sessions to end; nothing is received any more.
    pub(crate) fn close(&self) {
        self.sessions.borrow().values().for_each(|session| session.close());
    }

    /// Passes on a datagram of a client.
    fn pass(self: &Rc<Self>, bytes: &[u8], client: SocketAddr) {
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
    fn begin(self: &Rc<Self>, client: SocketAddr) -> Result<Rc<Session>, PassFault> {
        let snapshot = self.worker.snapshot();
        let index = snapshot.udp_service(self.listen).ok_or(PassFault::NoServer)?;
        let seat = Seat::take(snapshot.seats(index), snapshot.plan().udp[index].sessions_max);
        let seat = seat.ok_or(PassFault::TooManySessions)?;
        let session = Rc::new(Session::new(client, &self.worker));
        self.sessions.borrow_mut().insert(client, Rc::clone(&session));
        tokio::task::spawn_local(session::serve(Rc::clone(self), Rc::clone(&session), seat));
        Ok(session)
    }

    /// Sends an answer to a client.
    fn answer(&self, bytes: &[u8], client: SocketAddr) {
        match self.socket.send_to_now(bytes, client) {
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
