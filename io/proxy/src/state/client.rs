//! A client as everybody on the journey sees it: its connection, or its stream on one. It is served in `crate::client`.

use super::{Admission, Worker};
use evener_observe::WorkerCounters;
use evener_plan::Listen;
use evener_runtime::Alarm;
use evener_tls::PolicyId;
use evener_wire::Wire;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

/// A client's connection, or one of its streams.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) wire: Wire,
    pub(crate) alarm: Alarm,
    pub(crate) worker: Rc<Worker>,
    pub(crate) peer: IpAddr,
    pub(crate) listen: Listen,
    /// What is known from the handshake, under TLS.
    pub(crate) secured: Option<Rc<Secured>>,
    _open: Option<Open>,
}

/// What the handshake of TLS has told.
#[derive(Debug)]
pub(crate) struct Secured {
    /// Under which policy the connection was made; requests for hosts of another are misdirected (RFC 9110 §15.5.20).
    pub(crate) policy: PolicyId,
    /// What servers are told of the client's certificate, as fields; empty without one.
    pub(crate) certificate: Vec<(&'static str, String)>,
}

/// A connection that was let in, before anything is known of it.
#[derive(Debug)]
pub(crate) struct Entrant {
    pub(crate) worker: Rc<Worker>,
    pub(crate) peer: IpAddr,
    /// The other end of the connection itself.
    pub(crate) address: SocketAddr,
    pub(crate) listen: Listen,
    pub(crate) alarm: Alarm,
    open: Open,
}

/// The two ends of a connection as a PROXY header tells them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) source: Option<SocketAddr>,
    pub(crate) destination: Option<SocketAddr>,
}

/// Counts an open connection.
#[derive(Debug)]
pub(crate) struct Open {
    counters: Arc<WorkerCounters>,
    _admission: Admission,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.counters.connections_open.decrement();
    }
}

impl Entrant {
    pub(crate) fn new(worker: Rc<Worker>, address: SocketAddr, listen: Listen, admission: Admission) -> Self {
        let counters = Arc::clone(&worker.counters);
        counters.connections_open.increment();
        let open = Open { counters, _admission: admission };
        let alarm = worker.alarms.register();
        Self { alarm, worker, peer: address.ip().to_canonical(), address, listen, open }
    }

    /// A client of HTTP/1.
    pub(crate) fn into_client(self, wire: Wire, secured: Option<Rc<Secured>>) -> Client {
        let Self { worker, peer, listen, alarm, open, .. } = self;
        Client { wire, alarm, worker, peer, listen, secured, _open: Some(open) }
    }

    /// A stream of this connection, as a client of its own.
    pub(crate) fn stream(&self, wire: Wire, secured: Option<Rc<Secured>>, alarm: Alarm) -> Client {
        let worker = Rc::clone(&self.worker);
        Client { wire, alarm, worker, peer: self.peer, listen: self.listen, secured, _open: None }
    }
}

impl Client {
    /// What is spoken, as the access log tells it; `version` is that of the head.
    pub(crate) fn protocol(&self, version: evener_http::Version) -> &'static str {
        match version {
            _ if self.wire.is_stream() => "HTTP/2.0",
            evener_http::Version::Http10 => "HTTP/1.0",
            evener_http::Version::Http11 => "HTTP/1.1",
        }
    }

    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.secured.is_some() { "https" } else { "http" }
    }
}
