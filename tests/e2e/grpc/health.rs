//! Active checks by gRPC, and what the balancer learns from calls.

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
