//! Reading the keys of one table: typed values by name, with a finding for what does not fit. It knows no key by name.

use super::At;
use crate::diagnostic::{Finding, Report};
use crate::keys::{self, Form, Key, Kind, Section, Without};
use crate::source::Span;
use crate::tree::{Entry, Node, Table, Text, Value};
use crate::value::{Fault, closest, quote};
use std::str::FromStr;

/// The keys of a table that exist and have a fitting shape.
pub(super) struct Fields<'t> {
    section: &'static Section,
    entries: Vec<&'t Entry>,
    /// Keys that are written, or that a misspelt one was meant to be.
    meant: Vec<&'t str>,
    /// Whether a line could not be read, which any key may stand on.
    is_broken: bool,
}

impl<'t> Fields<'t> {
    /// Reports unknown keys and values of the wrong shape, and leaves them out.
    pub(super) fn open(section: &'static Section, table: &'t Table, report: &mut Report) -> Self {
        let entries: Vec<&Entry> = table.entries.iter().filter(|entry| keys::admits(section, entry, report)).collect();
        let meant = table.entries.iter().flat_map(|entry| keys::meant(section, &entry.name)).collect();
        Self { section, entries, meant, is_broken: report.is_broken() }
    }

    /// Of a table that was checked before.
    pub(super) fn checked(section: &'static Section, table: &'t Table) -> Self {
        let meant = table.entries.iter().map(|entry| entry.name.as_str()).collect();
        Self { section, entries: table.entries.iter().collect(), meant, is_broken: false }
    }

    /// Whether a key is missing: it is neither written, rightly or not, nor what an unknown key was meant to be.
    pub(super) fn lacks(&self, name: &str) -> bool {
        debug_assert!(self.section.key(name).is_some(), "{} has no key {name}", self.section.heading);
        !self.is_broken && !self.meant.contains(&name)
    }

    pub(super) fn entry(&self, name: &str) -> Option<&'t Entry> {
        debug_assert!(self.section.key(name).is_some(), "{} has no key {name}", self.section.heading);
        self.entries.iter().find(|entry| entry.name == name).copied()
    }

    /// A text, parsed. `None` if it is not written or not right.
    pub(super) fn text<T>(
        &self,
        name: &str,
        report: &mut Report,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<At<T>> {
        self.entry(name).and_then(|entry| text(&entry.node, report, parse))
    }

    /// A text, parsed, or the default of the key.
    pub(super) fn or_default<T>(&self, name: &str, report: &mut Report, parse: impl Fn(&str) -> Result<T, Fault>) -> T {
        self.text(name, report, &parse).map_or_else(|| default(self.key(name), parse), |at| at.value)
    }

    /// A text or a list of texts, parsed; those that are not right are left out.
    pub(super) fn texts<T>(
        &self,
        name: &str,
        report: &mut Report,
        parse: impl Fn(&str) -> Result<T, Fault>,
    ) -> Option<Vec<At<T>>> {
        let entry = self.entry(name)?;
        match &entry.node.value {
            Value::List(items) => Some(items.iter().filter_map(|item| text(item, report, &parse)).collect()),
            _ => Some(text(&entry.node, report, &parse).into_iter().collect()),
        }
    }

    /// One of the words of the key. `None` if it is not written or no such word.
    pub(super) fn word(&self, name: &str, report: &mut Report) -> Option<At<&'static str>> {
        let entry = self.entry(name)?;
        let Value::Text(written) = &entry.node.value else { return None };
        let words = words(self.key(name).kind);
        let found = words.iter().find(|word| **word == written.content);
        if found.is_none() {
            unknown_word(written, &entry.node, self.key(name), words, report);
        }
        found.map(|word| At { value: *word, span: entry.node.span })
    }

    /// The tables of `[[name]]` with the places of their headers.
    pub(super) fn tables(&self, name: &str) -> impl Iterator<Item = (&'t Table, Span)> + use<'t> {
        let items = match self.entry(name).map(|entry| &entry.node.value) {
            Some(Value::List(items)) => items.as_slice(),
            _ => &[],
        };
        items.iter().filter_map(|item| match &item.value {
            Value::Table(table) => Some((table, item.span)),
            _ => None,
        })
    }

    /// A number that fits its key.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        match self.entry(name)?.node.value {
            Value::Integer(number) => number,
            _ => None,
        }
    }

    /// A number that fits its key, or the default of the key.
    pub(super) fn number_or_default<T: TryFrom<i64> + FromStr>(&self, name: &str) -> T {
        let number = self.number(name).and_then(|number| T::try_from(number).ok());
        number.unwrap_or_else(|| default(self.key(name), |text| text.parse().map_err(|_| not_a_number())))
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.entry(name)?.node.value {
            Value::Boolean(flag) => Some(flag),
            _ => None,
        }
    }

    /// The items of a list, or the one value that stands in place of it. An empty list is reported with this help.
    pub(super) fn items(&self, name: &str, help: &str, report: &mut Report) -> Option<&'t [Node]> {
        let entry = self.entry(name)?;
        refuse_empty(Some(entry), help, report);
        Some(match &entry.node.value {
            Value::List(items) => items,
            _ => std::slice::from_ref(&entry.node),
        })
    }

    /// A table.
    pub(super) fn table(&self, name: &str) -> Option<&'t Table> {
        match &self.entry(name)?.node.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    pub(super) fn key(&self, name: &str) -> &'static Key {
        self.section.key(name).expect("keys are read from the section that defines them")
    }
}

