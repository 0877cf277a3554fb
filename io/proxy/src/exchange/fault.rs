//! What can go wrong with an exchange: whose fault it is, and the reason code by which logs, counters and people know
//! it. The status that a client gets for it is in `respond`.

use crate::state::{EntranceFault, PassFault, TooMany};
use evener_balance::Failure;
use evener_http::{BodyFault, RequestFault, ResponseFault};
use evener_upstream::ConnectFault;
use evener_wire::Loss;
use std::{fmt, io};

/// Why an exchange failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The client sent something that is no valid request.
    Request(RequestFault),
    /// The client sent a broken body.
    Body(BodyFault),
    /// The client: a request that did not become whole, a wish that no site has, a connection that ended.
    Client(ClientFault),
    /// The server, or the way to it.
    Upstream(UpstreamFault),
    /// Evener itself is out of something.
    Own(OwnFault),
}

/// The client's faults beyond the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientFault {
    /// The head did not come in time.
    HeadTimeout,
    /// The body came slower than the least rate.
    BodyTooSlow,
    /// The body is larger than the limit.
    BodyTooLarge,
    /// No site answers for the host.
    NoSite,
    /// No route of the site matches.
    NoRoute,
    /// Routes match but for the method.
    MethodNotAllowed,
    /// Some servers would read the path as one for another route, which evades the rules of this one (K14).
    AmbiguousPath,
    /// The path climbs out of the root once the prefix is taken off.
    PathClimbs,
    /// The request has no form in HTTP/1.1: an HTTP/2 head that RFC 9113 §8.1.1 calls malformed. Or the frames of a
    /// connection are against the rules.
    NoForm,
    /// The request has no form in HTTP/2, which is all that the server speaks: a byte in its path, or no host.
    NoFormAtServer,
    /// The host belongs to a site with other rules for clients than the one that the connection was made for (RFC 9110
    /// §15.5.20).
    Misdirected,
    /// Requests were taken back faster than they were answered.
    TakesBack,
    /// A connection of HTTP/2 says much that asks for nothing.
    Floods,
    /// The time was over that the client had given the call (`grpc-timeout`). The client chooses it, so that it tells
    /// nothing of the server.
    Deadline,
    /// The client took nothing of its response for too long.
    ReadsTooSlowly,
    /// The client ended or reset the connection before the exchange was over.
    Gone,
}

/// The server's faults.
#[derive(Debug)]
pub(crate) enum UpstreamFault {
    /// No connection could be made.
    Connect(ConnectFault),
    /// The connection ended before a response head came.
    Closed,
    /// The same, by TLS: the server does not take our certificate, or broke its rules.
    Tls(io::Error),
    /// The request was lost on its stream, and not with the connection.
    Stream(Loss),
    /// The server takes no WebSocket over HTTP/2, which is all that it speaks.
    NoWebSocket,
    /// The response head did not come in time.
    ResponseTimeout,
    /// The body of the response stood still for too long.
    BodyTimeout,
    /// The exchange took longer than the route allows.
    RouteTimeout,
    /// The response head is no valid one.
    Response(ResponseFault),
    /// The body of the response is broken or ended early.
    Body(BodyFault),
    /// The server switched to a protocol that the client did not offer.
    BadSwitch,
    /// The server sent interim responses without end.
    TooManyInterim,
    /// Every server of the upstream was tried or takes no requests.
    NoServer,
}

/// Evener's own faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnFault {
    /// There is no room for the connection.
    TooMany(TooMany),
    /// Every server is at its bound, and as many requests wait as may.
    QueueFull,
    /// Every server stayed at its bound for as long as a request may wait.
    QueueTimeout,
    /// The program ended before the exchange did.
    Stopped,
}

