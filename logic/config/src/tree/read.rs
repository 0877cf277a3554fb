//! TOML text to a tree, with every syntax error that the TOML reader can recover from.
//! The TOML reader sorts keys by name; here they stand in the order of the file again.

use super::{Entry, Node, Table, Text, Value, variables};
use crate::diagnostic::Report;
use crate::source::{SourceId, Span};
use crate::world::World;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Reads the text of `source`, fills in variables and reports what is not TOML.
pub(super) fn read(source: SourceId, world: &dyn World, report: &mut Report) -> Table {
    let text = report.sources.text(source).to_owned();
    let (root, errors) = DeTable::parse_recoverable(&text);
    for error in errors {
        syntax_error(source, &text, &error, report);
    }
    let mut reader = Reader { source, text: &text, world, report };
    reader.table(root.get_ref())
}

struct Reader<'r> {
    source: SourceId,
    text: &'r str,
    world: &'r dyn World,
    report: &'r mut Report,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>) -> Table {
        let mut entries: Vec<Entry> = table
            .iter()
            .map(|(key, value)| Entry {
                name: key.get_ref().to_string(),
                key: self.span(key.span()),
                node: self.node(value),
            })
            .collect();
        entries.sort_by_key(|entry| entry.key);
        Table { entries }
    }

    fn node(&mut self, value: &Spanned<DeValue<'_>>) -> Node {
        let span = self.span(value.span());
        let value = match value.get_ref() {
            DeValue::String(text) => self.string(text, span).map_or(Value::Hole, Value::Text),
            // The reader puts an integer without digits where a value is missing.
            DeValue::Integer(integer) if integer.as_str().is_empty() => Value::Hole,
            DeValue::Integer(integer) => Value::Integer(i64::from_str_radix(integer.as_str(), integer.radix()).ok()),
            DeValue::Float(float) => Value::Float(float.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(boolean) => Value::Boolean(*boolean),
            DeValue::Datetime(_) => Value::Datetime,
            DeValue::Array(items) => Value::List(items.iter().map(|item| self.node(item)).collect()),
            DeValue::Table(table) => Value::Table(self.table(table)),
        };
        Node { value, span }
    }

    fn string(&mut self, text: &str, span: Span) -> Option<Text> {
        let is_verbatim = self.text.get(span.start + 1..span.end.saturating_sub(1)) == Some(text);
        if !text.contains('$') {
            return Some(Text { content: text.to_owned(), is_verbatim });
        }
        let content = variables::fill(text, span, is_verbatim, self.world, self.report)?;
        let is_verbatim = is_verbatim && content == text;
        Some(Text { content, is_verbatim })
    }

    fn span(&self, range: Range<usize>) -> Span {
        Span { source: self.source, start: range.start, end: range.end }
    }
}

fn syntax_error(source: SourceId, text: &str, error: &toml::de::Error, report: &mut Report) {
    let range = error.span().unwrap_or(0..0);
    let mut span = Span { source, start: range.start, end: range.end };
    let message = error.message();
    if message.starts_with("duplicate key") {
        return duplicate(source, text, span, report);
    }
    let written = report.sources.slice(span).trim().to_owned();
    let word_place = word_around(text, range.start);
    let word = text.get(word_place.clone()).unwrap_or_default();
    let (message, help) = match message {
        // The reader takes `127.0.0.1:8081` for a number that goes wrong in its middle.
        _ if message.starts_with("invalid float") && word.contains([':', '/']) => {
            span = Span { source, start: word_place.start, end: word_place.end };
            ("text stands in quotes", Some(format!("write \"{}\"", word.escape_debug())))
        }
        _ if message.contains("key with no value") => {
            (message, Some(String::from("this is TOML: write key = value, or a header such as [[site]]")))
        }
        _ if message.contains("must be quoted") && written.is_empty() => ("a value is missing", None),
        _ if message.contains("must be quoted") => {
            ("text stands in quotes", Some(format!("write \"{}\"", written.escape_debug())))
        }
        _ if message.contains("between array elements") => {
            (message, Some(String::from("put a comma after each element and a `]` after the last")))
        }
        _ => (message, None),
    };
    let finding = report.syntax_error("syntax", span, message.to_owned());
    if let (Some(finding), Some(help)) = (finding, help) {
        finding.help(help);
    }
}

/// What stands without blanks or TOML's own characters around `offset`.
fn word_around(text: &str, offset: usize) -> Range<usize> {
    let is_end = |character: char| character.is_whitespace() || "[]{},=#\"'".contains(character);
    let (before, after) = text.split_at_checked(offset).unwrap_or_default();
    let start = before.rfind(is_end).map_or(0, |at| at + 1);
    let end = offset + after.find(is_end).unwrap_or(after.len());
    start..end
}

fn duplicate(source: SourceId, text: &str, span: Span, report: &mut Report) {
    let first = earlier_definition(source, text, span.start, report);
    // The keys below a header that is there twice repeat each other too; the header has said it.
    if first.is_none() && report.has(DUPLICATE) && is_at_line_start(text, span.start) {
        return;
    }
    let name = report.sources.slice(span).to_owned();
    let Some(finding) = report.syntax_error(DUPLICATE, span, format!("`{name}` is written twice")) else { return };
    if let Some(first) = first {
        finding.label(first, "first written here");
    }
    finding.help("keep one of the two");
}

const DUPLICATE: &str = "duplicate-key";

fn is_at_line_start(text: &str, offset: usize) -> bool {
    text.get(..offset).is_some_and(|before| before.trim_end_matches([' ', '\t']).ends_with('\n'))
}

/// The line before `offset` that begins as the line around `offset` does: the same header or the same key in the same
/// table.
fn earlier_definition(source: SourceId, text: &str, offset: usize, report: &Report) -> Option<Span> {
    let line = report.sources.line_around(source, offset);
    let defined = definition(text.get(line.clone())?)?;
    let mut first = None;
    let mut start = 0;
    for candidate in text.get(..line.start)?.split_inclusive('\n') {
        let indent = candidate.len() - candidate.trim_start().len();
        if definition(candidate) == Some(defined) {
            let span = Span { source, start: start + indent, end: start + indent + defined.len() };
            first = first.or(Some(span));
        } else if candidate.trim_start().starts_with('[') && !defined.starts_with('[') {
            first = None;
        }
        start += candidate.len();
    }
    first
}

/// The header or the key with which a line begins.
fn definition(line: &str) -> Option<&str> {
    let line = line.trim();
    if line.starts_with('[') {
        return line.find(']').and_then(|end| line.get(..=end));
    }
    line.split_once('=').map(|(key, _)| key.trim_end()).filter(|key| !key.is_empty())
}
