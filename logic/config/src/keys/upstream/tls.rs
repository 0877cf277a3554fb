//! Keys for what servers speak, and of TLS towards them.

use super::super::{Form, Key, Kind, Section, Without};
use crate::value::PROTOCOLS;

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "protocol",
        kind: Kind::Text(Form::Word(PROTOCOLS)),
        without: Without::Default("\"http1\""),
        doc: "What servers speak: `\"http1\"`; `\"h2c\"`, HTTP/2 without TLS; `\"h2\"`, HTTP/2 over TLS; `\"auto\"`, over TLS \
              whichever of the two a server prefers. gRPC needs `\"h2c\"` or `\"h2\"`. Of requests that have no form in HTTP/2, \
              such as one without a host or with `<` in its target, and of WebSockets to a server that takes none over \
              HTTP/2 (RFC 8441), `\"auto\"` makes requests of HTTP/1.1; the others answer 400 and 502.",
        example: "\"h2c\"",
    },
    Key {
        name: "tls",
        kind: Kind::Either(&[Kind::Boolean, Kind::Table(&UPSTREAM_TLS)]),
        without: Without::Default("false"),
        doc: "TLS towards servers. `true` accepts certificates for the server's name as written from the authorities \
              that the machine trusts.",
        example: "{ ca = \"/etc/evener/servers.pem\" }",
    },
];

const PATH: Kind = Kind::Text(Form::Other { what: "the path of a file", plural: "paths" });

/// TLS towards servers in the table form.
pub(crate) static UPSTREAM_TLS: Section = Section {
    heading: "tls of an upstream",
    id: "upstream_tls",
    doc: "The table form of `tls` in an upstream. Files are PEM; like that of the access log, their paths are relative to \
          the folder that evener was started in.",
    groups: &[&[
        Key {
            name: "ca",
            kind: PATH,
            without: Without::Means("the authorities that the machine trusts"),
            doc: "Path of the certificates of the authorities that sign those of the servers.",
            example: "\"servers.pem\"",
        },
        Key {
            name: "sni",
            kind: Kind::Text(Form::Other { what: "a host name such as \"app.example.com\"", plural: "host names" }),
            without: Without::Means("the server's own name as written"),
            doc: "Name that the certificates of the servers must have, and that they are asked for. Servers on unix \
                  sockets need it.",
            example: "\"app.example.com\"",
        },
        Key {
            name: "verify",
            kind: Kind::Boolean,
            without: Without::Default("true"),
            doc: "`false` accepts any certificate: the connection is secret, but whose it is nobody knows.",
            example: "false",
        },
        Key {
            name: "cert",
            kind: PATH,
            without: Without::Means("none is shown"),
            doc: "Path of the certificate and its chain that evener shows to servers. Only with `key`.",
            example: "\"evener.pem\"",
        },
        Key {
            name: "key",
            kind: PATH,
            without: Without::Means("none is shown"),
            doc: "Path of the private key of `cert`.",
            example: "\"evener.key\"",
        },
    ]],
};
