//! Keys of the PROXY protocol, by which a load balancer in front tells who the client is.

use super::{Form, Key, Kind, Section, Without};

pub(super) const SITE_KEYS: &[Key] = &[Key {
    name: "proxy_protocol",
    kind: Kind::Either(&[Kind::Boolean, Kind::Table(&ACCEPT_PROXY)]),
    without: Without::Default("false"),
    doc: "Whether connections begin with a header of the PROXY protocol, version 1 or 2, that names the client. `true` \
          believes every peer, so only a load balancer may be able to reach the site; a table names the peers. A \
          connection without a header, or from another peer, is closed. All that share an address agree on it.",
    example: "{ from = [\"10.0.0.0/8\"] }",
}];

pub(super) const TCP_KEYS: &[Key] = &[Key {
    name: "proxy_protocol",
    kind: Kind::Either(&[Kind::Boolean, Kind::Table(&TCP_PROXY)]),
    without: Without::Default("false"),
    doc: "Headers of the PROXY protocol: `true` takes one from every client, as of a site. The table form also sends \
          them to servers.",
    example: "{ accept = true, from = [\"10.0.0.0/8\"], send = \"v2\" }",
}];

const BLOCKS: Kind = Kind::OneOrMore(&Kind::Text(Form::Other {
    what: "a block of addresses such as \"10.0.0.0/8\"",
    plural: "blocks of addresses",
}));

/// Whose headers a site believes.
pub(crate) static ACCEPT_PROXY: Section = Section {
    heading: "proxy_protocol of a site",
    id: "accept_proxy",
    doc: "The table form of `proxy_protocol` in a site: `proxy_protocol = { from = [\"10.0.0.0/8\"] }`.",
    groups: &[&[Key {
        name: "from",
        kind: BLOCKS,
        without: Without::Required,
        doc: "Peers that must begin with a header. Connections of others are closed.",
        example: "[\"10.0.0.0/8\"]",
    }]],
};

/// Headers that a TCP service takes and sends.
pub(crate) static TCP_PROXY: Section = Section {
    heading: "proxy_protocol of a TCP service",
    id: "tcp_proxy",
    doc: "The table form of `proxy_protocol` in `[[tcp]]`.",
    groups: &[&[
        Key {
            name: "accept",
            kind: Kind::Boolean,
            without: Without::Means("`true` with `from`, `false` without"),
            doc: "Whether connections of clients begin with a header.",
            example: "true",
        },
        Key {
            name: "from",
            kind: BLOCKS,
            without: Without::Means("every peer"),
            doc: "Peers that must begin with a header. Connections of others are closed.",
            example: "[\"10.0.0.0/8\"]",
        },
        Key {
            name: "send",
            kind: Kind::Text(Form::Word(&["v1", "v2"])),
            without: Without::Means("servers get no header"),
            doc: "Version of the header that servers get before the first byte of the client, and before TLS if the \
                  upstream has `tls`. Checks of these servers begin with one, too, that names nobody (`LOCAL`, or \
                  `UNKNOWN` in version 1), unless `health` has a port of its own; services that share an upstream with \
                  `health` therefore send the same.",
            example: "\"v2\"",
        },
    ]],
};
