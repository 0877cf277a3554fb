//! Keys of the cookie that leads a client back to its server.

use super::super::{Form, Key, Kind, Section, Without};

/// The cookie in the table form.
pub(crate) static STICKY: Section = Section {
    heading: "sticky",
    id: "sticky",
    doc: "The table form of `sticky`: `sticky = { cookie = \"evener\", max_age = \"1h\" }`.",
    groups: &[&[
        Key {
            name: "cookie",
            kind: Kind::Text(Form::Other { what: "the name of a cookie", plural: "cookies" }),
            without: Without::Default("\"evener\""),
            doc: "Name of the cookie.",
            example: "\"sid\"",
        },
        Key {
            name: "secret",
            kind: Kind::Text(Form::Other { what: "text", plural: "texts" }),
            without: Without::Means("a new one at each start; older cookies then count for nothing"),
            doc: "Key with which the cookie is signed, at least 16 bytes. Copies of evener that serve the same clients \
                  need the same.",
            example: "\"${STICKY_SECRET}\"",
        },
        Key {
            name: "max_age",
            kind: Kind::Text(Form::Duration),
            without: Without::Means("until the browser is closed"),
            doc: "How long a browser keeps the cookie, at least a second.",
            example: "\"1h\"",
        },
        Key {
            name: "secure",
            kind: Kind::Boolean,
            without: Without::Default("false"),
            doc: "Whether browsers send the cookie over TLS only.",
            example: "true",
        },
    ]],
};
