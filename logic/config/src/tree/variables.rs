//! `${NAME}` and `${NAME:-default}` in strings, and `$$` for a dollar sign. Only strings have variables, after the
//! text was read: a value can neither add keys nor move places.

use crate::diagnostic::Report;
use crate::source::Span;
use crate::world::World;
use std::ops::Range;

/// `text` with its variables filled in, or `None` if one of them has no value. `span` is the string in the file with
/// its quotes.
pub(super) fn fill(
    text: &str,
    span: Span,
    is_verbatim: bool,
    world: &dyn World,
    report: &mut Report,
) -> Option<String> {
    let mut filled = String::with_capacity(text.len());
    let mut is_whole = true;
    let mut at = 0;
    while let Some(dollar) = text[at..].find('$').map(|found| at + found) {
        filled.push_str(&text[at..dollar]);
        let rest = &text[dollar + 1..];
        if rest.starts_with('$') {
            filled.push('$');
            at = dollar + 2;
        } else if let Some(inner) = rest.strip_prefix('{') {
            let end = inner.find('}');
            let length = end.map_or(text.len() - dollar, |end| end + 3);
            let place = part(span, is_verbatim, dollar..dollar + length);
            match end.map(|end| &inner[..end]) {
                Some(inside) => match value(inside, place, world, report) {
                    Some(value) => filled.push_str(&value),
                    None => is_whole = false,
                },
                None => {
                    unclosed(place, report);
                    is_whole = false;
                }
            }
            at = dollar + length;
        } else {
            filled.push('$');
            at = dollar + 1;
        }
    }
    filled.push_str(&text[at..]);
    is_whole.then_some(filled)
}

fn value(inside: &str, place: Span, world: &dyn World, report: &mut Report) -> Option<String> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    if !is_name(name) {
        report
            .error("bad-variable", place, format!("{} is not the name of a variable", crate::value::quote(name)))
            .help("write ${NAME} or ${NAME:-default}, and $${ where the text itself has ${");
        return None;
    }
    // As in a shell, the default also stands in for a variable that is empty.
    match (world.variable(name), default) {
        (Some(value), None) => Some(value),
        (Some(value), Some(_)) if !value.is_empty() => Some(value),
        (_, Some(default)) => Some(default.to_owned()),
        (None, None) => {
            report
                .error("unset-variable", place, format!("the environment variable {name} is not set"))
                .help(format!("set it, or give a default: ${{{name}:-…}}"));
            None
        }
    }
}

fn unclosed(place: Span, report: &mut Report) {
    report
        .error("bad-variable", place, "`${` without a closing brace")
        .help("write ${NAME}, and $${ where the text itself has ${");
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn part(span: Span, is_verbatim: bool, range: Range<usize>) -> Span {
    if !is_verbatim {
        return span;
    }
    let start = span.start + 1;
    Span { start: start + range.start, end: start + range.end, ..span }
}
