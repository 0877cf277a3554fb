//! Texts with names in braces: targets of redirects and lines of the access log.

use super::path::percent;
use super::{Fault, closest, quote};
use evener_plan::{AccessFormat, TemplatePart, TextPart};
use std::ops::Range;

/// Names that a log line may use, in the order of the reference page. `evener-observe` writes each of them.
pub(crate) const ACCESS_FIELDS: &[&str] = &[
    "time",
    "client",
    "method",
    "target",
    "path",
    "query",
    "protocol",
    "host",
    "status",
    "bytes_out",
    "bytes_in",
    "duration",
    "duration_ms",
    "upstream",
    "server",
    "server_time",
    "queue_time",
    "pick",
    "retries",
    "reason",
    "referer",
    "user_agent",
];

const LOCATION_NAMES: [&str; 5] = ["host", "hostname", "path", "query", "uri"];

/// A piece of a template before its names are known to exist.
enum Piece<'t> {
    Text(String),
    Name(&'t str, Range<usize>),
}

/// The target of a redirect.
pub(crate) fn location(text: &str) -> Result<Vec<TextPart>, Fault> {
    starts_safely(text)?;
    let mut parts = Vec::new();
    for piece in pieces(text)? {
        parts.push(match piece {
            Piece::Text(literal) => match literal.chars().find(|character| !character.is_ascii_graphic()) {
                Some(bad) => {
                    return Err(Fault::new(
                        "bad-redirect",
                        format!("{} does not occur in a URL", quote(&bad.to_string())),
                    )
                    .help(format!("write {}", percent(bad))));
                }
                None => TextPart::Text(literal),
            },
            Piece::Name("host", _) => TextPart::Host,
            Piece::Name("hostname", _) => TextPart::HostName,
            Piece::Name("path", _) => TextPart::Path,
            Piece::Name("query", _) => TextPart::Query,
            Piece::Name("uri", _) => TextPart::Uri,
            Piece::Name(name, range) => return Err(unknown(name, range, &LOCATION_NAMES)),
        });
    }
    Ok(parts)
}

/// A named format, or a template.
pub(crate) fn access_format(text: &str) -> Result<AccessFormat, Fault> {
    match text {
        "json" => return Ok(AccessFormat::Json),
        "combined" => return Ok(AccessFormat::Combined),
        "common" => return Ok(AccessFormat::Common),
        _ => {}
    }
    let pieces = pieces(text)?;
    if !pieces.iter().any(|piece| matches!(piece, Piece::Name(..))) {
        let fault =
            Fault::new("bad-format", format!("{} is neither a format nor a template with {{names}}", quote(text)));
        return Err(match closest(text, ["json", "combined", "common"]) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => {
                fault.help("write \"json\", \"combined\", \"common\", or names in braces such as \"{client} {status}\"")
            }
        });
    }
    let mut parts = Vec::new();
    for piece in pieces {
        parts.push(match piece {
            Piece::Text(literal) if literal.contains(char::is_control) => {
                return Err(Fault::new("bad-format", "a template is one line without control characters"));
            }
            Piece::Text(literal) => TemplatePart::Text(literal),
            Piece::Name(name, _) if ACCESS_FIELDS.contains(&name) => TemplatePart::Field(name.to_owned()),
            Piece::Name(name, range) => return Err(unknown(name, range, ACCESS_FIELDS)),
        });
    }
    Ok(AccessFormat::Template(parts))
}

/// A target whose host is written, not taken from the path: `{path}` of the request `//evil.example/` would otherwise
/// send clients to another site.
fn starts_safely(text: &str) -> Result<(), Fault> {
    let fault = |message: String| Fault::new("bad-redirect", message);
    for scheme in ["http://", "https://"] {
        if let Some(rest) = text.strip_prefix(scheme) {
            let is_host = !rest.is_empty() && !rest.starts_with(['/', '?', '#', ':']);
            let is_from_path = ["{path}", "{uri}", "{query}"].iter().any(|name| rest.starts_with(name));
            if is_host && !is_from_path {
                return Ok(());
            }
            return Err(fault(String::from("the target has no host"))
                .help(format!("write \"{scheme}{{host}}{{uri}}\" for the same host")));
        }
    }
    match text.strip_prefix('/') {
        Some(rest) if rest.starts_with(['/', '\\']) || rest.starts_with('{') && !rest.starts_with("{{") => {
            Err(fault(String::from("a target that begins so can lead to another site"))
                .help("begin with https:// and a host, or with a path such as \"/new{uri}\""))
        }
        Some(_) => Ok(()),
        None if text.starts_with("{path}") || text.starts_with("{uri}") => {
            Err(fault(String::from("a target that begins with the path of the request can lead to another site"))
                .help(format!("write \"https://{{host}}{}\"", text.escape_default())))
        }
        None => Err(fault(format!("the target {} begins neither with https:// nor with a slash", quote(text)))
            .help(format!("write \"https://{}\"", text.trim_start_matches(':').escape_default()))),
    }
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, Fault> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(found) = text[at..].find(['{', '}']).map(|found| at + found) {
        literal.push_str(&text[at..found]);
        let brace = &text[found..=found];
        if text[found + 1..].starts_with(brace) {
            literal.push_str(brace);
            at = found + 2;
            continue;
        }
        let end = text[found..].find('}').filter(|_| brace == "{").map(|end| found + end);
        let Some(end) = end else {
            return Err(Fault::new("bad-template", format!("`{brace}` without its other half"))
                .part(found..found + 1)
                .help(format!("write {brace}{brace} for the character itself")));
        };
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
        }
        pieces.push(Piece::Name(&text[found + 1..end], found..end + 1));
        at = end + 1;
    }
    literal.push_str(&text[at..]);
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    Ok(pieces)
}

fn unknown(name: &str, range: Range<usize>, known: &[&str]) -> Fault {
    let fault = Fault::new("unknown-name", format!("there is no name {} here", quote(name))).part(range);
    match closest(name, known.iter().copied()) {
        Some(near) => fault.help(format!("did you mean {{{near}}}?")),
        None => fault.help(format!("the names are {}", known.join(", "))),
    }
}
