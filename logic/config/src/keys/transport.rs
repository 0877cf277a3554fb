//! Keys of `[[tcp]]` and `[[udp]]`.

use super::{Form, Key, Kind, Section, Without, action::SERVER_KIND, proxy, tls};

/// A service over TCP.
pub(crate) static TCP: Section = Section {
    heading: "[[tcp]]",
    id: "tcp",
    doc: "A service over TCP: bytes go through as they are, in both directions. Balancing and checks are those of the \
          upstream; its keys about requests mean connections here.",
    groups: &[TCP_KEYS, tls::KEYS, proxy::TCP_KEYS],
};

/// A service over UDP.
pub(crate) static UDP: Section = Section {
    heading: "[[udp]]",
    id: "udp",
    doc: "A service over UDP. Datagrams from one address and port are a session, which keeps its server.",
    groups: &[UDP_KEYS],
};

const ADDRESSES: Kind =
    Kind::OneOrMore(&Kind::Text(Form::Other { what: "an address such as \":5432\"", plural: "addresses" }));

const TO: Kind = Kind::Either(&[
    Kind::Text(Form::Other { what: "the name of an upstream or an address", plural: "addresses" }),
    Kind::List(&SERVER_KIND),
]);

const TCP_KEYS: &[Key] = &[
    Key {
        name: "listen",
        kind: ADDRESSES,
        without: Without::Required,
        doc: "Where the service listens, as of a site. No site may use the same address; another service may, if the \
              `hosts` differ.",
        example: "\":5432\"",
    },
    Key {
        name: "hosts",
        kind: Kind::OneOrMore(&Kind::Text(Form::Other {
            what: "a host name such as \"db.example.com\"",
            plural: "host names",
        })),
        without: Without::Means("any connection that no other service takes"),
        doc: "Names that a client asks for in its first message of TLS (SNI), exact or as in `\"*.example.com\"`. They \
              choose a service without ending TLS.",
        example: "[\"db.example.com\"]",
    },
    Key {
        name: "to",
        kind: TO,
        without: Without::Required,
        doc: "Where connections go: the name of an upstream, one address, or a list of servers as in `servers`. The \
              upstream may have `tls`, but not `sticky`, `hedge`, a `hash_key` other than `\"client_ip\"` or a \
              `protocol`.",
        example: "[\"10.0.0.5:5432\", \"10.0.0.6:5432\"]",
    },
    Key {
        name: "idle_timeout",
        kind: Kind::Text(Form::Duration),
        without: Without::Default("\"1h\""),
        doc: "How long a connection may pass without a byte in either direction.",
        example: "\"10m\"",
    },
];

const UDP_KEYS: &[Key] = &[
    Key {
        name: "listen",
        kind: ADDRESSES,
        without: Without::Required,
        doc: "Where the service listens. No other one may use the same address over UDP.",
        example: "\":53\"",
    },
    Key {
        name: "to",
        kind: TO,
        without: Without::Required,
        doc: "Where datagrams go: the name of an upstream, one address, or a list of servers as in `servers`. The \
              upstream may have neither what is refused for `[[tcp]]` nor `tls` nor unix sockets.",
        example: "[\"10.0.0.5:53\", \"10.0.0.6:53\"]",
    },
    Key {
        name: "idle_timeout",
        kind: Kind::Text(Form::Duration),
        without: Without::Default("\"30s\""),
        doc: "How long a session without a datagram is kept. A session is what one address and port asks at one of our \
              addresses; the answers leave from there.",
        example: "\"10s\"",
    },
    Key {
        name: "max_sessions",
        kind: Kind::Integer { min: 1, max: 10_000_000 },
        without: Without::Default("10000"),
        doc: "Sessions at a time. For a further one those end that were silent for longest, if that was a second at least; \
              else its datagram is dropped. All services over UDP together get a quarter of the files that the process may \
              have open, or what `connections` of `[limits]` leaves of them: where that is less, the bounds of all are \
              lowered, which is told at the start.",
        example: "50000",
    },
];
