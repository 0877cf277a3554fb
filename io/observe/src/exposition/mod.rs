//! The text format of Prometheus, version 0.0.4: families with their help and type, and their series.
//!
//! It keeps the rules that a mistake would break silently: each family once, its series together, text escaped, buckets
//! cumulative. It does not know what is measured; [`Totals`] say of themselves what they are in `totals`.

mod totals;

use crate::histogram::Latencies;
use std::fmt::Write as _;
use std::time::Duration;

/// What a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number that only grows; its name ends in `_total`.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// Values in buckets.
    Histogram,
}

impl Kind {
    /// The word of the format.
    pub fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Series of one name.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// `evener_<subsystem>_<what>_<unit>`, with `_total` behind it if it is a counter.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// One sentence.
    pub help: &'static str,
}

/// A number of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A count.
    Count(u64),
    /// A time that has passed, or one since 1970, in seconds. Exact, which a float would not be.
    Seconds(Duration),
}

/// A page of metrics that is being written.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
    names: Vec<&'static str>,
}

impl Exposition {
    /// An empty page.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a family; its series follow. Each family is begun once.
    pub fn family(&mut self, family: &Family) -> Series<'_> {
        debug_assert!(!self.names.contains(&family.name), "{} stands there already", family.name);
        debug_assert!((family.kind == Kind::Counter) == family.name.ends_with("_total"), "{}", family.name);
        self.names.push(family.name);
        for (word, text) in [("HELP", family.help), ("TYPE", family.kind.word())] {
            self.text.push_str("# ");
            self.text.push_str(word);
            self.text.push(' ');
            self.text.push_str(family.name);
            self.text.push(' ');
            push_escaped(text, Quotes::Stay, &mut self.text);
            self.text.push('\n');
        }
        Series { text: &mut self.text, name: family.name }
    }

    /// The page.
    pub fn into_text(self) -> String {
        self.text
    }
}

/// The series of one family.
#[derive(Debug)]
pub struct Series<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Series<'_> {
    /// Writes a series. Nobody may write the same labels twice.
    pub fn put(&mut self, labels: &[(&str, &str)], value: Value) -> &mut Self {
        self.line("", labels, value);
        self
    }

    /// Writes the series of a histogram with these bounds, which grow.
    pub fn put_histogram(&mut self, latencies: &Latencies, bounds: &[Duration]) {
        debug_assert!(bounds.is_sorted(), "bounds grow");
        for bound in bounds {
            let at_most = Value::Count(latencies.at_most(*bound));
            self.line("_bucket", &[("le", &bound.as_secs_f64().to_string())], at_most);
        }
        self.line("_bucket", &[("le", "+Inf")], Value::Count(latencies.count()));
        self.line("_sum", &[], Value::Seconds(latencies.sum()));
        self.line("_count", &[], Value::Count(latencies.count()));
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], value: Value) {
        self.text.push_str(self.name);
        self.text.push_str(suffix);
        for (index, (name, text)) in labels.iter().enumerate() {
            self.text.push(if index == 0 { '{' } else { ',' });
            self.text.push_str(name);
            self.text.push_str("=\"");
            push_escaped(text, Quotes::Escape, self.text);
            self.text.push('"');
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _infallible = match value {
            Value::Count(count) => writeln!(self.text, " {count}"),
            Value::Seconds(time) if time.subsec_nanos() == 0 => writeln!(self.text, " {}", time.as_secs()),
            Value::Seconds(time) => writeln!(self.text, " {}.{:09}", time.as_secs(), time.subsec_nanos()),
        };
    }
}

/// Whether quotes are escaped: in labels, but not in help.
#[derive(Clone, Copy, PartialEq)]
enum Quotes {
    Escape,
    Stay,
}

fn push_escaped(text: &str, quotes: Quotes, out: &mut String) {
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes == Quotes::Escape => out.push_str("\\\""),
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests;
