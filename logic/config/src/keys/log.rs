//! Keys of `[log]`.

use super::{Form, Key, Kind, Section, Without};

/// The access log.
pub(crate) static LOG: Section = Section {
    heading: "[log]",
    id: "log",
    doc: "The access log: one line for each request. Without this table there is none.",
    groups: &[KEYS],
};

const KEYS: &[Key] = &[
    Key {
        name: "access",
        kind: Kind::Text(Form::Other {
            what: "\"stdout\", \"stderr\", \"off\" or the path of a file",
            plural: "places",
        }),
        without: Without::Default("\"stdout\""),
        doc: "Where lines go: `\"stdout\"`, `\"stderr\"`, `\"off\"`, or the path of a file, which has a `/` in it. The \
              file is appended to, and opened anew on the signal USR1.",
        example: "\"/var/log/evener/access.log\"",
    },
    Key {
        name: "format",
        kind: Kind::Text(Form::Other {
            what: "\"json\", \"combined\", \"common\" or a template with {names}",
            plural: "formats",
        }),
        without: Without::Default("\"json\""),
        doc: "How a line looks: `\"json\"`, `\"combined\"` and `\"common\"` as other servers write them, or a template \
              such as `\"{client} {status}\"`. `{{` and `}}` stand for a brace. The names are listed \
              at the end of the reference page.",
        example: "\"{time} {client} {method} {target} {status}\"",
    },
];
