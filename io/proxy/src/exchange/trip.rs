//! What is known of one exchange: where its request stands, how long it may take, and what the log and the counters
//! will say of it.

use super::fault::{ClientFault, Fault, UpstreamFault};
use super::respond::status_of;
use crate::state::{Client, Session, Snapshot};
use evener_http::{Framing, GrpcCall, client_address};
use evener_observe::AccessRecord;
use evener_plan::{Site, UpstreamId};
use evener_runtime::Millis;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

/// Where the body of the request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyPlace {
    /// Nowhere: the request has none.
    None,
    /// Whole, so many bytes behind the head in `session.inbound`.
    Whole(usize),
    /// Still coming.
    Coming,
}

/// Who has set the deadline of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Route,
    Client,
}

/// The state of one exchange.
#[derive(Debug)]
pub(crate) struct Trip {
    started: Instant,
    deadline: Millis,
    whose_deadline: Whose,
    /// The request is a gRPC call.
    pub(crate) call: Option<GrpcCall>,
    pub(crate) body: BodyPlace,
    pub(crate) site: Option<usize>,
    pub(crate) upstream: Option<UpstreamId>,
    pub(crate) server: Option<usize>,
    /// How often the request was sent again.
    pub(crate) retries: u32,
    /// Those of them that the policy and the budget count: a server may have got the request before.
    pub(crate) repeats: u32,
    pub(crate) body_bytes_in: u64,
    pub(crate) body_bytes_out: u64,
    /// Some byte of the final response was given to the client, so that no other answer can be.
    pub(crate) is_answering: bool,
    /// All chunks that were given to the client are whole, so that their end can be told at any time.
    pub(crate) is_between_chunks: bool,
    status: u16,
    reason: Option<&'static str>,
    sent_at: Option<Instant>,
    server_time: Option<Duration>,
    pub(crate) queue_time: Option<Duration>,
    /// What was known of the server when it was picked, if the log tells it.
    pub(crate) pick: Option<String>,
}

impl Trip {
    /// The trip of the request whose head is in the session.
    pub(crate) fn new(session: &Session) -> Self {
        Self {
            started: session.started.unwrap_or_else(Instant::now),
            deadline: Millis::NEVER,
            whose_deadline: Whose::Route,
            call: GrpcCall::read(session.inbound.filled(), session.parser.head()),
            body: place_of_body(session),
            site: None,
            upstream: None,
            server: None,
            retries: 0,
            repeats: 0,
            body_bytes_in: 0,
            body_bytes_out: 0,
            is_answering: false,
            is_between_chunks: false,
            status: 0,
            reason: None,
            sent_at: None,
            server_time: None,
            queue_time: None,
            pick: None,
        }
    }

    /// The trip of a request whose head could not be read to its end.
    pub(crate) fn rejected(session: &Session) -> Self {
        Self { body: BodyPlace::None, ..Self::new(session) }
    }

    /// Bounds the whole exchange: by the time of the route, and by that which the client gives a call.
    pub(crate) fn limit(&mut self, of_route: Option<Duration>) {
        let of_client = self.call.and_then(|call| call.timeout);
        let bounds = [(of_route, Whose::Route), (of_client, Whose::Client)];
        let timeouts = bounds.into_iter().filter_map(|(timeout, whose)| Some((timeout?, whose)));
        if let Some((timeout, whose)) = timeouts.min_by_key(|(timeout, _)| *timeout) {
            let spent = self.started.elapsed();
            self.deadline = Millis::now().after(timeout.saturating_sub(spent));
            self.whose_deadline = whose;
        }
    }

