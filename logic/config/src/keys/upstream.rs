//! Keys of `[upstream.NAME]` and of its servers.

use super::{Form, Key, Kind, Section, Without, action::SERVER_KIND};

/// A pool of servers.
pub(crate) static UPSTREAM: Section = Section {
    heading: "[upstream.NAME]",
    id: "upstream",
    doc: "A pool of servers that sites name in `to`. A name has letters, digits, `-` and `_`.",
    groups: &[KEYS],
};

/// One server of a pool, in the table form.
pub(crate) static SERVER: Section = Section {
    heading: "a server",
    id: "server",
    doc: "The table form of a server: `{ address = \"10.0.0.2:8080\", weight = 2 }`.",
    groups: &[&[
        Key {
            name: "address",
            kind: Kind::Text(Form::Other { what: "an address such as \"127.0.0.1:8081\"", plural: "addresses" }),
            without: Without::Required,
            doc: "`host:port` with an address or a name, or `unix:` and the path of a socket. A name is resolved at \
                  start; each of its addresses is a server, but an IPv4 and an IPv6 address pair up as one.",
            example: "\"10.0.0.2:8080\"",
        },
        Key {
            name: "weight",
            kind: Kind::Integer { min: 0, max: 1000 },
            without: Without::Default("1"),
            doc: "Share of requests relative to the other servers; 0 takes none.",
            example: "2",
        },
    ]],
};

const KEYS: &[Key] = &[
    Key {
        name: "servers",
        kind: Kind::List(&SERVER_KIND),
        without: Without::Required,
        doc: "The servers: addresses such as `\"10.0.0.1:8080\"`, `\"app.local:8080\"` or `\"unix:/run/app.sock\"`, or \
              tables with a weight.",
        example: "[\"10.0.0.1:8080\", { address = \"10.0.0.2:8080\", weight = 2 }]",
    },
    Key {
        name: "balance",
        kind: Kind::Text(Form::Word(&["round_robin", "random", "least_requests", "first"])),
        without: Without::Default("\"round_robin\""),
        doc: "How requests are spread: `round_robin` in turn and `random` by chance, both by weight; `least_requests` \
              to the server with the fewest in flight for its weight; `first` to the first server that takes it.",
        example: "\"random\"",
    },
    Key {
        name: "connect_timeout",
        kind: Kind::Text(Form::Duration),
        without: Without::Default("\"2s\""),
        doc: "Bound on connecting to a server.",
        example: "\"500ms\"",
    },
    Key {
        name: "response_timeout",
        kind: Kind::Text(Form::Duration),
        without: Without::Default("\"60s\""),
        doc: "Bound on waiting for the first byte of a response, from the moment when the request was sent.",
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
