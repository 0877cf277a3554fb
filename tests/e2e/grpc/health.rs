//! Active checks by gRPC, and what the balancer learns from calls.

use crate::harness::wait::{PATIENCE, eventually};
use serde_json::json;

use super::{in_front_of, run, server};

/// `SERVING` and `NOT_SERVING` of the health protocol.
const SERVING: &str = "1";
const NOT_SERVING: &str = "2";

#[test]
fn a_server_that_is_not_serving_gets_no_calls() {
    let (one, two) = (server("one"), server("two"));
    let health = "balance = \"round_robin\"\nhealth = { grpc = \"\", every = \"100ms\", timeout = \"20s\" }";
    let evener = in_front_of(&[one.address, two.address], health);
    assert_eq!(run(evener.address(), "names_until", &["one,two"])[0], "so it is");
    run(one.address, "set_health", &[NOT_SERVING]);
    assert_eq!(run(evener.address(), "names_until", &["two"])[0], "so it is");
    run(one.address, "set_health", &[SERVING]);
    assert_eq!(run(evener.address(), "names_until", &["one,two"])[0], "so it is");
}

/// The status that matters comes behind a message, in the trailers.
#[test]
fn a_server_that_fails_behind_its_messages_is_ejected() {
    for code in ["UNAVAILABLE", "INTERNAL", "UNKNOWN", "DATA_LOSS"] {
        let (bad, good) = (server("bad"), server("good"));
        let evener = in_front_of(&[bad.address, good.address], "balance = \"round_robin\"");
        let said = run(evener.address(), "fail_behind", &["bad", code, "40"]);
        // Five failures in a row and, as time goes, a trial or two.
        let failures = said[0]["bad"].as_u64().expect("a count");
        assert!((5..=10).contains(&failures), "{said:?}");
        assert_eq!((&said[0][code], &said[0]["good"]), (&json!(failures), &json!(40 - failures)), "{said:?}");
        let ejected = format!("server {} of upstream calls is ejected", bad.address);
        eventually(PATIENCE, &ejected, || evener.process.stderr().contains(&ejected));
        let told = evener.process.stderr();
        assert!(!told.contains(&format!("server {} of upstream calls is ejected", good.address)), "{told}");
    }
}

#[test]
fn a_server_whose_callers_are_wrong_is_not_ejected() {
    let (one, two) = (server("one"), server("two"));
    let evener = in_front_of(&[one.address, two.address], "balance = \"round_robin\"");
    for code in ["NOT_FOUND", "UNIMPLEMENTED", "FAILED_PRECONDITION"] {
        let said = run(evener.address(), "fail_behind", &["one", code, "20"]);
        assert_eq!(said[0], json!({"one": 10, code: 10, "two": 10}));
    }
    assert!(!evener.process.stderr().contains("ejected"), "{}", evener.process.stderr());
}
