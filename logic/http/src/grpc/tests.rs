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
