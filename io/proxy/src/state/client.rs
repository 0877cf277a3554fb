//! A client as everybody on the journey sees it: its connection, or its stream on one. It is served in `crate::client`.

use super::{Admission, Counted, Worker};
use evener_plan::Listen;
use evener_runtime::{Alarm, Millis};
use evener_tls::PolicyId;
use evener_wire::Wire;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

/// A connection that has begun to say what must come first is not closed for want of room before so much time has passed:
/// if newcomers could cut those before them, none would ever get through. A guess: more than a round trip on a bad line.
const BEGUN_GRACE: Duration = Duration::from_secs(1);

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
    admission: Admission,
    /// Its place among those of its address, if they are counted.
    counted: Option<Box<Counted>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.admission.worker.counters.connections_open.decrement();
    }
}

impl Entrant {
    pub(crate) fn new(address: SocketAddr, listen: Listen, admission: Admission) -> Self {
        let worker = Rc::clone(&admission.worker);
        worker.counters.connections_open.increment();
        let open = Open { admission, counted: None };
        let alarm = worker.alarms.register();
        Self { alarm, worker, peer: address.ip().to_canonical(), address, listen, open }
    }

    /// It was counted for its address.
    pub(crate) fn counts_as(&mut self, counted: Option<Box<Counted>>) {
        self.open.counted = counted;
    }

    /// Nothing was said yet, for which there is time until then; meanwhile it is one of those that make room.
    pub(crate) fn is_silent(&self, until: Millis) {
        self.alarm.set(until);
        self.alarm.rest(Millis::now());
    }

    /// Something was said and the rest must follow until then; it makes room only after a moment.
    pub(crate) fn has_begun(&self, until: Millis) {
        self.alarm.set(until);
        self.alarm.rest(Millis::now().after(BEGUN_GRACE));
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
