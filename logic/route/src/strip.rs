//! The path that a server sees when a route removes a prefix.
//!
//! It does not resolve `..`; it refuses paths that would leave the part of the server that the prefix stood for.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// The path has more `..` after the prefix than segments to leave. The client is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Climbs;

impl fmt::Display for Climbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the path climbs above the prefix that is removed from it")
    }
}

impl Error for Climbs {}

/// Removes `prefix` from a path that may be followed by `?` and a query.
///
/// `/api` (or `/api/`) is removed where a segment ends: `/api/x?y` becomes `/x?y`, `/api` and `/api/` become `/`, `/apix`
/// stays. What remains begins with exactly one slash, since many programs read `//other` as the name of a host. It fails
/// when what remains leads above its own root in any reading of `..` (`%2e`, `..;`, with `\` or `%2f` as separator).
pub fn strip_prefix<'a>(path_and_query: &'a [u8], prefix: &str) -> Result<Cow<'a, [u8]>, Climbs> {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let Some(rest) = path_and_query.strip_prefix(prefix.as_bytes()) else { return Ok(Cow::Borrowed(path_and_query)) };
    match rest.first() {
        Some(b'/') => {
            if climbs(until_query(rest)) {
                return Err(Climbs);
            }
            let slashes = rest.iter().take_while(|byte| **byte == b'/').count();
            Ok(Cow::Borrowed(&rest[slashes - 1..]))
        }
        Some(b'?') => Ok(Cow::Owned([b"/", rest].concat())),
        Some(_) => Ok(Cow::Borrowed(path_and_query)),
        None => Ok(Cow::Borrowed(b"/")),
    }
}

fn until_query(target: &[u8]) -> &[u8] {
    target.split(|byte| *byte == b'?').next().unwrap_or_default()
}

/// Whether some reading of the path leads above its root. Of a segment with escaped separators inside only the way up
/// counts, and an empty segment is no way down: servers differ in both.
fn climbs(path: &[u8]) -> bool {
    let mut depth: usize = 0;
    for segment in path.split(|byte| *byte == b'/') {
        let (ups, is_way_down) = read_segment(segment);
        match depth.checked_sub(ups) {
            Some(above) => depth = above + usize::from(is_way_down),
            None => return true,
        }
    }
    false
}

/// Number of `..` in what stands between two slashes, and whether it is a plain name.
fn read_segment(segment: &[u8]) -> (usize, bool) {
    let mut ups = 0;
    let mut dots = 0;
    let mut is_name = false;
    // In a segment with parameters (`..;x=1`) only what stands before them is the name.
    let mut in_parameters = false;
    let mut is_way_down = false;
    let mut rest = segment;
    loop {
        let (byte, after) = next_byte(rest);
        match byte {
            Some(b'/' | b'\\') | None => {
                ups += usize::from(!is_name && dots == 2);
                is_way_down |= is_name || dots > 2;
                (dots, is_name, in_parameters) = (0, false, false);
            }
            Some(b';') => in_parameters = true,
            Some(_) if in_parameters => {}
            Some(b'.') => dots += 1,
            Some(_) => is_name = true,
        }
        if byte.is_none() {
            return (ups, is_way_down && ups == 0);
        }
        rest = after;
    }
}

/// The next byte of a path with its escape undone, and what follows it.
fn next_byte(path: &[u8]) -> (Option<u8>, &[u8]) {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match path {
        [b'%', high, low, rest @ ..] => match (digit(high), digit(low)) {
            (Some(high), Some(low)) => (Some(high << 4 | low), rest),
            _ => (Some(b'%'), &path[1..]),
        },
        [byte, rest @ ..] => (Some(*byte), rest),
        [] => (None, path),
    }
}
