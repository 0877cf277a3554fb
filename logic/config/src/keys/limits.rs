//! Keys of `[limits]`.

use super::{Form, Key, Kind, Section, Without};

/// Bounds for clients.
pub(crate) static LIMITS: Section = Section {
    heading: "[limits]",
    id: "limits",
    doc: "Bounds on what clients may ask for, how much and how slowly. The defaults suit the open internet.",
    groups: &[KEYS],
};

const DURATION: Kind = Kind::Text(Form::Duration);

/// A size in quotes, or a number of bytes.
const SIZE: Kind = Kind::Either(&[Kind::Text(Form::Size), Kind::Bytes]);

const KEYS: &[Key] = &[
    Key {
        name: "head",
        kind: SIZE,
        without: Without::Default("\"64KiB\""),
        doc: "Size of a request head: request line and header fields. From 1KiB to 1MiB. Past it the answer is 431, or \
              414 if the request line alone is longer.",
        example: "\"32KiB\"",
    },
    Key {
        name: "fields",
        kind: Kind::Integer { min: 1, max: 1000 },
        without: Without::Default("128"),
        doc: "Number of header fields in a request. Past it the answer is 431.",
        example: "100",
    },
    Key {
        name: "body",
        kind: Kind::Either(&[Kind::Text(Form::Word(&["none"])), Kind::Text(Form::Size), Kind::Bytes]),
        without: Without::Default("\"none\""),
        doc: "Size of a request body; `\"none\"` is no bound. Past it the answer is 413.",
        example: "\"10MB\"",
    },
    Key {
        name: "head_timeout",
        kind: DURATION,
        without: Without::Default("\"10s\""),
        doc: "Time from the first byte of a request head to its last. Past it the answer is 408.",
        example: "\"5s\"",
    },
    Key {
        name: "idle_timeout",
        kind: DURATION,
        without: Without::Default("\"75s\""),
        doc: "How long a kept-alive connection may stay without a request before it is closed.",
        example: "\"30s\"",
    },
    Key {
        name: "body_rate",
        kind: Kind::Either(&[Kind::Text(Form::Word(&["off"])), Kind::Text(Form::Size), Kind::Bytes]),
        without: Without::Default("240"),
        doc: "Slowest average rate of a request body in bytes a second. Past it the answer is 408. `\"off\"` is no \
              bound.",
        example: "\"1KiB\"",
    },
    Key {
        name: "rate_window",
        kind: DURATION,
        without: Without::Default("\"10s\""),
        doc: "Window over which `body_rate` is measured, at least one second.",
        example: "\"20s\"",
    },
    Key {
        name: "send_timeout",
        kind: DURATION,
        without: Without::Default("\"60s\""),
        doc: "How long a client may take nothing of a response that is ready for it. Past it the connection is cut.",
        example: "\"20s\"",
    },
    Key {
        name: "handshake_timeout",
        kind: DURATION,
        without: Without::Default("\"10s\""),
        doc: "Time for the handshake of TLS, from accepting the connection. Past it the connection is closed.",
        example: "\"5s\"",
    },
    Key {
        name: "handshakes",
        kind: Kind::Integer { min: 1, max: 1_000_000 },
        without: Without::Default("1024"),
        doc: "Handshakes of TLS that one worker has under way; the connection of a further one is closed. \
              One that has not yet said what it wants is none.",
        example: "500",
    },
    Key {
        name: "streams",
        kind: Kind::Integer { min: 1, max: 10_000 },
        without: Without::Default("128"),
        doc: "Requests that a client may have open at a time on one HTTP/2 connection. Further ones are refused.",
        example: "64",
    },
    Key {
        name: "tunnel_idle_timeout",
        kind: DURATION,
        without: Without::Default("\"1h\""),
        doc: "How long a tunnel (WebSocket) may pass without a byte in either direction.",
        example: "\"10m\"",
    },
    Key {
        name: "connections",
        kind: Kind::Either(&[Kind::Text(Form::Word(&["auto"])), Kind::Integer { min: 1, max: 10_000_000 }]),
        without: Without::Default("\"auto\""),
        doc: "Number of client connections of the process. `\"auto\"` takes it from the limit of open files, \
              which is the bound in any case: two files for each, less what sessions over UDP may take.",
        example: "10000",
    },
    Key {
        name: "connections_per_address",
        kind: Kind::Either(&[Kind::Text(Form::Word(&["none"])), Kind::Integer { min: 1, max: 10_000_000 }]),
        without: Without::Default("\"none\""),
        doc: "Number of connections that clients of one address may have at a time, on all listeners for TCP together. \
              Of IPv6 a /64 counts as one address. Where `proxy_protocol` tells the client's address, that one counts. \
              Further ones are refused as beyond `connections`: over HTTP in the clear with 503, else by a reset. \
              `\"none\"` is no bound, since behind another proxy or a translation of addresses (NAT) many clients have \
              one address. Browsers open up to six connections to a host. Connections that were made while there was no \
              bound do not count.",
        example: "200",
    },
];
