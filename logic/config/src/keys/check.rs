//! Whether a value has a shape that its key admits, and whether a key is known. The meaning of texts is not checked
//! here, except for fixed words.

use super::{Form, Key, Kind, SECTIONS, Section, words};
use crate::diagnostic::Report;
use crate::tree::{Entry, Node, Value};
use crate::value::{closest, meant_share, quote};

/// Whether `section` has the key and the value has a fitting shape; if not, that is reported.
pub(crate) fn admits(section: &'static Section, entry: &Entry, report: &mut Report) -> bool {
    let Some(key) = section.key(&entry.name) else {
        unknown(section, entry, report);
        return false;
    };
    !matches!(entry.node.value, Value::Hole) && key.kind.admits(&entry.node, key, report)
}

/// The keys of the section that `name` stands for: itself, or what it is called here, or what it is close to.
pub(crate) fn meant<'n>(section: &'static Section, name: &'n str) -> impl Iterator<Item = &'n str> + use<'n> {
    let (exact, other) = match section.key(name) {
        Some(_) => (Some(name), None),
        None => (None, words::meant(section.id, name)),
    };
    let is_elsewhere = || homes(name).next().is_some();
    let near = match (exact, other) {
        (None, None) if !is_elsewhere() => closest(name, section.keys().map(|key| key.name)),
        _ => None,
    };
    exact.into_iter().chain(other).chain(near)
}

/// The sections that have the key.
fn homes(name: &str) -> impl Iterator<Item = &'static Section> {
    SECTIONS.iter().copied().filter(move |home| home.key(name).is_some())
}

fn unknown(section: &'static Section, entry: &Entry, report: &mut Report) {
    let name = &entry.name;
    let message = format!("unknown key {} {}", quote(name), section.place());
    let finding = report.error("unknown-key", entry.key, message);
    let homes: Vec<String> = homes(name).map(|home| home.heading.to_owned()).collect();
    let known = || section.keys().map(|key| key.name);
    if let Some(key) = words::meant(section.id, name) {
        finding.help(format!("that is called `{key}` here"));
    } else if !homes.is_empty() {
        let homes = one_of(homes.into_iter());
        finding.help(format!("`{name}` belongs to {homes}; a key belongs to the header above it"));
    } else if let Some(near) = closest(name, known()) {
        finding.help(format!("did you mean `{near}`?"));
    } else if let Some((near, homes)) = closest_elsewhere(name) {
        finding.help(format!("did you mean `{near}`? It belongs to {homes}"));
    } else {
        finding.help(format!("the keys {} are {}", section.place(), known().collect::<Vec<_>>().join(", ")));
    }
}

/// The closest key of any section, and where it belongs. Short names are close to too many.
fn closest_elsewhere(name: &str) -> Option<(&'static str, String)> {
    if name.len() < NAME_BYTES_MIN {
        return None;
    }
    let near = closest(name, SECTIONS.iter().flat_map(|home| home.keys().map(|key| key.name)))?;
    Some((near, one_of(homes(near).map(|home| home.heading.to_owned()))))
}

/// Names shorter than this are compared with the keys of their own section only.
const NAME_BYTES_MIN: usize = 5;

