//! Keys that a site and a route share: what is done with a request, and how.

use super::{Form, Key, Kind, SERVER, Section, Without};

/// The three actions. A route has exactly one of them.
pub(super) const ACTIONS: &[Key] = &[
    Key {
        name: "to",
        kind: Kind::Either(&[
            Kind::Text(Form::Other { what: "the name of an upstream or an address", plural: "addresses" }),
            Kind::List(&SERVER_KIND),
        ]),
        without: Without::Means("`redirect` or `respond`"),
        doc: "Forward requests: the name of an upstream, one address, or a list of servers as in `servers`.",
        example: "[\"127.0.0.1:8081\", \"127.0.0.1:8082\"]",
    },
    Key {
        name: "redirect",
        kind: Kind::Either(&[
            Kind::Text(Form::Other { what: "a target such as \"https://{host}{uri}\"", plural: "targets" }),
            Kind::Table(&REDIRECT),
        ]),
        without: Without::Means("`to` or `respond`"),
        doc: "Answer with a redirect, with status 308 unless the table form says otherwise. `{host}`, `{hostname}` \
              (without its port), `{path}`, `{query}` and `{uri}` are those of the request.",
        example: "\"https://{host}{uri}\"",
    },
    Key {
        name: "respond",
        kind: Kind::Table(&RESPOND),
        without: Without::Means("`to` or `redirect`"),
        doc: "Answer with fixed text.",
        example: "{ status = 404, body = \"not here\" }",
    },
];

/// Keys that only make sense together with `to`.
pub(super) const OPTIONS: &[Key] = &[
    Key {
        name: "strip_prefix",
        kind: Kind::Text(Form::Other { what: "the beginning of a path such as \"/api\"", plural: "paths" }),
        without: Without::Means("the path goes through as it is"),
        doc: "Prefix that is removed from the path before it goes to the server. A slash at its end makes no \
              difference. Only with `to`; the routes of a site do not inherit it.",
        example: "\"/api\"",
    },
    Key {
        name: "timeout",
        kind: Kind::Text(Form::Duration),
        without: Without::Means("no bound"),
        doc: "Bound on the whole exchange, from the first byte of the request to the last of the response. Only with \
              `to`. On a site it is the default of its routes.",
        example: "\"30s\"",
    },
    Key {
        name: "set_headers",
        kind: Kind::Map,
        without: Without::Means("nothing is set"),
        doc: "Header fields that are set on the request to the server, in place of any of that name; an empty text \
              removes the field. Only with `to`. A route adds to those of its site, and its own win.",
        example: "{ x-from = \"evener\" }",
    },
    Key {
        name: "host",
        kind: Kind::Text(Form::Other { what: "\"client\", \"upstream\" or a host name", plural: "host names" }),
        without: Without::Default("\"client\""),
        doc: "The `Host` that a server sees: the one that the client sent, the server's own name as written \
              (`\"upstream\"`), or this text. Only with `to`. On a site it is the default of its routes.",
        example: "\"upstream\"",
    },
];

pub(super) static SERVER_KIND: Kind = Kind::Either(&[
    Kind::Text(Form::Other { what: "an address such as \"127.0.0.1:8081\"", plural: "servers" }),
    Kind::Table(&SERVER),
]);

/// A redirect with its status.
pub(crate) static REDIRECT: Section = Section {
    heading: "redirect",
    id: "redirect",
    doc: "The table form of `redirect`: `redirect = { to = \"https://example.com{uri}\", status = 301 }`.",
    groups: &[&[
        Key {
            name: "to",
            kind: Kind::Text(Form::Other { what: "a target such as \"https://{host}{uri}\"", plural: "targets" }),
            without: Without::Required,
            doc: "Where to: begins with `https://`, `http://` or a path. `{host}`, `{hostname}` (without its \
                  port), `{path}`, `{query}` and `{uri}` are those of the request; `{{` and `}}` stand for a brace.",
            example: "\"https://www.example.com{uri}\"",
        },
        Key {
            name: "status",
            kind: Kind::Number(&[301, 302, 303, 307, 308]),
            without: Without::Default("308"),
            doc: "301, 302, 303, 307 or 308. With 307 and 308 the client repeats the method and the body.",
            example: "301",
        },
    ]],
};

/// A fixed answer.
pub(crate) static RESPOND: Section = Section {
    heading: "respond",
    id: "respond",
    doc: "The table of `respond`.",
    groups: &[&[
        Key {
            name: "status",
            kind: Kind::Integer { min: 200, max: 599 },
            without: Without::Default("200"),
            doc: "Status of the answer.",
            example: "404",
        },
        Key {
            name: "body",
            kind: Kind::Text(Form::Other { what: "text", plural: "texts" }),
            without: Without::Default("\"\""),
            doc: "Body of the answer. A 204, 205 or 304 has none.",
            example: "\"not here\"",
        },
        Key {
            name: "content_type",
            kind: Kind::Text(Form::Other { what: "a media type such as \"text/plain\"", plural: "media types" }),
            without: Without::Default("\"text/plain; charset=utf-8\""),
            doc: "`Content-Type` of the body.",
            example: "\"application/json\"",
        },
    ]],
};
