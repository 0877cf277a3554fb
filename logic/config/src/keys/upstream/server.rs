//! Keys of a server in the table form.

use super::super::{Form, Key, Kind, Section, Without};

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
            doc: "Share of requests relative to the other servers; 0 takes no new clients.",
            example: "2",
        },
        Key {
            name: "backup",
            kind: Kind::Boolean,
            without: Without::Default("false"),
            doc: "Whether the server gets requests only while no other is available: `true` is the same as `tier = 1`.",
            example: "true",
        },
        Key {
            name: "tier",
            kind: Kind::Integer { min: 0, max: TIER_MAX },
            without: Without::Default("0"),
            doc: "Servers of tier 0 are used first; those of a higher tier only while no server of a lower one is \
                  available.",
            example: "2",
        },
    ]],
};

/// The same bound as that of the plan, as a number of the config.
const TIER_MAX: i64 = evener_plan::TIER_MAX as i64;