/// A text, parsed; what is wrong with it is reported.
pub(super) fn text<T>(node: &Node, report: &mut Report, parse: impl Fn(&str) -> Result<T, Fault>) -> Option<At<T>> {
    let Value::Text(text) = &node.value else { return None };
    match parse(&text.content) {
        Ok(value) => Some(At { value, span: node.span }),
        Err(fault) => {
            raise(fault, text, node.span, report);
            None
        }
    }
}

/// Reports a fault of a text at the part of it that is wrong.
pub(super) fn raise<'r>(fault: Fault, text: &Text, span: Span, report: &'r mut Report) -> &'r mut Finding {
    let start = span.start + 1;
    let place = match fault.part {
        Some(part) if text.is_verbatim => Span { start: start + part.start, end: start + part.end, ..span },
        _ => span,
    };
    let finding = report.error(fault.code, place, fault.message);
    if let Some(help) = fault.help {
        finding.help(help);
    }
    finding
}

/// The default of a key, read as if it were written.
pub(super) fn default<T>(key: &Key, parse: impl Fn(&str) -> Result<T, Fault>) -> T {
    let Without::Default(written) = key.without else { unreachable!("`{}` has no default", key.name) };
    match parse(written.trim_matches('"')) {
        Ok(value) => value,
        Err(fault) => unreachable!("the default of `{}` is wrong: {}", key.name, fault.message),
    }
}

fn not_a_number() -> Fault {
    Fault::new("out-of-range", "not a number")
}

/// Reports a list without items.
pub(super) fn refuse_empty(entry: Option<&Entry>, help: &str, report: &mut Report) {
    let Some(entry) = entry else { return };
    if matches!(&entry.node.value, Value::List(items) if items.is_empty()) {
        report.error("empty-list", entry.node.span, format!("`{}` is an empty list", entry.name)).help(help);
    }
}

/// What to do instead of writing an empty list.
pub(super) const LEAVE_OUT: &str = "leave the key out for its default";

/// Each value once; a second time is a slip and changes nothing.
pub(super) fn distinct<T: PartialEq>(all: Vec<At<T>>, code: &'static str, report: &mut Report) -> Vec<At<T>> {
    let mut kept: Vec<At<T>> = Vec::new();
    for at in all {
        match kept.iter().find(|known| known.value == at.value) {
            Some(first) => {
                report.warning(code, at.span, "this is in the list twice").label(first.span, "first written here");
            }
            None => kept.push(at),
        }
    }
    kept
}

fn words(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Text(Form::Word(words)) => words,
        Kind::Either(kinds) => kinds.iter().map(|kind| words(*kind)).find(|words| !words.is_empty()).unwrap_or(&[]),
        _ => &[],
    }
}

fn unknown_word(written: &Text, node: &Node, key: &Key, words: &[&'static str], report: &mut Report) {
    let message = format!("`{}` cannot be {}", key.name, quote(&written.content));
    let finding = report.error("unknown-word", node.span, message);
    match closest(&written.content, words.iter().copied()) {
        Some(near) => finding.help(format!("did you mean \"{near}\"?")),
        None => {
            let meant = key.kind.remedy(&node.value);
            finding.help(meant.unwrap_or_else(|| format!("write {}", key.kind.phrase())))
        }
    };
}
