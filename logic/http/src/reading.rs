//! Another reading of a path: that of a server which decodes, merges and resolves as much as any does. Paths are passed
//! on as they came; where this reading would have led to another route, a rule could be evaded, and the request is
//! refused by whoever routes it.

use crate::grammar::hex_value;

/// Writes to `out` the path as the most obliging server reads it: escapes are decoded, `\` is `/`, slashes in a row are
/// one, parameters of segments (`;x`) are gone, and `.` and `..` are resolved. Returns whether that differs from the path as it stands.
/// The path must have passed the parser.
pub fn obliging_path(path: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    if !is_special(path) {
        return false;
    }
    decode(path, out);
    let decoded = std::mem::take(out);
    for segment in decoded.split(|byte| *byte == b'/').filter(|segment| !segment.is_empty()) {
        match segment.split(|byte| *byte == b';').next().unwrap_or_default() {
            b"" | b"." => {}
            b".." => {
                let parent = out.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                out.truncate(parent);
            }
            name => {
                out.push(b'/');
                out.extend_from_slice(name);
            }
        }
    }
    // A path that ends with a slash or a dot segment names a folder (RFC 3986 §5.2.4).
    let last = decoded.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let names_folder = matches!(last.split(|byte| *byte == b';').next(), Some(b"" | b"." | b".."));
    if names_folder || out.is_empty() {
        out.push(b'/');
    }
    *out != path
}

/// Whether some server might read the path otherwise than it stands.
fn is_special(path: &[u8]) -> bool {
    let mut previous = 0;
    path.iter().any(|byte| {
        let is_special = matches!(byte, b'%' | b'\\' | b';') || (previous == b'/' && matches!(byte, b'/' | b'.'));
        previous = *byte;
        is_special
    })
}

fn decode(path: &[u8], out: &mut Vec<u8>) {
    let mut rest = path;
    while let [first, after @ ..] = rest {
        rest = after;
        let byte = match (first, after) {
            (b'%', [high, low, after @ ..]) => match (hex_value(*high), hex_value(*low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    high << 4 | low
                }
                _ => b'%',
            },
            _ => *first,
        };
        out.push(if byte == b'\\' { b'/' } else { byte });
    }
}

#[cfg(test)]
mod tests {
    use super::obliging_path;

    fn check(path: &str, expected: &str) {
        let mut out = b"left over".to_vec();
        let differs = obliging_path(path.as_bytes(), &mut out);
        assert_eq!(differs, path != expected, "{path}");
        if differs {
            assert_eq!(String::from_utf8_lossy(&out), expected, "{path}");
        }
    }

    #[test]
    fn reads_as_the_most_obliging_server() {
        check("/", "/");
        check("/a/b", "/a/b");
        check("/a.b/c..d/x", "/a.b/c..d/x");
        check("/closed;a/x", "/closed/x");
        check("/a/;x", "/a/");
        check("/%61dmin", "/admin");
        check("/a%2fb", "/a/b");
        check("/a%5cb", "/a/b");
        check("/a\\b", "/a/b");
        check("//a", "/a");
        check("/a//b/", "/a/b/");
        check("/a/./b", "/a/b");
        check("/a/../b", "/b");
        check("/a/..;x/b", "/b");
        check("/a/%2e%2E/b", "/b");
        check("/a/..", "/");
        check("/a/b/..", "/a/");
        check("/a/.", "/a/");
        check("/.well-known/x", "/.well-known/x");
        check("/%7euser", "/~user");
    }
}