impl Kind {
    fn admits(self, node: &Node, key: &Key, report: &mut Report) -> bool {
        match (self, &node.value) {
            (_, Value::Hole) => false,
            (Self::Either(kinds), _) => match kinds.iter().find(|kind| kind.may_be(&node.value)) {
                Some(kind) => kind.admits(node, key, report),
                None => self.refuse(node, key, report),
            },
            (Self::Integer { min, max }, Value::Integer(number)) => {
                self.within(number.is_some_and(|number| min <= number && number <= max), node, key, report)
            }
            (Self::Bytes, Value::Integer(number)) => {
                self.within(number.is_some_and(|number| number >= 0), node, key, report)
            }
            (Self::Number(numbers), Value::Integer(number)) => {
                self.within(number.is_some_and(|number| numbers.contains(&number)), node, key, report)
            }
            (Self::OneOrMore(kind), Value::List(items)) | (Self::List(kind), Value::List(items)) => {
                // A list with one bad item is still read: the other items have findings of their own.
                items.iter().filter(|item| !kind.admits(item, key, report)).count();
                true
            }
            (Self::OneOrMore(kind), _) if kind.may_be(&node.value) => kind.admits(node, key, report),
            (Self::Tables(_), Value::List(items)) => {
                let mut all = true;
                for item in items {
                    all &= matches!(item.value, Value::Table(_)) || self.refuse(item, key, report);
                }
                all
            }
            (Self::Named(section), Value::Table(table)) => {
                let mut all = true;
                for entry in &table.entries {
                    all &= Self::Table(section).admits(&entry.node, key, report);
                }
                all
            }
            (Self::Map, Value::Table(table)) => {
                let mut all = true;
                for entry in &table.entries {
                    all &= matches!(entry.node.value, Value::Text(_) | Value::Hole)
                        || self.refuse(&entry.node, key, report);
                }
                all
            }
            _ if self.may_be(&node.value) => true,
            _ => self.refuse(node, key, report),
        }
    }

    fn within(self, fits: bool, node: &Node, key: &Key, report: &mut Report) -> bool {
        if !fits {
            let message = format!("`{}` must be {}", key.name, self.phrase());
            let is_negative = report.sources.slice(node.span).starts_with('-');
            let help = key.unbounded(&node.value).or_else(|| self.nearest(&node.value, is_negative));
            let help = help.unwrap_or_else(|| format!("for example: {}", key.sample()));
            report.error("out-of-range", node.span, message).help(help);
        }
        fits
    }

    /// What may be written in place of a number that is too small or too large. One that does not even fit 64 bits is
    /// known by its sign.
    fn nearest(self, value: &Value, is_negative: bool) -> Option<String> {
        match (self, value) {
            (Self::Integer { min, max }, Value::Integer(number)) => {
                let is_small = number.map_or(is_negative, |number| number < min);
                Some(if is_small { format!("the smallest is {min}") } else { format!("the largest is {max}") })
            }
            (Self::Bytes, Value::Integer(_)) => Some(String::from("write 0 or more, or a size such as \"64KiB\"")),
            _ => None,
        }
    }

