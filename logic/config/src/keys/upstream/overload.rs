//! Keys for what happens when servers have more to do than they can.

use super::super::{Form, Key, Kind, Section, Without};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "max_requests",
        kind: Kind::Either(&[Kind::Integer { min: 1, max: 1_000_000 }, Kind::Text(Form::Word(&["auto"]))]),
        without: Without::Means("no bound"),
        doc: "Bound on the requests that one server works on at a time; more wait in the queue. `\"auto\"` learns it \
              from response times.",
        example: "100",
    },
    Key {
        name: "queue",
        kind: Kind::Either(&[Kind::Text(Form::Word(&["off"])), Kind::Table(&QUEUE)]),
        without: Without::Means("the defaults of its keys"),
        doc: "Where requests wait while every server is at its `max_requests`. Those for which there is no room, and \
              those that have waited too long, get a 503. `\"off\"` lets none wait.",
        example: "{ size = 500, wait = \"100ms\" }",
    },
];

/// The queue.
pub(crate) static QUEUE: Section = Section {
    heading: "queue",
    id: "queue",
    doc: "The table of `queue`.",
    groups: &[&[
        Key {
            name: "size",
            kind: Kind::Integer { min: 0, max: 1_000_000 },
            without: Without::Default("1000"),
            doc: "How many requests may wait; 0 lets none wait.",
            example: "500",
        },
        Key {
            name: "wait",
            kind: Kind::Text(Form::Duration),
            without: Without::Default("\"50ms\""),
            doc: "How long a request may wait, at most `\"10m\"`.",
            example: "\"100ms\"",
        },
    ]],
};
