//! Keys of `[upstream.NAME]`. Those of its tables stand in files of their own.

mod health;
mod overload;
mod retry;
mod server;
mod sticky;
mod tls;

pub(crate) use health::HEALTH;
pub(crate) use overload::QUEUE;
pub(crate) use retry::{HEDGE, RETRY};
pub(crate) use server::SERVER;
pub(crate) use sticky::STICKY;
pub(crate) use tls::UPSTREAM_TLS;

use super::{Form, Key, Kind, Section, Without, action::SERVER_KIND};
use crate::value::BALANCES;

/// A pool of servers.
pub(crate) static UPSTREAM: Section = Section {
    heading: "[upstream.NAME]",
    id: "upstream",
    doc: "A pool of servers that sites and services name in `to`. A name has letters, digits, `-` and `_`.",
    groups: &[SPREADING, tls::KEYS, health::KEYS, CARE, overload::KEYS, retry::KEYS, TIMES],
};

const SPREADING: &[Key] = &[
    Key {
        name: "servers",
        kind: Kind::List(&SERVER_KIND),
        without: Without::Required,
        doc: "The servers: addresses such as `\"10.0.0.1:8080\"`, `\"app.local:8080\"` or `\"unix:/run/app.sock\"`, or \
              tables with a weight or a tier.",
        example: "[\"10.0.0.1:8080\", { address = \"10.0.0.2:8080\", weight = 2 }]",
    },
    Key {
        name: "balance",
        kind: Kind::Text(Form::Word(BALANCES)),
        without: Without::Default("\"adaptive\""),
        doc: "How requests are spread. `adaptive` weighs requests in flight, response times and errors of each server. \
              `round_robin` goes by turns and `random` by chance; `least_requests` takes the server with the fewest \
              requests in flight, `two_choices` the better of two drawn at random, `least_time` the one with the \
              shortest response time for its requests in flight, and `peak_ewma` likewise, but of two and with a time \
              that jumps up at once and falls slowly. `hash` gives the same `hash_key` the same server. All of these \
              follow weights. `first` is the first server of the list that takes the request.",
        example: "\"least_requests\"",
    },
    Key {
        name: "hash_key",
        kind: Kind::Text(Form::Other { what: "a part of a request such as \"header:x-user\"", plural: "parts" }),
        without: Without::Default("\"client_ip\""),
        doc: "What of a request is hashed: `client_ip`, `uri` (path and query), `path`, `cookie:NAME`, `header:NAME` or \
              `query:NAME`. Only with `balance = \"hash\"`.",
        example: "\"header:x-user\"",
    },
];

const CARE: &[Key] = &[
    Key {
        name: "sticky",
        kind: Kind::Either(&[
            Kind::Text(Form::Other { what: "the name of a cookie", plural: "cookies" }),
            Kind::Table(&STICKY),
        ]),
        without: Without::Means("clients are not led back"),
        doc: "A signed cookie that leads a client back to the server that it had before. If that server is out, the \
              client gets another one and a new cookie. A text is the name of the cookie.",
        example: "{ cookie = \"evener\" }",
    },
    Key {
        name: "slow_start",
        kind: Kind::Text(Form::Duration),
        without: Without::Default("\"10s\""),
        doc: "How long a server that has joined or recovered takes to reach its full share, at most an hour. `\"0s\"` \
              gives it all at once.",
        example: "\"30s\"",
    },
];

const TIMES: &[Key] = &[
    Key {
        name: "connect_timeout",
        kind: Kind::Text(Form::Duration),
        without: Without::Default("\"2s\""),
        doc: "Bound on connecting to a server, TLS included.",
        example: "\"500ms\"",
    },
    Key {
        name: "response_timeout",
        kind: Kind::Text(Form::Duration),
        without: Without::Default("\"60s\""),
        doc: "Bound on waiting for the first byte of a response, from the moment when the request was sent, and on each \
              pause in the middle of one. A gRPC call has this time for the first byte of its answer, from the end of \
              what its client sends, also where `grpc-timeout` would give it more: a stream whose first message may \
              come late needs a longer one. Between its messages a call to servers of HTTP/2 may pause for as long as a \
              tunnel (`tunnel_idle_timeout` of `[limits]`), if that is longer.",
        example: "\"2m\"",
    },
    Key {
        name: "idle_timeout",
        kind: Kind::Text(Form::Duration),
        without: Without::Default("\"60s\""),
        doc: "How long an idle connection to a server is kept for the next request.",
        example: "\"20s\"",
    },
];
