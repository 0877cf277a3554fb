//! Calls, their time and their status.

use super::*;
use crate::{HeadLimits, Progress, RequestContext, RequestParser, ResponseParser};

const LIMITS: HeadLimits = HeadLimits { bytes_max: 4096, fields_max: 100 };

fn call(method: &str, fields: &str) -> Option<GrpcCall> {
    let message = format!("{method} /a.B/C HTTP/1.1\r\nhost: a\r\n{fields}\r\n");
    let mut parser = RequestParser::new();
    assert!(matches!(parser.parse(message.as_bytes(), &LIMITS), Ok(Progress::Complete)), "{message}");
    GrpcCall::read(message.as_bytes(), parser.head())
}

#[test]
fn calls_are_told_by_method_and_content_type() {
    let is_call = |method: &str, kind: &str| call(method, &format!("Content-Type: {kind}\r\n")).is_some();
    for kind in ["application/grpc", "Application/gRPC+proto", "application/grpc-web", "application/grpc; a=b"] {
        assert!(is_call("POST", kind), "{kind}");
        assert!(!is_call("GET", kind), "{kind}");
    }
    for kind in ["application/grp", "application/grpcx", "text/plain", "x application/grpc", ""] {
        assert!(!is_call("POST", kind), "{kind}");
    }
    assert_eq!(call("POST", ""), None);
}

#[test]
fn a_timeout_is_read_strictly() {
    let check = |value: &str, expected: Option<Duration>| {
        let fields = format!("content-type: application/grpc\r\ngrpc-timeout: {value}\r\n");
        assert_eq!(call("POST", &fields), Some(GrpcCall { timeout: expected }), "{value}");
    };
    check("1H", Some(Duration::from_secs(3600)));
    check("2M", Some(Duration::from_secs(120)));
    check("30S", Some(Duration::from_secs(30)));
    check("0100m", Some(Duration::from_millis(100)));
    check("7u", Some(Duration::from_micros(7)));
    check("99999999n", Some(Duration::from_nanos(99_999_999)));
    check("99999999H", Some(Duration::from_secs(99_999_999 * 3600)));
    for broken in ["", "S", "1", "1s", "1h", "123456789S", "0S", "-1S", "+1S", "1 S", "1.5S", "0x1S", "1SS", "1S, 2S"] {
        check(broken, None);
    }
    assert_eq!(call("POST", "content-type: application/grpc\r\n"), Some(GrpcCall { timeout: None }));
}

#[test]
fn a_status_has_its_meaning_for_the_health_of_a_server() {
    let check = |value: &str, expected: Option<u16>| {
        let message = format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\ngrpc-status: {value}\r\n\r\n");
        let mut parser = ResponseParser::new();
        let parsed = parser.parse(message.as_bytes(), &LIMITS, RequestContext { method: Method::Post });
        assert!(matches!(parsed, Ok(Progress::Complete)));
        assert_eq!(http_status_of_call(message.as_bytes(), &parser.head().fields), expected, "{value}");
    };
    for (status, meaning) in [("2", 500), ("4", 504), ("8", 429), ("13", 500), ("14", 503), ("15", 500)] {
        check(status, Some(meaning));
    }
    for harmless in ["0", "1", "3", "5", "6", "7", "9", "10", "11", "12", "16", "17", "014", "x", ""] {
        check(harmless, None);
    }
}

#[test]
fn a_status_behind_messages_means_the_same() {
    let check = |lines: &str, expected: Option<u16>| {
        assert_eq!(http_status_of_trailers(lines.as_bytes()), expected, "{lines:?}");
    };
    for (status, meaning) in [("2", 500), ("4", 504), ("8", 429), ("13", 500), ("14", 503), ("15", 500)] {
        check(&format!("grpc-status: {status}\r\n"), Some(meaning));
    }
    check("x-first: 14\r\nGRPC-Status: 14\r\ngrpc-message: a: b\r\n", Some(503));
    check("grpc-status:14\r\n", Some(503));
    for harmless in ["", "grpc-status: 0\r\n", "grpc-status: 014\r\n", "grpc-statuss: 14\r\n", "grpc-status-x: 14\r\n"]
    {
        check(harmless, None);
    }
    check("grpc-message: grpc-status: 14\r\n", None);
    // The first one counts, as in a head.
    check("grpc-status: 0\r\ngrpc-status: 14\r\n", None);
}

