//! Refusals and times to wait, as authorities send them.

use super::*;

fn headers(retry_after: Option<&str>) -> HeaderMap {
    let value = retry_after.map(|value| (RETRY_AFTER, HeaderValue::from_str(value).unwrap()));
    value.into_iter().collect()
}

#[test]
fn retry_after_is_bounded() {
    for (given, usual, expected) in [
        (None, None, None),
        (None, Some(7), Some("7")),
        (Some("3"), Some(7), Some("3")),
        (Some("18446744073709551615"), None, Some("86400")),
        (Some("99999999999999999999999999"), None, Some("86400")),
        (Some("Fri, 31 Dec 9999 23:59:59 GMT"), None, Some("86400")),
        (Some("Fri, 31 Dec 1999 23:59:59 GMT"), None, Some("0")),
        (Some("soon"), None, None),
        (Some("-1"), None, None),
        (Some(""), None, None),
    ] {
        let mut headers = headers(given);
        bound_retry_after(&mut headers, usual.map(Duration::from_secs));
        let bounded = headers.get(RETRY_AFTER).map(|value| value.to_str().unwrap());
        assert_eq!(bounded, expected, "{given:?}");
    }
}

#[track_caller]
fn check(status: u16, content_type: &str, body: &str, expected: Result<(), (&str, Option<u64>)>) {
    let response = http::Response::builder().status(status).header(CONTENT_TYPE, content_type);
    let (parts, ()) = response.header(RETRY_AFTER, "5").body(()).unwrap().into_parts();
    let outcome = admit_bad_nonce(&parts, body.as_bytes()).map_err(|fault| {
        let pause = fault.wanted_pause().map(|pause| pause.as_secs());
        (fault.to_string(), pause)
    });
    let expected = expected.map_err(|(text, pause)| (String::from(text), pause));
    assert_eq!(outcome, expected);
}

#[test]
fn refusals_keep_their_words_and_their_pause() {
    let json = "application/problem+json";
    check(400, json, r#"{"type":"urn:ietf:params:acme:error:badNonce"}"#, Ok(()));
    check(
        429,
        json,
        r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many"}"#,
        Err(("the authority refused: too many (urn:ietf:params:acme:error:rateLimited)", Some(5))),
    );
    check(
        403,
        json,
        r#"{"type":"t","detail":"no","subproblems":[{"detail":"this"},{}]}"#,
        Err(("the authority refused: no; this;  (t)", Some(5))),
    );
    check(503, "text/html", "<html>", Err(("the authority refused: no explanation (status 503)", Some(5))));
    check(400, json, "{", Err(("the authority refused: no explanation (status 400)", Some(5))));
    check(500, json, r#"{"type":7}"#, Err(("the authority refused: no explanation (status 500)", Some(5))));
}