    /// Whether a value of this sort can be meant, whatever is in it.
    fn may_be(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Integer { .. } | Self::Bytes | Self::Number(_), Value::Integer(_)) => true,
            (Self::Text(_), Value::Text(_)) | (Self::Boolean, Value::Boolean(_)) => true,
            (Self::List(_) | Self::OneOrMore(_) | Self::Tables(_), Value::List(_)) => true,
            (Self::Map | Self::Table(_) | Self::Named(_), Value::Table(_)) => true,
            (Self::OneOrMore(kind), value) => kind.may_be(value),
            (Self::Either(kinds), value) => kinds.iter().any(|kind| kind.may_be(value)),
            _ => false,
        }
    }

    fn refuse(self, node: &Node, key: &Key, report: &mut Report) -> bool {
        let message = match self {
            Self::Map => format!("expected text in quotes, found {}", node.value.kind()),
            // `[[site.route]]` makes a table `site` of its own; its header has no bracket before the name.
            Self::Tables(_) if report.sources.slice(node.span) == key.name => {
                format!("there is no [[{}]] above this", key.name)
            }
            Self::Tables(_) => format!("`{}` is written as [[{}]], found {}", key.name, key.name, node.value.kind()),
            _ => format!("expected {}, found {}", self.phrase(), node.value.kind()),
        };
        let help = words::meant_value(key.name, &node.value).map(str::to_owned).or_else(|| self.remedy(&node.value));
        let help = help.unwrap_or_else(|| format!("for example: {}", key.sample()));
        report.error("wrong-type", node.span, message).help(help);
        false
    }

    /// The value in the way that was probably meant.
    pub(crate) fn remedy(self, value: &Value) -> Option<String> {
        match (self, value) {
            (Self::Text(Form::Duration), Value::Integer(Some(number))) if *number > 0 => {
                Some(format!("a duration has a unit: \"{number}s\" or \"{number}ms\""))
            }
            (Self::Text(Form::Share), Value::Integer(Some(number))) => {
                share_remedy(f64::from(i32::try_from(*number).ok()?))
            }
            (Self::Text(Form::Share), Value::Float(number)) => share_remedy(*number),
            (Self::Boolean, Value::Text(text)) if matches!(text.content.as_str(), "true" | "false") => {
                Some(format!("write it without quotes: {}", text.content))
            }
            (Self::Text(Form::Word(words)), Value::Float(number)) if words.contains(&number.to_string().as_str()) => {
                Some(format!("put it in quotes: \"{number}\""))
            }
            (Self::Either(kinds), value) => kinds.iter().find_map(|kind| kind.remedy(value)),
            (Self::Integer { .. } | Self::Bytes | Self::Number(_), Value::Text(text)) => {
                text.content.parse::<i64>().ok().map(|number| format!("write it without quotes: {number}"))
            }
            (Self::List(_), Value::Text(text)) => {
                Some(format!("a list stands in brackets: [\"{}\"]", text.content.escape_debug()))
            }
            (Self::Map, Value::Integer(Some(number))) => Some(format!("put it in quotes: \"{number}\"")),
            _ => None,
        }
    }

    /// What a message calls it, with an article.
    pub(crate) fn phrase(self) -> String {
        match self {
            Self::Boolean => String::from("true or false"),
            Self::Bytes => String::from("a number of bytes"),
            Self::Number(numbers) => one_of(numbers.iter().map(ToString::to_string)),
            Self::Integer { min, max } => format!("a number from {min} to {max}"),
            Self::Text(form) => form.phrase(),
            Self::List(kind) => format!("a list of {}", kind.plural()),
            Self::OneOrMore(kind) => format!("{} or a list of them", kind.phrase()),
            Self::Either(kinds) => one_of(kinds.iter().map(|kind| kind.phrase())),
            Self::Map => String::from("a table of names and texts"),
            Self::Table(_) => String::from("a table"),
            Self::Tables(_) => String::from("tables"),
            Self::Named(_) => String::from("named tables"),
        }
    }

    pub(crate) fn plural(self) -> String {
        match self {
            Self::Text(Form::Other { plural, .. }) => plural.to_owned(),
            Self::Either(kinds) => kinds.first().map_or_else(String::new, |kind| kind.plural()),
            Self::Table(_) => String::from("tables"),
            _ => String::from("values"),
        }
    }
}

fn share_remedy(number: f64) -> Option<String> {
    meant_share(number).map(|meant| format!("a share has a percent sign: \"{meant}\""))
}

impl Form {
    fn phrase(self) -> String {
        match self {
            Self::Word(words) => one_of(words.iter().map(|word| format!("\"{word}\""))),
            Self::Duration => String::from("a duration such as \"5s\""),
            Self::Size => String::from("a size such as \"64KiB\""),
            Self::Share => String::from("a share such as \"20%\""),
            Self::Other { what, .. } => what.to_owned(),
        }
    }
}

impl Section {
    /// Where its keys stand, as a message says it.
    fn place(&self) -> String {
        let preposition = if self.heading.starts_with("the top") { "at" } else { "in" };
        format!("{preposition} {}", self.heading)
    }
}

impl Key {
    /// What to write in place of a 0 that was meant for no bound.
    fn unbounded(&self, value: &Value) -> Option<String> {
        let Kind::Either(kinds) = self.kind else { return None };
        let has_none =
            kinds.iter().any(|kind| matches!(kind, Kind::Text(Form::Word(words)) if words.contains(&"none")));
        let is_zero = matches!(value, Value::Integer(Some(0)));
        (has_none && is_zero).then(|| String::from("for no bound write \"none\" or leave it out"))
    }

    /// The key as it may be written.
    pub(crate) fn sample(&self) -> String {
        match self.kind {
            Kind::Table(_) | Kind::Tables(_) | Kind::Named(_) if self.example.starts_with('[') => {
                self.example.to_owned()
            }
            _ => format!("{} = {}", self.name, self.example),
        }
    }
}

/// `a, b or c`.
fn one_of(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    match items.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
