//! Values found by name.

use super::{cookie_value, field_value, query_value};
use crate::{HeadLimits, Progress, RequestParser};

#[test]
fn values_are_found_by_name() {
    let message = b"GET / HTTP/1.1\r\nHost: a\r\nX-User: one\r\nx-user: two\r\nCookie: a=1; b=2;c\r\nCookie: b=3; d=\"q=r\"\r\n\r\n";
    let mut parser = RequestParser::new();
    let progress = parser.parse(message, &HeadLimits { bytes_max: 1000, fields_max: 10 }).expect("a good head");
    assert_eq!(progress, Progress::Complete);
    let fields = &parser.head().fields;
    let check = |found: Option<&[u8]>, expected: Option<&str>| assert_eq!(found, expected.map(str::as_bytes));
    check(field_value(message, fields, b"x-USER"), Some("one"));
    check(field_value(message, fields, b"x-group"), None);
    check(cookie_value(message, fields, b"a"), Some("1"));
    check(cookie_value(message, fields, b"b"), Some("2"));
    check(cookie_value(message, fields, b"c"), Some(""));
    check(cookie_value(message, fields, b"d"), Some("\"q=r\""));
    check(cookie_value(message, fields, b"A"), None);
    check(query_value(b"x=1&user=me&user=you&y", b"user"), Some("me"));
    check(query_value(b"x=1&user=me&y", b"y"), Some(""));
    check(query_value(b"", b"y"), None);
    check(query_value(b"userx=1", b"user"), None);
}
