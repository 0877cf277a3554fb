//! Keys of further attempts and of second copies.

use super::super::{Form, Key, Kind, Section, Without};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "retry",
        kind: Kind::Either(&[Kind::Text(Form::Word(&["off"])), Kind::Table(&RETRY)]),
        without: Without::Means("the defaults of its keys"),
        doc: "Which failures lead to another attempt at another server. A request that never reached a server always \
              may go to another one; one that did, only if its method is idempotent and its body is still there. \
              `\"off\"` is `{ attempts = 0 }`.",
        example: "{ attempts = 2, on = [\"connect\", \"reset\", \"503\"] }",
    },
    Key {
        name: "hedge",
        kind: Kind::Either(&[Kind::Text(Form::Word(&["off"])), Kind::Table(&HEDGE)]),
        without: Without::Default("\"off\""),
        doc: "A second copy of an idempotent request whose answer is late, sent to another server. The first answer \
              counts; the other attempt is given up.",
        example: "{ after = \"p95\", budget = \"2%\" }",
    },
];

/// Further attempts.
pub(crate) static RETRY: Section = Section {
    heading: "retry",
    id: "retry",
    doc: "The table of `retry`.",
    groups: &[&[
        Key {
            name: "attempts",
            kind: Kind::Integer { min: 0, max: 10 },
            without: Without::Default("1"),
            doc: "Further attempts after the first, for each request.",
            example: "2",
        },
        Key {
            name: "on",
            kind: Kind::OneOrMore(&Kind::Either(&[
                Kind::Text(Form::Other { what: "a failure such as \"connect\" or \"502\"", plural: "failures" }),
                Kind::Integer { min: 400, max: 599 },
            ])),
            without: Without::Default("[\"connect\", \"reset\", \"502\", \"503\", \"504\", \"500-if-worse\"]"),
            doc: "The failures: `connect` (no connection could be made), `reset` (it ended before an answer), `timeout` \
                  (no answer came in time), a status from 400 to 599, and `500-if-worse`, a 500 from a server that \
                  does worse than the others of its pool.",
            example: "[\"connect\", \"reset\", \"503\"]",
        },
        Key {
            name: "budget",
            kind: Kind::Text(Form::Share),
            without: Without::Default("\"20%\""),
            doc: "Share of requests that may be attempted again, so that retries do not multiply an overload. Ten in a \
                  second always may.",
            example: "\"10%\"",
        },
    ]],
};

/// Second copies.
pub(crate) static HEDGE: Section = Section {
    heading: "hedge",
    id: "hedge",
    doc: "The table of `hedge`.",
    groups: &[&[
        Key {
            name: "after",
            kind: Kind::Text(Form::Other { what: "\"p95\" or a duration such as \"50ms\"", plural: "times" }),
            without: Without::Required,
            doc: "When the second copy is sent: after a fixed time, or after the time within which a share of the \
                  requests was answered lately, `\"p50\"` to `\"p99.9\"`.",
            example: "\"p99\"",
        },
        Key {
            name: "budget",
            kind: Kind::Text(Form::Share),
            without: Without::Default("\"2%\""),
            doc: "Share of requests that may have a second copy.",
            example: "\"1%\"",
        },
    ]],
};
