//! The config and the files that it includes, put together to one tree. Paths are compared as text: a link to a file
//! counts as another file, and the bound on depth ends such a circle.

use super::{Entry, Node, Table, Value, read};
use crate::diagnostic::Report;
use crate::keys::{self, Kind};
use crate::source::{SourceId, Span};
use crate::value::{closest, quote};
use crate::world::World;

/// How deep included files may include others. Deeper is a mistake; the number is a guess with room to spare.
const DEPTH_MAX: usize = 16;

/// How many files one config may consist of. It bounds what a circle through links can read.
const FILES_MAX: usize = 1000;

/// Reads `text` and everything that it includes.
pub(crate) fn gather(name: &str, text: &str, world: &dyn World, report: &mut Report) -> Table {
    let mut gatherer =
        Gatherer { world, report, chain: Vec::new(), seen: vec![normal(name)], merged: Table::default() };
    gatherer.file(name, text);
    gatherer.merged
}

struct Gatherer<'g> {
    world: &'g dyn World,
    report: &'g mut Report,
    /// The files that are being read, the config first.
    chain: Vec<String>,
    /// Every file that was read.
    seen: Vec<String>,
    merged: Table,
}

impl Gatherer<'_> {
    fn file(&mut self, name: &str, text: &str) {
        let source: SourceId = self.report.sources.add(name, text);
        let root = read::read(source, self.world, self.report);
        self.chain.push(normal(name));
        let mut includes = Vec::new();
        for entry in root.entries {
            if !keys::admits(&keys::TOP, &entry, self.report) {
                if closest(&entry.name, ["site", "upstream", "tcp", "udp"]).is_some() {
                    self.report.tear();
                }
                continue;
            }
            if entry.name == "include" {
                includes.push(entry.node);
            } else {
                self.merge(entry);
            }
        }
        for (pattern, span) in includes.iter().flat_map(patterns) {
            self.include(name, pattern, span);
        }
        self.chain.pop();
    }

    /// Sites of all files follow each other, tables join; any other key may be set once.
    fn merge(&mut self, entry: Entry) {
        let Some(first) = self.merged.entries.iter_mut().find(|first| first.name == entry.name) else {
            self.merged.entries.push(entry);
            return;
        };
        match (&mut first.node.value, entry.node.value) {
            (Value::List(sites), Value::List(more)) => sites.extend(more),
            (Value::Table(table), Value::Table(more)) => {
                let is_upstream = matches!(keys::TOP.key(&entry.name).map(|key| key.kind), Some(Kind::Named(_)));
                for entry in more.entries {
                    match table.entry(&entry.name) {
                        Some(first) if is_upstream => twice(first.node.span, entry.node.span, &entry.name, self.report),
                        Some(first) => twice(first.key, entry.key, &entry.name, self.report),
                        None => table.entries.push(entry),
                    }
                }
            }
            _ => twice(first.key, entry.key, &entry.name, self.report),
        }
    }

    fn include(&mut self, from: &str, pattern: &str, span: Span) {
        if pattern.is_empty() {
            self.report.error("bad-include", span, "the path of an included file is empty");
            return;
        }
        let path = beside(from, pattern);
        if !pattern.contains(['*', '?', '[']) {
            self.included(&path, span);
            return;
        }
        match self.world.glob(&path) {
            Ok(paths) => {
                for path in paths {
                    self.included(&path, span);
                }
            }
            Err(problem) => {
                self.report.error("bad-include", span, format!("cannot look for {}: {problem}", quote(&path)));
            }
        }
    }

    fn included(&mut self, path: &str, span: Span) {
        let key = normal(path);
        if self.chain.contains(&key) {
            self.report
                .error("include-circle", span, format!("{} includes itself", quote(path)))
                .help("keep included files in a folder of their own, such as conf.d");
            return;
        }
        if self.seen.contains(&key) {
            self.report.error("included-twice", span, format!("{} is included twice", quote(path)));
            return;
        }
        if self.chain.len() > DEPTH_MAX || self.seen.len() >= FILES_MAX {
            let message = format!("too many files: at most {FILES_MAX}, and at most {DEPTH_MAX} inside each other");
            self.report.error("bad-include", span, message);
            return;
        }
        self.seen.push(key);
        match self.world.read(path) {
            Ok(text) => self.file(path, &text),
            Err(problem) => {
                self.report.tear();
                self.report
                    .error("unreadable-file", span, format!("cannot read {}: {problem}", quote(path)))
                    .help("a path is relative to the file that includes it; a pattern with * may match nothing");
            }
        }
    }
}

fn twice(first: Span, second: Span, name: &str, report: &mut Report) {
    report
        .error("set-twice", second, format!("`{name}` is set in two files"))
        .label(first, "first set here")
        .help("keep one of the two");
}

fn patterns(node: &Node) -> Vec<(&str, Span)> {
    match &node.value {
        Value::Text(text) => vec![(text.content.as_str(), node.span)],
        Value::List(items) => items.iter().flat_map(patterns).collect(),
        _ => Vec::new(),
    }
}

/// `path` as seen from the folder of the file `from`.
fn beside(from: &str, path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    match from.rfind('/') {
        Some(slash) if !path.starts_with('/') => format!("{}{path}", &from[..=slash]),
        _ => path.to_owned(),
    }
}

/// `path` without `.` and `..` where they can be resolved by text alone.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}
