//! Keys of `[acme]`.

use super::{Form, Key, Kind, Section, Without};

/// How certificates are ordered.
pub(crate) static ACME: Section = Section {
    heading: "[acme]",
    id: "acme",
    doc: "How certificates are ordered and renewed for sites and services with `tls = \"auto\"`.",
    groups: &[KEYS],
};

/// A binding of the account.
pub(crate) static BINDING: Section = Section {
    heading: "binding",
    id: "binding",
    doc: "The table of `binding`.",
    groups: &[&[
        Key {
            name: "id",
            kind: Kind::Text(Form::Other { what: "the identifier of a key", plural: "identifiers" }),
            without: Without::Required,
            doc: "Identifier of the key.",
            example: "\"kid-1\"",
        },
        Key {
            name: "key",
            kind: Kind::Text(Form::Other { what: "a key in base64url", plural: "keys" }),
            without: Without::Required,
            doc: "The key, base64url.",
            example: "\"${ACME_KEY}\"",
        },
    ]],
};

const KEYS: &[Key] = &[
    Key {
        name: "directory",
        kind: Kind::Text(Form::Other { what: "\"letsencrypt\" or a URL that begins with https://", plural: "URLs" }),
        without: Without::Default("\"letsencrypt\""),
        doc: "The authority: `\"letsencrypt\"`, `\"letsencrypt-staging\"` (for trials: nobody trusts its certificates), or \
              the URL of another one's directory.",
        example: "\"letsencrypt-staging\"",
    },
    Key {
        name: "email",
        kind: Kind::Text(Form::Other { what: "an address for mail", plural: "addresses" }),
        without: Without::Means("none is given"),
        doc: "Where the authority may write about problems.",
        example: "\"admin@example.com\"",
    },
    Key {
        name: "ca",
        kind: Kind::Text(Form::Other { what: "the path of a file", plural: "paths" }),
        without: Without::Means("what the machine trusts"),
        doc: "Path of the certificates (PEM) that vouch for the directory's own connection, for an authority of one's \
              own. Relative to the folder that evener was started in.",
        example: "\"/etc/evener/acme-ca.pem\"",
    },
    Key {
        name: "renew_before",
        kind: Kind::Text(Form::Duration),
        without: Without::Default("\"30d\""),
        doc: "How long before its end a certificate is renewed if the authority does not say when, from `\"1m\"` to \
              `\"365d\"`.",
        example: "\"20d\"",
    },
    Key {
        name: "binding",
        kind: Kind::Table(&BINDING),
        without: Without::Means("the account stands for itself"),
        doc: "Binds the account to one that exists at the authority (RFC 8555 §7.3.4), where it asks for that.",
        example: "{ id = \"kid-1\", key = \"${ACME_KEY}\" }",
    },
];
