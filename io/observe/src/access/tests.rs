//! Lines of each format, and which names templates have.

use super::*;
use crate::time::TimeText;
use evener_plan::TemplatePart;
use std::time::UNIX_EPOCH;

fn record() -> AccessRecord<'static> {
    AccessRecord {
        time: UNIX_EPOCH + Duration::from_millis(971_187_336_050),
        client: [192, 0, 2, 1].into(),
        method: b"GET",
        target: b"/a/b?c=d&e",
        protocol: "HTTP/1.1",
        host: b"example.com",
        status: 200,
        bytes_out: 2326,
        bytes_in: 17,
        duration: Duration::from_nanos(1_002_003_999),
        upstream: "web",
        server: "10.0.0.1:8080",
        server_time: Some(Duration::from_micros(1_500)),
        queue_time: None,
        pick: "",
        retries: 1,
        reason: None,
        referer: b"http://example.com/start",
        user_agent: b"Mozilla/4.08 [en] (Win98; I ;Nav)",
    }
}

/// A request of which nothing could be read.
fn unread() -> AccessRecord<'static> {
    AccessRecord {
        client: std::net::Ipv6Addr::LOCALHOST.into(),
        method: b"",
        target: b"",
        protocol: "",
        host: b"",
        status: 400,
        upstream: "",
        server: "",
        server_time: None,
        reason: Some("bad_request_line"),
        referer: b"",
        user_agent: b"",
        ..record()
    }
}

fn hostile() -> AccessRecord<'static> {
    const TEXT: &[u8] = b"\"\\\r\n\x1b]0;x\x07\x7f\xff\xc2\x9b {status}";
    AccessRecord { method: TEXT, target: TEXT, host: TEXT, referer: TEXT, user_agent: TEXT, ..record() }
}