impl Fault {
    /// The reason code.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Request(fault) => fault.reason(),
            Self::Body(fault) => fault.reason(),
            Self::Client(fault) => fault.reason(),
            Self::Upstream(fault) => fault.reason(),
            Self::Own(OwnFault::TooMany(what)) => what.reason(),
            Self::Own(OwnFault::QueueFull) => "queue_full",
            Self::Own(OwnFault::QueueTimeout) => "queue_timeout",
            Self::Own(OwnFault::Stopped) => "stopped",
        }
    }

    /// What it tells the balancer about the server; nothing if it was not the server's doing.
    pub(crate) fn failure(&self) -> Option<Failure> {
        match self {
            Self::Upstream(fault) => fault.failure(),
            Self::Request(_) | Self::Body(_) | Self::Client(_) | Self::Own(_) => None,
        }
    }
}

impl ClientFault {
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::NoForm => "h2_malformed",
            Self::NoFormAtServer => "no_form_in_h2",
            Self::Misdirected => "misdirected_host",
            Self::TakesBack => "h2_taken_back",
            Self::Floods => "h2_flood",
            Self::Deadline => "grpc_deadline",
            Self::HeadTimeout => "head_timeout",
            Self::BodyTooSlow => "body_too_slow",
            Self::BodyTooLarge => "body_too_large",
            Self::NoSite => "no_site",
            Self::NoRoute => "no_route",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::AmbiguousPath => "ambiguous_path",
            Self::PathClimbs => "path_climbs",
            Self::ReadsTooSlowly => "client_reads_too_slowly",
            Self::Gone => "client_gone",
        }
    }
}

impl UpstreamFault {
    pub(crate) const fn failure(&self) -> Option<Failure> {
        match self {
            Self::Connect(ConnectFault::Exhausted(_)) | Self::NoServer | Self::NoWebSocket => None,
            Self::Connect(_) => Some(Failure::Connect),
            Self::Closed | Self::Tls(_) | Self::Stream(_) | Self::Response(_) | Self::TooManyInterim => {
                Some(Failure::Reset)
            }
            Self::ResponseTimeout | Self::BodyTimeout | Self::RouteTimeout => Some(Failure::Timeout),
            Self::Body(_) | Self::BadSwitch => Some(Failure::Broken),
        }
    }

    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Connect(ConnectFault::Refused(_)) => "connect_refused",
            Self::Connect(ConnectFault::TimedOut) => "connect_timeout",
            Self::Connect(ConnectFault::Handshake(_)) | Self::Tls(_) => "upstream_tls",
            Self::Connect(ConnectFault::Protocol(_)) => "upstream_h2",
            Self::Connect(ConnectFault::Exhausted(_)) => "descriptors_exhausted",
            Self::Closed | Self::Stream(Loss::Connection) => "upstream_closed",
            Self::Stream(Loss::Refused) => "upstream_refused_stream",
            Self::Stream(Loss::Reset(_)) => "upstream_reset_stream",
            Self::Stream(Loss::Malformed(_)) => "upstream_malformed_h2",
            Self::Stream(Loss::Broken(_)) => "upstream_broken_h2",
            Self::Stream(Loss::NoForm) => "no_form_in_h2",
            Self::NoWebSocket | Self::Stream(Loss::NoWebSocket) => "upstream_no_websocket",
            Self::ResponseTimeout => "response_timeout",
            Self::BodyTimeout => "response_body_timeout",
            Self::RouteTimeout => "route_timeout",
            Self::Response(fault) => fault.reason(),
            Self::Body(BodyFault::Truncated) => "response_truncated",
            Self::Body(_) => "response_body_broken",
            Self::BadSwitch => "bad_protocol_switch",
            Self::TooManyInterim => "too_many_interim_responses",
            Self::NoServer => "no_server",
        }
    }
}