#[test]
fn what_is_left_of_a_timeout_is_told_and_never_more_than_the_client_gave() {
    let head = |value: &str| format!("POST /a HTTP/1.1\r\nhost: b\r\nGrpc-Timeout: {value}\r\nte: trailers\r\n\r\n");
    let check = |value: &str, left: Duration, expected: &str| {
        let mut written = head(value).into_bytes();
        lower_grpc_timeout(&mut written, left);
        assert_eq!(String::from_utf8(written).unwrap(), head(expected), "{value} {left:?}");
    };
    let milliseconds = Duration::from_millis;
    check("1S", milliseconds(700), "700000u");
    check("1S", Duration::from_nanos(700_000_999), "700000u");
    check("1000m", milliseconds(50), "50000000n");
    check("30S", Duration::from_millis(29_700), "29700000u");
    check("99999999n", Duration::from_nanos(50_000_001), "50000001n");
    check("5M", milliseconds(299_123), "299123m");
    check("99999999m", Duration::from_millis(99_999_000), "99999000m");
    check("50H", Duration::from_millis(179_999_500), "179999S");
    check("99999999S", Duration::from_secs(99_999_990), "99999990S");
    check("99999999M", Duration::from_secs(99_999_990 * 60), "99999990M");
    check("99999999H", Duration::from_secs(99_999_990 * 3600), "99999990H");
    // Nothing is left: the form has no zero.
    check("1S", Duration::ZERO, "1n");
    // Next to nothing has passed, nothing, or less than nothing.
    check("1S", Duration::from_micros(999_500), "1S");
    check("1S", Duration::from_secs(1), "1S");
    check("1S", Duration::from_secs(5), "1S");
    check("500u", Duration::from_micros(400), "400000n");
    check("500u", Duration::from_micros(460), "500u");
    for broken in ["", "S", "1s", "0S", "-1S", "1.5S", "123456789S", "1S, 2S"] {
        check(broken, milliseconds(1), broken);
    }
}

#[test]
fn only_the_field_itself_is_lowered() {
    let mut untouched =
        b"POST /grpc-timeout: HTTP/1.1\r\nx-grpc-timeout: 1S\r\ngrpc-timeouts: 1S\r\na: grpc-timeout: 1S\r\n\r\n"
            .to_vec();
    let before = untouched.clone();
    lower_grpc_timeout(&mut untouched, Duration::ZERO);
    assert_eq!(untouched, before);
    // Each of several, since nobody knows which one a server takes.
    let mut twice = b"POST / HTTP/1.1\r\ngrpc-timeout:1S\r\ngrpc-timeout: \t2S \r\n\r\n".to_vec();
    lower_grpc_timeout(&mut twice, Duration::from_millis(200));
    assert_eq!(twice, b"POST / HTTP/1.1\r\ngrpc-timeout:200000u\r\ngrpc-timeout: \t200000u \r\n\r\n");
    let mut cut = b"grpc-timeout: 1S".to_vec();
    lower_grpc_timeout(&mut cut, Duration::ZERO);
    assert_eq!(cut, b"grpc-timeout: 1S");
}

#[test]
fn whatever_is_written_is_in_form_and_not_longer() {
    let mut left = 1_u64;
    for step in 0..2_000_u64 {
        left = left.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(step);
        let left = Duration::from_nanos(left >> (step % 60));
        let mut head = b"POST / HTTP/1.1\r\ngrpc-timeout: 99999999H\r\n\r\n".to_vec();
        lower_grpc_timeout(&mut head, left);
        let text = String::from_utf8(head).unwrap();
        let value = text.lines().nth(1).unwrap().strip_prefix("grpc-timeout: ").unwrap();
        let told = timeout::read(value.as_bytes()).unwrap();
        assert!(told <= left.max(Duration::from_nanos(1)), "{left:?} {value}");
        assert!(told >= left.mul_f64(0.999_98), "{left:?} {value}");
    }
}