fn line(push: impl Fn(&AccessRecord<'_>, &mut TimeText, &mut Vec<u8>), record: &AccessRecord<'_>) -> String {
    let mut out = Vec::new();
    push(record, &mut TimeText::new(), &mut out);
    String::from_utf8(out).unwrap()
}

fn template(parts: &[TemplatePart], record: &AccessRecord<'_>) -> String {
    line(|record, time, out| plain::push_template(parts, record, time, out), record)
}

fn field(name: &str, record: &AccessRecord<'_>) -> String {
    template(&[TemplatePart::Field(name.to_owned())], record)
}

#[test]
fn common_and_combined() {
    let common = r#"192.0.2.1 - - [10/Oct/2000:14:15:36 +0000] "GET /a/b?c=d&e HTTP/1.1" 200 2326"#;
    assert_eq!(line(plain::push_common, &record()), common);
    let combined = format!(r#"{common} "http://example.com/start" "Mozilla/4.08 [en] (Win98; I ;Nav)""#);
    assert_eq!(line(plain::push_combined, &record()), combined);
    let unread_line = r#"::1 - - [10/Oct/2000:14:15:36 +0000] "-" 400 2326 "-" "-""#;
    assert_eq!(line(plain::push_combined, &unread()), unread_line);
}

#[test]
fn json_has_every_field() {
    let expected = r#"{"time":"2000-10-10T14:15:36.050Z","client":"192.0.2.1","method":"GET","target":"/a/b?c=d&e","protocol":"HTTP/1.1","host":"example.com","status":200,"bytes_out":2326,"bytes_in":17,"duration":1.002003,"upstream":"web","server":"10.0.0.1:8080","server_time":0.001500,"queue_time":null,"retries":1,"reason":null,"referer":"http://example.com/start","user_agent":"Mozilla/4.08 [en] (Win98; I ;Nav)"}"#;
    assert_eq!(line(json::push, &record()), expected);
    let read: serde_json::Value = serde_json::from_str(&line(json::push, &unread())).unwrap();
    for name in ["method", "target", "protocol", "host", "upstream", "server", "server_time", "referer", "user_agent"] {
        assert!(read[name].is_null(), "{name}");
    }
    assert_eq!(read["reason"], "bad_request_line");
    assert_eq!(read["client"], "::1");
    let names: Vec<&str> = read.as_object().unwrap().keys().map(String::as_str).collect();
    let left_out = ["path", "query", "duration_ms", "pick"];
    let expected: Vec<&str> = FIELD_NAMES.iter().copied().filter(|name| !left_out.contains(name)).collect();
    assert_eq!(names, expected);
}

#[test]
fn hostile_text_stays_in_its_place() {
    for line in [line(plain::push_common, &hostile()), line(plain::push_combined, &hostile())] {
        assert!(line.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{line}");
        assert!(line.matches('"').count() % 2 == 0 && line.contains(r"\x22\x5c\x0d\x0a\x1b]0;x\x07\x7f\xff\xc2\x9b"));
    }
    let json = line(json::push, &hostile());
    assert!(!json.chars().any(char::is_control), "{json}");
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read["user_agent"], "\"\\\r\n\u{1b}]0;x\u{7}\u{7f}\u{fffd}\u{9b} {status}");
    for name in FIELD_NAMES {
        let text = field(name, &hostile());
        assert!(text.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'"'), "{name}: {text}");
    }
}

#[test]
fn every_field_of_a_template_has_its_value() {
    let expected = [
        ("time", "2000-10-10T14:15:36.050Z", "2000-10-10T14:15:36.050Z"),
        ("client", "192.0.2.1", "::1"),
        ("method", "GET", "-"),
        ("target", "/a/b?c=d&e", "-"),
        ("path", "/a/b", "-"),
        ("query", "c=d&e", "-"),
        ("protocol", "HTTP/1.1", "-"),
        ("host", "example.com", "-"),
        ("status", "200", "400"),
        ("bytes_out", "2326", "2326"),
        ("bytes_in", "17", "17"),
        ("duration", "1.002003", "1.002003"),
        ("duration_ms", "1002.003", "1002.003"),
        ("upstream", "web", "-"),
        ("server", "10.0.0.1:8080", "-"),
        ("server_time", "0.001500", "-"),
        ("queue_time", "-", "-"),
        ("pick", "-", "-"),
        ("retries", "1", "1"),
        ("reason", "-", "bad_request_line"),
        ("referer", "http://example.com/start", "-"),
        ("user_agent", "Mozilla/4.08 [en] (Win98; I ;Nav)", "-"),
    ];
    assert_eq!(expected.map(|(name, _, _)| name), FIELD_NAMES);
    for (name, value, unread_value) in expected {
        assert_eq!(field(name, &record()), value, "{name}");
        assert_eq!(field(name, &unread()), unread_value, "{name} of a request that was not read");
    }
    let parts = [
        TemplatePart::Text("[".to_owned()),
        TemplatePart::Field("status".to_owned()),
        TemplatePart::Text("] ".to_owned()),
        TemplatePart::Field("path".to_owned()),
    ];
    assert_eq!(template(&parts, &record()), "[200] /a/b");
}

#[test]
fn targets_are_divided() {
    let check = |target: &str, path: &str, query: &str| {
        assert_eq!(path_and_query(target.as_bytes()), (path.as_bytes(), query.as_bytes()), "{target}");
    };
    check("/a?b", "/a", "b");
    check("/a?b?c", "/a", "b?c");
    check("/a", "/a", "");
    check("*", "*", "");
    check("/a?u=http://b/c?d", "/a", "u=http://b/c?d");
    check("/a://b/c", "/a://b/c", "");
    check("http://h:80/a?b", "/a", "b");
    check("http://h?b", "", "b");
    check("http://h", "", "");
    check("h:443", "h:443", "");
}

#[test]
fn decimals_keep_their_zeros() {
    let check = |duration: Duration, expected: &str| {
        let mut out = Vec::new();
        push_seconds(duration, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    };
    check(Duration::ZERO, "0.000000");
    check(Duration::from_nanos(999), "0.000000");
    check(Duration::from_micros(1), "0.000001");
    check(Duration::from_millis(61_001), "61.001000");
    check(Duration::MAX, "18446744073709551615.999999");
}