    /// What is left of the time that the client gives a call.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let of_client = self.call.and_then(|call| call.timeout);
        of_client.map(|time| time.saturating_sub(self.started.elapsed()))
    }

    /// The fault of an exchange that is not over at its deadline.
    pub(crate) fn late(&self) -> Fault {
        match self.whose_deadline {
            Whose::Route => UpstreamFault::RouteTimeout.into(),
            Whose::Client => ClientFault::Deadline.into(),
        }
    }

    /// The deadline of the whole exchange.
    pub(crate) fn deadline(&self) -> Millis {
        self.deadline
    }

    /// The earlier of the deadline of a phase and that of the exchange.
    pub(crate) fn earlier(&self, phase: Millis) -> Millis {
        self.deadline.min(phase)
    }

    /// The body of a request that came whole.
    pub(crate) fn whole_body<'s>(&self, session: &'s Session) -> &'s [u8] {
        match self.body {
            BodyPlace::Whole(length) => {
                let start = session.parser.head().head_bytes;
                &session.inbound.filled()[start..start + length]
            }
            BodyPlace::None | BodyPlace::Coming => &[],
        }
    }

    /// The request was sent to a server; a body that is still coming moves the mark.
    pub(crate) fn mark_sent(&mut self) {
        self.sent_at = Some(Instant::now());
        self.server_time = None;
    }

    pub(crate) fn mark_first_byte(&mut self) {
        if let Some(sent_at) = self.sent_at.take() {
            self.server_time = Some(sent_at.elapsed());
        }
    }

    /// The answer is to a copy that was sent then.
    pub(crate) fn was_sent(&mut self, at: Instant) {
        self.sent_at = Some(at);
    }

    /// It has waited for a server.
    pub(crate) fn waited(&mut self, time: Duration) {
        self.queue_time = Some(self.queue_time.unwrap_or_default() + time);
    }

    /// Time from the end of the request to the first byte of the server's answer.
    pub(crate) fn server_time(&self) -> Option<Duration> {
        self.server_time
    }

    pub(crate) fn answered(&mut self, status: u16) {
        self.status = status;
    }

    /// Notes a failure. A status that the client already has stays.
    pub(crate) fn failed(&mut self, fault: &Fault) {
        self.reason = Some(fault.reason());
        if !self.is_answering {
            self.status = status_of(fault);
        }
    }

    /// Counts the exchange and writes its line.
    pub(crate) fn finish(&self, client: &Client, session: &Session, snapshot: &Snapshot) {
        let counters = &client.worker.counters;
        let duration = self.started.elapsed();
        counters.count_request(self.status);
        counters.latency.record(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        if let Some(reason) = self.reason {
            super::count_failure(counters, reason);
        }
        let mut log = client.worker.log.borrow_mut();
        if log.is_on() {
            log.write(&self.record(client, session, snapshot, duration));
        }
    }

    fn record<'r>(
        &'r self,
        client: &Client,
        session: &'r Session,
        snapshot: &'r Snapshot,
        duration: Duration,
    ) -> AccessRecord<'r> {
        let message = session.inbound.filled();
        let head = session.parser.head();
        let site = self.site.and_then(|site| snapshot.plan().sites.get(site));
        let upstream = self.upstream.map(|id| snapshot.upstream(id));
        let server = upstream.zip(self.server).and_then(|(upstream, server)| upstream.servers.get(server));
        let field = |name: &[u8]| {
            let found = head.fields.iter().find(|field| field.name.of(message).eq_ignore_ascii_case(name));
            found.map_or(&[][..], |field| field.value.of(message))
        };
        AccessRecord {
            time: SystemTime::now() - duration,
            client: site.map_or(client.peer, |site| client_ip(client, session, site)),
            method: head.method_text.of(message),
            target: head.target.of(message),
            protocol: client.protocol(head.version),
            host: head.authority.of(message),
            status: self.status,
            bytes_out: self.body_bytes_out,
            bytes_in: self.body_bytes_in,
            duration,
            upstream: upstream.map_or("", |upstream| &upstream.name),
            server: server.map_or("", |server| &server.label),
            server_time: self.server_time,
            queue_time: self.queue_time,
            pick: self.pick.as_deref().unwrap_or_default(),
            retries: self.retries,
            reason: self.reason,
            referer: field(b"referer"),
            user_agent: field(b"user-agent"),
        }
    }
}

/// Whether the peer may speak for others.
pub(crate) fn is_trusted(site: &Site, peer: IpAddr) -> bool {
    site.trusted_proxies.iter().any(|block| block.contains(peer))
}

/// The address of the client, behind trusted proxies too.
pub(crate) fn client_ip(client: &Client, session: &Session, site: &Site) -> IpAddr {
    let head = session.parser.head();
    client_address(session.inbound.filled(), &head.fields, client.peer, |address| is_trusted(site, address))
}

fn place_of_body(session: &Session) -> BodyPlace {
    let head = session.parser.head();
    match head.framing {
        Framing::None | Framing::Length(0) => BodyPlace::None,
        Framing::Length(length) => {
            let behind = session.inbound.len() - head.head_bytes;
            match usize::try_from(length) {
                Ok(length) if length <= behind => BodyPlace::Whole(length),
                _ => BodyPlace::Coming,
            }
        }
        Framing::Chunked | Framing::UntilClose => BodyPlace::Coming,
    }
}
