//! Keys outside any table.

use super::{Form, Key, Kind, LIMITS, LOG, SITE, Section, UPSTREAM, Without};

/// The file itself.
pub(crate) static TOP: Section = Section {
    heading: "the top of the file",
    id: "evener",
    doc: "Keys that stand before the first `[table]`, and the tables.",
    groups: &[KEYS],
};

const KEYS: &[Key] = &[
    Key {
        name: "workers",
        kind: Kind::Either(&[Kind::Text(Form::Word(&["auto"])), Kind::Integer { min: 1, max: 1024 }]),
        without: Without::Default("\"auto\""),
        doc: "Number of worker threads. `\"auto\"` is one for each core that the process may use.",
        example: "4",
    },
    Key {
        name: "shutdown_grace",
        kind: Kind::Text(Form::Duration),
        without: Without::Default("\"30s\""),
        doc: "How long a graceful stop waits for requests in flight before it cuts them. `\"0s\"` does not wait.",
        example: "\"10s\"",
    },
    Key {
        name: "include",
        kind: Kind::OneOrMore(&Kind::Text(Form::Other { what: "a path or a pattern with *", plural: "paths" })),
        without: Without::Means("one file"),
        doc: "Other files whose sites and upstreams belong to this config. Paths are relative to the file that names \
              them; a pattern takes files in the order of their names and may match none, but its folder must be there. Any other key may be set in \
              one file only.",
        example: "\"conf.d/*.toml\"",
    },
    Key {
        name: "log",
        kind: Kind::Table(&LOG),
        without: Without::Means("no access log"),
        doc: "The access log.",
        example: "{ access = \"stdout\" }",
    },
    Key {
        name: "limits",
        kind: Kind::Table(&LIMITS),
        without: Without::Means("the defaults of its keys"),
        doc: "Bounds for clients.",
        example: "{ head_timeout = \"5s\" }",
    },
    Key {
        name: "site",
        kind: Kind::Tables(&SITE),
        without: Without::Required,
        doc: "The sites, each under its own header. At least one.",
        example: "[[site]]",
    },
    Key {
        name: "upstream",
        kind: Kind::Named(&UPSTREAM),
        without: Without::Means("servers are written in place"),
        doc: "Pools of servers by name.",
        example: "[upstream.web]",
    },
];
