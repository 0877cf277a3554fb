//! A client connection as everybody on the journey sees it. It is served in `crate::client`.

use super::{Admission, Worker};
use evener_observe::WorkerCounters;
use evener_plan::Listen;
use evener_runtime::{Alarm, Socket};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

/// A client connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) socket: Socket,
    pub(crate) alarm: Alarm,
    pub(crate) worker: Rc<Worker>,
    pub(crate) peer: IpAddr,
    pub(crate) listen: Listen,
    _open: Open,
}

/// Counts an open connection.
#[derive(Debug)]
struct Open {
    counters: Arc<WorkerCounters>,
    _admission: Admission,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.counters.connections_open.decrement();
    }
}

impl Client {
    pub(crate) fn new(
        worker: Rc<Worker>,
        socket: Socket,
        peer: SocketAddr,
        listen: Listen,
        admission: Admission,
    ) -> Self {
        let counters = Arc::clone(&worker.counters);
        counters.connections_open.increment();
        let open = Open { counters, _admission: admission };
        let alarm = worker.alarms.register();
        Self { socket, alarm, worker, peer: peer.ip().to_canonical(), listen, _open: open }
    }
}
