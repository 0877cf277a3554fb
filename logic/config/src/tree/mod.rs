//! The config as written: tables, lists and texts, each with its place. It does not know which keys exist; only
//! `gather` looks at the top-level keys, to put included files together.

mod gather;
mod read;
mod variables;

pub(crate) use gather::gather;

use crate::source::Span;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) span: Span,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(Text),
    /// `None` if it does not fit 64 bits.
    Integer(Option<i64>),
    Float(f64),
    Boolean(bool),
    Datetime,
    List(Vec<Node>),
    Table(Table),
    /// Nothing readable stands here; that was reported.
    Hole,
}

/// A string.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    /// The string, variables filled in.
    pub(crate) content: String,
    /// Whether the content stands in the file byte for byte between two quotes, so that a part of it has a place.
    pub(crate) is_verbatim: bool,
}

/// Keys and values in the order of the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub(crate) entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) key: Span,
    pub(crate) node: Node,
}

impl Node {
    fn add_texts(&self, key: &str, section: Option<&Section>, all: &mut Vec<Written>) {
        match &self.value {
            Value::Text(text) => {
                let (key, content) = (key.to_owned(), text.content.clone());
                all.push(Written { key, content, section: section.cloned(), span: self.span });
            }
            Value::List(nodes) => nodes.iter().for_each(|node| node.add_texts(key, section, all)),
            Value::Table(table) => table.add_texts(section, all),
            Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime | Value::Hole => {}
        }
    }
}

impl Value {
    /// What a message calls it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a number",
            Self::Float(_) => "a number with a fraction",
            Self::Boolean(_) => "true or false",
            Self::Datetime => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Hole => "nothing",
        }
    }
}

/// A text with the key that it, or the list that it is in, is the value of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) key: String,
    pub(crate) content: String,
    pub(crate) section: Option<Section>,
    pub(crate) span: Span,
}

/// A part of the config that stands for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Section {
    /// A `[[site]]`, by its number from 0 on; that of the plan is the same.
    Site(usize),
    /// A `[[tcp]]`, likewise.
    Tcp(usize),
    /// An `[upstream.NAME]`.
    Upstream(String),
}

impl Table {
    /// Every text in the table and the tables in it, in their order.
    pub(crate) fn texts(&self) -> Vec<Written> {
        let mut all = Vec::new();
        for entry in &self.entries {
            match (entry.name.as_str(), &entry.node.value) {
                ("site", Value::List(nodes)) => add_each(&entry.name, nodes, Section::Site, &mut all),
                ("tcp", Value::List(nodes)) => add_each(&entry.name, nodes, Section::Tcp, &mut all),
                ("upstream", Value::Table(upstreams)) => {
                    for one in &upstreams.entries {
                        one.node.add_texts(&one.name, Some(&Section::Upstream(one.name.clone())), &mut all);
                    }
                }
                _ => entry.node.add_texts(&entry.name, None, &mut all),
            }
        }
        all
    }

    fn add_texts(&self, section: Option<&Section>, all: &mut Vec<Written>) {
        for entry in &self.entries {
            entry.node.add_texts(&entry.name, section, all);
        }
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

fn add_each(key: &str, nodes: &[Node], section: impl Fn(usize) -> Section, all: &mut Vec<Written>) {
    for (index, node) in nodes.iter().enumerate() {
        node.add_texts(key, Some(&section(index)), all);
    }
}
