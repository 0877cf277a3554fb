//! Keys outside any table.

use super::{ACME, Form, Key, Kind, LIMITS, LOG, SITE, Section, TCP, UDP, UPSTREAM, Without};

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
        name: "admin",
        kind: Kind::Text(Form::Other {
            what: "\"off\", a loopback address with a port, or unix: and a path",
            plural: "addresses",
        }),
        without: Without::Default("\"off\""),
        doc: "Where evener lets itself be looked at, from this machine only: `/metrics` for Prometheus, `/healthz` and \
              `/readyz` ([metrics.md](metrics.md)). `\"127.0.0.1:9911\"` is usual; a unix socket belongs to the user whom \
              evener runs as and nobody else can open it. It is off unless it is written.",
        example: "\"unix:/run/evener/admin.sock\"",
    },
    Key {
        name: "state_dir",
        kind: Kind::Text(Form::Other { what: "the path of a folder", plural: "paths" }),
        without: Without::Default("\"/var/lib/evener\""),
        doc: "Folder for what must outlive the process: certificates that were ordered, account keys, ticket keys. \
              Relative to the folder that evener was started in.",
        example: "\"./state\"",
    },
    Key {
        name: "include",
        kind: Kind::OneOrMore(&Kind::Text(Form::Other { what: "a path or a pattern with *", plural: "paths" })),
        without: Without::Means("one file"),
        doc: "Other files whose sites, services and upstreams belong to this config. Paths are relative to the file that names \
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
        name: "acme",
        kind: Kind::Table(&ACME),
        without: Without::Means("the defaults of its keys"),
        doc: "How certificates are ordered.",
        example: "{ email = \"admin@example.com\" }",
    },
    Key {
        name: "site",
        kind: Kind::Tables(&SITE),
        without: Without::Means("there is a `tcp` or `udp`"),
        doc: "The sites, each under its own header. There is at least one of `site`, `tcp` and `udp`.",
        example: "[[site]]",
    },
    Key {
        name: "tcp",
        kind: Kind::Tables(&TCP),
        without: Without::Means("there is a `site` or `udp`"),
        doc: "Services over TCP, each under its own header.",
        example: "[[tcp]]",
    },
    Key {
        name: "udp",
        kind: Kind::Tables(&UDP),
        without: Without::Means("there is a `site` or `tcp`"),
        doc: "Services over UDP, each under its own header.",
        example: "[[udp]]",
    },
    Key {
        name: "upstream",
        kind: Kind::Named(&UPSTREAM),
        without: Without::Means("servers are written in place"),
        doc: "Pools of servers by name.",
        example: "[upstream.web]",
    },
];
