//! Keys of `[[site]]` and `[[site.route]]`.

use super::{Form, Key, Kind, Section, Without, action, proxy, tls};

/// A site.
pub(crate) static SITE: Section = Section {
    heading: "[[site]]",
    id: "site",
    doc: "A site: the hosts it answers for, where it listens, and what it does. It has routes, or one of `to`, \
          `redirect` and `respond`, or both; its own action then takes the requests that no route takes.",
    groups: &[SITE_KEYS, tls::KEYS, proxy::SITE_KEYS, action::ACTIONS, action::OPTIONS, SITE_ROUTES],
};

/// A route of a site.
pub(crate) static ROUTE: Section = Section {
    heading: "[[site.route]]",
    id: "route",
    doc: "A route of the site above it. The most specific path wins: an exact one, then the longest prefix, then \
          regular expressions in the order of the file. It has exactly one of `to`, `redirect` and `respond`.",
    groups: &[ROUTE_KEYS, action::ACTIONS, action::OPTIONS],
};

const SITE_KEYS: &[Key] = &[
    Key {
        name: "listen",
        kind: Kind::OneOrMore(&Kind::Text(Form::Other { what: "an address such as \":8080\"", plural: "addresses" })),
        without: Without::Default("\":8080\""),
        doc: "Where the site listens: `\":8080\"` on every interface, or one address such as `\"127.0.0.1:8080\"`. \
              Sites may share an address if their hosts differ. With `tls` the default is `\":443\"`, and addresses \
              with port 80 are without TLS and only redirect to the others.",
        example: "[\":80\", \"127.0.0.1:8080\"]",
    },
    Key {
        name: "hosts",
        kind: Kind::OneOrMore(&Kind::Text(Form::Other {
            what: "a host name such as \"example.com\"",
            plural: "host names",
        })),
        without: Without::Means("any host that no other site names"),
        doc: "Host names that the site answers for. `\"*.example.com\"` is every name below `example.com`, but not \
              `example.com` itself.",
        example: "[\"example.com\", \"*.example.com\"]",
    },
    Key {
        name: "redirect_from",
        kind: Kind::OneOrMore(&Kind::Text(Form::Other { what: "an address such as \":80\"", plural: "addresses" })),
        without: Without::Means("`\":80\"` if `listen` is not written, else its addresses with port 80"),
        doc: "Addresses without TLS at which requests are redirected to the site's own (308). `[]` is none. Only with \
              `tls`. If it is not written, hosts for which another site answers at `\":80\"` are not redirected.",
        example: "\":8080\"",
    },
    Key {
        name: "http2",
        kind: Kind::Boolean,
        without: Without::Means("`true` with `tls`, `false` without"),
        doc: "Whether HTTP/2 is spoken, besides HTTP/1. Without TLS, clients must know beforehand that they can use it; \
              sites that share such an address agree on it.",
        example: "true",
    },
    Key {
        name: "trusted_proxies",
        kind: Kind::OneOrMore(&Kind::Text(Form::Other {
            what: "a block of addresses such as \"10.0.0.0/8\"",
            plural: "blocks of addresses",
        })),
        without: Without::Means("no peer is trusted"),
        doc: "Peers whose `X-Forwarded-*` and `X-Client-Cert-*` fields are believed. Those of anyone else are dropped.",
        example: "[\"10.0.0.0/8\", \"::1\"]",
    },
];

const SITE_ROUTES: &[Key] = &[Key {
    name: "route",
    kind: Kind::Tables(&ROUTE),
    without: Without::Means("the site's own action takes every request"),
    doc: "Routes of the site. They stand after the site's own keys.",
    example: "[[site.route]]",
}];

const ROUTE_KEYS: &[Key] = &[
    Key {
        name: "path",
        kind: Kind::Text(Form::Other { what: "a path such as \"/api/\"", plural: "paths" }),
        without: Without::Default("\"/\""),
        doc: "What the path must be: `\"/api/\"` a beginning, `\"= /api\"` exactly this, `\"~ ^/v[0-9]+/\"` a regular \
              expression that is found in it.",
        example: "\"/api/\"",
    },
    Key {
        name: "methods",
        kind: Kind::OneOrMore(&Kind::Text(Form::Other { what: "a method such as \"GET\"", plural: "methods" })),
        without: Without::Means("any method"),
        doc: "Methods, case-sensitive.",
        example: "[\"GET\", \"HEAD\"]",
    },
    Key {
        name: "headers",
        kind: Kind::Map,
        without: Without::Means("any headers"),
        doc: "Header fields that a request must have, each with exactly this value.",
        example: "{ x-canary = \"1\" }",
    },
];