impl fmt::Display for UpstreamFault {
    /// What the server did, for a sentence that begins with its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(ConnectFault::Refused(cause)) => write!(f, "refused the connection: {cause}"),
            Self::Connect(ConnectFault::TimedOut) => f.write_str("took no connection in time"),
            Self::Connect(ConnectFault::Handshake(fault)) => write!(f, "failed the handshake of TLS: {fault}"),
            Self::Connect(ConnectFault::Protocol(cause)) => write!(f, "does not speak HTTP/2: {cause}"),
            Self::Connect(ConnectFault::Exhausted(cause)) => write!(f, "could not be connected to: {cause}"),
            Self::Closed => f.write_str("closed the connection before it answered"),
            Self::Tls(cause) => write!(f, "ended TLS before it answered: {cause}"),
            Self::Stream(loss) => loss.fmt(f),
            Self::NoWebSocket => Loss::NoWebSocket.fmt(f),
            Self::ResponseTimeout => f.write_str("did not answer in time"),
            Self::BodyTimeout => f.write_str("stopped in the middle of an answer"),
            Self::RouteTimeout => f.write_str("had not answered when the time of the route was over"),
            Self::Response(fault) => write!(f, "sent a bad answer: {fault}"),
            Self::Body(fault) => write!(f, "sent a bad body: {fault}"),
            Self::BadSwitch => f.write_str("switched to a protocol that the client did not offer"),
            Self::TooManyInterim => f.write_str("sent interim responses without end"),
            Self::NoServer => f.write_str("was not asked: no server takes requests"),
        }
    }
}

/// Every reason code, for the counters: those of this file and those of the codec.
pub(crate) fn reasons() -> Vec<&'static str> {
    let client = [
        ClientFault::HeadTimeout,
        ClientFault::BodyTooSlow,
        ClientFault::BodyTooLarge,
        ClientFault::NoSite,
        ClientFault::NoRoute,
        ClientFault::MethodNotAllowed,
        ClientFault::AmbiguousPath,
        ClientFault::PathClimbs,
        ClientFault::NoForm,
        ClientFault::NoFormAtServer,
        ClientFault::Misdirected,
        ClientFault::TakesBack,
        ClientFault::Floods,
        ClientFault::Deadline,
        ClientFault::ReadsTooSlowly,
        ClientFault::Gone,
    ];
    let upstream = [
        "connect_refused",
        "connect_timeout",
        "upstream_tls",
        "upstream_h2",
        "upstream_closed",
        "upstream_refused_stream",
        "upstream_reset_stream",
        "upstream_malformed_h2",
        "upstream_broken_h2",
        "upstream_no_websocket",
        "response_timeout",
        "response_body_timeout",
        "route_timeout",
        "response_truncated",
        "response_body_broken",
        "bad_protocol_switch",
        "too_many_interim_responses",
        "no_server",
        TooMany::Connections.reason(),
        TooMany::OfAddress.reason(),
        "queue_full",
        "queue_timeout",
        "stopped",
        "descriptors_exhausted",
    ];
    let mut all: Vec<&'static str> = client.map(ClientFault::reason).to_vec();
    all.extend(upstream);
    all.extend(RequestFault::ALL.iter().map(|fault| fault.reason()));
    all.extend(ResponseFault::ALL.iter().map(|fault| fault.reason()));
    all.extend(EntranceFault::reasons());
    all.extend(PassFault::ALL.map(PassFault::reason));
    all.extend(BodyFault::ALL.iter().map(|fault| fault.reason()));
    all.sort_unstable();
    all.dedup();
    all
}

impl From<ClientFault> for Fault {
    fn from(fault: ClientFault) -> Self {
        Self::Client(fault)
    }
}

impl From<UpstreamFault> for Fault {
    fn from(fault: UpstreamFault) -> Self {
        Self::Upstream(fault)
    }
}

impl From<Loss> for Fault {
    fn from(loss: Loss) -> Self {
        match loss {
            Loss::Connection => UpstreamFault::Closed.into(),
            Loss::NoForm => ClientFault::NoFormAtServer.into(),
            Loss::NoWebSocket => UpstreamFault::NoWebSocket.into(),
            Loss::Refused | Loss::Reset(_) | Loss::Malformed(_) | Loss::Broken(_) => UpstreamFault::Stream(loss).into(),
        }
    }
}

impl From<OwnFault> for Fault {
    fn from(fault: OwnFault) -> Self {
        Self::Own(fault)
    }
}
