//! Sites and routes: which requests evener answers and what it does with them. Matching is in `evener-route`.

use crate::{AcceptProxy, Cidr, HostPattern, Listen, ServerTls, UpstreamId};
use std::time::Duration;

/// One `[[site]]`: the hosts it answers for, on which listeners, and its routes.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// Addresses on which the site listens. Never empty.
    pub listen: Vec<Listen>,
    /// TLS on these addresses; all sites that share an address have it or none.
    pub tls: Option<ServerTls>,
    /// Whether HTTP/2 is spoken: over TLS it is offered by ALPN, in the clear it takes prior knowledge (RFC 9113 §3.3).
    /// All sites that share an address in the clear agree on it.
    pub http2: bool,
    /// Whose PROXY header is believed, and required. All sites that share an address agree on it.
    pub accept_proxy: Option<AcceptProxy>,
    /// Host names; empty means any host that no other site on the listener names.
    pub hosts: Vec<HostPattern>,
    /// Peers whose `X-Forwarded-*` fields are believed.
    pub trusted_proxies: Vec<Cidr>,
    /// Routes in the order of the file. The site's own `to`, `redirect` or `respond` stands last as a route that
    /// matches every path. May be empty only if the site has no action of its own and no routes: never, config forbids.
    pub routes: Vec<Route>,
}

/// What must hold for a request to take a route, and what happens to it then.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// What the path must be.
    pub path: PathMatch,
    /// Methods, case-sensitive; empty means any.
    pub methods: Vec<String>,
    /// Header fields that must all be there.
    pub headers: Vec<HeaderMatch>,
    /// What to do.
    pub action: Action,
    /// Prefix that is removed from the path before it goes to the server, such as `/api`.
    pub strip_prefix: Option<String>,
    /// Bound on the whole exchange, from the first byte of the request to the last of the response.
    pub timeout: Option<Duration>,
    /// Header fields that are set on the request to the server, in the order of the file.
    pub set_headers: Vec<SetHeader>,
    /// Which `Host` the server sees.
    pub host: HostMode,
}

/// What the path of a request must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathMatch {
    /// `= /x`: exactly this path.
    Exact(String),
    /// `/x/`: a path that begins with this text. `/` matches every path, also `*`.
    Prefix(String),
    /// `~ ^/v[0-9]+/`: a path in which this regular expression (syntax of the `regex` crate, checked) is found.
    Regex(String),
}

/// A header field that a request must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderMatch {
    /// Field name, lower case.
    pub name: String,
    /// Value that one of the field's lines must equal.
    pub value: String,
}

/// What evener does with a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Forward it to an upstream.
    Proxy(UpstreamId),
    /// Answer with a redirect.
    Redirect {
        /// Status: 301, 302, 303, 307 or 308; 308 unless written.
        status: u16,
        /// Value of `Location`, in parts.
        location: Vec<TextPart>,
    },
    /// Answer with fixed text.
    Respond(Respond),
}

/// A fixed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Respond {
    /// Status, 200 to 599.
    pub status: u16,
    /// Body; may be empty.
    pub body: String,
    /// `Content-Type` of the body.
    pub content_type: String,
}

/// A piece of a text with names in braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextPart {
    /// Text as it stands.
    Text(String),
    /// `{host}`: the host of the request, with its port if it was given one.
    Host,
    /// `{hostname}`: the host of the request without its port.
    HostName,
    /// `{path}`: the path.
    Path,
    /// `{query}`: the query without the `?`; empty if there is none.
    Query,
    /// `{uri}`: path and, if there is one, `?` and query.
    Uri,
}

/// A header field set on the way to the server, replacing every field of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetHeader {
    /// Field name, lower case. Never a framing or hop-by-hop name.
    pub name: String,
    /// Value; empty removes the field.
    pub value: String,
}

/// Which `Host` a server sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostMode {
    /// The one that the client sent.
    Client,
    /// The server's own address as written in the config.
    Upstream,
    /// This text.
    Fixed(String),
}
