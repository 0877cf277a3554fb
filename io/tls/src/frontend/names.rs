//! Host names to whoever has them: exact names, then the longest wildcard, then whoever takes any.
//!
//! Letters are ASCII: a name with others was never written in a plan and never matches.

use evener_plan::HostPattern;
use std::collections::HashMap;

/// Who has which name on one address.
#[derive(Debug)]
pub(super) struct Names<T> {
    all: Vec<T>,
    exact: HashMap<Box<str>, usize>,
    /// `*.example.com` under `example.com`.
    wildcard: HashMap<Box<str>, usize>,
    any: Option<usize>,
    /// Who has the connections without a name.
    nameless: Option<usize>,
}

/// Who has the connections without a name if nobody takes any name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nameless {
    /// The first.
    First,
    /// Nobody.
    Nobody,
}

impl<T> Names<T> {
    pub(super) fn new() -> Self {
        let (exact, wildcard) = (HashMap::new(), HashMap::new());
        Self { all: Vec::new(), exact, wildcard, any: None, nameless: None }
    }

    /// Adds one with its names; none means any. Who comes first keeps a name.
    pub(super) fn add(&mut self, one: T, hosts: &[HostPattern], nameless: Nameless) {
        let index = self.all.len();
        self.all.push(one);
        for host in hosts {
            match host {
                HostPattern::Exact(name) => self.exact.entry(name.as_str().into()).or_insert(index),
                HostPattern::Wildcard(name) => self.wildcard.entry(name.as_str().into()).or_insert(index),
            };
        }
        if hosts.is_empty() {
            self.any.get_or_insert(index);
        }
        if nameless == Nameless::First {
            self.nameless.get_or_insert(index);
        }
    }

    /// Who has a connection with this name, or with none.
    pub(super) fn find(&self, name: Option<&str>) -> Option<&T> {
        match name {
            Some(name) => self.of(name),
            None => self.all.get(self.any.or(self.nameless)?),
        }
    }

    /// Whether any of them is so.
    pub(super) fn has(&self, is_so: impl Fn(&T) -> bool) -> bool {
        self.all.iter().any(is_so)
    }

    /// Who has this name.
    pub(super) fn of(&self, name: &str) -> Option<&T> {
        if self.exact.is_empty() && self.wildcard.is_empty() {
            return self.all.get(self.any?);
        }
        let mut buffer = [0; NAME_BYTES_MAX];
        let index = canonical(name, &mut buffer).and_then(|name| self.named(name)).or(self.any)?;
        self.all.get(index)
    }

    fn named(&self, name: &str) -> Option<usize> {
        if let Some(index) = self.exact.get(name) {
            return Some(*index);
        }
        if self.wildcard.is_empty() {
            return None;
        }
        // Longest first: each step takes one more label away. A label is never empty.
        let mut rest = name;
        while let Some((label, parent)) = rest.split_once('.') {
            if label.is_empty() {
                return None;
            }
            if let Some(index) = self.wildcard.get(parent) {
                return Some(*index);
            }
            rest = parent;
        }
        None
    }
}

/// The name in lower case and without the dot at its end; `None` if it is longer than any name may be.
fn canonical<'a>(name: &str, buffer: &'a mut [u8; NAME_BYTES_MAX]) -> Option<&'a str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let bytes = buffer.get_mut(..name.len())?;
    bytes.copy_from_slice(name.as_bytes());
    bytes.make_ascii_lowercase();
    str::from_utf8(bytes).ok()
}

/// RFC 1035 §3.1.
const NAME_BYTES_MAX: usize = 255;
