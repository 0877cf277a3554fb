//! The one definition of every key: name, kind, default, sentence and example. The check for unknown keys, the JSON
//! schema and the reference page are made from it. What a text means is read in `value`, not here.

mod acme;
mod action;
mod check;
mod limits;
mod log;
mod proxy;
mod site;
#[cfg(test)]
mod tests;
mod tls;
mod top;
mod transport;
mod upstream;
mod words;

pub(crate) use acme::{ACME, BINDING};
pub(crate) use action::{REDIRECT, RESPOND};
pub(crate) use check::{admits, meant};
pub(crate) use limits::LIMITS;
pub(crate) use log::LOG;
pub(crate) use proxy::{ACCEPT_PROXY, TCP_PROXY};
pub(crate) use site::{ROUTE, SITE};
pub(crate) use tls::{CERTIFICATE, TLS};
pub(crate) use top::TOP;
pub(crate) use transport::{TCP, UDP};
pub(crate) use upstream::{HEALTH, HEDGE, QUEUE, RETRY, SERVER, STICKY, UPSTREAM, UPSTREAM_TLS};

/// A table of the config.
pub(crate) struct Section {
    /// How it is written: `[limits]`, `[[site]]`, or the key whose value is such a table.
    pub(crate) heading: &'static str,
    /// Name of its definition in the schema.
    pub(crate) id: &'static str,
    pub(crate) doc: &'static str,
    /// Its keys, in groups that several sections may share.
    pub(crate) groups: &'static [&'static [Key]],
}

/// A key of a section.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) without: Without,
    pub(crate) doc: &'static str,
    /// A value as it may be written.
    pub(crate) example: &'static str,
}

/// What holds if a key is not written.
pub(crate) enum Without {
    /// This value, as it would be written.
    Default(&'static str),
    /// This, in words.
    Means(&'static str),
    /// The key must be written.
    Required,
}

/// What may be written for a key.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Integer {
        min: i64,
        max: i64,
    },
    /// `true` or `false`.
    Boolean,
    /// A number of bytes.
    Bytes,
    /// One of these numbers.
    Number(&'static [i64]),
    Text(Form),
    List(&'static Self),
    /// A value, or a list of such values.
    OneOrMore(&'static Self),
    Either(&'static [Self]),
    /// Names and texts that the user chooses.
    Map,
    Table(&'static Section),
    /// `[[name]]`, as often as needed.
    Tables(&'static Section),
    /// `[name.NAME]`, with names that the user chooses.
    Named(&'static Section),
}

/// What a text must look like.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    /// One of these.
    Word(&'static [&'static str]),
    Duration,
    Size,
    /// A share of requests, with a percent sign.
    Share,
    /// Something else, called so in messages; an example shows it.
    Other {
        what: &'static str,
        plural: &'static str,
    },
}

/// Every section, in the order of the reference page.
pub(crate) static SECTIONS: &[&Section] = &[
    &TOP,
    &LOG,
    &LIMITS,
    &ACME,
    &BINDING,
    &SITE,
    &TLS,
    &CERTIFICATE,
    &ACCEPT_PROXY,
    &ROUTE,
    &REDIRECT,
    &RESPOND,
    &TCP,
    &TCP_PROXY,
    &UDP,
    &UPSTREAM,
    &SERVER,
    &UPSTREAM_TLS,
    &HEALTH,
    &STICKY,
    &QUEUE,
    &RETRY,
    &HEDGE,
];

impl Section {
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static Key> {
        self.groups.iter().copied().flatten()
    }

    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys().find(|key| key.name == name)
    }
}
