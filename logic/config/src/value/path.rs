//! Paths of routes: a prefix, an exact path, a regular expression. Matching is in `evener-route`.

use super::{Fault, quote};
use evener_plan::PathMatch;
use regex::Regex;

/// `/api/`, `= /api` or `~ ^/v[0-9]+/`.
pub(crate) fn path_match(text: &str) -> Result<PathMatch, Fault> {
    if let Some(pattern) = text.strip_prefix('~') {
        return regular(text, pattern.trim_start());
    }
    if let Some(exact) = text.strip_prefix('=') {
        let exact = exact.trim_start();
        literal(exact, "= ").map_err(|fault| shifted(fault, text.len() - exact.len()))?;
        return Ok(PathMatch::Exact(exact.to_owned()));
    }
    if text.starts_with('^') {
        return Err(Fault::new("bad-path", "a regular expression begins with a tilde")
            .help(format!("write \"~ {}\"", text.escape_default())));
    }
    literal(text, "")?;
    if let Some(below) = text.strip_suffix('*') {
        return Err(Fault::new("bad-path", "a path has no star").part(below.len()..text.len()).help(format!(
            "\"{below}\" already means everything that begins so; an exact star is written \"= {text}\""
        )));
    }
    Ok(PathMatch::Prefix(text.to_owned()))
}

/// `/api`; a slash at the end is dropped.
pub(crate) fn strip_prefix(text: &str) -> Result<String, Fault> {
    literal(text, "")?;
    let prefix = text.trim_end_matches('/');
    if prefix.is_empty() {
        return Err(Fault::new("bad-path", "there is nothing to strip")
            .help("write the beginning of a path such as \"/api\", or leave `strip_prefix` out"));
    }
    Ok(prefix.to_owned())
}

/// Bytes of the path that a check asks for.
const PROBE_BYTES_MAX: usize = 4096;

/// Path and query that a check asks for.
pub(crate) fn probe_path(text: &str) -> Result<String, Fault> {
    if let Some((scheme, rest)) = text.split_once("://") {
        let path = rest.find('/').map_or("/", |at| &rest[at..]);
        return Err(Fault::new("bad-path", format!("a check has a path, not a URL with {}", quote(scheme)))
            .help(format!("write \"{}\"; `host` and `port` have keys of their own", path.escape_debug())));
    }
    if !text.starts_with('/') {
        let fault = Fault::new("bad-path", format!("the path {} does not begin with a slash", quote(text)));
        return Err(fault.help(format!("write \"/{}\"", text.escape_debug())));
    }
    if text.len() > PROBE_BYTES_MAX {
        return Err(Fault::new("bad-path", format!("the path of a check has at most {PROBE_BYTES_MAX} bytes")));
    }
    if let Some(at) = text.find('#') {
        return Err(Fault::new("bad-path", "a fragment is never sent to a server")
            .part(at..text.len())
            .help(format!("write \"{}\"", text[..at].escape_debug())));
    }
    match text.char_indices().find(|(_, character)| !character.is_ascii_graphic()) {
        Some((at, found)) => Err(not_in_a_path(at, found)),
        None => Ok(text.to_owned()),
    }
}

/// Text that the path of a request can begin with. `lead` stands before it in the config.
fn literal(text: &str, lead: &str) -> Result<(), Fault> {
    if !text.starts_with('/') {
        let fault = Fault::new("bad-path", format!("the path {} does not begin with a slash", quote(text)));
        return Err(match text {
            "" => fault.help("\"/\" is every path"),
            _ => fault.help(format!("write \"{lead}/{}\"", text.escape_default())),
        });
    }
    if let Some(at) = text.find(['?', '#']) {
        return Err(Fault::new("bad-path", "a path ends before the query")
            .part(at..text.len())
            .help("routes do not look at the query"));
    }
    if let Some(at) = text.find(['{', '}']) {
        return Err(Fault::new("bad-path", "a path has no braces")
            .part(at..at + 1)
            .help("for parts that vary write a regular expression, such as \"~ ^/users/[^/]+$\""));
    }
    let bad = |character: char| {
        !character.is_ascii_graphic() || matches!(character, '"' | '<' | '>' | '\\' | '^' | '`' | '|')
    };
    if let Some((at, found)) = text.char_indices().find(|(_, character)| bad(*character)) {
        return Err(not_in_a_path(at, found));
    }
    Ok(())
}

fn not_in_a_path(at: usize, found: char) -> Fault {
    Fault::new("bad-path", format!("{} does not occur in the path of a request", quote(&found.to_string())))
        .part(at..at + found.len_utf8())
        .help(format!("write {}", percent(found)))
}

fn regular(text: &str, pattern: &str) -> Result<PathMatch, Fault> {
    let fault = |message: String| Fault::new("bad-regex", message).part(text.len() - pattern.len()..text.len());
    if pattern.is_empty() {
        return Err(Fault::new("bad-regex", "the regular expression is empty").help("for example: \"~ ^/v[0-9]+/\""));
    }
    if let Some(rest) = pattern.strip_prefix('*') {
        return Err(fault(String::from("a regular expression does not begin with a star"))
            .help(format!("without regard to case: \"~ (?i){}\"", rest.trim_start().escape_default())));
    }
    match Regex::new(pattern) {
        Ok(_) => Ok(PathMatch::Regex(pattern.to_owned())),
        Err(regex::Error::CompiledTooBig(bytes)) => {
            Err(fault(format!("the regular expression needs more than {bytes} bytes of memory")))
        }
        Err(error) => {
            // The last line says what is wrong; those before it draw the pattern, as the finding does itself.
            let shown = error.to_string();
            let reason = shown.lines().last().unwrap_or("").trim_start_matches("error: ").to_owned();
            Err(fault(format!("bad regular expression: {reason}")))
        }
    }
}

/// A character as it stands in a URL.
pub(super) fn percent(character: char) -> String {
    character.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn shifted(mut fault: Fault, by: usize) -> Fault {
    fault.part = fault.part.map(|part| part.start + by..part.end + by);
    fault
}
