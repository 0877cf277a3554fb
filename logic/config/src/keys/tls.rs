//! Keys of TLS towards clients, which sites and TCP services share.

use super::{Form, Key, Kind, Section, Without};

pub(super) const KEYS: &[Key] = &[Key {
    name: "tls",
    kind: Kind::Either(&[Kind::Text(Form::Word(&["auto", "internal"])), Kind::Table(&TLS)]),
    without: Without::Means("no TLS"),
    doc: "TLS. `\"auto\"` orders a certificate for each of the `hosts` over ACME (see `[acme]`) and renews it; the hosts \
          are exact names then. `\"internal\"` signs certificates with an authority of evener's own, for development. \
          A table names files. Either all that share an address have TLS or none.",
    example: "{ cert = \"/etc/evener/site.pem\", key = \"/etc/evener/site.key\" }",
}];

/// TLS towards clients in the table form.
pub(crate) static TLS: Section = Section {
    heading: "tls",
    id: "tls",
    doc: "The table form of `tls`: `tls = { cert = \"site.pem\", key = \"site.key\" }`. It has files, or `source`. Files \
          are PEM; like that of the access log, their paths are relative to the folder that evener was started in.",
    groups: &[SOURCE, FILES, CLIENTS],
};

/// A further certificate.
pub(crate) static CERTIFICATE: Section = Section {
    heading: "a certificate",
    id: "certificate",
    doc: "A certificate in the list `certificates`: `{ cert = \"site.pem\", key = \"site.key\" }`.",
    groups: &[FILES_REQUIRED],
};

const PATH: Kind = Kind::Text(Form::Other { what: "the path of a file", plural: "paths" });

const CERT_DOC: &str = "Path of the certificate and its chain, the site's own first.";
const KEY_DOC: &str = "Path of the certificate's private key.";

const SOURCE: &[Key] = &[Key {
    name: "source",
    kind: Kind::Text(Form::Word(&["auto", "internal"])),
    without: Without::Means("`cert` and `key`, or `certificates`"),
    doc: "Where certificates come from if not from files: `\"auto\"` and `\"internal\"` as in place of the table, so that \
          client certificates go together with them.",
    example: "\"internal\"",
}];

const FILES: &[Key] = &[
    Key { name: "cert", kind: PATH, without: Without::Means("`source`"), doc: CERT_DOC, example: "\"site.pem\"" },
    Key { name: "key", kind: PATH, without: Without::Means("`source`"), doc: KEY_DOC, example: "\"site.key\"" },
    Key {
        name: "certificates",
        kind: Kind::List(&Kind::Table(&CERTIFICATE)),
        without: Without::Means("`cert` alone"),
        doc: "More certificates, for other names or with other kinds of keys. A client gets one for the name that it \
              asks for, with a key that it understands.",
        example: "[{ cert = \"ecdsa.pem\", key = \"ecdsa.key\" }]",
    },
];

const FILES_REQUIRED: &[Key] = &[
    Key { name: "cert", kind: PATH, without: Without::Required, doc: CERT_DOC, example: "\"site.pem\"" },
    Key { name: "key", kind: PATH, without: Without::Required, doc: KEY_DOC, example: "\"site.key\"" },
];

const CLIENTS: &[Key] = &[
    Key {
        name: "client_ca",
        kind: PATH,
        without: Without::Means("clients are not asked for certificates"),
        doc: "Path of the certificates of the authorities that sign those of clients. Servers are told of a client's \
              certificate in the fields `x-client-cert`, `x-client-cert-subject` and so on, which no client can forge; see \
              [tls.md](tls.md).",
        example: "\"clients.pem\"",
    },
    Key {
        name: "client_auth",
        kind: Kind::Text(Form::Word(&["required", "optional"])),
        without: Without::Default("\"required\""),
        doc: "Whether a client without a certificate is turned away. A bad certificate always is. Only with \
              `client_ca`.",
        example: "\"optional\"",
    },
    Key {
        name: "client_crl",
        kind: Kind::OneOrMore(&PATH),
        without: Without::Means("nothing is revoked"),
        doc: "Paths of lists of revoked client certificates. Only with `client_ca`.",
        example: "\"revoked.pem\"",
    },
    Key {
        name: "min_version",
        kind: Kind::Text(Form::Word(&["1.2", "1.3"])),
        without: Without::Default("\"1.2\""),
        doc: "The oldest version of TLS that is spoken.",
        example: "\"1.3\"",
    },
];
