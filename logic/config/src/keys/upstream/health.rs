//! Keys of active checks.

use super::super::{Form, Key, Kind, Section, Without};

pub(super) const KEYS: &[Key] = &[Key {
    name: "health",
    kind: Kind::Either(&[
        Kind::Text(Form::Other { what: "a path such as \"/healthz\"", plural: "paths" }),
        Kind::Table(&HEALTH),
        Kind::Boolean,
    ]),
    without: Without::Means("servers are judged by how they answer requests"),
    doc: "Active checks: evener asks every server at intervals and leaves out those that do not answer well. A text is \
          the path to ask for; `true` only connects; `false` or `\"off\"` does not check.",
    example: "{ path = \"/healthz\", every = \"5s\" }",
}];

/// Active checks in the table form.
pub(crate) static HEALTH: Section = Section {
    heading: "health",
    id: "health",
    doc: "The table form of `health`: `health = { path = \"/healthz\", status = \"200-399\" }`. Without a path a check \
          only connects.",
    groups: &[QUESTION, GRPC, TIMES],
};

const QUESTION: &[Key] = &[
    Key {
        name: "path",
        kind: Kind::Text(Form::Other { what: "a path such as \"/healthz\"", plural: "paths" }),
        without: Without::Means("a check only connects"),
        doc: "Path and query of the GET request that a server is asked.",
        example: "\"/healthz\"",
    },
    Key {
        name: "status",
        kind: Kind::OneOrMore(&Kind::Either(&[
            Kind::Text(Form::Other { what: "statuses such as \"200-399\"", plural: "statuses" }),
            Kind::Integer { min: 100, max: 599 },
        ])),
        without: Without::Default("\"200-399\""),
        doc: "Statuses of a good answer: a number, a text such as `\"200-399\"` or `\"200,204,300-399\"`, or a list of \
              these. Only with a path.",
        example: "\"200,204\"",
    },
    Key {
        name: "body",
        kind: Kind::Text(Form::Other { what: "text", plural: "texts" }),
        without: Without::Means("any body"),
        doc: "Text that the first 64 KiB of a good answer's body hold. Only with a path.",
        example: "\"ready\"",
    },
    Key {
        name: "host",
        kind: Kind::Text(Form::Other { what: "a host name such as \"example.com\"", plural: "host names" }),
        without: Without::Means("the server's own name as written"),
        doc: "The `Host` that a check sends. Only with a path.",
        example: "\"example.com\"",
    },
    Key {
        name: "port",
        kind: Kind::Integer { min: 1, max: 65_535 },
        without: Without::Means("the server's own port"),
        doc: "Port that checks connect to.",
        example: "9000",
    },
];

const GRPC: &[Key] = &[Key {
    name: "grpc",
    kind: Kind::Text(Form::Other { what: "the name of a service of gRPC", plural: "names" }),
    without: Without::Means("no question of gRPC"),
    doc: "Ask for the health of this service by gRPC (`grpc.health.v1.Health/Check`); `\"\"` asks for the server as a \
          whole. In place of `path` and what goes with it; needs `protocol = \"h2c\"` or `\"h2\"`.",
    example: "\"\"",
}];

const TIMES: &[Key] = &[
    Key {
        name: "every",
        kind: Kind::Text(Form::Duration),
        without: Without::Default("\"5s\""),
        doc: "Time between two checks of a server, from `\"100ms\"` to `\"1h\"`. Each is moved at random by up to a \
              tenth, and none begins before the one before it has ended. Until a first one confirms what a server \
              is held to be, they are at most a second apart.",
        example: "\"2s\"",
    },
    Key {
        name: "timeout",
        kind: Kind::Text(Form::Duration),
        without: Without::Default("\"2s\""),
        doc: "Bound on one check as a whole, at most `\"5m\"`.",
        example: "\"500ms\"",
    },
    Key {
        name: "up",
        kind: Kind::Integer { min: 1, max: 100 },
        without: Without::Default("2"),
        doc: "Good checks in a row after which a server that is down is up again.",
        example: "3",
    },
    Key {
        name: "down",
        kind: Kind::Integer { min: 1, max: 100 },
        without: Without::Default("2"),
        doc: "Bad checks in a row after which a server is down.",
        example: "3",
    },
];
